"""The access point's time, on a machine whose own clock may be wrong.

A deadline is a time of the access point's clock. HTCondor writes the job's ClassAd into its
folder when the job starts (``_CONDOR_JOB_AD``): the file's time is that of the machine's clock,
and the attribute ``JobCurrentStartDate`` is that of the access point's.
"""

from __future__ import annotations

import time

from skyscan.job.ad import path_of_job_ad, value_of

#: Seconds that may pass from the start of a job until its folder exists.
TOLERANCE = 120.0


def access_point_time() -> float:
    """Return the access point's time, seconds since 1970, to `TOLERANCE`."""
    return time.time() - clock_error()


def clock_error() -> float:
    """Return how many seconds this machine's clock is ahead; 0 if that is unknown."""
    path = path_of_job_ad()
    try:
        written = path.stat().st_mtime
        started = value_of(path.read_text(errors="replace"), "JobCurrentStartDate")
    except OSError:
        return 0.0  # not a job of HTCondor
    if started is None or not started.isdecimal():
        return 0.0
    ahead = written - float(started)
    return ahead if abs(ahead) > TOLERANCE else 0.0
