"""The list of bad DOMs."""

from icecube._tray import closed_segment as _closed_segment


@_closed_segment
def BadDomList(tray, name, RunId, Simulation=False, **parameters):
    """Add nothing, because the call is recorded."""
    _ = tray, name, RunId, Simulation, parameters
