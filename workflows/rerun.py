"""Repeat parts of a scan, or take a finished scan further; no other pixel is refitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from condor.sites import recorded_site
from skyscan.errors import BadInput, WrongUsage
from skyscan.records import ids_of
from skyscan.rounds.earlier import fits_in, set_aside
from skyscan.scan import MAX_ROUNDS
from workflows.checks.digests import digests_of
from workflows.engines import engine_of
from workflows.planned import Planned, read_planned
from workflows.planning.values import usual_rounds
from workflows.submission import at_rest

if TYPE_CHECKING:
    from collections.abc import Collection

    from condor.contact import Pool
    from skyscan.layout import ScanFolder
    from skyscan.progression import Progression
    from skyscan.records import Fit


@dataclass(frozen=True)
class Selection:
    """Which fits to repeat.

    Attributes
    ----------
    failed : bool
        Fits without a result (NaN).
    rounds : tuple of int
        All fits of these rounds.
    pixels : tuple of (nside, first, last)
        All fits of these pixels, in RING order.
    """

    failed: bool = False
    rounds: tuple[int, ...] = ()
    pixels: tuple[tuple[int, int, int], ...] = ()

    def fits(self, folder: ScanFolder, scan_id: str) -> set[Fit]:
        """Return the selected fits of a scan.

        Raises
        ------
        WrongUsage
            The scan does not have a selected round or pixel.
        """
        chosen: set[Fit] = set()
        known: set[Fit] = set()
        rounds_seen = set()
        for batch, records in fits_in(folder.rounds, scan_id):
            rounds_seen.add(batch.round)
            ids = ids_of(batch.pixels)
            known.update(ids)
            if batch.round in self.rounds:
                chosen.update(ids)
            if self.failed:
                chosen.update(ids_of(records[np.isnan(records["llh"])]))
        self._check_rounds(rounds_seen)
        for nside, first, last in self.pixels:
            selected = {fit for fit in known if fit[0] == nside and first <= fit[1] <= last}
            if not selected:
                span = f"{first}" if first == last else f"{first}-{last}"
                raise WrongUsage(f"--pixels {nside}:{span}: the scan has no such pixels.")
            chosen |= selected
        return chosen

    def _check_rounds(self, seen: Collection[int]) -> None:
        missing = sorted(set(self.rounds) - set(seen))
        if missing:
            has = f"it has 0 to {max(seen)}" if seen else "it has none yet"
            raise WrongUsage(f"--round {missing[0]}: the scan has no such round ({has}).")


def parse_pixels(words: Collection[str]) -> tuple[tuple[int, int, int], ...]:
    """Read ``["64:17", "512:100-120"]`` as (nside, first, last).

    Raises
    ------
    WrongUsage
        A word has another form.
    """
    found = []
    for word in words:
        nside, _, span = word.partition(":")
        first, dash, last = span.partition("-")
        numbers = [nside, first, last if dash else first]
        if not all(it.isascii() and it.isdecimal() and len(it) <= 12 for it in numbers):  # noqa: PLR2004
            raise WrongUsage(
                f"--pixels {word!r} is not NSIDE:PIXEL or NSIDE:FIRST-LAST; write for example "
                f"--pixels 64:17 512:100-120."
            )
        found.append((int(nside), int(numbers[1]), int(numbers[2])))
    return tuple(found)


def nothing_to_repeat(folder: ScanFolder, selection: Selection) -> bool:
    """Return whether a scan that is not in the queue has none of the selected fits.

    That is decided by the scan folder alone, without a pool: False if the scan may be in the
    queue, or if its engine has results elsewhere.

    Raises
    ------
    WrongUsage
        The scan does not have a selected round or pixel.
    """
    engine = engine_of(folder)
    state = engine.state(folder)
    if (state is not None and not state.is_over) or engine.arriving(folder):
        return False
    return not selection.fits(folder, read_planned(folder.scan_json).id)


def forget(folder: ScanFolder, pool: Pool, selection: Selection, *, anew: bool = False) -> int:
    """Move a scan's rounds aside and discard the selected fits; return their number.

    If no fit is selected, nothing changes, unless all rounds are to be chosen again.

    Raises
    ------
    AlreadyRuns
        The scan is in the queue.
    WrongUsage
        The scan does not have a selected round or pixel.
    """
    scan = read_planned(folder.scan_json)
    with at_rest(folder, pool):
        engine_of(folder).settle(folder)
        fits = selection.fits(folder, scan.id)
        if fits or anew:
            set_aside(folder, fits)
    return len(fits)


def nothing_failed(scans: Collection[ScanFolder]) -> bool:
    """Return whether no scan has a fit without a result, as far as their folders show."""
    failed = Selection(failed=True)
    for scan in scans:
        try:
            if not nothing_to_repeat(scan, failed):
                return False
        except BadInput:
            continue  # a damaged scan fails alone, and reports it when it is resumed
    return True


def forget_failed(scans: Collection[ScanFolder], pool: Pool) -> list[int]:
    """Discard the fits without a result of many scans, so that they are repeated.

    Returns
    -------
    list of int
        Their number for each scan that has some; other scans are left as they are.

    Raises
    ------
    AlreadyRuns
        A scan that has some is in the queue; those before it need to be resumed.
    """
    failed = Selection(failed=True)
    counts = []
    for scan in scans:
        try:
            fits = failed.fits(scan, read_planned(scan.scan_json).id)
        except BadInput:
            continue  # a damaged scan fails alone, and reports it when it is resumed
        if fits:
            counts.append(forget(scan, pool, failed))
    return counts


def extend(folder: ScanFolder, pool: Pool, changes: dict[str, object]) -> Planned:
    """Take a scan further than it was planned to go.

    Parameters
    ----------
    folder : ScanFolder
        The scan, which is not in the queue.
    pool : Pool
        Its pool.
    changes : dict
        New values of ``progression``, ``max_rounds``, ``max_failed_pixels``, ``deadline``.

    Returns
    -------
    Planned
        The scan with its new options.

    Raises
    ------
    AlreadyRuns
        The scan is in the queue.
    WrongUsage
        The progression does not contain the old one.
    """
    old = read_planned(folder.scan_json)
    new = replace(old, **changes)  # type: ignore[arg-type]
    _check_progression(old.progression, new.progression)
    if "max_rounds" not in changes:
        rounds = max(
            old.max_rounds,
            usual_rounds(new.progression, new.time_budget, new.predictive_scanning_threshold),
        )
        new = replace(new, max_rounds=rounds)
    if not 0 < new.max_rounds <= MAX_ROUNDS:
        raise WrongUsage(f"--max-rounds {new.max_rounds} is not from 1 to {MAX_ROUNDS}.")
    if new == old:
        raise WrongUsage("The scan already has these options; there is nothing to extend.")
    engine = engine_of(folder)
    with at_rest(folder, pool):
        # In this order, `resume` works whenever the process may end.
        engine.settle(folder)
        set_aside(folder, ())
        rewritten = engine.rewrite(folder, new, recorded_site(new.site, new.site_values))
        if old.files:
            new = replace(new, files={**old.files, **digests_of(folder, rewritten)})
        new.write(folder.scan_json)
    return new


def _check_progression(old: Progression, new: Progression) -> None:
    nsides = [nside for nside, _ in new]
    if nsides[0] != old[0][0] or not {nside for nside, _ in old} <= set(nsides):
        planned = " ".join(f"{nside}:{extension}" for nside, extension in old)
        raise WrongUsage(
            f"--nsides must start with nside {old[0][0]} and keep all nsides of the scan "
            f"({planned}). Plan a scan with other nsides into another folder."
        )
