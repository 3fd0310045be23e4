"""The compiled kernel: likelihoods of the open reconstructions in C, several times as fast.

A scan either has the kernel, in its startup folder, and all of its jobs use it, or it has none,
and all of them use numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.layout import KERNEL_SO

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.compiled.library import Kernel


def kernel_of(folder: Path) -> Kernel | None:
    """Return the compiled kernel of a startup folder, or None if it has none.

    Raises
    ------
    KernelDoesNotLoad
        This machine cannot load it.
    """
    path = folder / KERNEL_SO
    if not path.exists():
        return None
    from skyscan.compiled.library import Kernel

    return Kernel(path)
