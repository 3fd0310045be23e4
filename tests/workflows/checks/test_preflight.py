"""The checks before a scan is submitted."""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from plans_support import EVENT, accept_changes, options
from scans import environment, make_scan
from tokens_support import jwt

from condor.credentials import Token
from condor.schedd import Schedd
from condor.sites import read_site
from skyscan.errors import ExitCode, TryAgain, WrongUsage
from workflows.checks import preflight
from workflows.checks.expected import Expected, expected, n_pixels
from workflows.checks.findings import Finding, State
from workflows.checks.preflight import NFS_VARIABLE, Room
from workflows.cli import main
from workflows.engines.scripts import access_point_lines, write_script_lines
from workflows.plan import plan
from workflows.planned import read_planned

NEED = Expected(size=2**20, files=100, seconds=3600, why="--deadline")
SCHEDD = Schedd((23, 9, 6), "FS", "me@here", may_submit=True)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    folder = plan(EVENT, tmp_path_factory.mktemp("plan"), options())
    return read_planned(folder.scan_json)


def states(findings):
    return [finding.state for finding in findings]


@pytest.mark.parametrize(
    "path",
    ["/tmp/scans", "/tmp", "/tmpfs/scans", "/tmp/../data", "/data/$(HOME)/x", "/data/$$x"],  # noqa: S108
)
def test_a_folder_that_dagman_refuses_is_refused(path):
    found = preflight.place(Path(path))
    assert (found.state, found.exit_code) == (State.ERROR, ExitCode.WRONG_USAGE)
    assert path in found.detail
    assert "--output-dir" in found.remedy


@pytest.mark.parametrize("code", [*range(1, 128), 0xE9, 0x65E5])
def test_every_character_is_carried_to_dagman_or_refused_at_once(code):
    found = preflight.place(Path(f"/data/a{chr(code)}b/run1"))
    is_carried = code >= ord(" ") and chr(code) not in "=:\\\x7f"
    assert found.state == (State.OK if is_carried else State.ERROR)
    assert found.line().isprintable()
    if not is_carried:
        assert found.exit_code == ExitCode.WRONG_USAGE
        assert "--output-dir" in found.sentence()


@pytest.mark.parametrize(
    "path",
    [
        "/data/run=127907/x",
        "/data/caf\udce9",
        f"/data/{'n' * 256}",
        f"/data/{'é' * 128}",
        "/data" + f"/{'n' * 200}" * 15,
        "/data" + f"/{'n' * 200}" * 40,
    ],
)
def test_a_path_that_files_or_htcondor_cannot_have_is_refused(path):
    found = preflight.place(Path(path))
    assert (found.state, found.exit_code) == (State.ERROR, ExitCode.WRONG_USAGE)
    found.line().encode()


def test_a_name_of_255_bytes_is_carried():
    assert preflight.place(Path(f"/data/{'n' * 255}/{'é' * 127}")).state == State.OK


def test_a_link_to_a_folder_that_is_refused_is_refused(tmp_path):
    (tmp_path / "run=1").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run=1")
    assert preflight.place(tmp_path / "link" / "x").state == State.ERROR


def test_any_other_folder_is_accepted():
    assert preflight.place(Path("/data/it costs $5/scans")).state == State.OK
    assert preflight.place(Path("/home/tmp/scans")).state == State.OK
    assert preflight.place(Path("/var/tmp/scans")).state == State.OK  # noqa: S108


def test_links_to_and_from_tmp_are_refused_as_dagman_refuses_them(tmp_path):
    (tmp_path / "link").symlink_to("/tmp")  # noqa: S108
    found = preflight.place(tmp_path / "link" / "scans")
    assert found.state == State.ERROR
    assert f"{tmp_path}/link/scans (/tmp/scans)" in found.detail
    with tempfile.TemporaryDirectory(dir="/tmp") as below:
        link = Path(below) / "link"
        link.symlink_to(tmp_path)
        assert preflight.place(link / "scans").state == State.ERROR


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("nfs", State.ERROR),
        ("nfs4", State.ERROR),
        ("lustre", State.WARNING),
        ("fuse.sshfs", State.WARNING),
        ("ceph", State.WARNING),
        ("ext4", State.OK),
        ("overlay", State.OK),
        ("nfsd", State.OK),
        ("", State.OK),
    ],
)
def test_logs_on_a_shared_file_system_are_an_error_or_a_warning(kind, state):
    assert preflight.disk_kind(kind, {}).state == state


def test_nfs_is_only_a_warning_with_the_setting_of_htcondor():
    assert preflight.disk_kind("nfs4", {NFS_VARIABLE: "False"}).state == State.WARNING
    assert preflight.disk_kind("nfs4", {NFS_VARIABLE: "True"}).state == State.ERROR


@pytest.mark.parametrize(
    ("free", "state"),
    [
        (Room(2**20 - 1, None), State.ERROR),
        (Room(2**30, 99), State.ERROR),
        (Room(2**20, None), State.WARNING),
        (Room(2**30, 100), State.WARNING),
        (Room(3 * 2**20, 300), State.OK),
        (Room(2**40, None), State.OK),
    ],
)
def test_a_disk_must_have_space_for_the_files_of_a_scan(free, state):
    assert preflight.room(free, NEED).state == state
    later = State.WARNING if state == State.ERROR else state
    assert preflight.room(free, NEED, begun=True).state == later


def test_free_space_is_known_for_folders_that_do_not_exist_yet(tmp_path):
    there, later = (preflight.room_at(it) for it in (tmp_path, tmp_path / "not/yet"))
    assert there.size > 0
    assert later.size == pytest.approx(there.size, rel=0.5)


def test_a_schedd_that_does_not_answer_or_refuses_is_a_temporary_error():
    assert preflight.answer(SCHEDD).state == State.OK
    for schedd in (None, replace(SCHEDD, may_submit=False)):
        found = preflight.answer(schedd)
        assert (found.state, found.exit_code) == (State.ERROR, ExitCode.TRY_AGAIN)


def test_old_versions_are_an_error_and_new_ones_a_warning():
    assert states(preflight.versions((23, 9, 6), (23, 9, 6))) == [State.OK]
    assert states(preflight.versions((23, 0, 0), (25, 14, 9))) == [State.OK, State.OK]
    old, new = preflight.versions((10, 9, 0), (26, 0, 1))
    assert (old.state, old.exit_code) == (State.ERROR, ExitCode.WRONG_USAGE)
    assert "23.0 or newer" in old.remedy
    assert new.state == State.WARNING


def test_values_of_a_site_that_this_version_ignores_are_named():
    site = read_site("personal", ("dagman.DAGMAN_CHECK_QUEUE_INTERVAL=900",))
    (found,) = preflight.unknown_keys(site, (23, 0, 12))
    assert found.state == State.WARNING
    assert "dagman.DAGMAN_CHECK_QUEUE_INTERVAL" in found.detail
    assert preflight.unknown_keys(site, (23, 7, 2)) == []
    assert preflight.unknown_keys(read_site("icecube"), (23, 0, 12)) == []


def test_a_token_must_be_valid_until_the_scan_ends():
    now = time.time()

    def findings_for(*ends: float | None) -> list[Finding]:
        return preflight.credentials([Token("mine", end) for end in ends], NEED, None)

    assert findings_for() == []
    assert states(findings_for(None)) == [State.OK]
    assert states(findings_for(now + 7200)) == [State.OK]
    assert states(findings_for(now - 10, now + 7200)) == [State.OK]  # the better one counts
    (soon,) = findings_for(now + 1800)
    assert soon.state == State.WARNING
    assert (
        soon.detail
        == "expires in 30 minutes (mine), and the scan may take 60 minutes (--deadline)"
    )
    (over,) = findings_for(now - 86400 * 3)
    assert (over.state, over.detail) == (State.ERROR, "expired 3 days ago (mine)")


def test_a_token_that_others_can_read_is_a_warning():
    (found,) = preflight.credentials([Token("mine", None, is_open=True)], NEED, (23, 9, 6))
    assert found.state == State.WARNING
    assert found.remedy == "chmod 600 mine"
    assert "ignore" in found.detail
    (found,) = preflight.credentials([Token("mine", None, is_open=True)], NEED, (23, 0, 1))
    assert "ignore" not in found.detail


def test_errors_share_one_exit_code_and_warnings_are_on_stderr(capsys):
    early = Finding("token", State.WARNING, "ends soon", "renew it")
    full = Finding("disk", State.ERROR, "full", "make room")
    old = Finding("version", State.ERROR, "10.0", "get 23", ExitCode.WRONG_USAGE)
    preflight.require([early, Finding("schedd", State.OK, "answers")])
    assert capsys.readouterr().err == "skyscan: warning: token: ends soon; renew it.\n"
    with pytest.raises(TryAgain, match="full; make room"):
        preflight.require([full])
    with pytest.raises(WrongUsage, match=r"full; make room\. version: 10\.0; get 23"):
        preflight.require([full, old])


def test_the_expected_size_grows_with_pixels_jobs_and_campaigns(scan):
    small = expected(scan)
    assert n_pixels(((8, 0), (64, 12), (512, 24))) == 768 + 768 + 1536
    finer = expected(replace(scan, progression=((64, 0),)))
    assert finer.size > small.size + 12 * 64**2 * 300
    many = expected(replace(scan, batch_size=1, jobs_per_round=None))
    assert many.files > small.files
    assert expected(replace(scan, deadline=77.0)).seconds == 77
    assert expected(replace(scan, time_budget=600.0)).seconds == 3 * 600
    campaign = small.of_many(10, 4)
    assert (campaign.size, campaign.seconds) == (10 * small.size, 3 * small.seconds)


def test_variations_count_as_fits(scan):
    with environment(SKYSCAN_DUMMY_VARIATIONS="50"):
        assert expected(scan).size > 49 * n_pixels(scan.progression) * 272


def test_planning_warns_about_what_submission_would_refuse(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    monkeypatch.setattr(preflight, "file_system", lambda _: "nfs4")
    command = ["plan", str(EVENT), "--simulated-event", "--reco-algo", "dummy"]
    assert main([*command, "--output-dir", str(tmp_path / "scans")]) == ExitCode.DONE
    printed = capsys.readouterr()
    assert "skyscan: warning: file system: DAGMan's logs would be on nfs4" in printed.err
    assert "condor_submit_dag" in printed.out


def test_jobs_with_oauth_services_need_a_token_that_is_valid_until_the_end(scan, monkeypatch):
    monkeypatch.setenv("BEARER_TOKEN", jwt(exp=time.time() + 60))
    site = read_site("personal", ("submit.use_oauth_services=scitokens",))
    theirs = preflight.Work(replace(scan, site_values=site.values()))
    found = {it.what: it for it in preflight.look(Path.cwd(), theirs, None)}
    assert found["token"].state == State.WARNING
    plain = preflight.look(Path.cwd(), preflight.Work(scan), None)
    assert "token" not in {it.what for it in plain}


@pytest.mark.pool
def test_a_scan_that_cannot_run_is_not_submitted(pool, run_folder, monkeypatch, capsys):
    scan = make_scan(pool, run_folder, reco="dummy", progression=((1, 0),), jobs_per_round=1)
    monkeypatch.setattr(preflight, "file_system", lambda _: "nfs")
    with pytest.raises(WrongUsage, match="on a local disk"):
        scan.submit()
    monkeypatch.setattr(preflight, "room_at", lambda _: Room(1000, 1))
    assert main(["submit", str(scan.folder.path)]) == ExitCode.WRONG_USAGE
    monkeypatch.setattr(preflight, "file_system", lambda _: "ext4")
    assert main(["submit", str(scan.folder.path)]) == ExitCode.TRY_AGAIN
    assert "disk: 0 MB free" in capsys.readouterr().err
    assert not (scan.folder.workflow / "scan.dag.condor.sub").exists()


@pytest.mark.pool
def test_a_campaign_on_a_full_disk_is_not_submitted(pool, run_folder, monkeypatch, capsys):
    assert pool
    command = ["campaign", str(EVENT), "--simulated-event", "--reco-algo", "dummy"]
    where = ["--output-dir", str(run_folder / "many")]
    monkeypatch.setattr(preflight, "room_at", lambda _: Room(1000, 1))
    assert main([*command, *where]) == ExitCode.TRY_AGAIN
    assert "error: disk: 0 MB free" in capsys.readouterr().err
    assert not (run_folder / "many/campaign.dag.condor.sub").exists()


@pytest.mark.pool
def test_a_pool_that_died_is_reported_at_once(pool, run_folder, monkeypatch, capsys):
    scan = make_scan(pool, run_folder, reco="dummy", progression=((1, 0),), jobs_per_round=1)
    config = run_folder / "condor_config"
    dead = (f"RELEASE_DIR = {pool.bin.parent}", f"LOCAL_DIR = {run_folder}")
    config.write_text("\n".join([*dead, "CONDOR_HOST = 127.0.0.1:1", ""]))
    monkeypatch.setenv("CONDOR_CONFIG", str(config))
    monkeypatch.setenv("PATH", pool.environment()["PATH"])
    monkeypatch.delenv("SKYSCAN_POOL_DIR")
    assert main(["submit", str(scan.folder.path)]) == ExitCode.TRY_AGAIN
    assert "no schedd answers there" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["python", "my env's/python 3"])
def test_a_scan_whose_python_was_removed_is_refused_until_it_is_planned_again(tmp_path, name):
    folder = plan(EVENT, tmp_path, options())
    assert preflight.python_of(folder.path) == []
    script = folder.workflow / "skyscan.sh"
    gone = tmp_path / name
    write_script_lines(script, access_point_lines(str(gone), "0" * 64))
    (finding,) = preflight.python_of(folder.path)
    assert (finding.state, finding.exit_code) == (State.ERROR, ExitCode.WRONG_USAGE)
    assert str(gone) in finding.detail
    assert "skyscan plan" in finding.remedy
    accept_changes(folder)
    plan(EVENT, tmp_path, options())
    assert preflight.python_of(folder.path) == []
    script.write_text("")  # digests say what is wrong with it
    assert preflight.python_of(folder.path) == []
