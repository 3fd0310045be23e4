"""What a scan is going to take, told before it runs: fits, jobs, files, disk and time.

Rough: which pixels are chosen, only their fits say.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from skyscan.batches import batch_sizes
from skyscan.errors import SkyscanError
from skyscan.recos import reco_class

if TYPE_CHECKING:
    from skyscan.progression import Progression
    from workflows.planned import Planned

#: What a scan of the dummy left behind on ext4, with 3,072 fits, 16 jobs and 4 rounds, 2.4 MB:
#: a fit is in a batch, in a result and in both maps; a job has six small files, and its
#: events in a log; a round has the diary and the other files of its DAGMan.
BYTES_OF_FIT, BYTES_OF_JOB, BYTES_OF_ROUND, BYTES_OF_SCAN = 512, 32 * 1024, 64 * 1024, 2**20
FILES_OF_JOB, FILES_OF_ROUND, FILES_OF_SCAN = 6, 16, 50
#: Once the best pixel moves, as it mostly does.
MORE_ROUNDS = 1


@dataclass(frozen=True)
class Expected:
    """What a scan is going to take.

    Attributes
    ----------
    size : int
        Bytes in the scan folder.
    files : int
        Files and folders there.
    seconds : float
        Time from submission to the map.
    why : str
        What that time comes from.
    """

    size: int
    files: int
    seconds: float
    why: str

    def of_many(self, scans: int, at_a_time: int) -> Expected:
        """Return the same of a campaign."""
        turns = -(-scans // at_a_time)
        return Expected(self.size * scans, self.files * scans, self.seconds * turns, self.why)


def expected(scan: Planned) -> Expected:
    """Return what a scan is going to take."""
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
    """Return about how many pixels a scan fits: the whole first nside, then around the best."""
    first = 12 * progression[0][0] ** 2
    steps = pairwise(progression)
    return first + sum(e * (nside // coarser) ** 2 for (coarser, _), (nside, e) in steps)


def _n_variations(reco: str) -> int:
    with suppress(SkyscanError):
        return len(reco_class(reco)().variations())
    return 1  # it was planned where this reconstruction is, and that is not here


def _time(scan: Planned, rounds: int) -> tuple[float, str]:
    if scan.deadline is not None:
        return scan.deadline, "--deadline"
    # A job is meant to take no longer than the first, nor to go without the second.
    each = scan.time_budget or scan.checkpoint_interval
    return rounds * each, f"an estimate: {rounds} rounds of {each / 60:.0f} minutes"
