"""What HTCondor says to a job about itself: the file that ``_CONDOR_JOB_AD`` names."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: Internal: the file in which HTCondor describes a job to itself; set by HTCondor.
JOB_AD_VARIABLE = "_CONDOR_JOB_AD"
#: An attribute of jobs whose access point is the machine that they run on.
OUTPUT_IS_HERE = "SkyscanOutputIsHere"


def path_of_job_ad() -> Path:
    """Return the path of the job's own description; it may not exist."""
    return Path(os.environ.get(JOB_AD_VARIABLE, ""))


def place_of_output() -> Path | None:
    """Return where the job's output is put when it ends, if that is on this machine.

    What is written there before is seen at once, and replaced by the same in the end.
    """
    try:
        text = path_of_job_ad().read_text(errors="replace")
    except OSError:
        return None  # no job of HTCondor's
    if value_of(text, OUTPUT_IS_HERE) != "true":
        return None
    folder, output = value_of(text, "OrigIwd"), value_of(text, "OriginalOut")
    return Path(folder, output) if folder and output else None


def value_of(text: str, name: str) -> str | None:
    """Return the text of an attribute in a job description, unquoted; None: it is not there."""
    found = re.search(rf'^{name} = (?:"(.*)"|(\w+))$', text, re.MULTILINE)
    return found and (found[2] or found[1].replace('\\"', '"'))
