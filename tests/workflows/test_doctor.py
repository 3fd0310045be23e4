import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from plans_support import EVENT, options

from skyscan.errors import ExitCode
from workflows import doctor
from workflows.checks.findings import Finding, State
from workflows.cli import main
from workflows.doctor import diagnose, exit_code, lines
from workflows.plan import plan

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.pool
def test_with_a_pool_a_scan_can_run(pool):
    findings = {finding.what: finding for finding in diagnose()}
    assert exit_code(list(findings.values())) == ExitCode.DONE
    assert pool.version in findings["pool"].detail
    assert pool.version in findings["HTCondor"].detail


@pytest.mark.usefixtures("without_pool")
def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "healpy", None)
    findings = diagnose()
    assert exit_code(findings) != ExitCode.DONE
    (line,) = [line for line in lines(findings) if "healpy" in line]
    assert line.startswith("missing")
    assert "make setup" in line


@pytest.mark.parametrize(
    ("modules", "state"),
    [
        (["dags/__init__.py", "personal.py"], State.OK),
        (["personal.py"], State.MISSING),  # 24.0 and 23.x have neither
        (["dags/__init__.py"], State.MISSING),
    ],
)
def test_bindings_with_which_planning_fails_are_missing(monkeypatch, tmp_path, modules, state):
    for name in ("__init__.py", *modules):
        path = tmp_path / "htcondor2" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.delitem(sys.modules, "htcondor2", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    found = doctor._bindings()
    assert found.state == state
    if state == State.MISSING:
        assert "without htcondor2." in found.detail
        assert found.remedy == f"pip install '{doctor.BINDINGS}'"


def test_the_bindings_that_doctor_wants_are_those_that_are_installed():
    assert doctor._bindings().state == State.OK
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert doctor.BINDINGS in project["dependencies"]


@pytest.mark.usefixtures("without_pool")
def test_a_pool_that_does_not_run_is_not_an_error(monkeypatch):
    monkeypatch.setattr(doctor, "find_htcondor", lambda: None)
    states = {finding.what: finding.state for finding in diagnose()}
    assert states["HTCondor"] == State.MISSING
    assert states["pool"] == State.ADVICE


@pytest.mark.usefixtures("without_pool")
def test_the_needs_of_some_runtimes_are_optional_with_their_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "icecube", None)
    monkeypatch.setattr(doctor, "ICECUBE_CVMFS", "/no/cvmfs/icecube.opensciencegrid.org")
    monkeypatch.setattr(doctor, "find_apptainer", lambda: None)
    findings = {finding.what: finding for finding in diagnose()}
    for what in ("icetray", "CVMFS", "container runtime"):
        assert findings[what].state == State.OPTIONAL
        assert findings[what].remedy.startswith("only for ")


@pytest.mark.usefixtures("without_pool")
def test_the_tools_of_runtimes_are_named_if_they_are_present(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "icecube", ModuleType("icecube"))
    monkeypatch.setitem(sys.modules, "icecube.icetray", ModuleType("icecube.icetray"))
    monkeypatch.setattr(doctor, "ICECUBE_CVMFS", str(tmp_path))
    (tmp_path / "apptainer").write_text("#!/bin/sh")
    (tmp_path / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {finding.what: finding for finding in diagnose()}
    for what, detail in {
        "icetray": "icecube.icetray",
        "CVMFS": str(tmp_path),
        "container runtime": str(tmp_path / "apptainer"),
    }.items():
        assert findings[what].state == State.OK
        assert detail in findings[what].detail


def test_each_finding_is_one_line_with_its_remedy():
    finding = Finding("pool", State.MISSING, "none", "start it")
    assert finding.line() == "missing   pool                none -> start it"


def test_the_doctor_warns_about_a_folder_below_tmp():
    assert doctor._run_folder(Path("/tmp/scans")).state == State.ADVICE  # noqa: S108
    assert doctor._run_folder(Path("/data/scans")).state == State.OK


@pytest.mark.pool
def test_a_planned_scan_is_checked_with_its_pool(pool, run_folder, capsys):
    folder = plan(EVENT, run_folder, options())
    assert main(["doctor", str(folder.path)]) == ExitCode.DONE
    printed = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert printed["schedd"].startswith("ok        schedd              accepts jobs of ")
    assert f"ok        HTCondor's version  {pool.version}" in printed["HTCondor's"]
    assert " free, about " in printed["disk"]


@pytest.mark.usefixtures("without_pool")
def test_a_scan_that_would_be_refused_is_an_error_of_the_doctor(tmp_path, monkeypatch, capsys):
    folder = plan(EVENT, tmp_path, options())
    monkeypatch.setattr("workflows.checks.preflight.file_system", lambda _: "nfs4")
    assert main(["doctor", str(folder.path)]) == ExitCode.TRY_AGAIN
    assert "error     file system" in capsys.readouterr().out


@pytest.fixture
def without_pool(monkeypatch, tmp_path):
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "none"))
