"""The answer of a scan: pure functions on a sky map, and what is written and drawn from them.

Runs on the access point only: jobs do not import it, so it may use astropy and matplotlib.
"""
