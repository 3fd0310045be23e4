"""Complete scans from Pegasus' files alone, run job by job like Pegasus."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from pegasus_support import Executor, complaints, do_scan, read
from plans_support import EVENT, options

from condor.sites import recorded_site
from skyscan import batches
from skyscan.events.source import Source
from skyscan.layout import ScanFolder
from skyscan.merge import merge
from skyscan.prep import prepare
from skyscan.rounds.earlier import set_aside
from skyscan.rounds.next_round import open_round
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.engines.pegasus.outer import write_plan
from workflows.engines.pegasus.results import settle
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.stored import read_report

TINY = ((1, 0), (2, 4))
SCANS = {
    "dummy": {"progression": TINY, "jobs_per_round": 3},
    "track": {"reco": "track", "progression": ((1, 0), (2, 2)), "jobs_per_round": 2},
    "budget": {"progression": ((1, 0),), "jobs_per_round": 1, "time_budget": 2.0},
    "limited": {"progression": TINY, "max_rounds": 1, "jobs_per_round": 1},
    "checkpoints": {"progression": ((1, 0),), "jobs_per_round": 1, "checkpoint_interval": 1.0},
}
SLOW = {"SKYSCAN_DUMMY_COST": "0.3"}
ENVIRONMENT = {"checkpoints": SLOW, "budget": SLOW}


def planned(place, **changes: object) -> Executor:
    return Executor(plan(EVENT, place, options(engine="pegasus", **changes)))


def map_of(folder) -> bytes:
    (path,) = folder.path.glob("run*.npz")
    return path.read_bytes()


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Run all scans at once; return the executor of one when it has ended."""
    executors = {}
    for name, changes in SCANS.items():
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in ENVIRONMENT.get(name, {}).items():
                patch.setenv(variable, value)
            executors[name] = planned(tmp_path_factory.mktemp(name), **changes)
    with ThreadPoolExecutor(2) as threads:
        futures = {name: threads.submit(it.run) for name, it in executors.items()}
        yield lambda name: futures[name].result()


def test_the_map_has_the_bytes_of_the_same_scan_for_dagman(ended, tmp_path):
    it = ended("dummy")
    same = plan(EVENT, tmp_path, options(**SCANS["dummy"]))
    scan = read_planned(same.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), same.startup)
    do_scan(same, scan)
    merge(same, scan)
    assert map_of(it.folder) == map_of(same)
    assert read_report(it.folder).outcome == "complete"


def test_prep_gets_the_ice_model_of_the_user(tmp_path):
    ice = tmp_path / "my_ice"
    ice.mkdir()
    (ice / "icemodel.dat").write_text("1400 0.04 0.009 -30\n2400 0.03 0.008 -10\n")
    (ice / "icemodel.par").write_text("0.9\n1.08\n6954.09\n6617.75\n")
    it = planned(tmp_path, reco="track", ice_model=ice, progression=((1, 0),), max_rounds=2)
    shutil.rmtree(ice)
    assert it.run().failed is None
    light = read_report(it.folder).answer["light"]
    assert light["ice"] == "my_ice"
    assert light["ice_sha256"] == read_planned(it.folder.scan_json).ice_sha256


def test_the_default_reconstruction_ends_with_a_map_and_a_report(ended):
    it = ended("track")
    assert read_report(it.folder).outcome == "complete"
    assert it.count("reco") >= 4


@pytest.mark.parametrize("name", SCANS)
def test_all_written_files_follow_the_schemas_of_pegasus(ended, name):
    for path in ended(name).workflows:
        assert complaints(path, "wf") == []


@pytest.mark.parametrize("name", SCANS)
def test_no_workflow_is_empty_and_names_of_jobs_and_files_are_unique(ended, name):
    made: list[str] = []
    for path in ended(name).workflows:
        jobs = read(path)["jobs"]
        assert any(job["type"] == "job" for job in jobs), path
        names = [(job.get("name"), job["id"]) for job in jobs]
        assert len(set(names)) == len(names), path
        made += [use["lfn"] for job in jobs for use in job["uses"] if use["type"] == "output"]
    assert len(set(made)) == len(made)


def test_a_scan_that_converged_ends_with_the_merge_alone(ended):
    it = ended("dummy")
    (last,) = read(it.workflows[-1])["jobs"]
    assert (last["name"], last["type"]) == ("merge", "job")
    assert it.count("next_round") == len(it.workflows) - 1


def test_a_limit_ends_the_scan_with_a_map_and_says_so(ended):
    it = ended("limited")
    assert it.failed.name == "merge_scan"
    assert it.failed.code == 69
    report = read_report(it.folder)
    assert (report.outcome, report.exit_code) == ("incomplete", 69)
    assert "stopped after 1 rounds (--max-rounds)" in str(it.failed)


def test_a_job_that_checkpoints_stays_in_the_queue_and_continues(ended):
    it = ended("checkpoints")
    assert it.count("reco") >= 2
    assert read_report(it.folder).outcome == "complete"


def test_remaining_fits_of_a_job_go_to_another_round(ended):
    it = ended("budget")
    assert it.count("reco") == it.count("next_round") - 1 >= 2
    assert read_report(it.folder).outcome == "complete"


def test_a_second_run_fits_only_what_is_missing(tmp_path):
    it = planned(tmp_path, progression=TINY, jobs_per_round=3, max_retries=0)
    it.broken = {"reco_00001"}
    assert it.run().failed.name == "reco_00001"
    assert read_report(it.folder) is None
    done = [name for _, name in it.ran if name.startswith("reco") and name not in it.broken]
    write_plan_again(it.folder)
    again = Executor(it.folder).run()
    assert again.failed is None
    assert again.count("prep") == 0
    of_round_0 = [name for workflow, name in again.ran if workflow == "round_000"]
    left = sorted({f"reco_{number:05d}" for number in range(3)} - set(done))
    assert of_round_0 == [*left, "next_round_001"]
    assert read_report(it.folder).outcome == "complete"


def test_batches_that_share_a_file_are_fitted_like_others(ended, tmp_path):
    it = planned(tmp_path, **SCANS["dummy"])
    scan = read_planned(it.folder.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), it.folder.startup)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "FILES", 2)
        open_round(it.folder, scan, 0)
    assert it.run().failed is None
    files = {path.name for path in (it.folder.round(0).path / "batches").iterdir()}
    assert files == {"00000.npz", "00002.npz"}
    assert map_of(it.folder) == map_of(ended("dummy").folder)


def write_plan_again(folder) -> None:
    """Write the files again that a submission writes again."""
    scan = read_planned(folder.scan_json)
    write_plan(folder, scan, recorded_site(scan.site, scan.site_values))


def test_repeated_fits_do_not_come_back_from_the_scratch_folder(ended, tmp_path):
    folder = ScanFolder(shutil.copytree(ended("dummy").folder.path, tmp_path / "copy"))
    settle(folder)
    assert not PegasusFolder(folder.path).scratch.exists()
    set_aside(folder, {(1, 3, 0)})
    write_plan_again(folder)
    again = Executor(folder).run()
    assert again.failed is None
    redone = [name for workflow, name in again.ran if workflow == "round_000"]
    assert len([name for name in redone if name.startswith("reco")]) == 1
    assert again.count("reco") == 1
    assert map_of(folder) == map_of(ended("dummy").folder)
    assert read_report(folder).outcome == "complete"
