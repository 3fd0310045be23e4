"""The graph of steps of a scan, its renderings, and the command line.

For notebooks, `plan`, `scan` and `status` do what the commands of these names do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from skyscan.program import foreign_package

if TYPE_CHECKING:
    from workflows.notebook import scan, status

__all__ = ["plan", "scan", "status"]


def __getattr__(name: str) -> object:
    """Import a public name on first use; commands start faster without them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if message := foreign_package():
        raise ImportError(message)
    if name == "plan":  # a module that can be called
        return import_module("workflows.plan")
    return getattr(import_module("workflows.notebook"), name)
