"""Light in the ice, from tables."""

from ._services import Service as _Service


class I3PhotoSplineService(_Service):
    pass
