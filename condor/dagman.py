"""DAGMan's settings for a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: DAGMan's settings for a scan, with the reason for each. The names are those of HTCondor 23;
#: older versions ignore settings that they do not know.
SETTINGS = {
    # Read the job log every second: a round ends when its last job does (default 5).
    "DAGMAN_USER_LOG_SCAN_INTERVAL": "1",
    # A round is submitted in one go (default 100).
    "DAGMAN_MAX_SUBMITS_PER_INTERVAL": "500",
    # Do not queue more than a pool starts soon (the default, set for all versions).
    "DAGMAN_MAX_JOBS_IDLE": "1000",
    # A job that is held again and again is removed, so that RETRY fires (default 100).
    "DAGMAN_MAX_JOB_HOLDS": "5",
    # Keep the claim on a machine between rounds (the default, set for all versions).
    "DAGMAN_HOLD_CLAIM_TIME": "20",
    # The default (114) plus 4: a job that has ended may run again. A schedd that was killed
    # before it recorded the end does that (seen with 23.9.6); the job then finds all done.
    "DAGMAN_ALLOW_EVENTS": "118",
    # A node whose condor_submit timed out must not run its pixels twice.
    "DAGMAN_PROHIBIT_MULTI_JOBS": "True",
}


def config_lines(more: Mapping[str, str]) -> list[str]:
    """Return the lines of ``dagman.config``."""
    return [f"{name} = {value}" for name, value in {**SETTINGS, **more}.items()]
