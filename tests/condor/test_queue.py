"""The schedd's queue, from what condor_q prints."""

from __future__ import annotations

import shutil
import time
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

import pytest
from job_log_support import STARTED, submitted, write_log

from condor.queue import cool_down, dagman_in_queue, dagmans, jobs, with_their_jobs

if TYPE_CHECKING:
    from pathlib import Path


class FakePool:
    """A pool whose queue has these lines."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines

    def run(self, *command: str) -> CompletedProcess[str]:
        text = "".join(f"{line}\n" for line in self.lines)
        return CompletedProcess(command, 0, text, "")


@pytest.fixture
def dag(tmp_path) -> Path:
    """Return a DAG that is in the queue as job 7."""
    made = tmp_path / "a scan" / "workflow" / "scan.dag"
    made.parent.mkdir(parents=True)
    made.touch()
    write_log(made.with_name("scan.dag.dagman.log"), submitted(7), STARTED.format(7))
    return made


def in_queue(dag):
    return dagmans(FakePool(f"7 {dag}.dagman.log", "9 /elsewhere/other.dag.dagman.log"))


def test_a_dag_is_found_by_its_log(dag):
    assert dagman_in_queue(dag, in_queue(dag)) == 7
    assert dagman_in_queue(dag, []) is None


@pytest.mark.parametrize("is_made_again", [False, True], ids=["23.9.6", "25.14.1"])
def test_a_dag_that_was_moved_is_found_by_its_id(dag, is_made_again):
    there = in_queue(dag)
    moved = dag.parents[1].with_name("moved")
    dag.parents[1].rename(moved)
    if is_made_again:  # the schedd goes on writing the log, in a new folder
        dag.parent.mkdir(parents=True)
        write_log(dag.with_name("scan.dag.dagman.log"), STARTED.format(7))
    assert dagman_in_queue(moved / "workflow" / "scan.dag", there) == 7


def test_a_copy_of_a_dag_is_another(dag):
    copy = dag.parents[1].with_name("copy")
    shutil.copytree(dag.parents[1], copy)
    assert dagman_in_queue(copy / "workflow" / "scan.dag", in_queue(dag)) is None


def test_the_jobs_of_a_dagman_are_those_of_dagmans_below_it_too():
    pool = FakePool(
        "7 undefined 7 2 /data/a scan/workflow",
        "8 7 7 5 /data/a scan/workflow",
        "10 8 5 2 /data/a scan",
        "9 6 5 2 /data/another",
    )
    found = jobs(pool)
    assert with_their_jobs([7], found) == {7, 8, 10}
    assert [job.status for job in found] == [2, 5, 2, 2]
    assert str(found[0].folder) == "/data/a scan/workflow"


@pytest.mark.parametrize(("ahead", "waits"), [((290, 30), 290), ((-5,), None), ((), None)])
def test_the_last_dagman_that_waits_says_until_when(ahead, waits):
    now = int(time.time())
    pool = FakePool(*(str(now + seconds) for seconds in ahead), "undefined")
    assert cool_down(pool) == (None if waits is None else now + waits)
