"""An estimate as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.model.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workflows.estimates.advice import Advice
    from workflows.estimates.estimate import Estimate
    from workflows.estimates.question import Question
    from workflows.estimates.setting import Setting

_HEAD = "   slots  to the map          4 of 5 scans    jobs  slot hours    lost"
_USUAL = "assumed"


def lines(
    question: Question, estimates: Sequence[Estimate], advice: Sequence[Advice]
) -> Iterator[str]:
    """Yield the answer to a question."""
    now = question.behaviour
    first = estimates[0]
    yield f"{question.name}: {question.reco} on {question.site}"
    yield (
        f"  work      {first.pixels:.0f} pixels, {first.fits:.0f} fits in {first.rounds:.0f} "
        f"rounds; {now.seconds_per_fit:.3g} s a fit ({question.source}), "
        f"{first.fit_hours:.3g} CPU hours"
    )
    yield (
        f"  pool      {'seen in its logs' if question.is_seen else _USUAL}: set-up "
        f"{now.set_up:.3g} s, {now.evictions_per_hour:.2g} evictions an hour, "
        f"{now.held:.1%} of starts held, {now.failing:.1%} failed"
    )
    yield _HEAD
    for it in estimates:
        span = f"{duration(it.low_seconds)} to {duration(it.high_seconds)}"
        lost = it.lost_hours / it.cpu_hours if it.cpu_hours else 0.0
        yield (
            f"  {it.slots:6d}  {duration(it.seconds):>10}  {span:>20}  {it.jobs:6.0f}  "
            f"{it.cpu_hours:10.3g}  {lost:6.1%}"
        )
    for it in estimates:
        if it.complete < 1:
            yield (
                f"  warning   on {it.slots} slots, a job is given up in "
                f"{1 - it.complete:.0%} of the scans"
            )
    for best in advice:
        yield from _advice_lines(best, question.setting)


def _advice_lines(best: Advice, given: Setting) -> Iterator[str]:
    if best.setting == given:
        yield f"  best      on {best.slots} slots: as it is"
        return
    words = " ".join(changes(best.setting, given))
    if given.batch_size and not best.setting.batch_size:
        words += f", without --batch-size {given.batch_size}"
    yield f"  best      on {best.slots} slots: {words}"
    yield (
        f"            {duration(best.seconds)} instead of {duration(best.before_seconds)}, "
        f"{best.gain:.0%} less"
    )


def changes(best: Setting, given: Setting) -> Iterator[str]:
    """Yield the options that make one setting of another."""
    if (best.batch_size, best.jobs_per_round) != (given.batch_size, given.jobs_per_round):
        yield f"--jobs-per-round {best.jobs_per_round}"
    if best.time_budget != given.time_budget:
        minutes = best.time_budget / 60.0
        yield f"--time-budget {f'{minutes:.0f}m' if minutes else 0}"
    if best.threshold != given.threshold:
        yield f"--predictive-scanning-threshold {best.threshold:g}"
    if best.has_own_rounds and best.max_rounds != given.max_rounds:
        yield f"--max-rounds {best.max_rounds}"
