"""Leaving plotting out of processes that never plot."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, requires


def leave_out_matplotlib() -> None:
    """Keep healpy from importing matplotlib, where it can do without (1.17 and later).

    It imports its plotting along wherever matplotlib is: 0.7 s of every job and script.
    """
    try:
        needs = [need for need in requires("healpy") or [] if need.startswith("matplotlib")]
    except PackageNotFoundError:
        return
    if needs and all("extra" in need for need in needs):
        sys.modules.setdefault("matplotlib", None)  # type: ignore[arg-type]
