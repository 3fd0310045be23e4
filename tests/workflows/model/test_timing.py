"""Where the time of a scan went: the parts of the slots' time."""

from dataclasses import replace

import pytest
from model_support import fit, opened_scan

from workflows.model.jobs import Job, Start
from workflows.model.reading import read_model
from workflows.model.results import BatchResults
from workflows.model.scan import Spent
from workflows.model.timing import advice, usage


def job_of(*starts: tuple[float, float, str]) -> Job:
    job = Job("reco_00000", 0.0, "ended", 100.0, exit_code=0)
    job.starts = [Start(a, "node1", "slot1", b, how) for a, b, how in starts]
    return job


def spent(job: Job, seconds: float):
    _, found = usage([job], {id(job): BatchResults(4, seconds)}, 0.0, 100.0)
    return found


def test_fits_of_an_earlier_submission_are_not_part_of_the_slots_time_of_this_one():
    found = spent(job_of((10.0, 30.0, "good")), 50.0)
    assert (found.slots, found.fits, found.starting) == (20.0, 20.0, 0.0)


def test_fits_and_start_ups_of_one_start_are_all_of_its_time():
    found = spent(job_of((10.0, 30.0, "good")), 15.0)
    assert (found.slots, found.fits, found.starting) == (20.0, 15.0, 5.0)


@pytest.mark.parametrize(("seconds", "lost"), [(10.0, 20.0), (30.0, 5.0)])
def test_what_an_evicted_start_brought_home_is_not_lost(seconds, lost):
    found = spent(job_of((10.0, 30.0, "evicted"), (40.0, 55.0, "good")), seconds)
    assert found.evicted == lost
    assert found.fits + found.starting + found.evicted == pytest.approx(found.slots)


def test_a_scan_that_was_only_merged_again_is_told_nothing_of_rounds(tmp_path):
    folder = opened_scan(tmp_path)
    fit(folder, 0)
    model = read_model(folder)
    machines = Spent(opening=20.0, waiting=0.0, running=20.0, slots=20.0, fits=20.0)
    assert "DAGMan was between jobs" in " ".join(advice(replace(model, spent=machines)))
    assert advice(replace(model, spent=replace(machines, running=0.0))) == []
