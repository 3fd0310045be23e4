"""The remaining time of a scan, from what its rounds have taken so far.

The current round is scheduled onto the slots that it has: jobs that run continue at their own
pace, the others take the mean of the jobs that ended last. Rounds that are not chosen yet
follow from the progression. Waits (for machines, start-ups, DAGMan between rounds) are told
apart from fits.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING

from workflows.model.scan import TimeLeft

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from skyscan.progression import Progression

WINDOW = 16  # batches that ended last, from which the pace of the others follows
GAP = 8.0  # seconds from a round's end to the next one's first start, until one is seen
CLOSING = 6.0  # seconds for merge and report
START_UP = 2.0  # seconds of a job besides its fits, until one is seen
AT_LEAST = 1.0  # seconds: nothing has ended until DAGMan has
#: Chance that the best fit moves in the last round expected, so that another round follows,
#: and that round's size as a part of the largest of its nside (as scans of `track` and of the
#: dummy did).
MORE, MORE_AGAIN, PART = 0.5, 0.3, 0.4


@dataclass(frozen=True)
class BatchWork:
    """The work of one job.

    Attributes
    ----------
    n, done : int
        Its fits, and those that have a result.
    seconds : float
        Sum of the durations of fits with a result that has come home.
    began : float or None
        When its last start began; None if it has none, or waits for another one.
    ended : float or None
        When it ended with all its fits, or was given up.
    """

    n: int
    done: int = 0
    seconds: float = 0.0
    began: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class RoundWork:
    """The work of one round; ``opened`` is when its pixels were chosen."""

    nsides: tuple[int, ...]
    opened: float
    batches: tuple[BatchWork, ...]
    is_leftover: bool = False

    @property
    def ended(self) -> float | None:
        """When its last job ended; None while there are others."""
        ends = [it.ended for it in self.batches]
        known = [it for it in ends if it is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def began(self) -> float | None:
        """When the first of its jobs started."""
        return min((it.began for it in self.batches if it.began is not None), default=None)


@dataclass(frozen=True)
class Work:
    """The work of a scan as of ``now``.

    Attributes
    ----------
    now : float
        Seconds since 1970.
    ready : float or None
        When prep ended.
    rounds : sequence of RoundWork
        The rounds that have been chosen.
    progression : sequence of (nside, extension)
        Coarse to fine.
    n_variations : int
        Fits per pixel.
    batch_size, jobs_per_round : int or None
        How fits are distributed to jobs.
    max_rounds : int
        How many rounds there may be.
    time_budget : float
        Seconds after which a job leaves its fits to the next round; 0 means no limit.
    """

    now: float
    ready: float | None
    rounds: Sequence[RoundWork]
    progression: Progression
    n_variations: int = 1
    batch_size: int | None = None
    jobs_per_round: int | None = None
    max_rounds: int = 1
    time_budget: float = 0.0


@dataclass(frozen=True)
class Pace:
    """How quickly jobs fit: seconds per fit, their relative spread, and per start-up."""

    fit: float
    spread: float
    start_up: float


def time_left(work: Work) -> TimeLeft | None:
    """Return the remaining time of a scan that is in the queue; None if nothing is known."""
    pace = pace_of(work)
    if pace is None:
        return None
    gap = _gap(work)
    slots = _slots(work)
    current = next((it for it in work.rounds if it.ended is None), None)
    left = _Sum()
    if current is not None:
        left = _in_round(work, current, pace, slots, gap)
    for n in [*_ahead(work), *([left.left_over] if left.left_over >= 1 else [])]:
        left = left.plus(_whole_round(work, n, pace, slots, gap))
    more, n_more = _more(work)
    extra = _whole_round(work, n_more, pace, slots, gap)
    since = 0.0
    if current is None and work.rounds:
        # Between rounds, or at the end: the longer nothing follows, the less likely it is.
        since = max(0.0, work.now - max(it.ended or 0.0 for it in work.rounds))
        more *= max(0.0, 1.0 - since / (2.0 * gap))
        left = left.minus_wait(since) if left.seconds else left
    closing = max(AT_LEAST, CLOSING - (since if not left.seconds else 0.0))
    waiting = left.wait + closing + more * extra.wait
    doing = left.work + more * extra.work
    likely = max(AT_LEAST, waiting + doing)
    factor = 1.25 + pace.spread
    low = max(AT_LEAST, (left.seconds + closing) / factor)
    high = (left.seconds + closing + min(1.0, 2.0 * more) * extra.seconds) * factor
    return TimeLeft(
        likely=likely,
        low=min(low, likely),
        high=max(high, likely),
        work=doing,
        waiting=waiting,
        more_rounds=len(_ahead(work)) + more,
    )


def pace_of(work: Work) -> Pace | None:
    """Return the pace of the jobs that ended last and of those that run; None without any."""
    ended = [
        it
        for it in _batches(work)
        if it.ended is not None and it.began is not None and it.done and it.seconds > 0
    ]
    ended = sorted(ended, key=lambda it: it.ended or 0.0)[-WINDOW:]
    starts = [
        max(0.0, (it.ended or 0.0) - (it.began or 0.0) - it.seconds)
        for it in ended
        if it.done == it.n
    ]
    start_up = median(starts) if starts else START_UP
    own = [(it.seconds / it.done, it.done) for it in ended]
    for it in _batches(work):
        if it.ended is None and it.began is not None and it.done:
            seconds = work.now - it.began - start_up
            if seconds > 0:
                own.append((seconds / it.done, it.done))
    if not own:
        return None
    fits = sum(n for _, n in own)
    mean = sum(each * n for each, n in own) / fits
    values = [each for each, _ in own]
    spread = pstdev(values) / mean if len(values) > 1 and mean > 0 else 0.3
    return Pace(mean, min(spread, 1.0), start_up)


def rate(work: Work) -> float | None:
    """Return the fits per second of the jobs that run now; None if none does."""
    pace = pace_of(work)
    if pace is None or pace.fit <= 0:
        return None
    running = sum(it.began is not None and it.ended is None for it in _batches(work))
    return running / pace.fit if running else None


@dataclass(frozen=True)
class _Sum:
    work: float = 0.0
    wait: float = 0.0
    left_over: float = 0.0

    @property
    def seconds(self) -> float:
        return self.work + self.wait

    def plus(self, other: _Sum) -> _Sum:
        return _Sum(self.work + other.work, self.wait + other.wait, self.left_over)

    def minus_wait(self, seconds: float) -> _Sum:
        return _Sum(self.work, max(0.0, self.wait - seconds), self.left_over)


def _batches(work: Work) -> Iterator[BatchWork]:
    for each in work.rounds:
        yield from each.batches


def _gap(work: Work) -> float:
    """Return the usual time from the end of a round to the first start in the next one."""
    ends = [work.ready, *(it.ended for it in work.rounds)]
    gaps = [
        began - end
        for end, following in zip(ends, work.rounds, strict=False)
        if end is not None and (began := following.began) is not None and began >= end
    ]
    return fmean(gaps[-3:]) if gaps else GAP


def _slots(work: Work) -> int:
    """Return how many jobs run at a time; more than now, if none waits for a machine."""
    current = next((it for it in work.rounds if it.ended is None), None)
    if current is not None:
        running = sum(it.began is not None and it.ended is None for it in current.batches)
        waits = any(it.began is None and it.ended is None for it in current.batches)
        if running and waits:
            return running
    return max([1, *(_most_at_once(it.batches) for it in work.rounds[-2:])])


def _most_at_once(batches: Iterable[BatchWork]) -> int:
    changes = [(it.began, 1) for it in batches if it.began is not None]
    changes += [(it.ended, -1) for it in batches if it.began is not None and it.ended]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def _in_round(work: Work, current: RoundWork, pace: Pace, slots: int, gap: float) -> _Sum:
    """Return what is left of a round that has begun."""
    left: list[tuple[float, float]] = []  # of each running job: until it ends, of that fits
    left_over = 0.0
    for it in current.batches:
        if it.began is None or it.ended is not None:
            continue
        elapsed = work.now - it.began
        each = pace.fit
        if it.done > 1 and elapsed > pace.start_up:
            each = (elapsed - pace.start_up) / it.done
        fits = (it.n - it.done) * each
        if it.done == 0:  # it does not say, or has just begun
            fits = max(it.n * pace.fit + pace.start_up - elapsed, 0.2 * it.n * pace.fit)
        budget = work.time_budget
        if budget and fits > budget - elapsed:
            kept = max(0.0, budget - elapsed)
            left_over += (fits - kept) / each if each else 0.0
            fits = kept
        left.append((fits + 0.5 * pace.start_up, fits))
    free = [0.0] * max(0, slots - len(left)) + [until for until, _ in left]
    heapq.heapify(free)
    until = max((it for it, _ in left), default=0.0)
    fitting = max((fits for _, fits in left), default=0.0)
    for it in current.batches:
        if it.began is None and it.ended is None:
            fits = (it.n - it.done) * pace.fit
            end = heapq.heappop(free) + fits + pace.start_up
            heapq.heappush(free, end)
            if end > until:
                until, fitting = end, max(0.0, end - pace.start_up)
    wait = until - fitting
    if current.began is None:  # not started yet: part of the gap is still to come
        wait += max(0.0, gap - (work.now - current.opened))
    return _Sum(fitting, wait, left_over)


def _whole_round(work: Work, n: float, pace: Pace, slots: int, gap: float) -> _Sum:
    """Return what a round of ``n`` fits takes that is not chosen yet."""
    if n < 1:
        return _Sum(0.0, gap)
    jobs = min(n, -(-n // work.batch_size) if work.batch_size else work.jobs_per_round or 1)
    waves = -(-jobs // slots)
    work_of_slot = waves * (n / jobs) * pace.fit
    # The last job of a round takes longer than the mean.
    return _Sum(work_of_slot * (1.0 + 0.5 * pace.spread), gap + waves * pace.start_up)


def _ahead(work: Work) -> list[float]:
    """Return the fits of the rounds that the finer nsides ask for."""
    seen = {nside for it in work.rounds for nside in it.nsides}
    rest = work.max_rounds - len(work.rounds)
    found: list[float] = []
    before = None
    for nside, extension in work.progression:
        if nside not in seen:
            pixels = 12 * nside**2 if before is None else extension * (nside // before) ** 2
            found.append(float(pixels * work.n_variations))
        before = nside
    return found[: max(0, rest)]


def _more(work: Work) -> tuple[float, float]:
    """Return the chance of a further round after those ahead, and its number of fits."""
    ahead = _ahead(work)
    if len(work.rounds) + len(ahead) >= work.max_rounds or len(work.progression) == 1:
        return 0.0, 0.0
    seen: set[int] = set()
    again = 0
    for each in work.rounds:
        again += bool(seen) and set(each.nsides) <= seen and not each.is_leftover
        seen |= set(each.nsides)
    before, (nside, extension) = work.progression[-2][0], work.progression[-1]
    n = extension * (nside // before) ** 2 * work.n_variations
    return (MORE_AGAIN if again else MORE), PART * n
