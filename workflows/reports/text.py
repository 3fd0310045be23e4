"""Reports as text: what came out, and what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from skyscan.answer.sky.frame import turn_text
from skyscan.errors import ExitCode, printable
from workflows.engines import engine_of
from workflows.model.causes import CAUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skyscan.layout import ScanFolder
    from workflows.reports.value import Report

SHOWN = 8  # failures in the text; `skyscan why` shows all
#: Causes that only a change of the scan or its runtime removes.
_CHANGE = frozenset(name for name, it in CAUSES.items() if it.can_pass is not True) - {
    "bad-input",
    "limit",
    "deadline",
}
_LIMITS = ("--max-rounds", "--max-failed-pixels", "--deadline")


def direction_text(best: Mapping[str, float | None]) -> str:
    """Return the direction of a report's best fit."""
    known = {name: value for name, value in best.items() if value is not None}
    if "ra_deg" not in known:
        zenith, azimuth = known["zenith_deg"], turn_text(known["azimuth_deg"])
        return f"zenith {zenith:.2f} deg, azimuth {azimuth} deg (IceCube's local frame)"
    return f"RA {turn_text(known['ra_deg'])} deg, Dec {known['dec_deg']:+.2f} deg (J2000)"


def text_of(report: Report, folder: ScanFolder) -> str:
    """Return the report as text, with the place where the folder is now."""
    lines = [*_lines(report), *_advice(report, folder, shlex.quote(str(folder.path)))]
    return printable("\n".join(lines) + "\n")


def _lines(report: Report) -> list[str]:
    lines = [f"{report.name}: {report.outcome}"]
    if report.best:
        best = report.best
        lines.append(
            f"  best fit  {direction_text(best)}; "
            f"nside {best['nside']:.0f}, pixel {best['pixel']:.0f}, llh {best['llh']:.2f}"
        )
    lines += report.answer_lines  # which begin with more on the best fit
    if report.chosen:
        lines.append(f"  chosen    {report.chosen}")
    if report.kernel:
        lines.append(f"  kernel    {report.kernel}")
    if report.n_pixels:
        by_nside = sorted(report.n_pixels.items(), key=lambda it: int(it[0]))
        counts = ", ".join(f"{count} of nside {n}" for n, count in by_nside)
        lines.append(f"  pixels    {counts}; {report.n_failed} without a fit")
    if report.n_failed:
        lines.append(f"  no fit    {report.no_fit}")
    if report.map:
        lines.append(f"  map       {report.map} (and .json)")
    if report.page:
        lines.append(f"  page      {report.page}")
    elif report.no_page:
        lines.append(f"  page      not written: {report.no_page}")
    lines += [f"  warning   {machine}" for machine in report.bad_machines]
    return [*lines, *(f"  repaired  {it}" for it in report.repairs)]


def _advice(report: Report, folder: ScanFolder, place: str) -> list[str]:
    if report.exit_code == 0:
        return []
    lines = [
        f"  why       {f.step}: {f.text} (exit {f.exit_code})" for f in report.failures[:SHOWN]
    ]
    if len(report.failures) > SHOWN:
        lines.append(
            f"            and {len(report.failures) - SHOWN} more, see `skyscan why {place}`"
        )
    lines += [f"  missing   {line}" for line in report.missing]
    if then := next_of(report, folder):
        lines.append(f"  next      {then.line}")
    lines.append(f"  more      skyscan why {place}")
    more = engine_of(folder).more_on_failure(folder)
    return [*lines, f"  more      {more}"] if more else lines


class Next(NamedTuple):
    """What to do about a scan that is not complete.

    Attributes
    ----------
    line : str
        The advice with the command in it, as one line.
    text : str
        The advice.
    command : str
        The command.
    """

    line: str
    text: str
    command: str


def next_of(report: Report, folder: ScanFolder) -> Next | None:
    """Return what to do next; None for a scan that is complete."""
    if report.exit_code == 0:
        return None
    place = shlex.quote(str(folder.path))
    command = f"skyscan resume {place}"
    lead = next((it for it in report.failures if it.exit_code == report.exit_code), None)
    if lead is not None and lead.advice and not lead.can_pass and lead.cause in _CHANGE:
        return Next(f"{lead.advice}; then `{command}`", f"{lead.advice}; then", command)
    if report.exit_code == ExitCode.BAD_INPUT:
        line = f"fix the input, then `{command}`; or plan the scan again"
        return Next(line, "fix the input (or plan the scan again), then", command)
    if report.outcome == "incomplete":
        line = (
            f"skyscan extend {place} with a higher limit (--max-rounds, --max-failed-pixels, "
            f"--deadline), or skyscan retry --failed {place}"
        )
        text = lead.text if lead is not None else ""
        limit = next((it for it in _LIMITS if it in text), _LIMITS[0])
        return Next(line, "scan on with a higher limit", f"skyscan extend {place} {limit} …")
    return Next(
        f"{command}    (only what is missing runs again)",
        "only what is missing runs again with",
        command,
    )
