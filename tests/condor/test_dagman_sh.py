"""dagman.sh repairs what stops DAGMan at its next start, and then runs it."""

import os
import shutil
import signal
import subprocess
import time
from importlib import resources

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from job_log_support import EVICTED, HELD, RELEASED, STARTED, ended, killed, submitted

from condor.logs.dagman import log_events
from condor.logs.guard import GuardAction, guard_actions, guard_log
from condor.versions import TRIED, version_text

DAGMAN_SH = resources.files("condor").joinpath("dagman.sh").read_text()
NEWEST = max(TRIED)
QUICK = DAGMAN_SH.replace("sleep 1 #", ": #").replace("sleep 30", "sleep 0.2")
LINE = "034 (000.2147483647.{}) 2026-11-27 18:07:33 PRE script return value is PRE_SKIP value"
OTHERS = [
    "000 (237.000.000) 2026-11-27 18:07:03 Job submitted from host: <127.0.0.1:43321>",
    "    DAG Node: round_000",
    "...",
    "016 (000.2147483647.001) 2026-11-27 18:07:50 POST Script terminated.",
    "...",
]


@pytest.fixture
def dagman(tmp_path):
    """Return a function that starts a DAGMan, which prints how it was started."""
    script = tmp_path / "dagman.sh"
    script.write_text(QUICK)
    program = tmp_path / "bin" / "condor_dagman"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 4\n')
    for path in (script, program):
        path.chmod(0o755)

    def start(dag, code=4, version=NEWEST, job="7.0") -> None:
        words = ["-p", "0", "-Lockfile", f"{dag}.lock", "-Dag", str(dag)]
        words += ["-CsdVersion", f"$CondorVersion: {version_text(version)} 2026-07-12 $"]
        variables = {"PATH": f"{program.parent}:{os.defpath}", "CONDOR_ID": job}
        done = subprocess.run(
            [script, *words], env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert done.stdout.splitlines() == (words if code == 4 else [])
        assert done.stderr == ""

    return start


def lines(*numbers: str) -> str:
    """Return a log with skipped nodes of these numbers."""
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
def test_skipped_nodes_of_earlier_starts_get_unique_numbers(dagman, tmp_path, before, after):
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
    expected = lines(*after)
    for name in [f"    DAG Node: {number}" for number in after]:
        expected = expected.replace(name, "")
    assert text == expected
    assert log.stat().st_ino == inode  # HTCondor may have it open
    changed = len(set(after) - set(before))
    did = [(it.fault, it.text.split()[1]) for it in guard_actions(dag)]
    assert did == ([("skipped-nodes", str(changed))] if changed else [])


def test_a_dag_that_starts_for_the_first_time_needs_no_log(dagman, tmp_path):
    dagman(tmp_path / "scan.dag")
    assert not (tmp_path / "scan.dag.nodes.log").exists()


ENDED = """034 (000.2147483647.006) 2026-11-28 00:04:02 PRE script return value is PRE_SKIP
    DAG Node: {}
...
"""
FINAL = "FINAL report merge.sub NOOP\nSCRIPT PRE report ./skyscan.sh\nPRE_SKIP report 80\n"


def test_a_dag_whose_dagman_died_after_its_final_node_ends(dagman, tmp_path):
    dag = tmp_path / "it's a scan.dag"
    log, lock = tmp_path / f"{dag.name}.nodes.log", tmp_path / f"{dag.name}.lock"
    dag.write_text(f"JOB merge merge.sub\n{FINAL}")
    text = lines("001") + ENDED.format("report")
    log.write_text(text)
    lock.touch()
    dagman(dag, code=0)
    assert log.read_text() == text
    assert not lock.exists()
    (done,) = guard_actions(dag)
    assert (done.fault, done.text.split(",")[0]) == ("final-node", "ended with 0")


@pytest.mark.parametrize(
    ("dag_text", "end", "has_lock"),
    [
        (FINAL, ENDED.format("report"), False),  # submitted again
        (FINAL, ENDED.format("report")[:-4], True),  # truncated
        (FINAL, ENDED.format("merge"), True),
        (FINAL, submitted(3, "report"), True),
        (FINAL, "", True),
        ("JOB report merge.sub\n", ENDED.format("report"), True),
    ],
)
def test_a_dag_whose_final_node_has_not_ended_continues(
    dagman, tmp_path, dag_text, end, has_lock
):
    dag = tmp_path / "scan.dag"
    log, lock = tmp_path / f"{dag.name}.nodes.log", tmp_path / f"{dag.name}.lock"
    dag.write_text(dag_text)
    log.write_text(end)
    if has_lock:
        lock.touch()
    dagman(dag)
    assert lock.exists() == has_lock
    assert not [it for it in guard_actions(dag) if it.fault == "final-node"]


KINDS = (
    *(submitted(3, "round_000"), ended(3, 44), killed(3)),
    *(kind.format(3) for kind in (STARTED, EVICTED, HELD, RELEASED)),
)
TYPES = {"000": "SUBMIT", "001": "EXECUTE", "004": "JOB_EVICTED", "005": "JOB_TERMINATED"}
TYPES |= {"012": "JOB_HELD", "013": "JOB_RELEASED"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    first=st.sampled_from(KINDS),
    more=st.lists(st.tuples(st.sampled_from(KINDS), st.none() | st.integers(1, 400))),
)
@example(KINDS[0], [(EVICTED.format(3), 100), (ended(3, 0), None)])
@example(KINDS[0], [(STARTED.format(3), 1), (STARTED.format(3), 2), (ended(3, 0), None)])
@example(KINDS[0], [(EVICTED.format(3), len(EVICTED) + 2)])  # at the end of a line
@example(KINDS[0], [(STARTED.format(3), 18), (ended(3, 0), None)])
@example(KINDS[0], [(ended(3, 0), None)])
def test_a_truncated_event_does_not_hide_other_events(dagman, tmp_path, first, more):
    dag = tmp_path / "scan.dag"
    logs = [tmp_path / f"{dag.name}.{kind}.log" for kind in ("nodes", "dagman")]
    text = f"{first}\n...\n" + "".join(
        f"{event}\n...\n" if cut is None else f"{event}\n"[:cut] for event, cut in more
    )
    whole = [first, *(event for event, cut in more if cut is None)]
    for log in logs:
        log.write_text(text)
    guard_log(dag).unlink(missing_ok=True)
    dagman(dag)
    n_torn = len({it.text.partition(" at ")[2] for it in guard_actions(dag)})
    assert (n_torn == 0) == (len(whole) == 1 + len(more))
    for log in logs:
        assert [event.type.name for event in log_events(log)] == [TYPES[it[:3]] for it in whole]
        after = log.read_text()
        assert len(after) == len(text)
        assert all(f"{event}\n" in after for event in whole)
        assert (after == text) == (len(whole) == 1 + len(more))


def test_a_dagman_that_may_have_missed_an_event_is_killed_and_restarted(tmp_path):
    script, log = tmp_path / "dagman.sh", tmp_path / "scan.dag.nodes.log"
    script.write_text(QUICK)
    program = tmp_path / "condor_dagman"
    program.write_text("#!/bin/sh\ntouch started\nwhile sleep 1; do :; done\n")
    for path in (script, program):
        path.chmod(0o755)
    words = [str(script), "-Lockfile", "scan.dag.lock", "-Dag", "scan.dag"]
    log.write_text(f"{submitted(3)}\n...\n")
    path = f"{tmp_path}:{os.defpath}"
    dagman = subprocess.Popen(words, cwd=tmp_path, env={"PATH": path})
    try:
        while not (tmp_path / "started").exists():
            time.sleep(0.05)
        for event in (STARTED.format(3)[:50], f"{ended(3, 0)}\n...\n"):
            assert dagman.poll() is None
            with log.open("a") as file:
                file.write(event)
        assert dagman.wait(60) == -signal.SIGKILL
        (done,) = guard_actions(tmp_path / "scan.dag")
        assert f"killed DAGMan ({dagman.pid})" in done.text
    finally:
        dagman.kill()


def test_dagman_starts_once_there_is_space_for_its_logs(dagman, tmp_path):
    program, tried = tmp_path / "bin" / "dd", tmp_path / "tried"
    dd = f'[ ! -e {tried} ] || exec {shutil.which("dd")} "$@"'
    program.write_text(f"#!/bin/sh\n{dd}\ntouch {tried}\nexit 1\n")
    program.chmod(0o755)
    dagman(tmp_path / "scan.dag")
    assert tried.exists()
    assert not list(tmp_path.glob("*.room"))
    assert [it.fault for it in guard_actions(tmp_path / "scan.dag")] == ["no-space"]


def test_the_newest_version_that_was_tried_is_the_one_that_scans_were_run_with():
    assert f"\ntried={version_text(NEWEST)}\n" in DAGMAN_SH


@pytest.mark.parametrize(
    ("version", "warns"),
    [
        ((23, 9, 6), False),
        (NEWEST, False),
        ((25, 14, 9), False),
        ((25, 15, 0), True),
        ((100, 0, 0), True),
    ],
)
def test_with_an_htcondor_newer_than_tried_it_warns_and_does_the_same(
    dagman, tmp_path, version, warns
):
    dag = tmp_path / "scan.dag"
    log = tmp_path / f"{dag.name}.nodes.log"
    log.write_text(lines("001"))
    dagman(dag, version=version)
    dagman(dag, version=version)
    *warnings, done = sorted(guard_actions(dag), key=lambda it: it.fault, reverse=True)
    assert [it.fault for it in warnings] == ["untried"] * warns
    assert all(version_text(version) in it.text for it in warnings)
    assert done.fault == "skipped-nodes"


@pytest.mark.parametrize(
    ("version", "is_fixed"), [((25, 9, 9), False), ((25, 10, 0), True), ((26, 0, 1), True)]
)
def test_what_a_version_has_fixed_is_left_to_it(dagman, tmp_path, version, is_fixed):
    script = tmp_path / "dagman.sh"
    script.write_text(QUICK.replace("has skipped-nodes ''", "has skipped-nodes 25.10.0"))
    log = tmp_path / "scan.dag.nodes.log"
    log.write_text(lines("001"))
    dagman(tmp_path / "scan.dag", version=version)
    assert (log.read_text() == lines("001")) == is_fixed


def test_what_it_did_is_read_as_far_as_the_disk_had_room(tmp_path):
    dag = tmp_path / "scan.dag"
    assert guard_actions(dag) == []
    whole = "2026-11-28T14:20:55Z\tno-space\twaited for free disk space"
    guard_log(dag).write_text(f"{whole}\n2026-11-2")
    assert guard_actions(dag) == [
        GuardAction(1795875655.0, "no-space", "waited for free disk space")
    ]
    assert "dagman.sh (no-space): waited for free disk space" in guard_actions(dag)[0].line()


@pytest.mark.parametrize("locks", [True, False], ids=["running", "of its configuration"])
def test_a_dagman_that_only_restarts_ends_after_a_few_starts(dagman, tmp_path, locks):
    dag, log = tmp_path / "scan.dag", tmp_path / "scan.dag.nodes.log"
    dag.write_text("")
    log.write_text("")
    lock = tmp_path / "scan.dag.lock"

    def die(times: int, job: str) -> None:
        for _ in range(times):
            if locks:
                lock.write_text("")
            dagman(dag, job=job)

    die(3, "7.0")
    log.write_text(lines("001"))  # it did something
    die(6, "7.0")
    dagman(dag, code=1, job="7.0")
    assert not lock.exists()
    assert [it.fault for it in guard_actions(dag) if it.fault == "restarts"] == ["restarts"]
    die(5, "8.0")  # submitted again
    die(5, "9.0")  # and again
