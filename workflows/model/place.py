"""Whether a folder is the one that was submitted, or a copy of it."""

from __future__ import annotations

import re
from pathlib import Path

from condor.logs.dagman import log_of

_SUBMITTED_AS = re.compile(r"^log\s*=\s*(.+?)\s*$", re.MULTILINE)


def submitted_in(dag: Path, top: Path) -> str:
    """Return the folder that was submitted, if it is another one than this; else empty.

    Parameters
    ----------
    dag : Path
        The DAG as it would be submitted here.
    top : Path
        The folder of the scan or the campaign, above the DAG.
    """
    try:
        text = dag.with_name(f"{dag.name}.condor.sub").read_text(errors="replace")
    except OSError:
        return ""
    found = _SUBMITTED_AS.search(text)
    log = Path(found[1]) if found else None
    # A scan of a campaign is submitted by relative paths.
    if log is None or not log.is_absolute() or _is_same(log, log_of(dag)):
        return ""
    return str(log.parents[len(dag.relative_to(top).parts) - 1])


def _is_same(one: Path, other: Path) -> bool:
    return one == other.absolute() or one.resolve() == other.resolve()
