"""The levels of one event: scans of events that are simulated around its best fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.answer.levels import CONTAINMENTS, own_levels_line
from skyscan.answer.read import read_map
from skyscan.coverage.around_fit import best_fit_of, wanted_like
from skyscan.coverage.quantiles import Level, level_of
from skyscan.errors import BadInput, WrongUsage
from skyscan.events.writer import write_event
from skyscan.light.ice_json import read_ice
from skyscan.light.ice_model import shipped_ice
from skyscan.simulation.events import simulate_event
from skyscan.storage import write_text
from workflows.campaigns.campaign import OtherOptions, check_same, read_campaign
from workflows.campaigns.plan import absolute_options, is_done
from workflows.options import AUTO, NUMPY, Options
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skyscan.answer.answer import Answer
    from skyscan.layout import ScanFolder
    from skyscan.simulation.events import Wanted
    from workflows.campaigns.campaign import Campaign
    from workflows.campaigns.folder import CampaignFolder

#: In the scan folder: the campaign, its events, and the levels.
FOLDER, EVENTS, LEVELS_FILE = "calibration", "events", "levels.txt"
DIGITS = 3
FEWEST = 2  #: scans; below it there are no two levels


class Measured(NamedTuple):
    """The 2 delta llh of the true directions, and the levels of CONTAINMENTS from them."""

    two_delta_llh: list[float]
    levels: tuple[Level, ...]


def answer_of_scan(folder: ScanFolder) -> Answer:
    """Return the answer of a scan's map, which must be complete.

    Raises
    ------
    BadInput
        There is no map, or the scan has not ended.
    WrongUsage
        The detector is not IceCube-86, the only one that is simulated.
    """
    skymap = read_map(folder.path)
    if skymap.context.detector is not None:
        raise WrongUsage(
            f"{folder.path}: the detector is not IceCube-86 (--geometry), and `skyscan "
            f"calibrate` simulates events in IceCube-86 only."
        )
    answer = skymap.answer()
    if not answer.complete:
        raise BadInput(
            f"{folder.path}: the map is not complete; `skyscan resume` the scan before its "
            f"levels are measured."
        )
    return answer


def options_like(
    folder: ScanFolder,
    reco: str,
    site: str | None,
    site_changes: tuple[str, ...] = (),
    runtime: str | None = None,
) -> Options:
    """Return the options of a campaign whose scans are as a scan was.

    The runtime is that of the scan, too, unless another site is chosen.
    """
    scan = read_planned(folder.scan_json)
    return Options(
        is_real_event=False,
        reco=reco,
        progression=scan.progression,
        site=site or scan.site,
        site_changes=site_changes,
        runtime=runtime or (scan.runtime if site in {None, scan.site} else None),
        kernel=NUMPY if scan.kernel == NUMPY else AUTO,
        ice_model=folder.ice if folder.ice.is_file() else None,
    )


def check_like(place: CampaignFolder, of_scans: Options) -> None:
    """Refuse to add to a campaign whose scans have other options.

    Raises
    ------
    WrongUsage
        They have, since the scan itself was extended, or another site was chosen.
    """
    if not place.json.exists():
        return
    try:
        check_same(place, read_campaign(place).options, absolute_options(of_scans))
    except OtherOptions as error:
        raise WrongUsage(
            f"{place.path} has scans with other options than this scan has now "
            f"({error.changes}). Give the same options, or remove that folder: then all events "
            f"are simulated and scanned again."
        ) from error


def simulate_like(
    answer: Answer, folder: ScanFolder, number: int, first_seed: int
) -> Iterator[Path]:
    """Yield the files of events around a best fit; those that exist are not made again.

    Raises
    ------
    WrongUsage, BadInput
        As `best_fit_of`, or the events do not trigger the detector.
    """
    best = best_fit_of(answer)
    ice = read_ice(folder.ice) if folder.ice.is_file() else shipped_ice()
    place = folder.path / FOLDER / EVENTS
    place.mkdir(parents=True, exist_ok=True)
    wanted: Wanted | None = None
    for seed in range(first_seed, first_seed + number):
        path = place / f"{seed}.json"
        if not path.is_file():
            wanted = wanted or wanted_like(best, ice)
            write_event(path, simulate_event(wanted, ice, seed))
        yield path


def measure(folder: CampaignFolder, campaign: Campaign) -> Measured:
    """Return the levels from the scans of a campaign that are done.

    Raises
    ------
    BadInput
        Too few are done, or too few of them have the true direction in scanned sky.
    """
    values = []
    for entry in campaign.entries:
        scan = folder.scan(entry)
        if scan is None or entry.truth is None or not is_done(folder, entry):
            continue
        values.append(float(read_map(scan.path).two_delta_llh(*np.degrees(entry.truth))))
    levels: tuple[Level, ...] = ()
    if len(values) >= FEWEST:
        levels = tuple(level_of(np.array(values), p) for p in CONTAINMENTS)
    rounded = [round(level.value, DIGITS) for level in levels]
    if not rounded or not 0 < rounded[0] < rounded[-1] < np.inf:
        raise BadInput(
            f"{len(values)} of {len(campaign.entries)} scans in {folder.path} are done: too "
            f"few for levels of {' and '.join(f'{100 * p:g} %' for p in CONTAINMENTS)}. Resume "
            f"the campaign, or ask for more events with --number."
        )
    return Measured(values, levels)


def write_levels(folder: ScanFolder, answer: Answer, reco: str, measured: Measured) -> Path:
    """Write the levels of an event into its scan folder, as `--levels` reads them."""
    path = folder.path / LEVELS_FILE
    values = measured.two_delta_llh
    lines = [
        own_levels_line(reco, len(values), answer.name),
        "# 2 delta llh of their true directions: " + " ".join(f"{it:.2f}" for it in values),
    ]
    lines += [
        f"{p:g} {level.value:.{DIGITS}f}  # standard error {level.error:.2f}"
        for p, level in zip(CONTAINMENTS, measured.levels, strict=True)
    ]
    write_text(path, "\n".join(lines) + "\n")
    return path
