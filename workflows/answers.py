"""The answer of a scan's map: written with the report, and shown by commands."""

from __future__ import annotations

import re
import shlex
import sys
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from skyscan.errors import BadInput, printable

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.answer.show import Shown

Lines = list[str]
#: A command of a check, as far as the scan folder in it, which is "." in ``report.json``.
_COMMAND = re.compile(r"^( *skyscan (?:extend|resume|retry --failed)) (?:'\.'|\.)(?= |$)")


class Written(NamedTuple):
    """The answer of a map in a report.

    Attributes
    ----------
    lines : list of str
        What follows the best fit, or why there is no answer.
    value : dict or None
        For JSON.
    shown : Shown or None
        The answer itself, and the map.
    """

    lines: Lines
    value: dict[str, Any] | None = None
    shown: Shown | None = None


def answer_in_report(path: Path | None) -> Written:
    """Return the answer of a map.

    A report is written in any case, so an error is part of the text.
    """
    from skyscan.answer.show import show

    if path is None:
        return Written([])
    try:
        shown = show(path)
    except Exception as error:  # noqa: BLE001  the report must be written all the same
        return Written([_trouble("answer", error)])
    return Written([printable(line) for line in shown.lines[1:]], shown.value, shown)


def write_answer_files(shown: Shown, folder: Path) -> Lines:
    """Write the files of an answer into the folder of its map; return why it was not possible.

    They take as long as all other parts of a report, mostly to import astropy.
    """
    from skyscan.answer.files import write_files

    try:
        write_files(shown.skymap, shown.answer, folder)
    except Exception as error:  # noqa: BLE001  the report must be written all the same
        return [_trouble("files", error)]
    return []


def _trouble(what: str, error: Exception) -> str:
    """Return the line of a report about what could not be made."""
    if isinstance(error, BadInput | OSError):
        return printable(f"  {what:<9} {error}")
    traceback.print_exception(error, file=sys.stderr)
    return printable(f"  {what:<9} this is a bug: {error!r}")


def placed(value: Any, folder: Path) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a part of ``report.json`` with the scan folder in the commands of its checks.

    Paths in ``report.json`` are relative to the folder, which may have been moved.
    """
    if isinstance(value, dict):
        return {key: placed(it, folder) for key, it in value.items()}
    if isinstance(value, list):
        return [placed(it, folder) for it in value]
    if isinstance(value, str):
        return _COMMAND.sub(lambda found: f"{found[1]} {shlex.quote(str(folder))}", value)
    return value


def answer_of(path: Path, levels: str | None) -> tuple[Lines, Shown]:
    """Return the answer of a map file as text, and itself.

    Raises
    ------
    BadInput
        It is not a map, or no pixel has a fit.
    WrongUsage
        There are no such levels.
    """
    from skyscan.answer.show import show

    shown = show(path, levels)
    outcome = "complete" if shown.value["complete"] else "incomplete"
    lines = (f"{shown.value['name']}: {outcome}", *shown.lines)
    return [printable(line) for line in lines], shown


def as_report(path: Path, value: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a report, filled from a map file and its answer."""
    best = value["best"]
    local = ("zenith_deg", "azimuth_deg") if value["frame"] == "local" else ()
    keys = ("nside", "pixel", "ra_deg", "dec_deg", *local, "llh")
    return {
        "name": value["name"],
        "outcome": "complete" if value["complete"] else "incomplete",
        "exit_code": 0,
        "map": str(path),
        "best": {key: best[key] for key in keys},
        "n_pixels": value["n_pixels"],
        "n_failed": value["n_failed"],
        "failures": [],
        "answer": value,
    }
