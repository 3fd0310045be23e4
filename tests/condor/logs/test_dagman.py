"""DAGMan's settings, and the state of a DAG according to job logs."""

import pytest
from job_log_support import (
    EVICTED,
    HELD,
    NEW_NOTES,
    OLD_NOTES,
    RECORDED,
    RELEASED,
    REMOVED,
    STARTED,
    ended,
    killed,
    submitted,
    write_log,
)

from condor.dagman import SETTINGS, config_lines
from condor.logs.dagman import (
    JobEnd,
    dagman_state,
    job_ends,
    last_error,
    log_events,
    log_of,
    node_of,
    note_removal,
)
from condor.logs.joblog import Kind, read_log
from workflows.model.jobs import Nodes


@pytest.fixture
def dag(tmp_path):
    return tmp_path / "scan.dag"


def state_after(dag, *events: str):
    write_log(dag.with_name("scan.dag.dagman.log"), *events)
    return dagman_state(dag)


def test_a_dag_that_was_not_submitted_has_no_state(dag):
    assert dagman_state(dag) is None


@pytest.mark.parametrize(
    ("events", "state", "code"),
    [
        ([], "queued", None),
        ([STARTED], "running", None),
        ([STARTED, HELD], "held", None),
        ([STARTED, HELD, RELEASED], "queued", None),
        ([STARTED, EVICTED], "queued", None),
        ([STARTED, REMOVED], "removed", None),
        ([STARTED, ended(7, 0)], "ended", 0),
        ([STARTED, ended(7, 1)], "ended", 1),
    ],
)
def test_the_last_event_of_the_dagman_job_is_its_state(dag, events, state, code):
    found = state_after(dag, submitted(7), *(event.format(7) for event in events))
    assert (found.cluster, found.submissions) == (7, 1)
    assert (found.state, found.exit_code) == (state, code)
    assert found.is_over == (state in ("removed", "ended"))


def test_a_dagman_that_ended_because_another_was_running_does_not_count(dag):
    first = (submitted(7), STARTED.format(7))
    second = (submitted(9), STARTED.format(9), ended(9, 1))
    # No process holds the lock: the end of the first DAGMan was not recorded.
    assert state_after(dag, *first, *second).cluster == 9
    dag.with_name(f"{dag.name}.lock").write_text("")
    found = state_after(dag, *first, *second)
    assert (found.cluster, found.state, found.submissions) == (7, "running", 2)
    found = state_after(dag, *first, *second, ended(7, 0))
    assert (found.cluster, found.state, found.exit_code) == (7, "ended", 0)


def test_every_start_of_dagman_is_counted(dag):
    assert state_after(dag, submitted(7), STARTED.format(7), STARTED.format(7)).starts == 2


def test_only_the_last_submission_counts(dag):
    found = state_after(
        dag, submitted(7), ended(7, 1), submitted(9), STARTED.format(9), REMOVED.format(7)
    )
    assert (found.cluster, found.submissions) == (9, 2)
    assert (found.state, found.exit_code) == ("running", None)


def test_a_truncated_log_is_read_up_to_its_last_complete_event(dag):
    write_log(dag.with_name("scan.dag.dagman.log"), submitted(7), STARTED.format(7))
    with dag.with_name("scan.dag.dagman.log").open("a") as log:
        log.write(ended(7, 0)[:60])
    assert dagman_state(dag).state == "running"


@pytest.mark.parametrize("cut", [1, 60, len(EVICTED) - 20])
def test_an_event_that_a_full_disk_truncated_is_skipped(dag, cut):
    log = dag.with_name("scan.dag.dagman.log")
    write_log(log, submitted(7), STARTED.format(7))
    with log.open("a") as file:
        file.write(EVICTED.format(7)[:cut])
        file.write("".join(f"{event}\n...\n" for event in (STARTED.format(7), ended(7, 0))))
    found = dagman_state(dag)
    assert found.submissions == 1
    assert found.state == "ended"


@pytest.mark.parametrize(
    ("log", "codes"),
    [
        (
            "23.9.6/scan.dag.nodes.log",
            {
                "prep": 0,
                "round_000": 0,
                "round_001": 0,
                "round_002": 0,
                "merge": 0,
                "report": 0,
            },
        ),
        ("23.9.6/round_000.dag.nodes.log", {"reco_00000": 0, "reco_00001": 0}),
        ("25.14.1/scan.dag.nodes.log", {"prep": 0, "gate_000": 0, "round_000": 0}),
        ("25.14.1/round_000.dag.nodes.log", {"reco_00000": 0, "reco_00001": 0}),
        ("25.14.1/preskip.dag.nodes.log", {"w": 0}),
    ],
)
def test_the_nodes_of_recorded_logs_are_found_in_both_forms(log, codes):
    ends = job_ends(RECORDED / log)
    assert {node: end.exit_code for node, end in ends.items()} == codes


@pytest.mark.parametrize("notes", [OLD_NOTES, NEW_NOTES])
@pytest.mark.parametrize("name", ["prep", "reco_00000", "pegasus-plan_round_000"])
def test_a_submit_event_names_its_node_in_both_forms(tmp_path, notes, name):
    log = tmp_path / "scan.dag.nodes.log"
    write_log(log, submitted(1, name, notes), submitted(2))
    assert [node_of(event) for event in log_events(log)] == [name, ""]


@pytest.mark.parametrize(
    "notes", ["    [ DAGNodeName = ", '    [ JobBatchName = "b" ]', "    my own job, {}"]
)
def test_other_notes_name_no_node(tmp_path, notes):
    log = tmp_path / "scan.dag.nodes.log"
    write_log(log, submitted(1, "prep", notes), ended(1, 0))
    assert job_ends(log) == {}


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["DAGMAN_LOG_ON_NFS_IS_ERROR setting: False"], None),
        (["Daemon Log is logging: D_ALWAYS D_ERROR D_STATUS"], None),
        (["Parsing /data/ERROR: mine/scan.dag ..."], None),
        (["ERROR: failure to read job log", "0 job proc(s) held"], "failure to read job log"),
        (['ERROR "Assertion ERROR on (x)" at line 3'], '"Assertion ERROR on (x)" at line 3'),
        (["From submit: ERROR: no such directory"], "no such directory"),
        (
            [
                "ERROR: the following job(s) failed:",
                "    Node Status: STATUS_ERROR    ",
                "          Error: Job failed due to DAGMAN error 0",
            ],
            "Job failed due to DAGMAN error 0",
        ),
    ],
)
def test_the_last_error_is_what_dagman_reports_as_one(dag, lines, error):
    log = dag.with_name("scan.dag.dagman.out")
    log.write_text("".join(f"11/28/26 14:20:55 {line}\n" for line in lines))
    assert last_error(dag) == error


def test_a_node_ends_like_its_last_job(tmp_path):
    log = tmp_path / "round_000.dag.nodes.log"
    write_log(
        log,
        submitted(1, "reco_00000"),
        submitted(2, "reco_00001", NEW_NOTES),
        submitted(3, "reco_00002"),
        submitted(4, "reco_00003"),
        submitted(5, "reco_00004"),
        ended(1, 75),
        submitted(6, "reco_00000", NEW_NOTES),
        killed(2),
        REMOVED.format(3),
        HELD.format(4),
        ended(6, 0),
    )
    ends = job_ends(log)
    assert ends["reco_00000"].exit_code == 0
    assert ends["reco_00001"] == JobEnd(None, "its job was killed by signal 9")
    assert ends["reco_00002"].exit_code is None
    assert "removed: via condor_rm (by user u)" in ends["reco_00002"].reason
    assert "held: no such file" in ends["reco_00003"].reason
    assert ends["reco_00004"] == JobEnd(None, "its job has not ended")


def test_a_job_that_is_removed_as_it_ends_has_ended(tmp_path):
    # DAGMan removes its jobs when it ends; seen with 23.9.6 on a busy machine.
    log = tmp_path / "scan.dag.nodes.log"
    events = (submitted(7, "reco_00000"), STARTED.format(7), ended(7, 0), REMOVED.format(7))
    write_log(log, *events)
    assert job_ends(log)["reco_00000"].exit_code == 0
    nodes = Nodes()
    nodes.take(read_log(log))
    assert nodes.jobs["reco_00000"].has_succeeded
    again = log.read_text() + STARTED.format(7) + "\n...\n" + REMOVED.format(7) + "\n...\n"
    log.write_text(again)  # the schedd had forgotten its end
    assert "condor_rm" in job_ends(log)["reco_00000"].reason


def test_a_dagman_that_is_removed_as_it_ends_has_ended(tmp_path):
    dag = tmp_path / "scan.dag"
    write_log(
        dag.with_name("scan.dag.dagman.log"), submitted(7), ended(7, 0), REMOVED.format(7)
    )
    state = dagman_state(dag)
    assert (state.state, state.exit_code) == ("ended", 0)


def test_a_job_removed_while_held_has_its_hold_reason(tmp_path):
    log = tmp_path / "round_000.dag.nodes.log"
    first = (submitted(1, "reco_00000"), HELD.format(1))
    write_log(log, *first, REMOVED.format(1))
    reason = job_ends(log)["reco_00000"].reason
    assert reason == "its job was held and then removed: no such file"
    write_log(log, *first, RELEASED.format(1))
    assert job_ends(log)["reco_00000"] == JobEnd(None, "its job has not ended")
    write_log(log, *first, RELEASED.format(1), REMOVED.format(1))
    assert "via condor_rm" in job_ends(log)["reco_00000"].reason


def test_without_a_log_there_are_no_nodes(tmp_path):
    assert job_ends(tmp_path / "no.log") == {}


def test_the_settings_of_a_site_override_the_defaults():
    name = next(iter(SETTINGS))
    lines = config_lines({name: "77", "DAGMAN_OF_THE_SITE": "x"})
    assert lines.count(f"{name} = 77") == 1
    assert len(lines) == len(SETTINGS) + 1
    assert "DAGMAN_OF_THE_SITE = x" in lines


def test_what_others_wrote_in_another_encoding_loses_no_event(tmp_path):
    log = tmp_path / "scan.dag.dagman.log"
    write_log(log, submitted(7), STARTED.format(7), HELD.format(7))
    log.write_bytes(log.read_bytes().replace(b"no such file", b"disque \xe9puis\xe9"))
    (*_, held) = log_events(log)
    assert held["HoldReason"] == r"disque \xe9puis\xe9"
    assert dagman_state(tmp_path / "scan.dag").state == "held"


def test_a_removal_that_the_schedd_wrote_elsewhere_is_noted_once(dag):
    note_removal(dag, [7])
    assert not log_of(dag).exists()
    assert state_after(dag, submitted(7), STARTED.format(7)).state == "running"
    note_removal(dag, [8])
    assert dagman_state(dag).state == "running"
    for _ in range(2):
        note_removal(dag, [7])
        assert dagman_state(dag).state == "removed"
    removals = [it for it in read_log(log_of(dag)) if it.kind == Kind.ABORTED]
    assert [it.reason for it in removals] == ["by skyscan abort, from a folder that was moved"]
