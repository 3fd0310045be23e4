"""Light in the ice, by tables."""

from ._services import Service as _Service


class I3PhotoSplineService(_Service):
    pass
