"""Settings of the documentation site; `make docs` builds it.

The repository itself is the source folder, so that links between README, CHANGELOG and the
pages in ``docs/`` lead to the same places on the site as in the repository.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from skyscan import __version__

project = "skyscan"
author = "The skyscan authors"
project_copyright = f"2026 {author}"
release = version = __version__

extensions = [
    "from_code",
    "myst_parser",
    "notebooks",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "benchmarks/*.md",
    "docs/*.md",
    "docs/*.ipynb",
    "docs/reference/*.md",
]
exclude_patterns = [
    *(".*", "docs/_*"),
    *("condor", "dist", "scans", "skyscan", "tests", "workflows"),
]

nitpicky = True
# The site is built without a network: names from other projects are not linked.
nitpick_ignore_regex = [("py:.*", r"(?!(skyscan|condor|workflows)\b).*")]
default_role = "literal"  # `names` in docstrings
smartquotes = False  # "--option" is no dash, and a quote is to be copied

myst_heading_anchors = 3  # as GitHub makes them
myst_fence_as_directive = ["math"]  # as GitHub shows such blocks
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc sections say more: shapes, units, frames
numpydoc_show_class_members = False  # autodoc lists them

html_theme = "furo"
html_title = f"skyscan {release}"
html_extra_path = ["_site"]
html_show_sphinx = False
html_copy_source = False
