"""`skyscan plan`: write a scan folder and print the line that submits it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from condor.pool import status
from condor.runtimes import parse_runtime
from condor.sites import recorded_site, site_names
from skyscan.errors import ExitCode, WrongUsage
from skyscan.progression import DEFAULT_PROGRESSION, parse_progression
from skyscan.scan import read_scan
from workflows.checks import preflight
from workflows.engines import ENGINES, engine_of
from workflows.plan import MIN_THRESHOLD, Options, plan
from workflows.quantities import parse_duration, parse_megabytes
from workflows.submission import submit_line, work_of

if TYPE_CHECKING:
    import argparse

    from skyscan.layout import ScanFolder

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

DEFAULTS = Options(is_real_event=False)
#: The event comes first: behind ``--nsides 8:0 64:12`` it would be taken for one more nside.
USAGE = "%(prog)s EVENT (--real-event | --simulated-event) [options]"
FOLDER_HELP = "scan folder, or the folder above it when that holds one scan"


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plan", usage=USAGE, help="write the scan folder of an event and print how to submit it"
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Plan, and print the condor_submit_dag line on stdout."""
    folder = plan_from(options)
    pool = status()
    work = work_of(folder, read_scan(folder.scan_json))
    preflight.warn(preflight.look(folder.path, work, pool.pool if pool.is_running else None))
    print(f"Planned in {folder.path}. Submit it with:")
    print(submit_line(folder, pool.pool))
    if missing := engine_of(folder).missing(pool.pool):
        print(missing)
    if not pool.is_running:
        print("No pool runs yet: `skyscan pool start` first, or `skyscan submit` for both.")
    return ExitCode.DONE


def plan_from(options: argparse.Namespace) -> ScanFolder:
    """Plan as the command line says; tell of a runtime that jobs may not find."""
    folder = plan(options.event, options.output_dir, read_options(options))
    scan = read_scan(folder.scan_json)
    this_machine = recorded_site(scan.site, scan.site_values).this_machine
    missing = parse_runtime(scan.runtime).missing(this_machine=this_machine)
    if missing:
        why = "where jobs are to run" if this_machine else "which is to send it to jobs"
        print(
            f"skyscan: note: there is no {missing} on this machine, {why} in {scan.runtime}; "
            f"get it before you submit, or plan with another --runtime or --site.",
            file=sys.stderr,
        )
    return folder


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what `plan` and `scan` share."""
    parser.add_argument(
        "event", type=Path, metavar="EVENT", help="event file: i3live .json, .pkl, or .i3"
    )
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
        help="resolutions, coarse to fine, and how much around the best pixel is refined, in "
        f"pixels of the coarser one (default: {' '.join(words)})",
    )
    deal = parser.add_mutually_exclusive_group()
    deal.add_argument("--batch-size", type=positive, metavar="N", help="pixels per job")
    deal.add_argument(
        "--jobs-per-round",
        type=positive,
        metavar="N",
        help="jobs per round (default: the site's; personal: one per core of this machine)",
    )
    add(
        "--site",
        default=DEFAULTS.site,
        metavar="SITE",
        help=f"the pool: {', '.join(site_names())}, or the path of a file of your own "
        "(default: %(default)s)",
    )
    add(
        "--set",
        action="append",
        default=[],
        dest="site_changes",
        metavar="KEY=VALUE",
        help="change a value of the site's profile, as in attributes.ProjectName=MyProject or "
        "submit.priority=10; may be given again (docs/sites.md lists the keys)",
    )
    add(
        "--urgent",
        action="store_true",
        help="go before your other scans: priority, machines kept between jobs, batches that "
        "get smaller towards the end of a round; the map is the same",
    )
    add(
        "--engine",
        choices=list(ENGINES),
        default=DEFAULTS.engine,
        help="what runs the scan: HTCondor's DAGMan alone, or Pegasus (default: %(default)s)",
    )
    add(
        "--runtime",
        metavar="RUNTIME",
        help="the Python of the jobs: host[:PYTHON], cvmfs:ENV-SHELL, "
        "cvmfs:PY3V/METAPROJECT/VERSION, or container:IMAGE (default: the site's)",
    )
    add(
        "--gcd-dir",
        type=Path,
        metavar="DIR",
        help="folder on the jobs' machines to look for baseline GCD files in first",
    )
    add(
        "--max-rounds",
        type=positive,
        metavar="N",
        help="stop a scan that has not converged by then (default: levels + 6)",
    )
    add(
        "--predictive-scanning-threshold",
        default=f"{DEFAULTS.predictive_scanning_threshold:g}",
        metavar="FRACTION",
        help=f"choose finer pixels as soon as this part of all that was dealt out is in, "
        f"{MIN_THRESHOLD:g} to 1 (default: %(default)s, wait for all)",
    )
    add(
        "--max-pixel-time",
        default=f"{DEFAULTS.max_pixel_time:g}s",
        metavar="DURATION",
        help="a fit that takes longer is taken to hang: 90s, 30m, 2h (default: %(default)s)",
    )
    add(
        "--checkpoint-interval",
        default=f"{DEFAULTS.checkpoint_interval / 60:g}m",
        metavar="DURATION",
        help="a job sends home what it has done, and starts again, as often as this; a machine "
        "that is lost costs no more (default: %(default)s)",
    )
    add(
        "--time-budget",
        metavar="DURATION",
        help="what a batch has not done by then is dealt out anew: a round waits for no slow "
        "machine; 0 means no limit (default: the site's)",
    )
    add(
        "--max-failed-pixels",
        default=f"{DEFAULTS.max_failed_pixels:g}",
        metavar="FRACTION",
        help="a scan with more pixels without a fit ends with exit code 69 "
        "(0.01 or 1%%; default: %(default)s)",
    )
    add(
        "--max-retries",
        type=not_negative,
        default=DEFAULTS.max_retries,
        metavar="N",
        help="how often a failed job is tried again: half of that as the same job, the rest "
        "as a new one (default: %(default)s)",
    )
    add(
        "--deadline",
        metavar="DURATION",
        help="after this (90s, 30m, 2h, 1d, from submission on) take what is there: a partial "
        "map and the reason (default: none)",
    )
    add(
        "--request-memory",
        metavar="AMOUNT",
        help="memory of a job, as in 8GB; a retry asks for more (default: the site's)",
    )
    add(
        "--request-disk",
        metavar="AMOUNT",
        help="disk of a job, as in 2GB; a retry asks for more (default: the site's)",
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
        predictive_scanning_threshold=_threshold(options.predictive_scanning_threshold),
        max_pixel_time=parse_duration(options.max_pixel_time, "--max-pixel-time"),
        checkpoint_interval=parse_duration(
            options.checkpoint_interval, "--checkpoint-interval"
        ),
        time_budget=_budget(options.time_budget),
        max_failed_pixels=read_fraction(options.max_failed_pixels),
        max_retries=options.max_retries,
        deadline=None if deadline is None else parse_duration(deadline, "--deadline"),
        request_memory=_megabytes(options.request_memory, "--request-memory"),
        request_disk=_megabytes(options.request_disk, "--request-disk"),
        site=options.site,
        site_changes=tuple(options.site_changes),
        urgent=options.urgent,
        engine=options.engine,
        runtime=options.runtime,
        gcd_dir=options.gcd_dir,
    )


def positive(text: str) -> int:
    """Read a whole number from 1 on."""
    return _whole_number(text, least=1)


def not_negative(text: str) -> int:
    """Read a whole number from 0 on."""
    return _whole_number(text, least=0)


def _whole_number(text: str, least: int) -> int:
    from argparse import ArgumentTypeError

    if not text.isdecimal() or int(text) < least:
        raise ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
    return int(text)


def _budget(text: str | None) -> float | None:
    if text is None or text.strip() == "0":
        return None if text is None else 0.0
    return parse_duration(text, "--time-budget")


def _threshold(text: str) -> float:
    option = "--predictive-scanning-threshold"
    value = read_fraction(text, option)
    if value < MIN_THRESHOLD:
        raise WrongUsage(f"{option} {text!r} is not from {MIN_THRESHOLD:g} to 1.")
    return value


def _megabytes(text: str | None, option: str) -> int | None:
    return None if text is None else parse_megabytes(text, option)


def read_fraction(text: str, option: str = "--max-failed-pixels") -> float:
    """Read ``0.01`` or ``1%`` as a fraction.

    Raises
    ------
    WrongUsage
        It is none.
    """
    try:
        value = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise WrongUsage(f"{option} {text!r} is not a fraction such as 0.01 or 1%.")
    return value
