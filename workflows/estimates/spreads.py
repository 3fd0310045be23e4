"""How much the durations of fits differ within jobs, and between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.records import RECORD_DTYPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from workflows.model.rounds import ChosenRound


def spreads(rounds: Iterable[ChosenRound]) -> tuple[float | None, float | None]:
    """Return the spread of fits on one machine, and that of the speed of machines.

    Each job is taken for one machine: the analysis of variance of the logarithms of the
    durations, with jobs as groups.

    Parameters
    ----------
    rounds : iterable of ChosenRound
        The rounds of a scan, with their results.

    Returns
    -------
    fits, machines : float or None
        Standard deviations of the logarithm; None where there are too few fits.
    """
    batches = (it.results.content for each in rounds for it in each.batches)
    jobs = [times for times in map(_log_times, batches) if len(times)]
    n, extra = sum(map(len, jobs)), sum(len(it) - 1 for it in jobs)
    if not extra:
        return None, None
    within = sum(float(((it - it.mean()) ** 2).sum()) for it in jobs) / extra
    if len(jobs) == 1:
        return float(np.sqrt(within)), None
    mean = np.concatenate(jobs).mean()
    between = sum(len(it) * float((it.mean() - mean) ** 2) for it in jobs) / (len(jobs) - 1)
    # The usual number of fits a job if these differ (Searle, Casella and McCulloch, "Variance
    # Components", 1992, chapter 3).
    per_job = (n - sum(len(it) ** 2 for it in jobs) / n) / (len(jobs) - 1)
    return float(np.sqrt(within)), float(np.sqrt(max(0.0, between - within) / per_job))


def _log_times(content: bytes) -> NDArray[np.float64]:
    times = np.frombuffer(content, RECORD_DTYPE)["run_time"]
    logs: NDArray[np.float64] = np.log(times[times > 0])
    return logs
