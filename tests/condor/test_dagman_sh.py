"""dagman.sh: it mends what DAGMan does not get over when it starts again, and becomes it."""

import os
import subprocess
from importlib import resources

import pytest

DAGMAN_SH = resources.files("condor").joinpath("dagman.sh").read_text()
LINE = "034 (000.2147483647.{}) 2026-11-27 18:07:33 PRE script return value is PRE_SKIP value"
OTHERS = [
    "000 (237.000.000) 2026-11-27 18:07:03 Job submitted from host: <127.0.0.1:43321>",
    "    DAG Node: round_000",
    "...",
    "016 (000.2147483647.001) 2026-11-27 18:07:50 POST Script terminated.",
]


@pytest.fixture
def dagman(tmp_path):
    """Return a way to start a DAGMan that says what it was started with."""
    script = tmp_path / "dagman.sh"
    script.write_text(DAGMAN_SH)
    program = tmp_path / "bin" / "condor_dagman"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 4\n')
    for path in (script, program):
        path.chmod(0o755)

    def start(dag, code=4) -> None:
        words = ["-p", "0", "-Lockfile", f"{dag}.lock", "-Dag", str(dag)]
        path = {"PATH": f"{program.parent}:{os.defpath}"}
        done = subprocess.run(
            [script, *words], env=path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert done.stdout.splitlines() == (words if code == 4 else [])
        assert done.stderr == ""

    return start


def lines(*numbers: str) -> str:
    """Return a log with nodes that were skipped, of these numbers."""
    skipped = [[LINE.format(number), f"    DAG Node: {number}", "..."] for number in numbers]
    return "\n".join([*OTHERS, *(line for it in skipped for line in it), ""])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], []),
        (["001"], ["999"]),
        (["001", "002", "003"], ["999", "998", "997"]),
        (["999", "998", "001"], ["999", "998", "997"]),
        (["999", "001", "001", "002"], ["999", "998", "997", "996"]),
    ],
)
def test_skipped_nodes_of_earlier_starts_get_numbers_that_come_never_again(
    dagman, tmp_path, before, after
):
    dag = tmp_path / "it's a scan.dag"
    log = tmp_path / f"{dag.name}.nodes.log"
    log.write_text(lines(*before))
    inode = log.stat().st_ino
    dagman(dag)
    names = [f"    DAG Node: {number}" for number in before]
    text = log.read_text()
    for name in names:
        assert name in text
    for name in set(names):
        text = text.replace(name, "")
    wanted = lines(*after)
    for name in [f"    DAG Node: {number}" for number in after]:
        wanted = wanted.replace(name, "")
    assert text == wanted
    assert log.stat().st_ino == inode  # HTCondor may have it open


def test_a_dag_that_starts_for_the_first_time_has_no_log(dagman, tmp_path):
    dagman(tmp_path / "scan.dag")
    assert not (tmp_path / "scan.dag.nodes.log").exists()


ENDED = """016 (000.2147483647.006) 2026-11-28 00:04:02 POST Script terminated.
	({}) {}
    DAG Node: {}
...
"""
WELL, NOT_WELL = (
    ("1", "Normal termination (return value 0)"),
    ("1", "Normal termination (return value 75)"),
)
KILLED = ("0", "Abnormal termination (signal 9)")
FINAL = "FINAL report merge.sub NOOP\nSCRIPT POST report ./skyscan.sh\n"
SUBMITTED = "000 (7.000.000) 2026-11-28 00:04:00 Job submitted\n    DAG Node: report\n...\n"


@pytest.mark.parametrize(
    ("how", "code"), [(WELL, 0), (NOT_WELL, 1), (KILLED, 1)], ids=["well", "not well", "killed"]
)
def test_a_dag_whose_dagman_died_when_all_had_ended_ends(dagman, tmp_path, how, code):
    dag = tmp_path / "it's a scan.dag"
    log, lock = tmp_path / f"{dag.name}.nodes.log", tmp_path / f"{dag.name}.lock"
    dag.write_text(f"JOB merge merge.sub\n{FINAL}")
    text = lines("001") + ENDED.format(*how, "report")
    log.write_text(text)
    lock.touch()
    dagman(dag, code)
    assert log.read_text() == text
    assert not lock.exists()


@pytest.mark.parametrize(
    ("dag_text", "end", "has_lock"),
    [
        (FINAL, ENDED.format(*WELL, "report"), False),  # submitted anew
        (FINAL, ENDED.format(*WELL, "merge"), True),  # there is more to do
        (FINAL, SUBMITTED, True),
        (FINAL, ENDED.format(*WELL, "report") + SUBMITTED, True),
        (FINAL, ENDED.format(*WELL, "report")[:-4], True),  # cut off
        (FINAL, "", True),
        ("JOB report merge.sub\n", ENDED.format(*WELL, "report"), True),
    ],
)
def test_a_dag_that_has_not_ended_goes_on(dagman, tmp_path, dag_text, end, has_lock):
    dag = tmp_path / "scan.dag"
    lock = tmp_path / f"{dag.name}.lock"
    dag.write_text(dag_text)
    (tmp_path / f"{dag.name}.nodes.log").write_text(end)
    if has_lock:
        lock.touch()
    dagman(dag)
    assert lock.exists() == has_lock
