"""The limits that end a reco job while pixels remain: deadline, checkpoints, time budget."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import ExitCode

if TYPE_CHECKING:
    from skyscan.results import ResultFile

#: How often a job checkpoints because its worker died: the machine may be at fault and may kill
#: the supervisor next, but each checkpoint costs another start of the job.
DEATHS = 3


@dataclass(frozen=True)
class Limits:
    """The limits that end a job while pixels remain.

    Attributes
    ----------
    until : float or None
        The scan's deadline, seconds since 1970 by the access point's clock. The process then
        ends with ``ExitCode.INCOMPLETE`` and keeps its results.
    checkpoint_interval : float or None
        Seconds after the start at which the process ends with ``ExitCode.CHECKPOINT``, to be
        started again. It also does so when its worker has died. None disables both.
    time_budget : float
        Seconds that the fits of the batch may take, including those of earlier starts. The
        process then ends with success, and the next round gets the remaining fits. 0 means no
        limit.
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
        The budget; 0 means no limit.
    spent : float
        Seconds that the fits of earlier starts took.
    """

    began: float
    seconds: float
    spent: float

    def is_spent(self) -> bool:
        """Return whether the budget is spent, so that no further fit may start."""
        taken = self.spent + time.monotonic() - self.began
        return bool(self.seconds) and taken >= self.seconds


@dataclass
class Checkpoints:
    """When a job ends so that HTCondor transfers its results and starts it again.

    Attributes
    ----------
    began : float
        When the job started, by the monotonic clock.
    interval : float or None
        Seconds; None means that it never ends for a checkpoint.
    deaths : int
        How often its worker has died so far.
    """

    began: float
    interval: float | None
    deaths: int = 0
    is_due: bool = False

    def worker_died(self) -> None:
        """Request a checkpoint once the pixels that the worker was fitting are settled."""
        self.deaths += 1
        self.is_due = self.is_due or self.deaths <= DEATHS

    def leave_if_due(self) -> None:
        """End the process with `ExitCode.CHECKPOINT` if a checkpoint is due."""
        if self.interval is None:
            return
        if self.is_due or time.monotonic() - self.began >= self.interval:
            why = "the worker died" if self.is_due else f"{self.interval:g} s"
            print(f"skyscan: checkpoint after {why}", file=sys.stderr, flush=True)
            raise SystemExit(int(ExitCode.CHECKPOINT))


def deaths_in(result: ResultFile, chunk_size: int) -> int:
    """Return roughly how many chunks of a batch needed a second attempt.

    The number comes from the results, since only they follow a job from machine to machine.
    """
    return -(-int(np.count_nonzero(result.records["attempt"] > 1)) // chunk_size)
