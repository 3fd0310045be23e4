"""Minimizers."""

from icecube._services import Service as _Service


class IMinuitMinimizer(_Service):
    pass
