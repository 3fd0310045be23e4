"""The files that `skyscan plan --engine pegasus` writes, and what it refuses."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pegasus_support import complaints, read
from plans_support import EVENT, options

from skyscan.errors import WrongUsage
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main
from workflows.engines import pegasus
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.submission import submit_line

GIVEN = {
    "personal": {},
    "icecube": {},
    "ospool": {"site_changes": ("attributes.ProjectName=Mine",)},
    "chtc": {"runtime": "container:docker://debian:12"},
}
CARRY_SH = Path(pegasus.__file__).with_name("carry.sh")


def planned(place, **changes: object) -> PegasusFolder:
    return PegasusFolder(plan(EVENT, place, options(engine="pegasus", **changes)).path)


def all_complaints(made: PegasusFolder) -> list[str]:
    kinds = {
        made.workflow: "wf",
        made.sites: "sc",
        made.transformations: "tc",
        made.replicas: "rc",
    }
    return [it for path, kind in kinds.items() for it in complaints(path, kind)]


@pytest.mark.parametrize("site", GIVEN)
def test_workflow_and_catalogs_of_every_site_follow_the_schemas_of_pegasus(tmp_path, site):
    assert all_complaints(planned(tmp_path, site=site, **GIVEN[site])) == []


@pytest.mark.parametrize("reco", ["dummy", "track"])
def test_the_command_plans_real_alerts(shared_events, tmp_path, capsys, reco):
    for number, event in enumerate(
        [*shared_events.glob("hese_event_??.json"), *shared_events.glob("*.pkl")]
    ):
        place = tmp_path / str(number)
        words = ["plan", str(event), "--real-event", "--engine", "pegasus"]
        assert main([*words, "--reco-algo", reco, "--output-dir", str(place)]) == 0
        assert "plan.sh --submit" in capsys.readouterr().out
        (folder,) = place.iterdir()
        made = PegasusFolder(folder)
        assert all_complaints(made) == []
        about = read(made.workflow)["metadata"]
        assert (about["reco"], about["nsides"]) == (reco, "8:0 64:12 512:24")
        assert about["event"] == folder.name


def test_workflow_jobs_and_files_can_be_found_by_event_reco_and_nsides(tmp_path):
    made = planned(tmp_path)
    workflow = read(made.workflow)
    scan = read_planned(made.scan / "scan.json")
    prep = next(job for job in workflow["jobs"] if job.get("name") == "prep")
    startup = next(use for use in prep["uses"] if use["lfn"] == "startup.tar")
    for about in (workflow["metadata"], prep["metadata"], startup["metadata"]):
        assert about["event"] == scan.name
        assert about["reco"] == "dummy"
        assert about["nsides"] == "1:0 2:1"
        assert about["scan_id"] == scan.id


def test_pegasus_is_imported_only_for_scans_with_pegasus(tmp_path):
    code = (
        "import sys; from workflows.cli import main\n"
        f"main(['plan', {str(EVENT)!r}, '--simulated-event', '--reco-algo', 'dummy',"
        f" '--output-dir', {str(tmp_path)!r}])\n"
        "print([name for name in sys.modules if name.partition('.')[0] == 'Pegasus'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_plan_sh_is_one_pegasus_plan_line_and_passes_its_arguments_on(tmp_path):
    made = planned(tmp_path)
    there = tmp_path / "bin"
    there.mkdir()
    for name, text in {
        "pegasus-plan": 'pwd; printf "%s\\n" "$@"',
        "pegasus-config": "echo /opt/pegasus/bin",
    }.items():
        (there / name).write_text(f"#!/bin/sh\n{text}\n")
        (there / name).chmod(0o755)
    done = subprocess.run(
        [made.plan_sh, "--submit"],
        cwd="/",
        env={"PATH": f"{there}:{os.defpath}"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0] == str(made.scan)
    assert lines[-2:] == ["--submit", "pegasus/workflow.yml"]
    homes = [line for line in lines if line.endswith(".profiles.env.PEGASUS_HOME=/opt/pegasus")]
    assert [line.split(".")[4] for line in homes] == ["local", "condorpool"]
    assert made.plan_sh.read_text().count("\npegasus-plan") == 1
    assert "--basename" not in lines  # pegasus-status needs Pegasus' own name
    for place in ("pegasus/pegasus.properties", "pegasus/workflow.yml"):
        assert (made.scan / place).exists()


def test_plan_sh_ends_as_pegasus_plan_does_and_removes_the_package_that_no_job_reads(tmp_path):
    made = planned(tmp_path)
    there = tmp_path / "bin"
    there.mkdir()
    run = "pegasus/runs/me/pegasus/x/run0001"
    package = f"{run}/pegasus-worker-5.1.2-x86_64_deb_12.tar.gz"
    script = f"#!/bin/sh\nmkdir -p {run} && touch {package} {run}/x-0.dag\nexit 3\n"
    for name in ("pegasus-plan", "pegasus-config"):
        (there / name).write_text(script)
        (there / name).chmod(0o755)
    path = {"PATH": f"{there}:{os.defpath}"}
    assert subprocess.run([made.plan_sh], env=path, check=False).returncode == 3
    assert [it.name for it in (made.scan / run).iterdir()] == ["x-0.dag"]


def test_on_other_sites_jobs_bring_the_worker_package_of_pegasus(tmp_path):
    assert "PEGASUS_HOME" not in planned(tmp_path, site="icecube").plan_sh.read_text()


def test_the_scripts_pass_shellcheck(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shellcheck = shutil.which("shellcheck", path=path)
    made = planned(tmp_path)
    done = subprocess.run(
        [shellcheck, made.plan_sh, made.carry_sh], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_same_plan_is_kept_and_another_engine_is_refused(tmp_path):
    made = planned(tmp_path)
    assert planned(tmp_path) == made
    with pytest.raises(WrongUsage, match=r"engine 'pegasus' -> .*dagman"):
        plan(EVENT, tmp_path, options())


def test_text_that_pegasus_does_not_pass_unchanged_is_refused_before_planning(
    tmp_path, monkeypatch
):
    with pytest.raises(WrongUsage, match="--output-dir"):
        planned(tmp_path / "with a blank")
    assert not (tmp_path / "with a blank").exists()
    monkeypatch.setenv("SKYSCAN_MACRO", "$(Cluster)")
    with pytest.raises(WrongUsage, match="SKYSCAN_MACRO"):
        planned(tmp_path / "macro", variables=("SKYSCAN_MACRO",))


def test_a_campaign_needs_dagman(tmp_path):
    with pytest.raises(WrongUsage, match="--engine"):
        plan_campaign([EVENT], tmp_path, options(engine="pegasus"), None)


def test_the_line_to_submit_is_plan_sh(tmp_path):
    made = planned(tmp_path)
    from skyscan.layout import ScanFolder

    assert submit_line(ScanFolder(made.scan), None) == f"{made.plan_sh} --submit"


def test_each_job_gets_the_deadline_of_the_scan(tmp_path):
    made = planned(tmp_path, deadline=600.0)
    programs = {it["name"]: it for it in read(made.transformations)["transformations"]}
    remove = programs["reco"]["profiles"]["condor"]["periodic_remove"]
    assert "QDate + 600" in remove
    assert "$(" not in remove


def carry(place, words, job: str):
    (place / "job.sh").write_text(job)
    return subprocess.run(
        ["/bin/sh", CARRY_SH, *words],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )


def test_carry_keeps_all_outputs_and_the_exit_code_of_a_failed_step(tmp_path):
    done = carry(tmp_path, ["pack=startup", "keep=a.new:a", "--", "x"], 'echo "$@"; exit 65')
    assert (done.returncode, done.stdout) == (65, "x\n")
    assert {it.name for it in tmp_path.iterdir()} == {"startup.tar", "a.new", "a", "job.sh"}


def test_carry_keeps_the_work_of_a_failed_step_for_the_next_try(tmp_path):
    (tmp_path / "a").write_text("old")
    assert carry(tmp_path, ["keep=a.new:a", "--"], "echo more >a.new; exit 85").returncode == 85
    assert (tmp_path / "a").read_text() == "more\n"
    (tmp_path / "a.new").unlink()
    assert carry(tmp_path, ["keep=a.new:a", "--"], "exit 75").returncode == 75
    assert (tmp_path / "a").read_text() == "more\n"


def test_carry_transfers_folders_in_both_directions(tmp_path):
    job = "mkdir startup && echo seed >startup/s"
    assert carry(tmp_path, ["pack=startup", "--"], job).returncode == 0
    shutil.rmtree(tmp_path / "startup")
    assert carry(tmp_path, ["unpack=startup", "--"], "cat startup/s").stdout == "seed\n"


def test_a_truncated_archive_is_reported_and_tried_again(tmp_path):
    (tmp_path / "startup.tar").write_bytes(b"torn")
    done = carry(tmp_path, ["unpack=startup", "--"], "echo never")
    assert (done.returncode, done.stdout) == (75, "")
    assert "startup.tar" in done.stderr


def test_common_files_come_from_osdf_if_the_site_sets_it(tmp_path):
    place = tmp_path / "data" / "me"
    place.mkdir(parents=True)
    made = planned(tmp_path / "scans", site_changes=(f"staging=osdf://{place}",))
    assert all_complaints(made) == []
    (code,) = [it for it in read(made.replicas)["replicas"] if it["lfn"] == "skyscan.zip"]
    (pfn,) = code["pfns"]
    (copy,) = place.iterdir()
    assert copy.read_bytes() == (made.scan / "workflow" / "skyscan.zip").read_bytes()
    assert pfn == {"site": "osdf", "pfn": f"osdf://{copy}"}
    # OSDF's caches do not check a name again that they have
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    assert copy.name == f"{digest[:16]}.skyscan.zip"
    assert "pegasus.transfer.bypass.input.staging = true" in made.properties.read_text()


@pytest.mark.parametrize(
    ("staging", "why"),
    [("https://host/a/b", "not a place in OSDF"), ("osdf:///a/b/c", "not a folder")],
)
def test_an_invalid_staging_location_is_refused(tmp_path, staging, why):
    with pytest.raises(WrongUsage, match=why):
        planned(tmp_path / "scans", site_changes=(f"staging={staging}",))
    assert not (tmp_path / "scans").exists()
