"""Estimate before a scan runs what it will take: fits, jobs, files, disk space and time.

The estimate is rough, because the chosen pixels depend on the fits.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from skyscan.batches import batch_sizes
from skyscan.errors import SkyscanError

if TYPE_CHECKING:
    from skyscan.progression import Progression
    from workflows.planned import Planned

#: From a scan with the dummy that left 2.4 MB on ext4, with 3,072 fits, 16 jobs and 4 rounds:
#: a fit is in a batch, in a result and in both maps; a job has five small files, and its
#: events in a log; a round has the log and the other files of its DAGMan.
BYTES_OF_FIT, BYTES_OF_JOB, BYTES_OF_ROUND, BYTES_OF_SCAN = 512, 32 * 1024, 64 * 1024, 2**20
FILES_OF_JOB, FILES_OF_ROUND, FILES_OF_SCAN = 5, 16, 50
#: Usually the best pixel moves once.
MORE_ROUNDS = 1


@dataclass(frozen=True)
class Expected:
    """What a scan will take.

    Attributes
    ----------
    size : int
        Size of the scan folder in bytes.
    files : int
        Number of files and folders in it.
    seconds : float
        Time from submission to the map.
    why : str
        Where that time comes from.
    """

    size: int
    files: int
    seconds: float
    why: str

    def of_many(self, scans: int, at_a_time: int) -> Expected:
        """Return the estimate for a campaign of such scans."""
        turns = -(-scans // at_a_time)
        return Expected(self.size * scans, self.files * scans, self.seconds * turns, self.why)


def expected(scan: Planned) -> Expected:
    """Return what a scan will take."""
    fits = n_pixels(scan.progression) * _n_variations(scan.reco)
    rounds = len(scan.progression) + MORE_ROUNDS
    each = batch_sizes(
        -(-fits // rounds),
        batch_size=scan.batch_size,
        jobs_per_round=scan.jobs_per_round,
        halvings=scan.halvings,
    )
    jobs = rounds * len(each)
    parts = ((fits, BYTES_OF_FIT), (jobs, BYTES_OF_JOB), (rounds, BYTES_OF_ROUND))
    size = BYTES_OF_SCAN + sum(n * each for n, each in parts)
    files = FILES_OF_SCAN + jobs * FILES_OF_JOB + rounds * FILES_OF_ROUND
    return Expected(size, files, *_time(scan, rounds))


def n_pixels(progression: Progression) -> int:
    """Estimate the pixels that a scan fits: the whole first nside, then around the best."""
    first = 12 * progression[0][0] ** 2
    steps = pairwise(progression)
    return first + sum(e * (nside // coarser) ** 2 for (coarser, _), (nside, e) in steps)


def _n_variations(reco: str) -> int:
    with suppress(SkyscanError):
        from skyscan.recos import reco_class

        return len(reco_class(reco)().variations())
    return 1  # the reconstruction is not installed here, only where the scan was planned


def _time(scan: Planned, rounds: int) -> tuple[float, str]:
    if scan.deadline is not None:
        return scan.deadline, "--deadline"
    # A job should take no longer than its time budget, or else the interval of checkpoints.
    each = scan.time_budget or scan.checkpoint_interval
    return rounds * each, f"an estimate: {rounds} rounds of {each / 60:.0f} minutes"
