"""Reports as they are kept, ``report.json``: their paths are relative to the scan folder."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput, ExitCode
from skyscan.storage import read_json
from workflows.answers import placed
from workflows.engines.engine import Failure
from workflows.reports.text import text_of
from workflows.reports.value import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from skyscan.layout import ScanFolder

_RELATIVE = re.compile(r"(?<![\w./-])\./(\.(?![\w./]))?")


def read_report(folder: ScanFolder) -> Report | None:
    """Read the report of the last submission; None if it wrote none, or a damaged one."""
    try:
        value = _with_place(read_json(folder.report_json), folder)
        value["exit_code"] = int(ExitCode(value["exit_code"]))
        value["outcome"] = str(value["outcome"])
        value["failures"] = [
            Failure(**{**it, "last_lines": tuple(it.get("last_lines", ()))})
            for it in value["failures"]
        ]
        if value.get("page") is not None and not folder.page.is_file():
            value["page"] = None
        if value["map"] is not None:
            value["map"] = str(_map_here(folder, value["map"]))
        for key in {"answer", "answer_lines"} & set(value):
            value[key] = placed(value[key], folder.path)
        report = Report(**value)
        return replace(report, text=text_of(report, folder))
    except (BadInput, OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _map_here(folder: ScanFolder, stored: str) -> Path:
    """Return where a map is now; earlier reports have the path at which it was written."""
    path = PurePath(stored)
    if path.is_relative_to(folder.path):
        return folder.path / path
    is_partial = path.parent.name == folder.partial.name
    return (folder.partial if is_partial else folder.path) / path.name


def _each_text(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  (any JSON)
    """Return a JSON value with its texts changed."""
    if isinstance(value, dict):
        return {key: _each_text(it, change) for key, it in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(it, change) for it in value]
    return change(value) if isinstance(value, str) else value


def without_place(value: Any, folder: ScanFolder) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a JSON value with paths relative to the scan folder, which begin with ``./``."""
    place = str(folder.path)
    return _each_text(value, lambda it: it.replace(f"{place}/", "./").replace(place, "./."))


def _with_place(value: Any, folder: ScanFolder) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a JSON value of `without_place` with the paths of the folder as it is now."""
    place = str(folder.path)
    return _each_text(
        value, lambda it: _RELATIVE.sub(lambda found: place if found[1] else f"{place}/", it)
    )
