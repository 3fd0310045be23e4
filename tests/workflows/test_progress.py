"""The progress of a scan, from folders of scans that never ran."""

import os

import pytest
from job_log_support import REMOVED, STARTED, ended, submitted, write_log
from plans_support import EVENT, options

from skyscan.events.source import Source
from skyscan.job.progress import progress_line
from skyscan.prep import prepare
from skyscan.rounds.next_round import open_round
from workflows.model.reading import read_model
from workflows.plan import plan
from workflows.planned import read_planned


@pytest.fixture
def folder(tmp_path):
    """A planned scan of 12 pixels whose only job has printed that it did 5."""
    made = plan(EVENT, tmp_path, options(progression=((1, 0),)))
    scan = read_planned(made.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.startup)
    open_round(made, scan, 0)
    made.round(0).logs.mkdir(exist_ok=True)
    (made.round(0).logs / "00000.0.out").write_text(f"{progress_line(5, 12)}\n")
    return made


def n_done(folder, *events: str) -> int:
    write_log(folder.workflow / "scan.dag.dagman.log", *events)
    (progress,) = read_model(folder).rounds
    return progress.n_done


def test_what_a_running_job_prints_counts(folder):
    assert n_done(folder, submitted(7), STARTED.format(7)) == 5


@pytest.mark.parametrize("end", [REMOVED.format(7), ended(7, 1)])
def test_what_a_job_printed_is_lost_with_it_when_the_scan_has_left_the_queue(folder, end):
    assert n_done(folder, submitted(7), STARTED.format(7), end) == 0


def test_what_a_job_of_an_earlier_submission_printed_does_not_count(folder):
    os.utime(folder.round(0).logs / "00000.0.out", (1, 1))
    assert n_done(folder, submitted(7), REMOVED.format(7), submitted(9)) == 0
