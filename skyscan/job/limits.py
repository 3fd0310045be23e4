"""When a reco job ends although pixels are left: deadline, checkpoints, time budget."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import ExitCode

if TYPE_CHECKING:
    from skyscan.results import ResultFile

#: How often a job checkpoints since its worker died: that may be the machine's fault, and the
#: supervisor its next victim; but each checkpoint costs a new start of the job.
DEATHS = 3


@dataclass(frozen=True)
class Limits:
    """When a job ends although pixels are left.

    Attributes
    ----------
    until : float or None
        The scan's deadline, seconds since 1970 by the access point's clock: then the process
        ends with ``ExitCode.INCOMPLETE`` and leaves what is done.
    checkpoint_interval : float or None
        Seconds from its start after which it ends with ``ExitCode.CHECKPOINT``, to be
        started again, as it does when its worker has died. None: it does neither.
    time_budget : float
        Seconds that the fits of the batch may take, those of earlier starts included; then it
        ends well, and what is left over is the next round's. 0: it does not.
    """

    until: float | None = None
    checkpoint_interval: float | None = None
    time_budget: float = 0.0


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Budget:
    """The time that a batch may take.

    Attributes
    ----------
    began : float
        When the job started, by the monotonic clock.
    seconds : float
        The budget; 0: there is none.
    spent : float
        Seconds that the fits of earlier starts took.
    """

    began: float
    seconds: float
    spent: float

    def is_spent(self) -> bool:
        """Tell whether what is not begun yet is to be left over."""
        taken = self.spent + time.monotonic() - self.began
        return bool(self.seconds) and taken >= self.seconds


@dataclass
class Checkpoints:
    """When a job leaves, so that HTCondor takes its results home and starts it again.

    Attributes
    ----------
    began : float
        When the job started, by the monotonic clock.
    interval : float or None
        Seconds; None means that it never leaves by itself.
    deaths : int
        How often its worker has died so far.
    """

    began: float
    interval: float | None
    deaths: int = 0
    is_due: bool = False

    def worker_died(self) -> None:
        """Have the job leave when the pixels that the worker had in hand are settled."""
        self.deaths += 1
        self.is_due = self.is_due or self.deaths <= DEATHS

    def leave_if_due(self) -> None:
        """End the process with `ExitCode.CHECKPOINT` if it is time to."""
        if self.interval is None:
            return
        if self.is_due or time.monotonic() - self.began >= self.interval:
            why = "a worker's death" if self.is_due else f"{self.interval:g} s"
            print(f"skyscan: checkpoint after {why}", file=sys.stderr, flush=True)
            raise SystemExit(int(ExitCode.CHECKPOINT))


def deaths_in(result: ResultFile, chunk_size: int) -> int:
    """Return how many chunks of a batch needed a second attempt, about.

    It is read from the results, since they alone follow a job from machine to machine.
    """
    return -(-int(np.count_nonzero(result.records["attempt"] > 1)) // chunk_size)
