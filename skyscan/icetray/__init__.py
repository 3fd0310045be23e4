"""Shared code of the reconstructions that run in icetray.

``icecube`` is imported inside functions only, because ``skyscan recos`` and planning import
this package without icetray.
"""
