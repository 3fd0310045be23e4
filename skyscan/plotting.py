"""Leaving plotting out of processes that never plot."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, requires


def import_healpy_alone() -> None:
    """Import healpy without matplotlib, where it can do without (1.17 and later).

    It imports its plotting along wherever matplotlib is: 0.7 s of every job and script.
    Whoever wants matplotlib afterwards can import it.
    """
    if "matplotlib" in sys.modules or not _is_optional():
        return
    sys.modules["matplotlib"] = None  # type: ignore[assignment]
    try:
        import healpy  # noqa: F401
    finally:
        del sys.modules["matplotlib"]


def _is_optional() -> bool:
    try:
        needs = [need for need in requires("healpy") or [] if need.startswith("matplotlib")]
    except PackageNotFoundError:
        return False
    return bool(needs) and all("extra" in need for need in needs)
