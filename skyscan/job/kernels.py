"""Find the CPU features that numpy must not use, so that all machines compute alike.

numpy and OpenBLAS choose kernels for the processor that they run on, and kernels differ in the
last digits. `condor/job.sh` runs this module before the job itself, if the site wants the
kernels for AVX2 on all machines, and gives its output to numpy as NPY_DISABLE_CPU_FEATURES.

The names are those of the job's own numpy, which differ between versions: 1.23 has AVX512_KNL,
2.4 has X86_V4. numpy 1.23 warns about a feature that the machine does not have, and later
versions about one that they do not know, so neither is named.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Internal: the kernels that all jobs of a scan use, ``avx2``; set by planning if the site has
#: ``avx2_kernels``.
KERNELS_VARIABLE = "SKYSCAN_KERNELS"
AVX2 = "avx2"
#: numpy's names for what a processor with AVX2 has (numpy/_core/src/common/npy_cpu_features.h).
UP_TO_AVX2 = frozenset(
    {
        *("SSE", "SSE2", "SSE3", "SSSE3", "SSE41", "POPCNT", "SSE42"),
        *("AVX", "F16C", "FMA3", "AVX2", "X86_V2", "X86_V3"),
    }
)


def newer_features(dispatched: Collection[str], present: Mapping[str, bool]) -> list[str]:
    """Return the features beyond AVX2 that numpy would use here.

    Parameters
    ----------
    dispatched : collection of str
        The features for which this numpy has kernels that it may choose.
    present : mapping of str to bool
        Whether this machine has a feature.
    """
    return [name for name in dispatched if name not in UP_TO_AVX2 and present.get(name, False)]


def main() -> None:
    """Print the features for NPY_DISABLE_CPU_FEATURES; nothing if there is no numpy."""
    for package in ("numpy._core", "numpy.core"):  # of 2.0 and later, and of 1.x
        try:
            core = import_module(f"{package}._multiarray_umath")
        except ImportError:
            continue  # without numpy, the job itself reports what is missing
        print(",".join(newer_features(core.__cpu_dispatch__, core.__cpu_features__)))
        return


if __name__ == "__main__":
    main()
