"""The JSON Schema of ``report.json`` and of `skyscan result --json`."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from workflows.model.schema import schema_of
from workflows.reports.value import REPORT_FORMAT, Report


def schema() -> dict[str, Any]:
    """Return the schema; keys that reports of older versions lack are not required."""
    root = schema_of(Report, "Report of a scan")
    root["properties"]["format"] |= {"const": REPORT_FORMAT}
    root["required"] = [
        it.name
        for it in fields(Report)
        if it.default is MISSING and it.default_factory is MISSING
    ]
    return root
