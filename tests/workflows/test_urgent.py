"""Urgent scans: their priority, and the same results.

Both scans of this module run at the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from plans_support import EVENT, dry_run, options, write_events
from scans import RunningScan, make_scan, wait_until

from skyscan.errors import ExitCode, WrongUsage
from workflows.campaigns import run as campaign_run
from workflows.campaigns.plan import plan_campaign
from workflows.checks.expected import expected
from workflows.cli import main
from workflows.engines.dagman.submission import submit_command
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.plan import plan
from workflows.planned import read_planned

if TYPE_CHECKING:
    from condor.contact import Pool

#: On the site `personal` batches are not halved by default.
URGENT = {"urgent": True, "site_changes": ("urgent_halvings=2",)}
SMALL = {"reco": "dummy", "progression": ((2, 0), (4, 2)), "jobs_per_round": 2}
FIRST = ["-priority", "1000", "-append", "priority = 1000"]


def is_in(part: list[str], whole: list[str]) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole)))


def test_the_flag_is_recorded_and_makes_another_scan(tmp_path, capsys):
    command = ["plan", str(EVENT), "--simulated-event", "--reco-algo", "dummy"]
    where = ["--output-dir", str(tmp_path)]
    assert main([*command, *where, "--urgent", "--site", "icecube"]) == ExitCode.DONE
    (folder,) = tmp_path.iterdir()
    scan = read_planned(folder / "scan.json")
    assert (scan.urgent, scan.halvings) == (True, 2)
    assert main([*command, *where, "--site", "icecube"]) == ExitCode.WRONG_USAGE
    assert "urgent True -> False" in capsys.readouterr().err
    assert (
        "DAGMAN_USER_LOG_SCAN_INTERVAL = 1\n" in (folder / "workflow/dagman.config").read_text()
    )


def test_only_urgent_dags_are_submitted_with_a_priority(tmp_path):
    urgent = submit_command(plan(EVENT, tmp_path / "urgent", options(**URGENT)))
    assert is_in(FIRST, urgent)
    assert "-priority" not in submit_command(plan(EVENT, tmp_path / "plain", options()))
    changed = options(urgent=True, site_changes=("submit.priority=7",))
    assert is_in(["-priority", "7"], submit_command(plan(EVENT, tmp_path / "7", changed)))


def test_an_urgent_campaign_is_urgent_as_a_whole(tmp_path):
    files = write_events(tmp_path / "events", 1)
    folder, campaign = plan_campaign(files, tmp_path / "many", options(**URGENT))
    assert is_in(FIRST, campaign_run.submit_command(folder))
    assert read_planned(folder.scan(campaign.entries[0]).scan_json).urgent
    with pytest.raises(WrongUsage, match="urgent True -> False"):
        plan_campaign(files, tmp_path / "many", options(site_changes=URGENT["site_changes"]))


def test_an_urgent_scan_is_expected_to_have_more_jobs(tmp_path):
    plans = {"plain": options(), "urgent": options(**URGENT)}
    made = {name: plan(EVENT, tmp_path / name, chosen) for name, chosen in plans.items()}
    need = {name: expected(read_planned(it.scan_json)) for name, it in made.items()}
    assert need["urgent"].files > need["plain"].files


def test_jobs_of_pegasus_are_urgent_too(tmp_path):
    urgent = options(engine="pegasus", site="icecube", urgent=True)
    made = PegasusFolder(plan(EVENT, tmp_path, urgent).path)
    catalog = made.transformations.read_text()
    assert catalog.count("priority: '1000'") == 2
    assert catalog.count("keep_claim_idle: '60'") == 2
    assert "export _CONDOR_DAGMAN_USER_LOG_SCAN_INTERVAL=1\n" in made.plan_sh.read_text()
    plain = options(engine="pegasus", site="icecube")
    made = PegasusFolder(plan(EVENT, tmp_path / "plain", plain).path)
    assert "priority" not in made.transformations.read_text()
    assert "export" not in made.plan_sh.read_text()


@pytest.mark.pool
def test_condor_submit_accepts_the_jobs_of_an_urgent_scan(pool, run_folder):
    folder = plan(EVENT, run_folder, options(site="icecube", urgent=True))
    for name in ("prep.sub", "reco.sub"):
        job = dry_run(pool, folder, name)
        assert (job["JobPrio"], job["KeepClaimIdle"]) == ("1000", "60")


@pytest.fixture(scope="module")
def started(pool: Pool, session_folder) -> dict[str, RunningScan]:
    """Return an urgent scan and one that is not, submitted."""
    folder = session_folder / "urgent"
    plans = {"plain": SMALL, "urgent": {**SMALL, **URGENT}}
    scans = {}
    for name, chosen in plans.items():
        (folder / name).mkdir(parents=True)
        scans[name] = make_scan(pool, folder / name, **chosen)
    for scan in scans.values():
        scan.submit()
    return scans


@pytest.mark.pool
@pytest.mark.versions
def test_an_urgent_scan_gives_the_same_with_smaller_batches(started):
    urgent, plain = started["urgent"], started["plain"]
    assert urgent.finish().outcome == plain.finish().outcome == "complete"
    assert urgent.npz() == plain.npz()
    assert set(urgent.fits().values()) == {1}
    batches = {
        name: len(list(scan.folder.round(0).batch(0).parent.glob("*.npz")))
        for name, scan in started.items()
    }
    assert batches == {"plain": 2, "urgent": 6}


@pytest.mark.pool
@pytest.mark.parametrize(("name", "priority"), [("urgent", "1000"), ("plain", "0")])
def test_every_job_of_an_urgent_scan_has_priority(pool, started, name, priority):
    scan = started[name]
    scan.finish()
    mine = scan.is_mine()
    outer = f'UserLog == "{scan.folder.workflow / "scan.dag.dagman.log"}"'
    query = ("-constraint", f"{mine} || {outer}", "-af", "JobUniverse", "JobPrio")

    def jobs() -> list[list[str]]:
        return [line.split() for line in pool.run("condor_history", *query).stdout.splitlines()]

    def dagmans() -> int:
        return sum(universe == "7" for universe, _ in jobs())

    n = len(list(scan.folder.workflow.glob("*.dag.dagman.log")))  # the scan's and its rounds'
    wait_until(lambda: dagmans() == n, "the DAGMans to be history")
    # the fits, the DAGMans
    assert {universe for universe, _ in jobs()} == {"5", "7"}
    assert {found for _, found in jobs()} == {priority}
