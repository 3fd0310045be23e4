"""The DOMs that a fit of losses looks at, and those of which it leaves the charge out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.shower import doms as shower_doms

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: A DOM is bright if it has more than this times the mean charge of those with a hit: the
#: BrightDOMThreshold of icetray's millipede.HighEnergyExclusions.
BRIGHT_FACTOR = 10.0

#: Of the DOMs without light, one in this many is used, and stands for the others too.
DARK_STEP = 2


def doms_of(pulses: NDArray[np.void]) -> NDArray[np.void]:
    """Return the DOMs of a fit: hits first, then living ones near them without light.

    They are those of a shower fit; but of the dark ones only every DARK_STEP-th counts, as
    if it were that many times as efficient. The charge of saturated and of bright DOMs does
    not count: such DOMs are so near to one loss that the distance between segments matters.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
        All pulses of the event.

    Returns
    -------
    ndarray, shape (n_doms,), dtype `skyscan.shower.doms.DOM_DTYPE`
    """
    doms = shower_doms.doms_of(pulses)
    charge = doms["charge"]
    is_hit = np.isfinite(doms["time"])
    if is_hit.any():
        doms["has_charge"] &= charge <= BRIGHT_FACTOR * charge[is_hit].mean()
    dark = doms[~is_hit][::DARK_STEP].copy()
    dark["efficiency"] *= DARK_STEP
    return np.concatenate([doms[is_hit], dark])
