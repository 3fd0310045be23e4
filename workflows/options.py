"""The options of a scan, each defined once, in the table that the parser is built from.

`workflows.plan` takes `Options`; the metadata of its fields describes the command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from condor.sites import site_names
from skyscan.answer.levels import CHOICES, LEVELS_HELP
from skyscan.errors import WrongUsage
from skyscan.events.choice import parse_event_id
from skyscan.progression import DEFAULT_PROGRESSION, Progression, parse_progression
from workflows.engines import DEFAULT_ENGINE, ENGINES
from workflows.parser import CATALOGUE_HELP
from workflows.quantities import (
    not_negative,
    number,
    parse_command,
    parse_duration,
    parse_fraction,
    parse_megabytes,
    positive,
    run_number,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

#: A key goes through submit files and shells as it is.
_KEY = re.compile(r"[\w.:+-]{1,200}", re.ASCII)
MIN_THRESHOLD = 0.1  # upstream's
BATCHING = "how pixels are distributed to jobs"  # a group of options that exclude each other
#: Values of ``--kernel``.
AUTO, COMPILED, NUMPY = "auto", "compiled", "numpy"
ARGUMENT = "argument"  # key of a field's metadata
#: The options by name, in the order of `--help`; others follow in `DEFAULT_SECTION`.
SECTIONS = {
    "which event": ("event_id", "frame", "stream", "sub_event", "pulses"),
    "events that come as tables": ("run_id", "mjd", "truth", "geometry"),
    "what is fitted": (
        *("reco", "progression", "max_pixel_time", "predictive_scanning_threshold"),
        *("ice_model", "kernel", "gcd", "gcd_dir", "keep_frames", "levels", "catalogue"),
    ),
    "where it runs": ("site", "site_changes", "runtime", "urgent", "engine"),
    "jobs": (
        *("batch_size", "jobs_per_round", "time_budget", "checkpoint_interval"),
        *("max_retries", "request_memory", "request_disk", "variables"),
    ),
    "when it ends": ("max_rounds", "max_failed_pixels", "deadline", "notify"),
}

DEFAULT_SECTION = "what is fitted"
OF_ONE_EVENT = ("event_id", "frame")  # a campaign scans many


class Argument(NamedTuple):
    """How an option is given on the command line.

    Attributes
    ----------
    flag : str
        Name on the command line.
    help : str
        Help text; ``{default}`` stands for ``default``.
    default : str
        The default as a user would write it.
    read : callable or None
        Converts the words that follow the flag to a value, given the words and the flag;
        None means that the words are the value.
    group : str
        Group of options that exclude each other; empty if the option is in none.
    keywords : dict
        Other keyword arguments of `argparse.ArgumentParser.add_argument`.
    """

    flag: str
    help: str
    default: str
    read: Callable[[Any, str], Any] | None
    group: str
    keywords: dict[str, Any]


def _option(
    value: object,
    flag: str,
    text: str,
    default: str = "",
    *,
    read: Callable[[Any, str], Any] | None = None,
    group: str = "",
    **keywords: object,
) -> Any:  # noqa: ANN401  (a field, of any type)
    argument = Argument(flag, text, default or str(value), read, group, keywords)
    return field(default=value, metadata={ARGUMENT: argument})


def _progression(words: list[str], _flag: str) -> Progression:
    return parse_progression(words)


def _words(words: list[str], _flag: str) -> tuple[str, ...]:
    return tuple(words)


def _event(text: str, _flag: str) -> str:
    return str(parse_event_id(text))


def _key(text: str, flag: str) -> str:
    if not _KEY.fullmatch(text):
        raise WrongUsage(f"{flag} {text!r} is not a frame key that can be used.")
    return text


def _budget(text: str, flag: str) -> float:
    return 0.0 if text.strip() == "0" else parse_duration(text, flag)


def _levels(text: str, flag: str) -> str:
    if not text:
        raise WrongUsage(f"{flag} '' is neither a name of levels nor a file.")
    return text if text in CHOICES else str(Path(text).absolute())


def _threshold(text: str, flag: str) -> float:
    value = parse_fraction(text, flag)
    if value < MIN_THRESHOLD:
        raise WrongUsage(f"{flag} {text!r} is not from {MIN_THRESHOLD:g} to 1.")
    return value


@dataclass(frozen=True)
class Options:
    """The options of a scan; the defaults are those of the command line.

    None means that the site decides, or that the option is off.
    """

    is_real_event: bool
    event_id: str | None = _option(
        None,
        "--event",
        "event to scan, if a file has several; `skyscan events FILE` lists them",
        read=_event,
        metavar="RUN:EVENT[:SUB]",
    )
    frame: int | None = _option(
        None,
        "--frame",
        "number of the event's physics frame in the file, as listed",
        type=positive,
        metavar="N",
    )
    stream: str | None = _option(
        None,
        "--stream",
        "stream of the sub-event, such as InIceSplit, if several have the pulses",
        metavar="NAME",
    )
    sub_event: int | None = _option(
        None,
        "--sub-event",
        "number of the sub-event, if several have the pulses",
        type=not_negative,
        metavar="N",
    )
    pulses: str | None = _option(
        None,
        "--pulses",
        "frame key of the pulse series (default: SplitUncleanedInIcePulses, or "
        "SplitInIcePulses if the event lacks those)",
        read=_key,
        metavar="KEY",
    )
    run_id: int | None = _option(
        None,
        "--run",
        "run number, if the table has none (default: 0)",
        type=run_number,
        metavar="N",
    )
    mjd: float | None = _option(
        None,
        "--mjd",
        "time of the event, days UTC, if the table has none; without a time, the map is in "
        "IceCube's local frame",
        type=number,
        metavar="MJD",
    )
    truth: Path | None = _option(  # noqa: RUF009  (it is a field)
        None,
        "--truth",
        "table of what was simulated: direction, energy and vertex by event",
        type=Path,
        metavar="FILE",
    )
    geometry: Path | None = _option(  # noqa: RUF009  (it is a field)
        None,
        "--geometry",
        "detector that is not IceCube-86: a table of its DOMs (string, om, x, y, z in m), or a "
        "GCD file (.i3)",
        type=Path,
        metavar="FILE",
    )
    reco: str = _option(
        "auto",
        "--reco-algo",
        "reconstruction; `skyscan recos` lists all of them (default: {default})",
        metavar="NAME",
    )
    progression: Progression = _option(  # noqa: RUF009  (it is a field)
        DEFAULT_PROGRESSION,
        "--nsides",
        "resolutions from coarse to fine, each with its extension: the number of pixels of "
        "the coarser resolution around the best one that are refined (default: {default})",
        " ".join(f"{nside}:{extension}" for nside, extension in DEFAULT_PROGRESSION),
        read=_progression,
        nargs="+",
        metavar="NSIDE:EXTENSION",
    )
    batch_size: int | None = _option(
        None, "--batch-size", "pixels per job", type=positive, metavar="N", group=BATCHING
    )
    jobs_per_round: int | None = _option(
        None,
        "--jobs-per-round",
        "jobs per round (default: the site's; for personal, one per core of this machine)",
        type=positive,
        metavar="N",
        group=BATCHING,
    )
    site: str = _option(
        "personal",
        "--site",
        f"site profile: {', '.join(site_names())}, or the path of your own file "
        "(default: {default})",
        metavar="SITE",
    )
    site_changes: tuple[str, ...] = _option(
        (),
        "--set",
        "change a value of the site's profile, such as attributes.ProjectName=MyProject or "
        "submit.priority=10; may be repeated (docs/sites.md lists the keys)",
        read=_words,
        action="append",
        metavar="KEY=VALUE",
    )
    variables: tuple[str, ...] = _option(
        (),
        "--env",
        "send this environment variable to the jobs, besides those that a step or the "
        "reconstruction reads; may be repeated; not for secrets",
        read=_words,
        action="append",
        metavar="NAME",
    )
    urgent: bool = _option(
        False,  # noqa: FBT003  (the default)
        "--urgent",
        "run before your other scans: higher priority, machines kept between jobs, and batches "
        "that get smaller towards the end of a round; the map is the same",
        action="store_true",
    )
    engine: str = _option(
        DEFAULT_ENGINE,
        "--engine",
        "workflow engine: HTCondor's DAGMan alone, or Pegasus (default: {default})",
        choices=list(ENGINES),
    )
    runtime: str | None = _option(
        None,
        "--runtime",
        "Python environment of the jobs: host[:PYTHON], cvmfs:ENV-SHELL, "
        "cvmfs:PY3V/METAPROJECT/VERSION, or container:IMAGE (default: the site's)",
        metavar="RUNTIME",
    )
    gcd_dir: Path | None = _option(  # noqa: RUF009  (it is a field)
        None,
        "--gcd-dir",
        "folder on the execute machines that is searched first for baseline GCD files",
        type=Path,
        metavar="DIR",
    )
    gcd: Path | None = _option(  # noqa: RUF009  (it is a field)
        None,
        "--gcd",
        "file with G, C and D frames for reconstructions in icetray, instead of the event's "
        "own or a baseline; other reconstructions need none",
        type=Path,
        metavar="FILE",
    )
    ice_model: Path | None = _option(  # noqa: RUF009  (it is a field)
        None,
        "--ice-model",
        "folder with an ice model in ppc's format, for reconstructions in layered ice "
        "(default: SPICE BFR v2, which is part of skyscan)",
        type=Path,
        metavar="FOLDER",
    )
    kernel: str = _option(
        AUTO,
        "--kernel",
        "what computes the likelihoods of track, cascade, cascades and auto: compiled (C, "
        "several times as fast), numpy (runs on any machine), or auto (compiled if there is a "
        "C compiler here); all jobs of a scan use the same (default: {default})",
        choices=(AUTO, COMPILED, NUMPY),
    )
    max_rounds: int | None = _option(
        None,
        "--max-rounds",
        "stop a scan that has not converged after N rounds (default: the number of nsides plus "
        "6, doubled with a predictive scanning threshold below 1; plus 12 with a time budget)",
        type=positive,
        metavar="N",
    )
    predictive_scanning_threshold: float = _option(
        1.0,
        "--predictive-scanning-threshold",
        "choose finer pixels as soon as this fraction of the distributed pixels has results, "
        f"{MIN_THRESHOLD:g} to 1 (default: {{default}}, wait for all)",
        "1",
        read=_threshold,
        metavar="FRACTION",
    )
    max_pixel_time: float = _option(
        600.0,
        "--max-pixel-time",
        "a fit that takes longer counts as hung; such as 90s, 30m or 2h (default: {default})",
        "600s",
        read=parse_duration,
        metavar="DURATION",
    )
    # OSG and CHTC recommend jobs of 15 to 45 minutes. After a checkpoint the reconstruction is
    # set up again, which takes up to minutes with icetray: most jobs should have none at all.
    checkpoint_interval: float = _option(
        1800.0,
        "--checkpoint-interval",
        "interval at which a job returns its results and starts again; the loss of a machine "
        "costs at most this much work (default: {default})",
        "30m",
        read=parse_duration,
        metavar="DURATION",
    )
    time_budget: float | None = _option(
        None,
        "--time-budget",
        "time limit of a batch; the fits that remain are distributed again, and no round waits "
        "for a slow machine; 0 means no limit (default: the site's)",
        read=_budget,
        metavar="DURATION",
    )
    keep_frames: int | None = _option(
        None,
        "--keep-frames",
        "keep the fitted frames of reconstructions in icetray as one .i3 file: of the best "
        "variation of each pixel, or of the N best pixels",
        nargs="?",
        const=0,
        type=positive,
        metavar="N",
    )
    max_failed_pixels: float = _option(
        0.01,
        "--max-failed-pixels",
        "a scan in which more pixels have no fit ends with exit code 69; "
        "such as 0.01 or 1%% (default: {default})",
        read=parse_fraction,
        metavar="FRACTION",
    )
    levels: str | None = _option(None, "--levels", LEVELS_HELP, read=_levels, metavar="LEVELS")
    catalogue: Path | None = _option(  # noqa: RUF009  (it is a field)
        None,
        "--catalogue",
        CATALOGUE_HELP,
        type=Path,
        metavar="FILE",
    )
    max_retries: int = _option(
        3,
        "--max-retries",
        "number of retries of a failed job: half of them in the same job, the rest in a new "
        "one (default: {default})",
        type=not_negative,
        metavar="N",
    )
    deadline: float | None = _option(
        None,
        "--deadline",
        "time after submission at which the scan ends with a partial map and the reason; such "
        "as 90s, 30m, 2h or 1d (default: none)",
        read=parse_duration,
        metavar="DURATION",
    )
    notify: tuple[str, ...] = _option(
        (),
        "--notify",
        "program to run at the end, with the outcome (complete, incomplete, failed or removed) "
        "and the folder as two more arguments; quote a program that has arguments of its own "
        "(default: none)",
        read=parse_command,
        metavar="COMMAND",
    )
    request_memory: int | None = _option(
        None,
        "--request-memory",
        "memory of a job, such as 8GB; a retry requests more (default: the site's)",
        read=parse_megabytes,
        metavar="AMOUNT",
    )
    request_disk: int | None = _option(
        None,
        "--request-disk",
        "disk of a job, such as 2GB; a retry requests more (default: the site's)",
        read=parse_megabytes,
        metavar="AMOUNT",
    )


def add_to(parser: argparse.ArgumentParser, *, of_campaign: bool = False) -> None:
    """Add all options to a parser; the value of an option that is not given is None.

    Parameters
    ----------
    parser : ArgumentParser
        The parser of a command.
    of_campaign : bool
        Whether the command runs many scans in one DAG, which not every engine can.
    """
    known = arguments()
    listed = {name for names in SECTIONS.values() for name in names}
    unlisted = [name for name in known if name not in listed]
    left_out = OF_ONE_EVENT if of_campaign else ()
    sections = {
        title: [name for name in names if name not in left_out]
        + (unlisted if title == DEFAULT_SECTION else [])
        for title, names in SECTIONS.items()
    }
    for title, names in sections.items():
        section = parser.add_argument_group(title)
        groups: dict[str, Any] = {"": section}
        for name in names:
            argument = known[name]
            if argument.group not in groups:
                groups[argument.group] = section.add_mutually_exclusive_group()
            text = argument.help.replace("{default}", argument.default)
            keywords = argument.keywords
            if name == "engine" and of_campaign:
                able = [it.name for it in ENGINES.values() if it.has_campaigns]
                keywords = {**keywords, "choices": able}
                text = f"workflow engine; campaigns run with {' or '.join(able)} only"
            groups[argument.group].add_argument(
                argument.flag, dest=name, default=None, help=text, **keywords
            )


def from_words(words: argparse.Namespace) -> Options:
    """Return the options given on a command line.

    Raises
    ------
    WrongUsage
        The value of an option is invalid.
    """
    given = {}
    for name, argument in arguments().items():
        value = getattr(words, name, None)
        if value is not None:
            given[name] = argument.read(value, argument.flag) if argument.read else value
    return Options(is_real_event=words.real_event, **given)


def arguments() -> dict[str, Argument]:
    """Return the command-line argument of each option, by its name in `Options`."""
    return {it.name: it.metadata[ARGUMENT] for it in fields(Options) if it.metadata}
