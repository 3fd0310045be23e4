"""Simulated events: muons and showers, their photons one by one, and the detector's response.

For the access point only: no job imports this package.
"""
