"""How often regions contain the truth: scans of simulated events, and the levels from them.

For the access point only: no job imports this package.
"""
