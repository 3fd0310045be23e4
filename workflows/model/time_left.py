"""The remaining time of a scan, from what its rounds have taken so far.

The current round is scheduled onto the slots that it has: jobs that run continue at their own
pace, the others take the mean of the jobs that ended last. Rounds that are not chosen yet
follow from the progression. Waits (for machines, start-ups, DAGMan between rounds) are kept
apart from fits.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING

from workflows.model.scan import TimeLeft

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from workflows.model.work import BatchWork, RoundWork, Work

WINDOW = 16  # batches that ended last, from which the pace of the others follows
RECENT = 60.0  # seconds over which the number of slots is averaged
#: Until they are seen, in seconds: DAGMan and a script from the end of a round to the choice of
#: the next one; from there to its first start; a job besides its fits.
SCRIPT, WAIT, START_UP = 4.0, 3.0, 2.0
#: Of DAGMan's looks, which are part of what a script takes, and the shortest time without them.
LOOK, QUICKEST = 1.0, 0.5
#: How long merge takes, relative to that script without the looks; the report, to merge.
MERGE, REPORT = 1.0, 6.0
SKIP = 1.0  # seconds of DAGMan for each round that is skipped
AT_LEAST = 1.0  # seconds: nothing has ended until DAGMan has
FIRST_WAIT = 10.0  # seconds of a wait that are expected to recur
AGAIN = 0.5  # further wait of an overdue job, as a fraction of its wait so far
LONGER = 0.2  # the same for merge and report
#: Chance that the best fit moves, so that one more round follows the last one expected, and of
#: another one after that; the size of such a round, relative to the largest one of its nside.
#: Scans of `track` and of the dummy had these.
MORE, MORE_AGAIN, PART = 0.8, 0.2, 0.25


@dataclass(frozen=True)
class Pace:
    """How quickly jobs fit: seconds per fit, their relative spread, and per start-up."""

    fit: float
    spread: float
    start_up: float


def merge_and_report(script: float) -> tuple[float, float]:
    """Return the usual seconds of merge and of the report.

    Parameters
    ----------
    script : float
        Seconds from the end of a round to the choice of the next one, which tell how busy the
        machine is.
    """
    own = max(QUICKEST, script - LOOK)
    return MERGE * own + LOOK, REPORT * own + LOOK


def time_left(work: Work, pace: Pace | None, delay: float = 0.0) -> TimeLeft | None:
    """Return the remaining time of a scan that is in the queue; None if nothing is known.

    ``delay`` is a number of seconds in which nothing will run.
    """
    if pace is None:
        return None
    gaps = _gaps(work)
    closing = _closing(work, gaps) + delay
    current = next((it for it in work.rounds if it.ended is None), None)
    if current is None and (work.closing.skipped or work.closing.merge_began):
        return _as_time_left(_Sum(0.0, closing), _Sum(), pace, 0.0, 0.0)
    slots = _slots(work, current)
    left = _in_round(work, current, pace, slots, gaps) if current else _Sum()
    ahead = [*_ahead(work), *([left.left_over] if left.left_over >= 1 else [])]
    for n in ahead:
        left = left.plus(_whole_round(work, n, pace, slots, gaps))
    more, n_more = _more(work)
    extra = _whole_round(work, n_more, pace, slots, gaps)
    if current is None and work.rounds:
        # Between rounds: part of the next wait is over.
        since = work.now - max(it.ended or 0.0 for it in work.rounds)
        left = left.minus_wait(min(since, gaps.script)) if ahead else left
        closing -= 0.0 if ahead else min(since, gaps.script)
    left = left.plus(_Sum(0.0, closing))
    return _as_time_left(left, extra, pace, more, len(ahead) + more)


def _as_time_left(
    left: _Sum, extra: _Sum, pace: Pace, chance: float, more_rounds: float
) -> TimeLeft:
    doing = left.work + chance * extra.work
    waiting = max(AT_LEAST, left.wait + chance * extra.wait)
    likely = doing + waiting
    factor = 1.25 + pace.spread
    high = (left.seconds + min(1.0, 2.0 * chance) * extra.seconds) * factor
    return TimeLeft(
        likely=likely,
        low=min(likely, max(AT_LEAST, left.seconds / factor)),
        high=max(likely, high),
        work=doing,
        waiting=waiting,
        more_rounds=more_rounds,
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


def rate(work: Work, pace: Pace | None) -> float | None:
    """Return the fits per second of the jobs that run now; None if none does."""
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


@dataclass(frozen=True)
class _Gaps:
    """Usual seconds: of DAGMan and a script until a round is chosen, then until it starts."""

    script: float
    wait: float


def _gaps(work: Work) -> _Gaps:
    ends = [work.ready, *(it.ended for it in work.rounds)]
    opened = [it.opened for it in work.rounds]
    if _is_ahead(work):
        del opened[1:]  # these were not chosen at the end of a round
    elif work.closing.n_skipped == 1 and work.closing.skipped:
        opened.append(work.closing.skipped)  # the last such script found no pixels
    pairs = zip(ends, opened, strict=False)
    scripts = [then - end for end, then in pairs if end is not None and then > end]
    waits = [it.began - it.opened for it in work.rounds if it.began and it.began > it.opened]
    return _Gaps(
        # How busy the machine is changes while a scan runs: of the last two.
        script=fmean(scripts[-2:]) if scripts else SCRIPT,
        # The first round waits for machines that later ones keep.
        wait=min([*waits[-3:], FIRST_WAIT]) if waits else WAIT,
    )


def _is_ahead(work: Work) -> bool:
    """Return whether a round was chosen before the one before it had ended."""
    pairs = pairwise(work.rounds)
    return any(before.ended is None or it.opened < before.ended for before, it in pairs)


def _closing(work: Work, gaps: _Gaps) -> float:
    """Return the seconds from the end of the last round: skipped rounds, merge, report."""
    seen = work.closing
    merge, report = merge_and_report(gaps.script)
    if seen.merge_ended is not None:
        # Merge is a script like that of the report, and has just shown how busy the machine is.
        if seen.merge_began is None and seen.skipped is not None:
            _, report = merge_and_report(seen.merge_ended - seen.skipped + LOOK)
        return _rest(report, work.now - seen.merge_ended)
    if seen.merge_began is not None:
        return report + _rest(merge, work.now - seen.merge_began)
    spare = work.max_rounds - len(work.rounds) if work.n_skips is None else work.n_skips
    n_skips = max(0, spare - seen.n_skipped)
    if seen.skipped is not None:
        skips = _rest(SKIP * (n_skips + 1), work.now - seen.skipped)
    else:
        skips = gaps.script + SKIP * (n_skips - 1) if n_skips else 0.0
    return skips + merge + report


def _rest(usual: float, elapsed: float) -> float:
    """Return what is left of something that usually takes a time; it may take longer."""
    return max(AT_LEAST, usual - elapsed, LONGER * elapsed)


def _slots(work: Work, current: RoundWork | None) -> int:
    """Return how many jobs run at a time."""
    if current is not None and current.began is not None:
        running = sum(it.began is not None and it.ended is None for it in current.batches)
        if any(it.began is None and it.ended is None for it in current.batches):
            # Some wait for a machine: as many as of late.
            since = max(current.began, work.now - RECENT)
            used = sum(
                max(0.0, (it.ended or work.now) - max(it.began, since))
                for it in current.batches
                if it.began is not None
            )
            return max(1, running, round(used / max(1.0, work.now - since)))
    return max([1, *(_most_at_once(it.batches) for it in work.rounds[-2:])])


def _most_at_once(batches: Iterable[BatchWork]) -> int:
    changes = [(it.began, 1) for it in batches if it.began is not None]
    changes += [(it.ended, -1) for it in batches if it.began is not None and it.ended]
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def _in_round(work: Work, current: RoundWork, pace: Pace, slots: int, gaps: _Gaps) -> _Sum:
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
    if current.began is None:
        waited = max(0.0, work.now - current.opened)
        wait += max(gaps.wait - waited, AGAIN * waited)
    return _Sum(fitting, wait, left_over)


def _whole_round(work: Work, n: float, pace: Pace, slots: int, gaps: _Gaps) -> _Sum:
    """Return what a round of ``n`` fits takes that is not chosen yet."""
    gap = gaps.script + gaps.wait
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
