"""The job's own ClassAd, from the file that ``_CONDOR_JOB_AD`` names."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: Internal: the file that holds the job's own ClassAd; set by HTCondor.
JOB_AD_VARIABLE = "_CONDOR_JOB_AD"
#: An attribute of jobs that run on their access point.
OUTPUT_IS_HERE = "SkyscanOutputIsHere"


def path_of_job_ad() -> Path:
    """Return the path of the job's own ClassAd; it need not exist."""
    return Path(os.environ.get(JOB_AD_VARIABLE, ""))


def place_of_output() -> Path | None:
    """Return the final path of the job's output if it is on this machine, else None.

    Users see at once what is written there; the same content replaces it when the job ends.
    """
    try:
        text = path_of_job_ad().read_text(errors="replace")
    except OSError:
        return None  # not a job of HTCondor
    if value_of(text, OUTPUT_IS_HERE) != "true":
        return None
    folder, output = value_of(text, "OrigIwd"), value_of(text, "OriginalOut")
    return Path(folder, output) if folder and output else None


def value_of(text: str, name: str) -> str | None:
    """Return the unquoted text of an attribute in a job's ClassAd; None if it is missing."""
    found = re.search(rf'^{name} = (?:"(.*)"|(\w+))$', text, re.MULTILINE)
    return found and (found[2] or found[1].replace('\\"', '"'))
