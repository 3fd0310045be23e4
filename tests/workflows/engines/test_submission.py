"""How a DAG is handed to DAGMan: the guard, and the check of the DAG where HTCondor has one."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from plans_support import EVENT, options, write_events

from condor.contact import Pool
from condor.software import relocate
from condor.software.install import HTCONDOR
from skyscan.errors import ExitCode
from skyscan.rounds.states import BatchState
from workflows.campaigns import run as campaign_run
from workflows.campaigns.plan import plan_campaign
from workflows.engines.dagman.dags import write_round_dag
from workflows.engines.dagman.submission import (
    CHECKER,
    DamagedDag,
    check_dag,
    run_submit_dag,
    submit_command,
)
from workflows.plan import plan
from workflows.planned import read_planned

GUARD = "-dagman"
NO_GUARD = {"site_changes": ("dagman_guard=false",)}


def test_dagman_is_started_through_its_guard_unless_the_site_says_no(tmp_path):
    folder = plan(EVENT, tmp_path / "with", options())
    command = submit_command(folder)
    assert command[command.index(GUARD) + 1] == str(folder.workflow / "dagman.sh")
    assert GUARD not in submit_command(plan(EVENT, tmp_path / "without", options(**NO_GUARD)))


def test_a_campaign_is_guarded_as_its_scans_are(tmp_path):
    (file,) = write_events(tmp_path / "events", 1)
    for name, more in (("with", {}), ("without", NO_GUARD)):
        folder, _ = plan_campaign([file], tmp_path / name, options(**more), 1)
        assert (GUARD in campaign_run.submit_command(folder)) == (name == "with")


def pool_of(tools: Path) -> Pool:
    return Pool(Path("/dev/null"), tools, tools, "25.14.1", is_users_own=True)


def test_a_dag_that_the_checker_refuses_is_not_submitted(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    tool = tmp_path / CHECKER
    tool.write_text('#!/bin/sh\necho "$@"\necho "Cycle detected"\nexit 1\n')
    tool.chmod(0o755)
    with pytest.raises(DamagedDag, match=r"-UseDagDir /.*scan\.dag Cycle detected") as caught:
        run_submit_dag(["false"], tmp_path / "scan.dag", pool_of(tmp_path))
    assert caught.value.exit_code == ExitCode.BAD_INPUT


def test_without_the_checker_nothing_is_checked(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    check_dag(tmp_path / "scan.dag", pool_of(tmp_path))


def newer_tools() -> Path:
    """Return the tools of an HTCondor on PATH or in the cache that has the checker."""
    on_path = shutil.which(CHECKER)
    if on_path:
        return Path(on_path).parent
    for folder in relocate.cache_folder().glob("*/"):
        prefix = relocate.installed(HTCONDOR, folder)
        if prefix and (prefix / "usr/bin" / CHECKER).exists():
            return prefix / "usr/bin"
    pytest.skip(f"no HTCondor with {CHECKER} in the cache; `make test-newer` gets one")


@pytest.mark.versions
def test_htcondor_itself_finds_no_fault_with_the_dags_of_scans_and_campaigns(tmp_path):
    pool = pool_of(newer_tools())
    many = {"waits": {}, "predicts": {"predictive_scanning_threshold": 0.5, "deadline": 600.0}}
    folders = [plan(EVENT, tmp_path / name, options(**more)) for name, more in many.items()]
    for folder in folders:
        batches = [BatchState(0, 4, 4, 0), BatchState(1, 4, 0, 1)]
        write_round_dag(folder, read_planned(folder.scan_json), 0, batches, 1)
        for name in ("scan.dag", "round_000.dag"):
            check_dag(folder.workflow / name, pool)
    campaign, _ = plan_campaign(
        write_events(tmp_path / "events", 2), tmp_path / "many", options(), 1
    )
    check_dag(campaign.dag, pool)
    dag = folders[0].workflow / "scan.dag"
    dag.write_text(f"{dag.read_text()}PARENT merge CHILD prep\n")
    with pytest.raises(DamagedDag, match="Cycle"):
        check_dag(dag, pool)
