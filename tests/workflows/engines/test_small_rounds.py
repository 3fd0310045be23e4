"""Rounds of few jobs, which are nodes of the outer DAG."""

import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from plans_support import EVENT, options

from condor.logs.joblog import read_log
from skyscan.errors import ExitCode
from skyscan.storage import write_script
from workflows.engines.dagman.dags import (
    n_jobs_at_the_top,
    scan_dag_lines,
    write_scan_dag,
)
from workflows.engines.dagman.scripts import open_batch_lines
from workflows.model.jobs import Nodes, script_of
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.steps import MOST_JOBS_AT_THE_TOP

SKIP = int(ExitCode.NOTHING_TO_DO)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("plan")
    return plan(EVENT, place, options(jobs_per_round=3, max_rounds=4, batch_size=None))


@pytest.fixture(scope="module")
def scan(folder):
    return read_planned(folder.scan_json)


def edges(lines) -> set[tuple[str, str]]:
    words = [line.split() for line in lines if line.startswith("PARENT")]
    found = set()
    for line in words:
        at = line.index("CHILD")
        # DAGMan puts a node of its own between many parents and many children.
        assert at == 2 or len(line) == at + 2
        found |= {(a, b) for a in line[1:at] for b in line[at + 1 :]}
    return found


def test_each_job_waits_for_all_of_the_round_before_and_opens_its_own(folder, scan):
    lines = (folder.workflow / "scan.dag").read_text().splitlines()
    rounds = [[f"reco_{n:03d}_{i:05d}" for i in range(3)] for n in range(4)]
    chain = [["prep"], *rounds, ["merge"]]
    expected = {(a, b) for one, next_ in pairwise(chain) for a in one for b in next_}
    assert edges(lines) == expected
    assert not [line for line in lines if line.startswith("SUBDAG")]
    for node in (node for nodes in rounds for node in nodes):
        _, number, batch = node.split("_")
        assert f"JOB {node} reco.sub" in lines
        assert f"SCRIPT PRE {node} ./open-batch.sh $JOB 2" in lines
        assert f"PRE_SKIP {node} 80" in lines
        assert f"RETRY {node} 2 UNLESS-EXIT 65" in lines  # two for a script that is killed
        assert (
            f'VARS {node} round="{number}" batch="{batch}" batches="{batch}" '
            f'retry="$(RETRY)" events="workflow/round_{number}.dag.nodes.log"'
        ) in lines
    assert "log = $(events:)" in (folder.workflow / "reco.sub").read_text().splitlines()
    assert "workflow/open-batch.sh" in scan.files


def test_rounds_that_most_scans_do_not_have_are_still_dags(scan):
    lines = list(scan_dag_lines(replace(scan, max_rounds=9), n_jobs=2))
    assert "SUBDAG EXTERNAL more_rounds more_rounds.dag" in lines
    assert {("reco_002_00000", "more_rounds"), ("more_rounds", "merge")} <= edges(lines)


@pytest.mark.parametrize(
    ("changes", "n_jobs"),
    [
        ({}, 3),
        ({"jobs_per_round": MOST_JOBS_AT_THE_TOP}, MOST_JOBS_AT_THE_TOP),
        ({"jobs_per_round": MOST_JOBS_AT_THE_TOP + 1}, 0),
        ({"jobs_per_round": 4, "halvings": 3}, 16),
        ({"jobs_per_round": 4, "halvings": 4}, 0),
        ({"batch_size": 100}, 0),
        ({"deadline": 3600.0}, 0),
        ({"time_budget": 60.0}, 0),
        ({"predictive_scanning_threshold": 0.5}, 0),
    ],
)
def test_what_only_a_round_knows_when_it_is_opened_needs_a_dag(scan, changes, n_jobs):
    assert n_jobs_at_the_top(replace(scan, **changes), this_machine=True) == n_jobs
    assert n_jobs_at_the_top(replace(scan, **changes), this_machine=False) == 0


def test_a_scan_of_an_earlier_version_keeps_its_rounds(tmp_path):
    folder = plan(EVENT, tmp_path, options(jobs_per_round=3, batch_size=None))
    scan = read_planned(folder.scan_json)
    (folder.workflow / "open-batch.sh").unlink()
    write_scan_dag(folder, scan, this_machine=True)
    assert "SUBDAG EXTERNAL round_000" in (folder.workflow / "scan.dag").read_text()


class Opening:
    """A folder in which scripts of a round run; what would open it is a stand-in."""

    def __init__(self, place: Path) -> None:
        self.place = place
        write_script(place / "open-batch.sh", "\n".join(open_batch_lines(".")) + "\n")
        self.opens("JOB reco_00000 reco.sub DONE", "JOB reco_00001 reco.sub")

    def opens(self, *jobs: str, code: object = 0) -> None:
        listed = "\\n".join(jobs)
        text = f'echo "$@" >>opened\nprintf "{listed}\\n" >round_$4.dag\nexit {code}\n'
        write_script(self.place / "skyscan.sh", f"#!/bin/sh\n{text}")

    def run(self, node: str, dagman: str = "12.0", tries: int = 2) -> int:
        environment = {"PATH": "/usr/bin:/bin", "CONDOR_ID": dagman}
        command = ["./open-batch.sh", node, str(tries)]
        return subprocess.run(command, cwd=self.place, env=environment, check=False).returncode

    @property
    def opened(self) -> list[str]:
        file = self.place / "opened"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def opening(tmp_path):
    return Opening(tmp_path)


def test_the_first_job_opens_the_round_for_all_of_a_submission(opening):
    assert opening.run("reco_000_00001") == 0
    assert opening.run("reco_000_00000") == SKIP  # it is complete
    assert opening.run("reco_000_00002") == SKIP  # the round has no such batch
    assert opening.run("reco_000_00001") == 0  # DAGMan tries the job again
    assert opening.opened == ["workflows next-round . 000"]
    opening.opens("JOB reco_00001 reco.sub DONE")
    assert opening.run("reco_000_00001", "13.0") == SKIP  # a resume
    assert opening.opened == ["workflows next-round . 000"] * 2


@pytest.mark.parametrize("tries", [1, 2])
def test_a_job_is_submitted_no_more_often_than_it_may(opening, tries):
    given = [opening.run("reco_000_00001", tries=tries) for _ in range(3)]
    assert given == [0] * tries + [ExitCode.BAD_INPUT] * (3 - tries)
    assert opening.run("reco_000_00001", "13.0", tries=tries) == 0  # after a resume


def test_jobs_that_begin_together_wait_for_the_one_that_opens(opening):
    names = [f"reco_000_{i:05d}" for i in range(16)]
    opening.opens(*(f"JOB reco_{name[-5:]} reco.sub" for name in names), code="$(sleep 0.3)")
    environment = {"PATH": "/usr/bin:/bin", "CONDOR_ID": "12.0"}
    processes = [
        subprocess.Popen(["./open-batch.sh", name, "1"], cwd=opening.place, env=environment)
        for name in names
    ]
    assert [it.wait(60) for it in processes] == [0] * 16
    assert opening.opened == ["workflows next-round . 000"]


def test_without_a_number_of_the_submission_every_script_opens_the_round(opening):
    assert [opening.run("reco_000_00001", "") for _ in range(2)] == [0, 0]
    assert len(opening.opened) == 2


def test_a_round_after_one_without_pixels_is_skipped_without_python(opening):
    assert opening.run("reco_008_00001") == SKIP
    assert not opening.opened
    (opening.place / "rounds" / "007").mkdir(parents=True)
    (opening.place / "rounds" / "007" / "round.json").write_text("{}")
    assert opening.run("reco_008_00001") == 0
    assert opening.opened == ["workflows next-round . 008"]


def test_a_round_with_nothing_left_skips_all_its_jobs_once_it_is_known(opening):
    opening.opens("JOB reco_00001 reco.sub", code=SKIP)  # of an earlier submission
    assert [opening.run(f"reco_000_{i:05d}") for i in range(3)] == [SKIP] * 3
    assert len(opening.opened) == 1
    assert not (opening.place / "round_000.dag").exists()


@pytest.mark.parametrize("code", [65, 70, 75])
def test_a_round_that_cannot_be_opened_fails_each_job_in_its_own_way(opening, code):
    opening.opens("JOB reco_00001 reco.sub", code=code)
    assert opening.run("reco_000_00001") == code
    assert opening.run("reco_000_00002") == code
    opening.opens("JOB reco_00001 reco.sub")  # what was wrong has passed
    assert opening.run("reco_000_00001") == 0


def test_an_opening_that_is_killed_is_tried_again(opening):
    first = '$(test "$(wc -l <opened)" -gt 1 || kill -9 $$)'
    opening.opens("JOB reco_00001 reco.sub", code=first)
    assert opening.run("reco_000_00001") == 0
    assert len(opening.opened) == 2
    opening.opens("JOB reco_00001 reco.sub", code="$(kill -9 $$)")
    assert opening.run("reco_000_00001", "13.0") == 137
    assert len(opening.opened) == 5


SUBMITTED = """\
000 (012.000.000) 2026-11-30 20:33:20 Job submitted from host: <127.0.0.1:1?alias=a>
    DAG Node: reco_002_00013
...
"""
SKIPPED = """\
034 (0.2147483647.2) 2026-11-30 20:33:25 PRE script return value is PRE_SKIP value
    DAG Node: reco_003_00000
...
"""


def test_a_job_counts_in_the_log_of_its_round_only(tmp_path):
    log = tmp_path / "scan.dag.nodes.log"
    log.write_text(SUBMITTED + SKIPPED)
    outer, of_round = Nodes(), Nodes()
    outer.take(read_log(log))
    of_round.take(read_log(log), of_round=True)
    assert not outer.jobs
    assert list(outer.skipped) == ["round_003"]
    assert list(of_round.jobs) == ["reco_00013"]
    assert [number for number, _ in of_round.batches()] == [13]


def test_a_script_of_a_job_is_called_by_the_round_that_it_opens():
    assert script_of("reco_002_00013") == "round_002"
    assert script_of("round_002") == "round_002"
    assert script_of("reco_00013") == "reco_00013"
