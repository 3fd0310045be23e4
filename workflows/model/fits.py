"""The fits of a scan so far: pixels, the best one, the slowest ones, and reasons for NaN."""

from __future__ import annotations

from collections import Counter
from math import degrees
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import grouped, printable
from skyscan.merge import NAN, reason_texts
from skyscan.pixels import directions
from skyscan.rounds.collect import best_of
from workflows.model.scan import Best, NoFit, SlowFit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from workflows.model.rounds import Batch

SLOWEST = 5
_PIXEL_BITS = 40


def no_fits(records: NDArray[np.void]) -> tuple[NoFit, ...]:
    """Return why pixels have no fit, most frequent first; numbers in reasons do not count.

    Parameters
    ----------
    records : ndarray, shape (n,), dtype RECORD_DTYPE
        Records of all variations.
    """
    if not np.isnan(records["llh"]).any():
        return ()
    best = best_of(records).best
    kinds = grouped(reason_texts(best[np.isnan(best["llh"])]))
    return tuple(
        NoFit(printable(it.text) or NAN, it.n, printable(it.example) or NAN) for it in kinds
    )


def n_pixels(records: NDArray[np.void]) -> dict[str, int]:
    """Return the number of pixels with a result, by nside."""
    # One number for nside and pixel: sorting structured rows takes far longer, and `np.unique`
    # imports a large part of numpy.
    keys = np.sort(records["nside"].astype(np.int64) << _PIXEL_BITS | records["pixel"])
    is_first = np.ones(len(keys), bool)
    is_first[1:] = keys[1:] != keys[:-1]
    nsides = Counter((keys[is_first] >> _PIXEL_BITS).tolist())
    return {str(nside): n for nside, n in sorted(nsides.items())}


def best(records: NDArray[np.void], *, is_local: bool = False) -> Best | None:
    """Return the best fit; None without any.

    ``is_local`` means that the pixels are in IceCube's local frame: the event has no time.
    """
    llh = records["llh"]
    if np.isnan(llh).all():
        return None
    lowest = records[llh == np.nanmin(llh)]
    # Ties have an order: coarser nside, then lower pixel (`skyscan.rounds.rule`).
    row = min(lowest, key=lambda it: (it["nside"], it["pixel"]))
    ((ra,), (dec,)) = directions(np.array([row["nside"]]), np.array([row["pixel"]]))
    return Best(
        nside=int(row["nside"]),
        pixel=int(row["pixel"]),
        ra_deg=degrees(ra),
        dec_deg=degrees(dec),
        frame="local" if is_local else "icrs",
        llh=float(row["llh"]),
    )


def slowest(records: NDArray[np.void], batches: Sequence[Batch]) -> tuple[SlowFit, ...]:
    """Return the fits that took longest; ``records`` are those of ``batches``, in order."""
    if len(records) == 0:
        return ()
    n = min(SLOWEST, len(records))
    order = np.argpartition(records["run_time"], -n)[-n:]
    order = order[np.argsort(-records["run_time"][order], kind="stable")]
    ends = np.cumsum([batch.results.n for batch in batches])
    found = []
    for at in order.tolist():
        job = batches[int(np.searchsorted(ends, at, side="right"))].job
        row = records[at]
        found.append(
            SlowFit(
                nside=int(row["nside"]),
                pixel=int(row["pixel"]),
                variation=int(row["variation"]),
                seconds=float(row["run_time"]),
                machine=job.machine if job else "",
            )
        )
    return tuple(found)
