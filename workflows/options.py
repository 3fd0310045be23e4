"""The options of a scan, each told once: the table of which the parser is made.

`Options` is what `workflows.plan` gets; the metadata of its fields is what a command line says.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from condor.sites import site_names
from skyscan.errors import WrongUsage
from skyscan.progression import DEFAULT_PROGRESSION, Progression, parse_progression
from workflows.engines import DEFAULT_ENGINE, ENGINES
from workflows.quantities import (
    not_negative,
    parse_duration,
    parse_fraction,
    parse_megabytes,
    positive,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

MIN_THRESHOLD = 0.1  # upstream's
DEAL = "how pixels are dealt to jobs"  # options that exclude each other
TELLING = "telling"  # key of a field's metadata


class Telling(NamedTuple):
    """How an option is told on a command line.

    Attributes
    ----------
    flag : str
        Its name there.
    help : str
        What it does; ``{default}`` stands for ``default``.
    default : str
        The default in the user's words.
    read : callable or None
        Makes a value of the words and the flag; None: the words are the value.
    among : str
        Options that exclude each other have the same.
    more : dict
        Other arguments of `argparse.ArgumentParser.add_argument`.
    """

    flag: str
    help: str
    default: str
    read: Callable[[Any, str], Any] | None
    among: str
    more: dict[str, Any]


def _option(
    value: object,
    flag: str,
    text: str,
    default: str = "",
    *,
    read: Callable[[Any, str], Any] | None = None,
    among: str = "",
    **more: object,
) -> Any:  # noqa: ANN401  (a field, of any type)
    telling = Telling(flag, text, default or str(value), read, among, more)
    return field(default=value, metadata={TELLING: telling})


def _progression(words: list[str], _flag: str) -> Progression:
    return parse_progression(words)


def _words(words: list[str], _flag: str) -> tuple[str, ...]:
    return tuple(words)


def _budget(text: str, flag: str) -> float:
    return 0.0 if text.strip() == "0" else parse_duration(text, flag)


def _threshold(text: str, flag: str) -> float:
    value = parse_fraction(text, flag)
    if value < MIN_THRESHOLD:
        raise WrongUsage(f"{flag} {text!r} is not from {MIN_THRESHOLD:g} to 1.")
    return value


@dataclass(frozen=True)
class Options:
    """What a user may ask of a scan; the defaults are those of the command line.

    None leaves the choice to the site, or switches the option off.
    """

    is_real_event: bool
    reco: str = _option(
        "track",
        "--reco-algo",
        "reconstruction; `skyscan recos` lists them (default: {default})",
        metavar="NAME",
    )
    progression: Progression = _option(  # noqa: RUF009  (it is a field)
        DEFAULT_PROGRESSION,
        "--nsides",
        "resolutions, coarse to fine, and how much around the best pixel is refined, in "
        "pixels of the coarser one (default: {default})",
        " ".join(f"{nside}:{extension}" for nside, extension in DEFAULT_PROGRESSION),
        read=_progression,
        nargs="+",
        metavar="NSIDE:EXTENSION",
    )
    batch_size: int | None = _option(
        None, "--batch-size", "pixels per job", type=positive, metavar="N", among=DEAL
    )
    jobs_per_round: int | None = _option(
        None,
        "--jobs-per-round",
        "jobs per round (default: the site's; personal: one per core of this machine)",
        type=positive,
        metavar="N",
        among=DEAL,
    )
    site: str = _option(
        "personal",
        "--site",
        f"the pool: {', '.join(site_names())}, or the path of a file of your own "
        "(default: {default})",
        metavar="SITE",
    )
    site_changes: tuple[str, ...] = _option(
        (),
        "--set",
        "change a value of the site's profile, as in attributes.ProjectName=MyProject or "
        "submit.priority=10; may be given again (docs/sites.md lists the keys)",
        read=_words,
        action="append",
        metavar="KEY=VALUE",
    )
    urgent: bool = _option(
        False,  # noqa: FBT003  (the default)
        "--urgent",
        "go before your other scans: priority, machines kept between jobs, batches that "
        "get smaller towards the end of a round; the map is the same",
        action="store_true",
    )
    engine: str = _option(
        DEFAULT_ENGINE,
        "--engine",
        "what runs the scan: HTCondor's DAGMan alone, or Pegasus (default: {default})",
        choices=list(ENGINES),
    )
    runtime: str | None = _option(
        None,
        "--runtime",
        "the Python of the jobs: host[:PYTHON], cvmfs:ENV-SHELL, "
        "cvmfs:PY3V/METAPROJECT/VERSION, or container:IMAGE (default: the site's)",
        metavar="RUNTIME",
    )
    gcd_dir: Path | None = _option(  # noqa: RUF009  (it is a field)
        None,
        "--gcd-dir",
        "folder on the jobs' machines to look for baseline GCD files in first",
        type=Path,
        metavar="DIR",
    )
    max_rounds: int | None = _option(
        None,
        "--max-rounds",
        "stop a scan that has not converged by then (default: six more than there are nsides; "
        "twelve more with a time budget, twice as many with a threshold below 1)",
        type=positive,
        metavar="N",
    )
    predictive_scanning_threshold: float = _option(
        1.0,
        "--predictive-scanning-threshold",
        "choose finer pixels as soon as this part of all that was dealt out is in, "
        f"{MIN_THRESHOLD:g} to 1 (default: {{default}}, wait for all)",
        "1",
        read=_threshold,
        metavar="FRACTION",
    )
    max_pixel_time: float = _option(
        600.0,
        "--max-pixel-time",
        "a fit that takes longer is taken to hang: 90s, 30m, 2h (default: {default})",
        "600s",
        read=parse_duration,
        metavar="DURATION",
    )
    # Jobs are best 15 to 45 minutes long (OSG's and CHTC's advice), and a checkpoint costs a
    # set-up of the reconstruction, icetray's up to minutes: most jobs have none at all.
    checkpoint_interval: float = _option(
        1800.0,
        "--checkpoint-interval",
        "a job sends home what it has done, and starts again, as often as this; a machine "
        "that is lost costs no more (default: {default})",
        "30m",
        read=parse_duration,
        metavar="DURATION",
    )
    time_budget: float | None = _option(
        None,
        "--time-budget",
        "what a batch has not done by then is dealt out anew: a round waits for no slow "
        "machine; 0 means no limit (default: the site's)",
        read=_budget,
        metavar="DURATION",
    )
    max_failed_pixels: float = _option(
        0.01,
        "--max-failed-pixels",
        "a scan with more pixels without a fit ends with exit code 69 "
        "(0.01 or 1%%; default: {default})",
        read=parse_fraction,
        metavar="FRACTION",
    )
    max_retries: int = _option(
        3,
        "--max-retries",
        "how often a failed job is tried again: half of that as the same job, the rest "
        "as a new one (default: {default})",
        type=not_negative,
        metavar="N",
    )
    deadline: float | None = _option(
        None,
        "--deadline",
        "after this (90s, 30m, 2h, 1d, from submission on) take what is there: a partial "
        "map and the reason (default: none)",
        read=parse_duration,
        metavar="DURATION",
    )
    request_memory: int | None = _option(
        None,
        "--request-memory",
        "memory of a job, as in 8GB; a retry asks for more (default: the site's)",
        read=parse_megabytes,
        metavar="AMOUNT",
    )
    request_disk: int | None = _option(
        None,
        "--request-disk",
        "disk of a job, as in 2GB; a retry asks for more (default: the site's)",
        read=parse_megabytes,
        metavar="AMOUNT",
    )


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add every option to a parser; what is not given is None there."""
    groups: dict[str, Any] = {"": parser}
    for name, telling in tellings().items():
        if telling.among not in groups:
            groups[telling.among] = parser.add_mutually_exclusive_group()
        text = telling.help.replace("{default}", telling.default)
        groups[telling.among].add_argument(
            telling.flag, dest=name, default=None, help=text, **telling.more
        )


def from_words(words: argparse.Namespace) -> Options:
    """Return the options that a command line gives.

    Raises
    ------
    WrongUsage
        The value of an option means nothing.
    """
    given = {}
    for name, telling in tellings().items():
        value = getattr(words, name)
        if value is not None:
            given[name] = telling.read(value, telling.flag) if telling.read else value
    return Options(is_real_event=words.real_event, **given)


def tellings() -> dict[str, Telling]:
    """Return how each option is told, by the name that it has in `Options`."""
    return {it.name: it.metadata[TELLING] for it in fields(Options) if it.metadata}
