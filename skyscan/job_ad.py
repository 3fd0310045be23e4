"""What HTCondor says to a job about itself: the file that ``_CONDOR_JOB_AD`` names."""

from __future__ import annotations

import os
import re
from pathlib import Path

VARIABLE = "_CONDOR_JOB_AD"
#: An attribute of jobs whose access point is the machine that they run on.
OUTPUT_IS_HERE = "SkyscanOutputIsHere"


def path_of_job_ad() -> Path:
    """Return the path of the job's own description; it may not exist."""
    return Path(os.environ.get(VARIABLE, ""))


def place_of_output() -> Path | None:
    """Return where the job's output is put when it ends, if that is on this machine.

    What is written there before is seen at once, and replaced by the same in the end.
    """
    try:
        text = path_of_job_ad().read_text(errors="replace")
    except OSError:
        return None  # no job of HTCondor's
    if _value(text, OUTPUT_IS_HERE) != "true":
        return None
    folder, output = _value(text, "OrigIwd"), _value(text, "OriginalOut")
    return Path(folder, output) if folder and output else None


def _value(text: str, name: str) -> str | None:
    found = re.search(rf'^{name} = (?:"(.*)"|(\w+))$', text, re.MULTILINE)
    return found and (found[2] or found[1].replace('\\"', '"'))
