"""Whether what the steps of a scan wrote is whole: startup, rounds, results, map, report."""

from __future__ import annotations

import os
import re
import shlex
import time
from itertools import chain
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, ExitCode
from skyscan.rounds.collect import batches_of, gather
from skyscan.rounds.earlier import attempts, fits_to_forget
from skyscan.startup import is_whole
from workflows.catalogue import catalogue_of
from workflows.checks.findings import Finding, State
from workflows.checks.whole import map_fault
from workflows.engines import engine_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skyscan.layout import ScanFolder
    from workflows.planned import Planned

WHAT = "written files"
_NAMED = 3  # faults in a message
_UNFINISHED = re.compile(r"\..+\.(\d{1,19})\.tmp", re.ASCII)
_LONGEST_WRITE = 3600.0  # seconds


def findings(folder: ScanFolder, scan: Planned, exit_code: int | None) -> list[Finding]:
    """Return what is damaged of what the steps of a scan wrote, as lines of `skyscan doctor`.

    Results and map of a scan that is in the queue by its log are not looked at: they may be on
    their way.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    scan : Planned
        What was planned.
    exit_code : int or None
        The exit code in its report; None if the report is missing or damaged.
    """
    state = engine_of(folder).state(folder)
    is_at_rest = state is None or state.is_over
    found = [*_again(folder, scan, exit_code, is_at_rest=is_at_rest)]
    found += _earlier(folder)
    if folder.catalogue.exists() and not catalogue_of(folder)[0]:
        text = f"{folder.catalogue} is damaged: no source is shown"
        remedy = "skyscan result FOLDER --catalogue FILE replaces it"
        found.append(Finding(WHAT, State.WARNING, text, remedy))
    if state is None and folder.chosen_rounds() and not folder.report_json.exists():
        text = f"DAGMan's log in {folder.workflow} is missing or damaged"
        remedy = "condor_q shows whether the scan runs"
        found.append(Finding(WHAT, State.WARNING, text, remedy))
    if left := _unfinished(folder):
        text = f"{_shown([str(it) for it in left])}: left by a command that was killed"
        remedy = "remove them while no command writes here; nothing reads them"
        found.append(Finding(WHAT, State.ADVICE, text, remedy))
    return found or [Finding(WHAT, State.OK, "whole, as far as they exist")]


def _again(
    folder: ScanFolder, scan: Planned, exit_code: int | None, *, is_at_rest: bool
) -> Iterator[Finding]:
    """Yield a finding if there is damage that `skyscan resume` repairs."""
    faults = [*_preparation(folder, scan), *_rounds(folder, scan)]
    if is_at_rest:
        faults += _at_rest(folder, scan, exit_code, has_rounds=not faults)
    if not faults:
        return
    text = _shown([fault.rstrip(".") for fault in faults])
    remedy = f"skyscan resume {shlex.quote(str(folder.path))} does again what is missing"
    yield Finding(WHAT, State.ERROR, text, remedy, exit_code=ExitCode.TRY_AGAIN)


def _shown(texts: list[str]) -> str:
    more = f"; and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return "; ".join(texts[:_NAMED]) + more


def _unfinished(folder: ScanFolder) -> list[Path]:
    """Return the files that a killed command had not renamed yet (`skyscan.storage`)."""
    found = ((it, _UNFINISHED.fullmatch(it.name)) for it in folder.path.rglob(".*.tmp"))
    return sorted(it for it, named in found if named and _is_dead(int(named[1]), it))


def _is_dead(pid: int, path: Path) -> bool:
    """Return whether the writer of a file has ended: its process, here, or long ago."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    try:
        return path.lstat().st_mtime < time.time() - _LONGEST_WRITE
    except FileNotFoundError:  # it has just been renamed
        return False


def _preparation(folder: ScanFolder, scan: Planned) -> Iterator[str]:
    is_done = folder.startup_json.exists() or bool(folder.chosen_rounds())
    if is_done and not is_whole(folder.startup, scan.id):
        yield f"{folder.startup} is damaged, incomplete, or of another scan"


def _rounds(folder: ScanFolder, scan: Planned) -> Iterator[str]:
    """Yield the rounds whose description or batches are damaged or missing."""
    chosen = folder.chosen_rounds()
    begun = [int(path.parent.name) for path in folder.rounds.glob("[0-9][0-9][0-9]/results")]
    for number in sorted({*range(max(chosen, default=0)), *chosen, *begun}):
        here = folder.round(number)
        if number not in chosen:
            yield f"{here.description} is missing"
            continue
        try:
            for _ in batches_of(here, scan.id):
                pass
        except (BadInput, OSError) as error:
            yield str(error)


def _at_rest(
    folder: ScanFolder, scan: Planned, exit_code: int | None, *, has_rounds: bool
) -> Iterator[str]:
    """Yield damage to results, report and map; of a complete scan, also what is missing."""
    is_complete = exit_code == ExitCode.DONE
    if has_rounds:
        found = gather(folder, scan.id, folder.chosen_rounds())
        yield from chain(*found.damage.values())
        yield from chain(*found.incomplete.values()) if is_complete else ()
        if is_complete and (fault := map_fault(folder, scan)):
            yield fault
    if exit_code is None and folder.report_json.exists():
        yield f"{folder.report_json} is damaged"


def _earlier(folder: ScanFolder) -> Iterator[Finding]:
    for attempt in attempts(folder):
        try:
            fits_to_forget(attempt)
        except (BadInput, OSError) as error:
            remedy = f"restore it, or remove {folder.earlier}: its fits are then repeated"
            yield Finding(WHAT, State.ERROR, str(error), remedy, ExitCode.BAD_INPUT)
