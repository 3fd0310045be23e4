"""What the reconstructions that run in icetray share.

``icecube`` is imported inside functions only: this package must import where icetray is
not there, for ``skyscan recos`` and for planning.
"""
