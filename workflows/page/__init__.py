"""The page of a scan: ``report.html``, one file that needs no other, for every scan that ended.

`workflows.page.content` gathers what it says, `workflows.page.page` makes HTML of it. Figures
are drawn here as SVG, and maps by its own script (``page.js``) from the numbers in the page.
"""
