"""`skyscan calibrate`: levels of one event, from scans of events that are like it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.plan import plan_campaign
from workflows.checks import preflight
from workflows.commands import campaign
from workflows.parser import SCAN_HELP
from workflows.quantities import not_negative, positive
from workflows.submission import open_scan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from skyscan.answer.answer import Answer
    from skyscan.errors import ExitCode
    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands

#: Below this, the errors of the levels are larger than what they correct.
FEW = 30
FIRST_SEED = 1


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "calibrate",
        help="measure the levels of one event's regions with scans of simulated events",
        description="""Measure which 2 delta llh encloses the true direction of events like one.

Events are simulated with the direction, the vertex and the brightness of a scan's best fit,
and scanned as it was, in a campaign in the folder's `calibration`. The levels are written to
`levels.txt`, which --levels takes. The command can be stopped and repeated: only what is
missing is done again.""",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=SCAN_HELP)
    parser.add_argument(
        "-n",
        "--number",
        type=positive,
        default=100,
        metavar="N",
        help="number of events (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=not_negative,
        default=FIRST_SEED,
        metavar="SEED",
        help="seed of the first event; the others follow (default: %(default)s)",
    )
    parser.add_argument("--site", metavar="SITE", help="site profile (default: the scan's)")
    parser.add_argument(
        "--set",
        dest="site_changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of the site's profile, as `plan` does; may be repeated",
    )
    parser.add_argument(
        "--runtime",
        metavar="RUNTIME",
        help="Python environment of the jobs (default: the scan's, or that of --site)",
    )
    parser.add_argument(
        "--max-scans",
        type=positive,
        metavar="N",
        help="scans at a time (default: as `campaign`)",
    )
    parser.add_argument("--no-watch", action="store_true", help="do not wait for the campaign")
    parser.set_defaults(run=_calibrate)


def _calibrate(options: argparse.Namespace) -> ExitCode:
    # these import scipy, which is slow
    from skyscan.coverage.around_fit import best_fit_of
    from workflows.campaigns.calibration import (
        FOLDER,
        answer_of_scan,
        check_like,
        options_like,
        simulate_like,
    )

    folder = open_scan(options.folder)
    preflight.require([preflight.place(folder.path), preflight.owner(folder.path)])
    answer = answer_of_scan(folder)
    reco = best_fit_of(answer).reco
    place = CampaignFolder(folder.path / FOLDER)
    if not (place.json.exists() and campaign.is_running(place)):
        of_scans = options_like(
            folder, reco, options.site, tuple(options.site_changes), options.runtime
        )
        check_like(place, of_scans)
        files = list(_shown(simulate_like(answer, folder, options.number, options.seed)))
        plan_campaign(files, place.path, of_scans, options.max_scans, check_place=True)
    code = campaign.resume(place.path, no_watch=options.no_watch)
    if options.no_watch:
        print(f"When it has ended, `{again(folder, options)}` writes the levels.")
        return code
    if campaign.is_running(place):  # Ctrl-C ended the display
        return code
    _write(folder, answer, place)
    return code


def again(folder: ScanFolder, options: argparse.Namespace) -> str:
    """Return the command that goes on with the same events and scans."""
    words = ["skyscan", "calibrate", str(folder.path), "-n", str(options.number)]
    if options.seed != FIRST_SEED:
        words += ["--seed", str(options.seed)]
    for flag, values in (
        ("--site", [options.site]),
        ("--set", options.site_changes),
        ("--runtime", [options.runtime]),
    ):
        words += [word for value in values if value is not None for word in (flag, value)]
    return shlex.join(words)


def _shown(paths: Iterator[Path]) -> Iterator[Path]:
    """Print how many events there are."""
    n = 0
    for n, path in enumerate(paths, 1):  # noqa: B007
        yield path
    print(f"Simulated {n} events around the best fit.", flush=True)


def _write(folder: ScanFolder, answer: Answer, place: CampaignFolder) -> None:
    from skyscan.answer.levels import CONTAINMENTS
    from workflows.campaigns.calibration import measure, write_levels

    made = read_campaign(place)
    measured = measure(place, made)
    path = write_levels(folder, answer, made.options.reco, measured)
    for containment, level in zip(CONTAINMENTS, measured.levels, strict=True):
        number = f"{level.value:.2f} +- {level.error:.2f}"
        print(f"  {100 * containment:g} %      2 delta llh of {number}")
    n = len(measured.two_delta_llh)
    few = f": errors are large below {FEW}, `--number` asks for more" if n < FEW else ""
    print(f"  levels    {path}, of {n} scans{few}")
    scan, levels = shlex.quote(str(folder.path)), shlex.quote(str(path))
    print(f"`skyscan result {scan} --levels {levels}` shows the answer with them.")
