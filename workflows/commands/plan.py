"""`skyscan plan`: write a scan folder and print the line that submits it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from condor.pool import status
from condor.sites import site_names
from skyscan.errors import ExitCode, WrongUsage
from skyscan.progression import DEFAULT_PROGRESSION, parse_progression
from workflows.plan import Options, plan
from workflows.quantities import parse_duration, parse_megabytes
from workflows.submission import submit_line

if TYPE_CHECKING:
    import argparse

    from skyscan.layout import ScanFolder

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

DEFAULTS = Options(is_real_event=False)


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plan", help="write the scan folder of an event and print how to submit it"
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Plan, and print the condor_submit_dag line on stdout."""
    folder = plan_from(options)
    print(f"Planned in {folder.path}. Submit it with:")
    print(submit_line(folder, status().pool))
    return ExitCode.DONE


def plan_from(options: argparse.Namespace) -> ScanFolder:
    """Plan as the command line says."""
    return plan(options.event, options.output_dir, read_options(options))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what `plan` and `scan` share."""
    parser.add_argument("event", type=Path, help="event file: i3live .json, or .pkl")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--real-event", action="store_true", help="the event is data")
    kind.add_argument("--simulated-event", action="store_true", help="the event is simulated")
    add = parser.add_argument
    add(
        "--output-dir",
        type=Path,
        default=Path("scans"),
        metavar="DIR",
        help="where the scan folder is made (default: %(default)s)",
    )
    add(
        "--reco-algo",
        default=DEFAULTS.reco,
        metavar="NAME",
        help="reconstruction; `skyscan recos` lists them (default: %(default)s)",
    )
    words = [f"{nside}:{extension}" for nside, extension in DEFAULT_PROGRESSION]
    add(
        "--nsides",
        nargs="+",
        default=words,
        metavar="NSIDE:EXTENSION",
        help=f"resolutions, and pixels around the best one (default: {' '.join(words)})",
    )
    deal = parser.add_mutually_exclusive_group()
    deal.add_argument("--batch-size", type=positive, metavar="N", help="pixels a job")
    deal.add_argument(
        "--jobs-per-round",
        type=positive,
        metavar="N",
        help="jobs a round (default: the site's)",
    )
    add("--site", default=DEFAULTS.site, help=f"one of: {', '.join(site_names())}")
    add(
        "--max-rounds",
        type=positive,
        metavar="N",
        help="stop a scan that has not converged by then (default: levels + 6)",
    )
    add(
        "--max-pixel-time",
        default=f"{DEFAULTS.max_pixel_time:g}s",
        metavar="DURATION",
        help="a fit that takes longer is taken to hang (default: %(default)s)",
    )
    add(
        "--max-failed-pixels",
        default=f"{DEFAULTS.max_failed_pixels:g}",
        metavar="FRACTION",
        help="more pixels than this without a fit are an error (default: %(default)s)",
    )
    add(
        "--max-retries",
        type=not_negative,
        default=DEFAULTS.max_retries,
        metavar="N",
        help="submit a failed job again so often (default: %(default)s)",
    )
    add(
        "--deadline",
        metavar="DURATION",
        help="after this take what is there: a partial map and the reason (default: none)",
    )
    add(
        "--request-memory",
        default=f"{DEFAULTS.request_memory}MB",
        metavar="AMOUNT",
        help="what a job asks for; grows with each retry (default: %(default)s)",
    )
    add(
        "--request-disk",
        default=f"{DEFAULTS.request_disk}MB",
        metavar="AMOUNT",
        help="likewise (default: %(default)s)",
    )


def read_options(options: argparse.Namespace) -> Options:
    """Return the planning options of a command line.

    Raises
    ------
    WrongUsage
        An option's value means nothing.
    """
    deadline = options.deadline
    return Options(
        is_real_event=options.real_event,
        reco=options.reco_algo,
        progression=parse_progression(options.nsides),
        batch_size=options.batch_size,
        jobs_per_round=options.jobs_per_round,
        max_rounds=options.max_rounds,
        max_pixel_time=parse_duration(options.max_pixel_time, "--max-pixel-time"),
        max_failed_pixels=_fraction(options.max_failed_pixels),
        max_retries=options.max_retries,
        deadline=None if deadline is None else parse_duration(deadline, "--deadline"),
        request_memory=parse_megabytes(options.request_memory, "--request-memory"),
        request_disk=parse_megabytes(options.request_disk, "--request-disk"),
        site=options.site,
    )


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def not_negative(text: str) -> int:
    """Read a whole number from 0 on."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _fraction(text: str) -> float:
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise WrongUsage(f"--max-failed-pixels {text!r} is not a fraction such as 0.01 or 1%.")
    return value
