"""Whether an event can be scanned, and what its user should know."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from condor.runtimes import parse_runtime
from skyscan.errors import WrongUsage
from skyscan.geometry import is_of_icecube86

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condor.sites import Site
    from skyscan.events.event import Event
    from skyscan.events.source import Source
    from skyscan.prep import Reading

#: Run numbers that real events have (skyreader.event_metadata).
REAL_RUNS = range(100_000, 1_000_000)
MAX_STRINGS = 10  #: in a notice
#: The part of photons that may be equal to others: a bright DOM sees many in a nanosecond.
MAX_EQUAL_PHOTONS = 0.01


def notices(event: Event) -> Iterator[str]:
    """Yield what the user should know about an event that is scanned nevertheless."""
    of, known = "the geometry of IceCube-86", is_of_icecube86
    if event.detector is not None:
        of, known = "--geometry", event.detector.has
    pulses = event.pulses[~known(event.pulses["string"], event.pulses["om"])]
    if len(pulses):
        strings = ", ".join(map(str, np.unique(pulses["string"])[:MAX_STRINGS]))
        yield (
            f"{event.name}: {len(pulses)} of {len(event.pulses)} pulses are left out, because "
            f"their DOMs are not in {of} (string {strings})."
        )
    n = _copies(event)
    if n:
        yield (
            f"{event.name}: {n} of {len(event.pulses)} pulses are exact copies of others, and "
            f"count as often as they are there; were rows or series joined twice?"
        )


def _copies(event: Event) -> int:
    """Return how many pulses are equal to another one, if there are more than can be chance."""
    n = len(event.pulses) - len(np.unique(event.pulses))
    are_photons = bool((event.pulses["charge"] == 1).all())
    return n if n > MAX_EQUAL_PHOTONS * len(event.pulses) * are_photons else 0


def is_like_data(run_id: int) -> bool:
    """Return whether a run number is one that real events have."""
    return run_id in REAL_RUNS


def check_reading(reading: Reading, source: Source, site: Site) -> None:
    """Refuse an event that would fail only in prep."""
    event, reco = reading
    _check_run(event.run_id, source.path, is_real=source.is_real_event)
    reco.check(source, event)
    if source.gcd_dir is not None:
        check_gcd_dir(source.gcd_dir, site)
    if _is_here(site):
        reco.check_files(source, event)


def check_gcd_dir(gcd_dir: Path, site: Site) -> None:
    """Refuse ``--gcd-dir`` if this machine is where jobs look for it, and it is not there."""
    # Path.is_dir raises an error for a name that is too long.
    if _is_here(site) and not os.path.isdir(gcd_dir):  # noqa: PTH112
        raise WrongUsage(f"--gcd-dir {gcd_dir} is not a folder.")


def _is_here(site: Site) -> bool:
    """Return whether jobs have the modules and files that this process has."""
    return site.this_machine and parse_runtime(site.runtime).is_this_python


def _check_run(run_id: int, path: Path, *, is_real: bool) -> None:
    if is_real and run_id not in REAL_RUNS:
        raise WrongUsage(
            f"{path} is of run {run_id}, but runs of real events are {REAL_RUNS.start} to "
            f"{REAL_RUNS.stop - 1}; use --simulated-event."
        )
