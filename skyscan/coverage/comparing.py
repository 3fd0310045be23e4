"""Whether the scan of the surroundings of the truth finds the minimum of the whole sky."""

from __future__ import annotations

import numpy as np

from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.coverage.local_scan import scan_near, scan_whole_sky
from skyscan.coverage.sample import KINDS, simulated
from skyscan.errors import BadInput
from skyscan.track.cleaning import clean_hits


def compared(kind: str, seed: int) -> str:
    """Return one line on an event: both minima, and the distance between them."""
    reco = next(name for name, of in KINDS.items() if of == kind)
    event, truth, _ = simulated(kind, seed)
    n_hits = len(clean_hits(event.pulses))
    try:
        near, whole = scan_near(reco, event, truth), scan_whole_sky(reco, event)
    except BadInput as error:
        return f"{seed} {n_hits} hits: {error}"
    places = [unit_vectors(*np.degrees(it.best)) for it in (near, whole)]
    return (
        f"{seed} {n_hits} hits: near the truth {near.llh:.3f} ({near.n_fits} fits), whole sky "
        f"{whole.llh:.3f} ({whole.n_fits}), 2 delta llh {2 * (near.llh - whole.llh):.3f}, "
        f"{float(separation(*places)):.2f} deg apart; truth {near.test_statistic:.2f}"
    )
