"""Job event logs as text: what two versions of HTCondor wrote, torn logs, logs that grow."""

import time

import pytest
from job_log_support import (
    EVICTED,
    HELD,
    NEW_NOTES,
    RECORDED,
    REMOVED,
    ended,
    killed,
    submitted,
    write_log,
)

from condor.logs.dagman import log_events, node_of
from condor.logs.joblog import Kind, LogReader, read_log

LOGS = sorted(RECORDED.glob("*/*.log"))


@pytest.mark.parametrize("log", LOGS, ids=lambda it: f"{it.parent.name}/{it.name}")
def test_recorded_logs_are_read_as_the_bindings_read_them(log):
    ours, theirs = read_log(log), list(log_events(log))
    assert [(it.kind, it.cluster) for it in ours] == [
        (int(it.type), it.cluster) for it in theirs
    ]
    assert [it.time for it in ours] == [float(it.timestamp) for it in theirs]
    for one, other in zip(ours, theirs, strict=True):
        if one.kind == Kind.SUBMIT:
            assert one.node == node_of(other)
        if one.kind == Kind.TERMINATED:
            assert one.exit_code == other["ReturnValue"]
        if one.kind == Kind.EXECUTE:
            assert one.slot == other.get("SlotName", "")


@pytest.fixture
def log(tmp_path):
    return tmp_path / "x.log"


def test_what_events_say(log):
    write_log(log, submitted(7, "a b"), killed(7), HELD.format(8), REMOVED.format(9))
    first, second, third, fourth = read_log(log)
    assert first.node == "a"
    assert (second.exit_code, second.signal, second.has_ended) == (None, 9, True)
    assert (third.reason, third.hold_code) == ("no such file", (13, 2))
    assert fourth.reason == "via condor_rm (by user u)"
    assert not fourth.has_ended


def test_a_node_may_have_any_name_in_a_classad(log):
    write_log(log, submitted(7, "reco 00000", NEW_NOTES))
    assert read_log(log)[0].node == "reco 00000"


def test_a_job_that_starts_again_after_its_end_has_ended(log):
    again = EVICTED.format(7).replace("(0) CPU times", "(0) Job terminated and was requeued")
    write_log(log, EVICTED.format(7), f"{again}\n\t(1) Normal termination (return value 75)")
    evicted, requeued = read_log(log)
    assert (evicted.has_ended, requeued.has_ended) == (False, True)
    assert requeued.exit_code == 75


@pytest.mark.parametrize("cut", [1, 10, 30, 60, 90])
def test_a_torn_event_costs_only_itself(log, cut):
    with log.open("w") as file:
        file.write(f"{submitted(7)}\n...\n")
        file.write(ended(7, 0)[:cut])
        file.write(f"{submitted(8)}\n...\n{ended(8, 0)}\n...\n")
    assert [(it.kind, it.cluster) for it in read_log(log)] == [(0, 7), (0, 8), (5, 8)]


def test_bytes_that_are_no_text_and_no_event_do_no_harm(log):
    log.write_bytes(b"\xff\xfe\x00...\n\n...\n" + submitted(7).encode() + b"\xff\n...\n")
    assert [it.cluster for it in read_log(log)] == [7]


def test_a_log_that_grows_is_read_on(log):
    reader = LogReader(log)
    assert reader.read() == []
    write_log(log, submitted(7))
    assert [it.kind for it in reader.read()] == [Kind.SUBMIT]
    assert reader.read() == []
    text = f"{ended(7, 0)}\n...\n"
    with log.open("a") as file:
        file.write(text[:50])
        file.flush()
        assert reader.read() == []
        file.write(text[50:])
    assert [it.kind for it in reader.read()] == [Kind.TERMINATED]


def test_a_log_that_is_written_again_is_read_again(log):
    write_log(log, submitted(7), ended(7, 0))
    reader = LogReader(log)
    reader.read()
    write_log(log, submitted(8))
    assert [it.cluster for it in reader.read()] == [8]


def test_times_without_a_year_are_of_the_last_twelve_months(log):
    day = time.strftime("%m/%d %H:%M:%S", time.localtime(time.time() - 3600))
    write_log(log, submitted(7).replace("2026-01-01 10:00:00", day))
    assert read_log(log)[0].time == pytest.approx(time.time() - 3600, abs=2)


def test_times_may_be_utc_and_have_fractions(log):
    zulu = submitted(7).replace("2026-01-01 10:00:00", "2026-01-01T10:00:00.250Z")
    write_log(log, zulu, submitted(8).replace("2026-01-01 10:00:00", "2026-99-01 10:00:00"))
    first, second = read_log(log)
    assert first.time == 1767261600
    assert second.time == 0
