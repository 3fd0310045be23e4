"""The scan model as lines of text."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from skyscan.answer.sky.frame import turn_text
from workflows.model.timing import advice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workflows.engines.engine import Failure
    from workflows.model.scan import Jobs, Machine, Round, ScanModel, TimeLeft

OLD = 60.0  # seconds without news after which their age is shown
SHOWN_MACHINES = 10
SHOWN_HELD = 5


def duration(seconds: float) -> str:
    """Return a duration as hh:mm:ss; hh may exceed 24."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"


LOST_LOG = "DAGMan's log is missing or damaged"
_QUEUE_SAYS = {
    True: "the scan is in the queue",
    False: "the scan is not in the queue",
    None: "whether the scan is in the queue is not known",
}


def heading(model: ScanModel) -> str:
    """Return the first line of a status: name, reconstruction, state."""
    reco = f"{model.reco} ({model.kernel})" if model.kernel else model.reco
    return f"{model.name}  {reco}  {state_text(model)}"


def state_text(model: ScanModel) -> str:
    """Return the state of the scan in words."""
    if model.dagman is None and model.state == "planned":
        return "not submitted yet"
    if model.dagman is None:
        return f"{LOST_LOG}; {_QUEUE_SAYS[model.in_queue]}"
    job = f"DAGMan job {model.dagman.cluster}"
    if model.state == "elsewhere":
        return f"{job}: was {model.dagman.state} in {model.submitted_in}"
    if model.state == "unknown":
        return f"{job}: not in the queue, although its log does not end"
    is_seen = model.dagman.state in ("ended", "removed") or model.in_queue is not None
    return f"{job}: {model.dagman.state}{'' if is_seen else ' by its log'}"


def progress_lines(model: ScanModel) -> Iterator[str]:
    """Yield the lines about a scan that has not ended, after its rounds."""
    place = shlex.quote(model.folder)
    if model.state == "elsewhere":
        there = shlex.quote(model.submitted_in)
        yield (
            f"  copy      this folder is not the one that was submitted, and is "
            f"{_age(model)} old; `skyscan status {there}` shows that one"
        )
        yield (
            f"  next      `skyscan resume {place}` scans here, with the results that were "
            f"copied; if the folder was moved instead, `skyscan abort {place}` first"
        )
        return
    if model.state == "unknown" and model.in_queue is not None:
        yield (
            "  why       the queue of this pool does not have it: the queue was lost, or the "
            "scan is in another pool"
        )
        yield f"  next      skyscan resume {place}"
        return
    if model.dagman is not None and model.dagman.starts > 1:
        yield (
            f"  DAGMan died and was restarted {model.dagman.starts - 1} times. If this "
            f"continues, run `skyscan abort {place}`, then `skyscan resume {place}`"
        )
    yield from (f"  waits     {obstacle}" for obstacle in model.waits)
    if model.rounds and model.dagman is not None:
        yield f"  now       {now_text(model)}"
    jobs = jobs_text(model.jobs)
    if jobs and model.dagman is not None:
        yield f"  jobs      {jobs}"
    yield from (f"  logs      {text}" for text in late_logs(model))
    yield from (f"  held      {it.n} x {it.reason}" for it in model.held[:SHOWN_HELD])
    if model.best is not None:
        yield f"  best fit  {best_text(model)} so far"
    yield from (f"  warning   {machine}" for machine in model.bad_machines)
    yield from (f"  repaired  {it}" for it in model.repairs)
    if model.failures:
        yield f"  failed    {n_steps(model)}; `skyscan why {place}` says why"
    if model.age is not None and model.age > OLD and model.dagman is not None:
        yield f"  news      the newest event or result is {_age(model)} old"


def late_logs(model: ScanModel) -> Iterator[str]:
    """Yield a sentence if the queue has more jobs of a scan than its logs say."""
    jobs = model.jobs
    known = jobs.idle + jobs.running + jobs.evicted + jobs.held
    if model.n_queued is not None and model.n_queued > known:
        yield (
            f"the queue has {model.n_queued} jobs of the scan, and by its logs there are "
            f"{known}: they are late or damaged"
        )


def now_text(model: ScanModel) -> str:
    """Return the pace and the remaining time."""
    jobs = model.jobs
    if jobs.held and not (jobs.idle or jobs.running or jobs.evicted or jobs.waiting):
        return "nothing runs: the jobs are held"
    words = []
    if model.rate:
        words.append(f"{model.rate:.1f} a second")
    if model.time_left is not None:
        words.append(left_text(model.time_left))
    return ", ".join(words) or "the pace is not known yet"


def left_text(left: TimeLeft) -> str:
    """Return the remaining time with its range."""
    return (
        f"about {duration(left.likely)} left ({duration(left.low)} to {duration(left.high)}), "
        f"{duration(left.waiting)} of it waiting"
    )


def jobs_text(jobs: Jobs) -> str:
    """Return the number of jobs in each state; states without jobs are left out."""
    shown = (
        f"{n} {name}" + (" for submission" if name == "waiting" else "")
        for name, n in vars(jobs).items()
        if n
    )
    return ", ".join(shown)


def best_text(model: ScanModel) -> str:
    """Return the best fit."""
    best = model.best
    if best is None:
        return "none"
    where = f"RA {turn_text(best.ra_deg)} deg, Dec {best.dec_deg:+.2f} deg (J2000)"
    if best.frame == "local":
        where = (
            f"zenith {90 - best.dec_deg:.2f} deg, azimuth {turn_text(best.ra_deg)} deg "
            f"(IceCube's local frame)"
        )
    return f"{where}; nside {best.nside}, pixel {best.pixel}, llh {best.llh:.2f}"


def round_lines(rounds: Sequence[Round]) -> Iterator[str]:
    """Yield a line for each round."""
    yield from (f"  {it.line()}" for it in rounds)


def timing_lines(model: ScanModel) -> list[str]:
    """Return where the time of a scan went, and what would change it."""
    spent = model.spent
    whole = spent.opening + spent.waiting + spent.running
    if whole <= 0:
        return []
    shares = (
        f"{duration(spent.running)} with jobs on machines",
        f"{duration(spent.waiting)} waiting for machines",
        f"{duration(spent.opening)} for DAGMan, its scripts and merge",
    )
    lines = [f"time      {duration(whole)}: {', '.join(shares)}"]
    if spent.slots > 0:
        parts = {
            "fits": spent.fits,
            "start-ups and transfers": spent.starting,
            "failed starts": spent.failed,
            "evictions": spent.evicted,
            "holds": spent.held,
        }
        shown = ", ".join(
            f"{seconds / spent.slots:.0%} {name}" for name, seconds in parts.items() if seconds
        )
        lines.append(f"slots     {spent.slots / 3600.0:.2f} hours: {shown}")
    if spent.queued or spent.in_hold:
        waited, held = duration(spent.queued), duration(spent.in_hold)
        lines.append(
            f"queue     all jobs waited {waited} for machines, and were held for {held}"
        )
    lines += [f"machine   {_machine(it)}" for it in model.machines[:SHOWN_MACHINES]]
    if len(model.machines) > SHOWN_MACHINES:
        rest = model.machines[SHOWN_MACHINES:]
        hours = sum(it.hours for it in rest)
        lines.append(f"machine   and {len(rest)} more, {hours:.2f} hours")
    lines += _sites(model.machines)
    lines += [
        f"slowest   nside {it.nside}, pixel {it.pixel}, variation {it.variation}: "
        f"{it.seconds:.1f} s" + (f" on {it.machine}" if it.machine else "")
        for it in model.slowest[:3]
    ]
    return [*lines, *(f"faster    {text}" for text in advice(model))]


def _sites(machines: Sequence[Machine]) -> list[str]:
    """Return a line for each site, the domain of its machines, if there are several."""
    of_site: dict[str, list[Machine]] = {}
    for it in machines:
        of_site.setdefault(it.name.partition(".")[2] or it.name, []).append(it)
    if len(of_site) < 2 or len(of_site) == len(machines):  # noqa: PLR2004
        return []
    lines = []
    for site, of_it in of_site.items():
        n_fits = sum(it.n_fits for it in of_it)
        seconds = sum((it.seconds_per_fit or 0.0) * it.n_fits for it in of_it)
        pace = f", {seconds / n_fits:.2f} s per fit" if n_fits else ""
        lost = sum(it.n_failed + it.n_evicted for it in of_it)
        hours = sum(it.hours for it in of_it)
        lines.append(
            f"site      {site}: {len(of_it)} machines, {hours:.2f} hours, {n_fits} fits{pace}; "
            f"{lost} starts lost"
        )
    return lines


def n_steps(model: ScanModel) -> str:
    """Return how many steps failed, in words."""
    n = len(model.failures)
    return "1 step" if n == 1 else f"{n} steps"


def why_lines(model: ScanModel, *, show_all: bool) -> Iterator[str]:
    """Yield why a scan failed: the causes with the steps of each, and the evidence.

    Parameters
    ----------
    model : ScanModel
        The scan.
    show_all : bool
        Whether to show each step; otherwise one of each cause.
    """
    yield heading(model)
    if not model.failures:
        yield from _without_failures(model)
    elif model.state in ("queued", "running"):
        yield "  so far    the scan goes on: steps that failed are tried again"
    groups: dict[tuple[str, int], list[Failure]] = {}
    for failure in model.failures:
        groups.setdefault((failure.cause, failure.exit_code), []).append(failure)
    for same in groups.values():
        for failure in same if show_all else same[:1]:
            alike = len(same) - 1
            yield f"  why       {failure.step}: {failure.text} (exit {failure.exit_code})"
            if alike and not show_all:
                yield f"            and {alike} more steps like it; `--all` shows each"
            yield from _evidence(failure, same if not show_all else [failure])
    if model.no_fit:
        yield from (
            f"  no fit    {it.n} x {it.reason}"
            + (f" (such as: {it.example})" if it.example != it.reason else "")
            for it in model.no_fit
        )


def _without_failures(model: ScanModel) -> Iterator[str]:
    texts = {
        "planned": "nothing: the scan was never submitted",
        "unknown": f"unknown: {LOST_LOG}",
        "ended": "nothing failed",
        "elsewhere": "unknown: this folder is not the one that was submitted",
    }
    yield f"  why       {texts.get(model.state, 'nothing has failed so far')}"
    if model.state in ("queued", "running", "held"):
        yield from (f"  waits     {obstacle}" for obstacle in model.waits)
        yield from (f"  logs      {text}" for text in late_logs(model))
    elif model.state == "unknown":
        yield f"  next      skyscan resume {shlex.quote(model.folder)}"


def _evidence(failure: Failure, alike: Sequence[Failure]) -> Iterator[str]:
    can = "may help" if failure.can_pass else "cannot help"
    yield f"  cause     {failure.cause}; another try {can}"
    machines = list(dict.fromkeys(it.machine for it in alike if it.machine))
    if machines:
        more = len(machines) - SHOWN_MACHINES
        rest = f" and {more} more" if more > 0 else ""
        yield f"  machine   {', '.join(machines[:SHOWN_MACHINES])}{rest}"
    if failure.file:
        yield f"  file      {failure.file}"
        yield from (f"            | {line}" for line in failure.last_lines)
    if failure.advice:
        yield f"  next      {failure.advice}"


def _machine(it: Machine) -> str:
    pace = "" if it.seconds_per_fit is None else f", {it.seconds_per_fit:.2f} s per fit"
    lost = (
        f", {it.n_failed} failed, {it.n_evicted} evicted" if it.n_failed + it.n_evicted else ""
    )
    return f"{it.name}: {it.hours:.2f} hours, {it.n_fits} fits{pace}; {it.n_good} jobs{lost}"


def _age(model: ScanModel) -> str:
    return "unknown" if model.age is None else duration(model.age)
