"""Many small scans with random faults: `make soak`.

    make soak SOAK="--scans 20 --seed 7"

Every scan must end with the map of the undisturbed one, byte for byte, and repeat no more fits
than its faults explain. The seed determines the faults of each scan, and after how many fits
they come, but the state of the scan at that time may differ.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from scans import RunningScan, environment, make_scan
from soak_faults import FAULTS, FIT, JOB, ROUND

from condor.personal.daemons import FOLDER_VARIABLE
from condor.personal.settings import CPUS_VARIABLE
from condor.pool import start, stop
from skyscan.errors import BadInput, TryAgain, WrongUsage
from workflows.reports.stored import read_report
from workflows.submission import submit
from workflows.watch import is_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condor.contact import Pool

RUNS = Path(__file__).parents[2] / ".runs"
PATIENCE = 1800.0  # seconds for one scan with all its faults
LOOK_EVERY = 0.5  # seconds
MOST_RESUMES = 5

COMMON = {"progression": ((1, 0), (2, 2))}
#: Kinds of scans: options, and the environment of their jobs.
VARIANTS: dict[str, tuple[dict[str, object], dict[str, str]]] = {
    "two jobs a round": ({"reco": "dummy", "jobs_per_round": 2}, {}),
    "checkpoints": ({"reco": "dummy", "jobs_per_round": 1, "checkpoint_interval": 5.0}, {}),
    "fits that fail at first": (
        {"reco": "crash_dummy", "jobs_per_round": 2},
        {
            "SKYSCAN_CRASH_DUMMY_PROBABILITY": "0.2",
            "SKYSCAN_CRASH_DUMMY_MODE": "raise,signal",
            "SKYSCAN_CRASH_DUMMY_WHEN": "first",
        },
    ),
}
DUMMY_COST = "0.5"  # seconds per fit


@dataclass(frozen=True)
class Undisturbed:
    """The scan that all others of its kind must equal."""

    npz: bytes
    fits: Counter[tuple[int, int, int]]
    job: int  # fits in the largest job
    round: int  # fits in the largest round

    def explained(self, costs: str) -> int:
        """Return how many fits a fault may cost; one that fails at first is started twice."""
        of_one = max(self.fits.values())
        return of_one * {FIT: 1, JOB: self.job, ROUND: self.round}.get(costs, 0)


@dataclass
class Story:
    """The faults of one scan, and its end."""

    number: int
    variant: str
    plan: list[tuple[str, int]]  # faults, and after how many fits
    folder: str
    done: list[str] = field(default_factory=list)
    explained: int = 0
    fits: int = 0
    extra: int = 0
    resumes: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


@dataclass
class Soak:
    """A running soak: its pool, its log, and the scans that are running."""

    pool: Pool
    folder: Path
    seed: int
    kinds: tuple[str, ...] = tuple(FAULTS)
    undisturbed: dict[str, Undisturbed] = field(default_factory=dict)
    at_work: dict[int, Story] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, scans: int, at_once: int) -> list[Story]:
        """Run the undisturbed scans, then the others; return the results."""
        threads = ThreadPoolExecutor(at_once)
        try:
            firsts = [self._plan(name, f"undisturbed-{name}") for name in VARIANTS]
            ended = list(threads.map(lambda scan: (_finished(scan.submit()), scan)[1], firsts))
            self.undisturbed = dict(zip(VARIANTS, map(_undisturbed, ended), strict=True))
            stories = [self._story(number) for number in range(scans)]
            planned = [(self._plan(it.variant, it.folder), it) for it in stories]
            list(threads.map(lambda pair: self._run_one(*pair), planned))
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
        return stories

    def _story(self, number: int) -> Story:
        random = Random(f"{self.seed}/{number}")
        variant = random.choice(list(VARIANTS))
        # A fit that fails and then loses its worker has had its two tries and is NaN.
        kinds = [kind for kind in self.kinds if "fail" not in variant or kind != "kill_worker"]
        weights = [FAULTS[kind].weight for kind in kinds]
        chosen = random.choices(kinds, weights, k=random.choice((1, 1, 2, 3)))
        most = len(self.undisturbed[variant].fits) - 1
        after = sorted(random.randint(1, most) for _ in chosen)
        plan = list(zip(chosen, after, strict=True))
        return Story(number, variant, plan, f"scan-{number:04d}")

    def _plan(self, variant: str, name: str) -> RunningScan:
        options, variables = VARIANTS[variant]
        place = self.folder / name.replace(" ", "-")
        place.mkdir(exist_ok=True)
        with environment(SKYSCAN_DUMMY_COST=DUMMY_COST, **variables):
            return make_scan(self.pool, place, **COMMON, **options)

    def _run_one(self, scan: RunningScan, story: Story) -> None:
        began = time.monotonic()
        with self.lock:
            self.at_work[story.number] = story
        try:
            _submitted(scan)
            self._disturb(scan, story)
            while not _is_complete(_finished(scan)) and story.resumes < MOST_RESUMES:
                story.resumes += 1
                self.log_event(story, f"resume: {_outcome(scan)}")
                self._resume(scan, story)
            judge(scan, story, self.undisturbed[story.variant])
        except Exception as error:  # noqa: BLE001  the other scans continue
            story.broken.append(f"{type(error).__name__}: {error}")
        with self.lock:
            del self.at_work[story.number]
        story.seconds = time.monotonic() - began
        self.log_event(story, "; ".join(["ended", *story.broken]))
        if not story.broken:
            shutil.rmtree(self.folder / story.folder)

    def _resume(self, scan: RunningScan, story: Story) -> None:
        """Resume a scan; if its plan is damaged, plan it again first, as the message says."""
        try:
            _submitted(scan)
        except BadInput as error:
            self.log_event(story, f"plan again: {error}")
            self._plan(story.variant, story.folder)
            _submitted(scan)

    def _disturb(self, scan: RunningScan, story: Story) -> None:
        random = Random(f"{self.seed}/{story.number}/targets")
        for kind, after in story.plan:
            target = None
            while target is None and not is_over(scan.folder):
                if scan.fits().total() >= after:
                    target = FAULTS[kind].do(scan, random)
                if target is None:
                    time.sleep(LOOK_EVERY)
            if target is None:
                return  # it ended before
            with self.lock:
                hit = list(self.at_work.values()) if kind == "kill_schedd" else [story]
                for it in hit:
                    it.done.append(kind)
                    it.explained += self.undisturbed[it.variant].explained(FAULTS[kind].costs)
            self.log_event(story, f"{kind} {target}, after {scan.fits().total()} fits")

    def log_event(self, story: Story, what: str) -> None:
        """Log an event of a scan."""
        line = f"{time.strftime('%H:%M:%S')} {story.folder} {what}"
        with self.lock, (self.folder / "soak.log").open("a") as log:
            print(line, flush=True)
            log.write(line + "\n")


def judge(scan: RunningScan, story: Story, undisturbed: Undisturbed) -> None:
    """Compare the result of a scan with the undisturbed one, and its fits with its faults."""
    fits = scan.fits()
    story.fits = fits.total()
    story.extra = sum(max(0, n - undisturbed.fits[fit]) for fit, n in fits.items())
    if not _is_complete(_outcome(scan)):
        story.broken.append(f"lost: it is {_outcome(scan)} after {story.resumes} resumes")
    elif scan.npz() != undisturbed.npz:
        story.broken.append("another map than the undisturbed scan's")
    if set(fits) != set(undisturbed.fits):
        story.broken.append("other pixels than the undisturbed scan's")
    if story.extra > story.explained:
        story.broken.append(f"doubled: {story.extra} fits again, {story.explained} explained")
    # A job is submitted twice, a PRE script runs up to three times: then its round fails.
    used_up = story.done.count("remove_job") > 1 or story.done.count("kill_pre_script") > 2
    if story.resumes and not (used_up or any(FAULTS[kind].wants_resume for kind in story.done)):
        story.broken.append(f"{story.resumes} resumes, and no fault that wants one")


def summary(soak: Soak, stories: Sequence[Story], seconds: float) -> dict[str, Any]:
    """Return the figures of a soak as a dictionary."""
    return {
        "seed": soak.seed,
        "scans": len(stories),
        "broken": sum(bool(it.broken) for it in stories),
        "seconds": round(seconds),
        "faults": dict(sorted(Counter(kind for it in stories for kind in it.done).items())),
        "fits": sum(it.fits for it in stories),
        "extra_fits": sum(it.extra for it in stories),
        "explained_fits": sum(it.explained for it in stories),
        "resumes": sum(it.resumes for it in stories),
        "lost": lost(stories),
        "stories": [asdict(it) for it in stories],
    }


def lost(stories: Sequence[Story]) -> dict[str, dict[str, float]]:
    """Return the seconds of fits that each kind of fault cost, where it was the only one."""
    costs: dict[str, list[float]] = {}
    for it in stories:
        if len(it.done) == 1:
            costs.setdefault(it.done[0], []).append(it.extra * float(DUMMY_COST))
    return {
        kind: {"scans": len(of), "mean": sum(of) / len(of), "most": max(of)}
        for kind, of in sorted(costs.items())
    }


def text_of(figures: dict[str, Any], folder: Path) -> str:
    """Return the figures of a soak as text."""
    faults = figures["faults"]
    head = (
        f"{figures['scans']} scans in {figures['seconds']} s, seed {figures['seed']}: "
        f"{sum(faults.values())} faults, {figures['resumes']} resumes, {figures['fits']} fits, "
        f"{figures['extra_fits']} of them again ({figures['explained_fits']} explained)"
    )
    lines = [head]
    for kind, n in faults.items():
        it = figures["lost"].get(kind)
        alone = it and f"{it['mean']:.1f} s of fits lost where it was the only one, "
        most = it and f"at most {it['most']:.1f} s ({it['scans']} scans)"
        lines.append(f"  {kind:18s}{n:4d}  {alone or ''}{most or ''}".rstrip())
    for it in figures["stories"]:
        lines += [f"BROKEN {folder / it['folder']}: {words}" for words in it["broken"]]
    return "\n".join([*lines, f"{figures['broken']} broken", ""])


def _stop_pool() -> None:
    os.environ.pop("CONDOR_CONFIG", None)  # the bindings set it
    stop(patience=2)


def _submitted(scan: RunningScan) -> None:
    """Submit; wait for a schedd that is restarting, and for a DAGMan that is ending."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return submit(scan.folder, scan.pool)
        except (TryAgain, WrongUsage):  # one of them: it is still in the queue
            if time.monotonic() > deadline:
                raise
        time.sleep(2)


def _finished(scan: RunningScan) -> str:
    deadline = time.monotonic() + PATIENCE
    while not is_over(scan.folder):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the scan does not end in {PATIENCE:g} s")
        time.sleep(LOOK_EVERY)
    return _outcome(scan)


def _outcome(scan: RunningScan) -> str:
    report = read_report(scan.folder)
    return report.outcome if report else "without a report"


def _is_complete(outcome: str) -> bool:
    return outcome == "complete"


def _undisturbed(scan: RunningScan) -> Undisturbed:
    rounds = [scan.folder.round(number) for number in scan.folder.chosen_rounds()]
    jobs = [[_rows(path) for path in it.path.glob("batches/*.npz")] for it in rounds]
    return Undisturbed(scan.npz(), scan.fits(), max(map(max, jobs)), max(map(sum, jobs)))


def _rows(batch: Path) -> int:
    from skyscan.batches import read_batch

    return len(read_batch(batch).pixels)


def main() -> int:
    """Run the soak of the command line; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    arguments = parser.parse_args()
    folder = RUNS / f"soak-{arguments.seed}-{time.strftime('%H%M%S')}"
    folder.mkdir(parents=True)
    os.environ.pop("CONDOR_CONFIG", None)
    os.environ[FOLDER_VARIABLE] = str(folder / "pool")
    os.environ[CPUS_VARIABLE] = str(2 * arguments.at_once)
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        soak = Soak(start(), folder, arguments.seed, tuple(arguments.faults))
        stories = soak.run(arguments.scans, arguments.at_once)
    except KeyboardInterrupt:
        print(f"Broken off; the log is {folder / 'soak.log'}", flush=True)
        _stop_pool()
        os._exit(130)  # do not wait for scans that wait
    finally:
        _stop_pool()
    figures = summary(soak, stories, time.monotonic() - began)
    text = text_of(figures, folder)
    (folder / "summary.json").write_text(json.dumps(figures, indent=1) + "\n")
    (folder / "summary.txt").write_text(text)
    print(text, end="")
    print(f"Everything is in {folder}")
    return 1 if figures["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
