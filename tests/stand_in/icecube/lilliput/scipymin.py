"""Minimizers of scipy."""

from icecube._services import Service as _Service


class SciPyMinimizer(_Service):
    pass
