"""The values of a scan: what its options, its site and its event say together."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import version
from math import isfinite
from typing import TYPE_CHECKING

from condor.runtimes import parse_runtime
from condor.sites import Site, read_site
from skyscan import __version__
from skyscan.errors import WrongUsage
from skyscan.events.source import Source
from skyscan.frames import KEEP_VARIABLE
from skyscan.job.kernels import AVX2, KERNELS_VARIABLE
from skyscan.scan import MAX_ROUNDS
from skyscan.storage import sha256_of
from workflows.planned import Planned
from workflows.planning.event import check_reading
from workflows.planning.levels import levels_for, name_of
from workflows.planning.variables import check_recorded, declared_by, job_environment

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.events.chosen import ChosenEvent
    from skyscan.prep import Reading
    from skyscan.progression import Progression
    from skyscan.recos import Reco
    from workflows.options import Options

ROUNDS_BEYOND_LEVELS = 6
#: Each in a row has twice the time; those that are not needed are skipped.
ROUNDS_OF_LEFTOVERS = 12
#: With less than all in, the best pixel is another one more often, and each time is a round.
ROUNDS_AHEAD = 2


def source_of(chosen: ChosenEvent, options: Options) -> Source:
    """Return an event file with the options that describe it."""
    gcd_dir = options.gcd_dir and options.gcd_dir.absolute()
    gcd = chosen.gcd or options.gcd
    return Source(chosen.path, options.is_real_event, gcd_dir, options.pulses, gcd)


def site_of(options: Options) -> Site:
    """Return the site that options choose.

    Raises
    ------
    WrongUsage
        The site does not exist, or its values are invalid; or something that would be recorded
        looks like a secret.
    """
    changes, runtime = options.site_changes, options.runtime
    site = read_site(options.site, changes, runtime, urgent=options.urgent)
    check_recorded(site.values(), options.notify)
    return site


def max_rounds_of(site: Site, options: Options) -> int:
    """Return the largest number of rounds of a scan.

    Raises
    ------
    WrongUsage
        There cannot be as many as the options say.
    """
    threshold = options.predictive_scanning_threshold
    usual = usual_rounds(options.progression, _time_budget(site, options), threshold)
    max_rounds = options.max_rounds or usual
    if max_rounds > MAX_ROUNDS:
        raise WrongUsage(f"--max-rounds {max_rounds}: the maximum is {MAX_ROUNDS}.")
    return max_rounds


def _time_budget(site: Site, options: Options) -> float:
    return site.time_budget if options.time_budget is None else options.time_budget


def values_of(
    source: Source, event_file: str, options: Options, site: Site, reading: Reading
) -> Planned:
    """Return what a scan folder records of a scan, without what is written into the folder.

    Raises
    ------
    WrongUsage, BadInput
        The event cannot be scanned with these options.
    """
    runtime = parse_runtime(site.runtime)
    max_rounds = max_rounds_of(site, options)
    event = reading.event
    check_reading(reading, source, site)
    n_variations = len(reading.reco.variations())
    return Planned(
        name=event.name,
        event_file=event_file,
        event_sha256=sha256_of(source.path),
        run_id=event.run_id,
        event_id=event.event_id,
        mjd=event.mjd if isfinite(event.mjd) else None,
        event_type=event.event_type,
        is_real_event=options.is_real_event,
        reco=name_of(options.reco),
        runtime=str(runtime),
        environment=environment_of(site, options, type(reading.reco)),
        progression=options.progression,
        batch_size=options.batch_size,
        jobs_per_round=jobs_of(site, options, n_variations),
        halvings=site.urgent_halvings if options.urgent else 0,
        max_rounds=max_rounds,
        predictive_scanning_threshold=options.predictive_scanning_threshold,
        time_budget=float(_time_budget(site, options)),
        max_failed_pixels=options.max_failed_pixels,
        levels=levels_for(options),
        max_pixel_time=options.max_pixel_time,
        checkpoint_interval=options.checkpoint_interval,
        max_retries=options.max_retries,
        deadline=options.deadline,
        request_memory=options.request_memory or site.request_memory,
        request_disk=options.request_disk or site.request_disk,
        site=site.name,
        urgent=options.urgent,
        engine=options.engine,
        gcd_dir=None if source.gcd_dir is None else on_a_submit_line(source.gcd_dir),
        versions=versions(),
        code_sha256="",
        site_values=site.values(),
        notify=options.notify,
        pulses=options.pulses,
    )


def jobs_of(site: Site, options: Options, n_variations: int) -> int | None:
    """Return the number of jobs of a round; None if batches have a size.

    A site's number is for one fit per pixel. With several variations there are as many times
    more jobs, so that a job takes as long (docs/estimate.md, "The defaults of the sites").
    """
    if options.batch_size:
        return None
    return options.jobs_per_round or site.jobs_per_round * n_variations or os.cpu_count() or 1


def usual_rounds(progression: Progression, time_budget: float, threshold: float) -> int:
    """Return how many rounds a scan may have without ``--max-rounds``."""
    leftover = ROUNDS_OF_LEFTOVERS if time_budget else 0
    levels = len(progression) + ROUNDS_BEYOND_LEVELS
    return levels * (ROUNDS_AHEAD if threshold < 1 else 1) + leftover


def on_a_submit_line(path: Path) -> str:
    """Return a path as text, if a line of a submit file can hold it.

    Raises
    ------
    WrongUsage
        It cannot.
    """
    text = str(path)
    if "$" in text or not text.isprintable():
        raise WrongUsage(
            f"--gcd-dir {text!r} has characters that a submit file cannot hold; "
            f"make a link to it with a simpler name."
        )
    return text


def environment_of(site: Site, options: Options, reco: type[Reco]) -> dict[str, str]:
    """Return the variables that a scan's jobs see: the user's, the site's and the options'.

    Raises
    ------
    WrongUsage
        The reconstruction has no frames to keep, or cannot use the value of a variable.
    """
    reco.check_variables()
    variables = job_environment(os.environ, declared_by(options.reco), options.variables)
    if site.avx2_kernels:
        variables[KERNELS_VARIABLE] = AVX2
    if options.keep_frames is not None:
        if not reco.offers_frames:
            raise WrongUsage(
                f"--keep-frames: {options.reco} fits no frames; only reconstructions in "
                f"icetray do (skyscan recos)."
            )
        variables[KEEP_VARIABLE] = str(options.keep_frames)
    return variables


def versions() -> dict[str, str]:
    """Return the versions of Python, skyscan and the packages that plan the scan."""
    packages = ("numpy", "scipy", "healpy", "htcondor")
    of_packages = {name: _version(name) for name in packages}
    return {"python": platform.python_version(), "skyscan": __version__, **of_packages}


@cache  # a campaign plans many events, and 4 ms are a tenth of one
def _version(package: str) -> str:
    return version(package)
