"""Fits that are not finite, or have run away: no fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.records import FIT_DTYPE, REASON_BYTES

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: llh, GeV, m and ns of a fit that has not run away are far smaller.
LARGEST = 1e100


def without_infinities(records: NDArray[np.void]) -> NDArray[np.void]:
    """Return records (dtype RECORD_DTYPE) in which a fit with an infinite value counts as none.

    A value beyond any that a fit can have, such as an llh of 1e307, counts as infinite.

    It becomes NaN, with the reason. NaN itself is allowed: an llh of NaN means no fit, and
    other quantities are NaN if a fit does not determine them. The same array is returned if
    no value is infinite; the checksums of a copy are those of its original.
    """
    names = FIT_DTYPE.names or ()
    is_infinite = {name: np.abs(records[name]) > LARGEST for name in names}
    bad = np.any(list(is_infinite.values()), axis=0)
    if not bad.any():
        return records
    changed = records.copy()
    for i in np.flatnonzero(bad):
        values = ", ".join(f"{it} {records[it][i]:g}" for it in names if is_infinite[it][i])
        changed["reason"][i] = f"the fit returned {values}".encode()[:REASON_BYTES]
        for name in names:
            changed[name][i] = np.nan
    return changed
