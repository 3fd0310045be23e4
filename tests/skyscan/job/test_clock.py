"""A machine's clock, compared with that of the access point."""

import os
import time

import pytest

from skyscan.job.ad import JOB_AD_VARIABLE
from skyscan.job.clock import access_point_time, clock_error


@pytest.fixture
def job_ad(tmp_path, monkeypatch):
    """Return a function that makes the job's folder at this time after its start."""

    def write(seconds_after: float, text: str | None = None) -> None:
        path = tmp_path / ".job.ad"
        start = int(time.time()) - 5000
        path.write_text(text or f"Iwd = 1\nJobCurrentStartDate = {start}\nx = 2\n")
        os.utime(path, (start + seconds_after,) * 2)
        monkeypatch.setenv(JOB_AD_VARIABLE, str(path))

    return write


@pytest.mark.parametrize(
    ("seconds_after", "error"), [(0, 0), (30, 0), (-60, 0), (3600, 3600), (-86400, -86400)]
)
def test_a_clock_that_is_wrong_is_corrected(job_ad, seconds_after, error):
    job_ad(seconds_after)
    assert clock_error() == error
    assert access_point_time() == pytest.approx(time.time() - error, abs=5)


def test_without_a_job_ad_the_clock_is_taken_as_right(job_ad, tmp_path, monkeypatch):
    job_ad(3600, "Iwd = 1\n")
    assert clock_error() == 0
    monkeypatch.setenv(JOB_AD_VARIABLE, str(tmp_path))
    assert clock_error() == 0
    monkeypatch.setenv(JOB_AD_VARIABLE, str(tmp_path / "none"))
    assert clock_error() == 0
    monkeypatch.delenv(JOB_AD_VARIABLE)
    assert clock_error() == 0
