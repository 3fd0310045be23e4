"""Which DOMs of IceCube-86 are dead, and which have more efficient PMTs.

Numbers from GraphNeT's public table of the detector (github.com/graphnet-team/graphnet,
``icecube86.parquet``). A few DOMs more are out of service in each run; an alert does not say
which.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray  # noqa: TC002  (the cached functions return it)

from skyscan.geometry import N_OMS, N_STRINGS

#: DOMs that see no light, by string.
DEAD = {
    5: (21, 22),
    7: (*range(35, 43), 45, 46),
    8: (59, 60),
    9: (15, 16),
    11: (1, 2),
    18: (45, 46),
    24: (56,),
    26: (46,),
    27: (7, 8),
    28: (41, 42),
    29: (59, 60),
    30: (23, 60),
    32: (57, 58),
    34: (*range(11, 16), 17, 22),
    39: (22,),
    40: (33, 34, 51, 52),
    42: (47, 48),
    44: (25, 26, 47, 48),
    47: (55, 56),
    49: (55, 56),
    50: (36,),
    53: (17, 18),
    54: (47,),
    59: (45, 46),
    66: (33, 34, 45, 46),
    69: (23, 24, 44, 47, 48),
    71: (39,),
    74: (9, 17, 18),
    79: (55, 56),
    86: (27, 28),
}

#: DOMs with PMTs of high quantum efficiency, by string; their relative efficiency.
HIGH_EFFICIENCY = 1.35
EFFICIENT = {
    36: (44, 46, *range(48, 60)),
    43: (55,),
    79: (30, 31, *range(33, 41), 42, 44),
    80: (*range(30, 44),),
    **dict.fromkeys(range(81, 87), tuple(range(1, 61))),
}


@lru_cache(maxsize=1)
def are_alive() -> NDArray[np.bool_]:
    """Return which DOMs work, shape (86, 60): string s, DOM om at [s - 1, om - 1]."""
    alive = ~_mask(DEAD)
    alive.flags.writeable = False
    return alive


@lru_cache(maxsize=1)
def efficiencies() -> NDArray[np.float64]:
    """Return each DOM's efficiency relative to most of them, (86, 60); 0 if dead."""
    values = np.where(_mask(EFFICIENT), HIGH_EFFICIENCY, 1.0) * are_alive()
    values.flags.writeable = False
    return values


def _mask(doms: dict[int, tuple[int, ...]]) -> NDArray[np.bool_]:
    mask = np.zeros((N_STRINGS, N_OMS), bool)
    for string, oms in doms.items():
        mask[string - 1, np.array(oms) - 1] = True
    return mask
