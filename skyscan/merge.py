"""The last step: merge the best fit of every chosen pixel into one sky map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import DamagedFile, ScanIncomplete, grouped, one_line
from skyscan.frames import KEEP_VARIABLE
from skyscan.records import reasons_of
from skyscan.rounds.collect import Found, collect
from skyscan.rounds.rule import choose
from skyscan.skymap import SkyMap, pixels_of, write_skymap
from skyscan.startup import read_startup

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.errors import Alike
    from skyscan.layout import ScanFolder
    from skyscan.scan import Scan

SHOWN_REASONS = 8
NAN = "the fit returned NaN"


def merge(folder: ScanFolder, scan: Scan) -> SkyMap:
    """Write the result files of a scan.

    Returns
    -------
    SkyMap
        The map that was written.

    Raises
    ------
    MissingResults, DamagedFile
        Results or batches are missing, incomplete, damaged or from another scan, or a round is
        missing; nothing is written.
    ScanIncomplete
        The map was written, but the scan stopped before it converged, or too many pixels
        have no fit.
    """
    rounds = folder.chosen_rounds()
    if rounds != list(range(len(rounds))) or not rounds:
        raise DamagedFile(
            f"{folder.path / 'rounds'} has rounds {rounds}, not all rounds from 0; "
            f"run `skyscan resume`."
        )
    best = collect(folder, scan.id, rounds).best  # without all records: the memory
    startup = read_startup(folder.startup)
    chosen = choose(Found(best, best[:0]).llhs(), scan.progression, startup.pointing)
    left = sum(len(pixels) for pixels in chosen.values())
    if left and len(rounds) < scan.max_rounds:
        raise DamagedFile(
            f"{folder.round(len(rounds)).description} is missing, but {left} pixels "
            f"remain to be refined; run `skyscan resume`."
        )
    failed, n_pixels = best[np.isnan(best["llh"])], len(best)
    too_many = len(failed) > scan.max_failed_pixels * n_pixels
    skymap = skymap_of(scan, best, complete=not left and not too_many)
    of_frames = best if KEEP_VARIABLE in scan.environment else None
    del best  # before the files are made: the memory
    write_skymap(skymap, folder.path)
    if of_frames is not None:
        from skyscan.icetray.kept import write_kept

        write_kept(folder, scan.name, of_frames, int(scan.environment[KEEP_VARIABLE]))
    _drop_partial(folder)
    if left:
        raise ScanIncomplete(
            f"The scan was stopped after {len(rounds)} rounds (--max-rounds) with "
            f"{left} pixels left to refine; the map has complete=false."
        )
    if too_many:
        raise ScanIncomplete(
            f"{len(failed)} of {n_pixels} pixels have no fit, more than "
            f"{scan.max_failed_pixels:.1%} (--max-failed-pixels): {reasons(failed)}. "
            f"The map has complete=false."
        )
    return skymap


def write_partial(folder: ScanFolder, scan: Scan, best: NDArray[np.void]) -> Path | None:
    """Write the map of a scan that failed; return its path, or None if nothing is fitted.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    scan : Scan
        Its options.
    best : ndarray, shape (npix,), dtype FOUND_DTYPE
        The best fit of each pixel, from `collect_partial`.
    """
    if len(best) == 0:
        return None
    _drop_partial(folder)
    return write_skymap(skymap_of(scan, best, complete=False), folder.partial)[0]


def skymap_of(scan: Scan, best: NDArray[np.void], *, complete: bool) -> SkyMap:
    """Return the map of the best fits (dtype FOUND_DTYPE, one per pixel)."""
    return SkyMap(
        run_id=scan.run_id,
        event_id=scan.event_id,
        mjd=np.nan if scan.mjd is None else scan.mjd,
        is_local=scan.mjd is None,
        event_type=scan.event_type,
        is_real_event=scan.is_real_event,
        complete=complete,
        pixels=pixels_of(best),
        event=scan.name,
    )


def reasons(failed: NDArray[np.void]) -> str:
    """Return why fits failed, most frequent first, such as ``3 x no result within 600 s``."""
    return reasons_text(grouped(reason_texts(failed)))


def reason_texts(failed: NDArray[np.void]) -> list[str]:
    """Return the reason of each fit that failed (RECORD_DTYPE or FOUND_DTYPE); "" for none."""
    return [one_line(text.decode(errors="replace")) for text in reasons_of(failed)]


def reasons_text(kinds: Sequence[Alike]) -> str:
    """Return reasons by kind as one line of text, a long list in part."""
    shown = [f"{it.n} x {it.text or NAN}" for it in kinds[:SHOWN_REASONS]]
    more = len(kinds) - len(shown)
    return ", ".join([*shown, *([f"and {more} other reasons"] if more else [])])


def _drop_partial(folder: ScanFolder) -> None:
    for path in folder.partial.glob("run*"):
        path.unlink()
    if folder.partial.is_dir() and not any(folder.partial.iterdir()):
        folder.partial.rmdir()
