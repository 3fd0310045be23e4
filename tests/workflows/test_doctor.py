import sys
from pathlib import Path

import pytest

from workflows import doctor
from workflows.doctor import Finding, State, diagnose, is_fit, lines


@pytest.mark.pool
def test_with_a_pool_a_scan_can_run(pool):
    findings = {finding.what: finding for finding in diagnose()}
    assert is_fit(list(findings.values()))
    assert pool.version in findings["pool"].detail
    assert pool.version in findings["HTCondor"].detail


@pytest.mark.usefixtures("without_pool")
def test_a_missing_package_is_named_with_its_mend(monkeypatch):
    monkeypatch.setitem(sys.modules, "healpy", None)
    findings = diagnose()
    assert not is_fit(findings)
    (line,) = [line for line in lines(findings) if "healpy" in line]
    assert line.startswith("missing")
    assert "make setup" in line


@pytest.mark.usefixtures("without_pool")
def test_a_pool_that_does_not_run_is_no_fault(monkeypatch):
    monkeypatch.setattr(doctor, "find_htcondor", lambda: None)
    states = {finding.what: finding.state for finding in diagnose()}
    assert states["HTCondor"] == State.MISSING
    assert states["pool"] == State.ADVICE


def test_each_finding_is_one_line_with_its_mend():
    finding = Finding("pool", State.MISSING, "none", "start it")
    assert finding.line() == "missing   pool                none -> start it"


def test_a_folder_below_tmp_is_advised_against():
    assert doctor._run_folder(doctor.FORBIDDEN_FOR_RUNS / "scans").state == State.ADVICE
    assert doctor._run_folder(Path("/data/scans")).state == State.OK


@pytest.fixture
def without_pool(monkeypatch, tmp_path):
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "none"))
