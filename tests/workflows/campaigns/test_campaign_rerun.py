"""Campaigns that are removed from the queue, or repeated in part, on a real pool.

All campaigns of this module run at the same time.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plans_support import accept_changes, options, write_events
from scans import environment, wait_until

from condor.logs.dagman import dagman_state, log_events
from skyscan.errors import ExitCode
from skyscan.job.worker import TALLY_VARIABLE
from skyscan.records import FIT_DTYPE, sign
from skyscan.results import write_results
from skyscan.rounds.earlier import fits_in
from workflows.campaigns.plan import plan_campaign
from workflows.campaigns.run import is_over, is_queued, queued_dagmans, queued_jobs, submit
from workflows.cli import main
from workflows.planned import read_planned
from workflows.submission import AlreadyRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condor.contact import Pool
    from workflows.campaigns.folder import CampaignFolder
    from workflows.options import Options

N_SCANS, N_FITS = 3, 12  # fits of a scan
N_RUN = 2  # scans at a time: one waits
COST, SLOW = "SKYSCAN_DUMMY_COST", "3"  # seconds per fit, until a campaign is removed


@dataclass(frozen=True)
class Many:
    """A campaign, its pool, and the file that lists every fit that was started."""

    folder: CampaignFolder
    pool: Pool
    tally: Path

    @property
    def place(self) -> str:
        return str(self.folder.path)

    def fits(self) -> Counter[str]:
        """Return how often the fit of each pixel was started, in all scans together."""
        lines = self.tally.read_text().splitlines() if self.tally.exists() else []
        return Counter(" ".join(line.split()[:3]) for line in lines)

    def run_until_fits(self) -> Many:
        submit(self.folder, self.pool)
        wait_until(lambda: self.fits().total() >= 4 or is_over(self.folder), "fits to begin")
        in_queue = queued_dagmans(self.folder, self.pool)
        assert len(in_queue) == 1 + N_RUN, "the campaign was not caught at work"
        return self

    def hurry(self) -> None:
        """Let the remaining fits cost nothing, and all scans run at once."""
        plan_campaign([], self.folder.path, small_scans(), N_SCANS)
        for scan in self.folder.scans:
            sub = scan.workflow / "reco.sub"
            sub.write_text(sub.read_text().replace(f"{COST}={SLOW}", f"{COST}=0"))
            accept_changes(scan)

    def in_queue(self) -> int:
        return len(queued_jobs(self.folder, self.pool))

    def removed(self) -> int:
        """Count the scans that were removed from the queue, by the logs of their DAGMans."""
        logs = [scan.workflow / "scan.dag.dagman.log" for scan in self.folder.scans]
        events = [event.type.name for log in logs if log.exists() for event in log_events(log)]
        return events.count("JOB_ABORTED")

    def maps(self) -> dict[str, bytes]:
        return {npz.name: npz.read_bytes() for npz in self.folder.path.glob("scans/*/*/*.npz")}


@dataclass(frozen=True)
class Ended:
    """The results of a campaign after a fault, and at its end."""

    many: Many
    in_queue: int
    removed: int
    before: Counter[str]
    exit_code: int
    maps: dict[str, bytes]

    def again(self) -> Counter[str]:
        return self.many.fits() - self.before


def resumed(many: Many) -> Ended:
    in_queue, removed, before = many.in_queue(), many.removed(), many.fits()
    many.hurry()
    code = main(["resume", many.place])
    return Ended(many, in_queue, removed, before, code, many.maps())


def aborted(many: Many) -> Ended:
    link = many.folder.path.with_name("link")
    link.symlink_to(many.folder.path)
    many.run_until_fits()
    assert main(["retry", many.place, "--failed"]) == ExitCode.WRONG_USAGE  # it runs
    assert main(["abort", str(link)]) == ExitCode.DONE
    return resumed(many)


def removed_by_hand(many: Many) -> Ended:
    many.run_until_fits()
    cluster, *_ = queued_dagmans(many.folder, many.pool)
    assert many.pool.run("condor_rm", str(cluster)).returncode == 0
    wait_until(lambda: many.in_queue() == 0, "all of it to go")
    return resumed(many)


def left_behind(many: Many) -> Ended:
    """Abort the scans of a campaign whose DAGMan is gone but has not removed them."""
    many.run_until_fits()
    cluster, *scans = queued_dagmans(many.folder, many.pool)
    kept = many.pool.run("condor_qedit", str(cluster), "OtherJobRemoveRequirements", "false")
    assert kept.returncode == 0, kept.stderr
    # A DAGMan that is put on hold ends, and leaves its jobs and its lock behind.
    assert many.pool.run("condor_hold", str(cluster)).returncode == 0
    wait_until(lambda: dagman_state(many.folder.dag).state == "held", "DAGMan to be held")
    assert many.pool.run("condor_rm", str(cluster)).returncode == 0
    wait_until(lambda: not is_queued(many.folder, many.pool), "DAGMan to go")
    assert many.folder.dag.with_name("campaign.dag.lock").exists()
    assert queued_dagmans(many.folder, many.pool) == scans
    with pytest.raises(AlreadyRuns, match="on their own"):
        submit(many.folder, many.pool)
    assert main(["abort", many.place]) == ExitCode.DONE
    return resumed(many)


def failed_again(many: Many) -> Ended:
    """Write NaN for two fits of one scan, as after a failed reconstruction; then retry."""
    submit(many.folder, many.pool)
    wait_until(lambda: is_over(many.folder), "the campaign to end")
    scan = many.folder.scans[1]
    (*_, (batch, records)) = fits_in(scan.rounds, read_planned(scan.scan_json).id)
    broken = records.copy()
    for name in FIT_DTYPE.names or ():
        broken[name][:2] = float("nan")
    write_results(scan.round(batch.round).result(batch.number), batch, sign(broken))
    before = many.fits()
    code = main(["retry", many.place, "--failed"])
    return Ended(many, many.in_queue(), many.removed(), before, code, many.maps())


CASES: dict[str, Callable[[Many], Ended]] = {
    "aborted": aborted,
    "removed by hand": removed_by_hand,
    "left behind": left_behind,
    "failed again": failed_again,
}
CUT_OFF = [name for name in CASES if name != "failed again"]


def small_scans() -> Options:
    return options(progression=((1, 0),))


def planned(pool: Pool, place: Path, cost: str) -> Many:
    files = write_events(place / "events", N_SCANS)
    at_a_time = N_RUN if cost == SLOW else N_SCANS
    with environment(**{COST: cost, TALLY_VARIABLE: str(place / "tally")}):
        folder, _ = plan_campaign(files, place / "it's many", small_scans(), at_a_time)
    return Many(folder, pool, place / "tally")


@pytest.fixture(scope="module")
def ended(pool: Pool, session_folder: Path) -> Iterator[Callable[[str], Ended]]:
    """Run all cases at once; return how one of them ended."""
    cases = {
        name: planned(
            pool, Path(tempfile.mkdtemp(dir=session_folder)), SLOW if name in CUT_OFF else "0"
        )
        for name in CASES
    }
    with ThreadPoolExecutor(len(CASES)) as threads:
        futures = {name: threads.submit(CASES[name], many) for name, many in cases.items()}
        yield lambda name: futures[name].result()


@pytest.mark.pool
@pytest.mark.parametrize("name", CUT_OFF)
def test_an_aborted_campaign_leaves_the_queue_and_is_resumed_to_the_same_maps(ended, name):
    end = ended(name)
    assert end.in_queue == 0
    assert end.removed == N_RUN
    assert end.exit_code == ExitCode.DONE
    assert len(end.maps) == N_SCANS
    assert end.maps == ended("failed again").maps


@pytest.mark.pool
@pytest.mark.parametrize("name", CUT_OFF)
def test_fits_are_done_once_or_at_most_twice_if_they_were_interrupted(ended, name):
    end = ended(name)
    assert 4 <= end.before.total() < N_RUN * N_FITS  # it was removed while it ran
    assert len(end.many.fits()) == N_FITS
    assert all(N_SCANS <= n <= N_SCANS + N_RUN for n in end.many.fits().values())
    waiting = end.many.folder.scans[-1]
    assert dagman_state(waiting.workflow / "scan.dag").submissions == 1


@pytest.mark.pool
def test_only_failed_fits_are_repeated_in_the_scan_that_has_them(ended):
    end = ended("failed again")
    assert end.exit_code == ExitCode.DONE
    assert end.again().total() == 2
    assert [scan.earlier.exists() for scan in end.many.folder.scans] == [False, True, False]
    starts = [
        dagman_state(it.workflow / "scan.dag").submissions for it in end.many.folder.scans
    ]
    assert starts == [1, 2, 1]
    earlier = end.many.folder.scans[1].earlier.glob("001/*.npz")
    assert [npz.read_bytes() for npz in earlier] == [
        end.maps[npz.name] for npz in end.many.folder.scans[1].path.glob("*.npz")
    ]


@pytest.mark.pool
def test_a_campaign_without_failures_is_unchanged(ended, capsys):
    end = ended("failed again")
    capsys.readouterr()
    assert main(["abort", end.many.place]) == ExitCode.DONE
    assert "campaign is not in the queue" in capsys.readouterr().out
    assert main(["retry", end.many.place, "--failed"]) == ExitCode.DONE
    assert "Nothing to retry" in capsys.readouterr().out
    assert dagman_state(end.many.folder.dag).submissions == 2


@pytest.mark.parametrize(
    "words",
    [
        ["retry", "--round", "0"],
        ["retry", "--failed", "--pixels", "1:3"],
        ["retry"],
        ["extend", "--max-rounds", "9"],
    ],
)
def test_options_for_one_scan_are_refused_for_a_campaign(tmp_path, capsys, words):
    files = write_events(tmp_path / "events", 1)
    folder, _ = plan_campaign(files, tmp_path / "many", options())
    before = sorted(folder.path.rglob("*"))
    code = main([words[0], str(folder.path), *words[1:]])
    assert code == ExitCode.WRONG_USAGE
    assert "many/scans/000/run" in capsys.readouterr().err
    assert sorted(folder.path.rglob("*")) == before


def test_without_a_pool_the_state_of_a_campaign_is_unknown(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    files = write_events(tmp_path / "events", 1)
    folder, _ = plan_campaign(files, tmp_path / "many", options())
    assert main(["abort", str(folder.path)]) == ExitCode.TRY_AGAIN
    assert "whether the campaign is" in capsys.readouterr().err
