"""``campaign.html``: all events of a campaign on one page."""

from __future__ import annotations

import shlex
import sys
import time
import traceback
from dataclasses import asdict
from math import asin, cos, pi, radians, sin
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.answer.sky.frame import turn_text
from skyscan.errors import SkyscanError, one_line
from skyscan.storage import write_text
from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.table import counts, exit_code_of, outcome_of
from workflows.campaigns.truths import EXPECTED_PULL, coverage
from workflows.page.page import page_of, utc_text
from workflows.page.svg import Axis, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workflows.campaigns.folder import CampaignFolder
    from workflows.campaigns.row import Row

LOCAL_FRAME = "IceCube's local frame (no time), azimuth 180° in the middle, elevation upwards"
MOST_ROWS = 3000
N_BINS = 30
#: Columns of numbers: head, field of a row, digits. Those of a frame are there if it is used.
EQUATORIAL = (("RA", "ra_deg", 2), ("Dec", "dec_deg", 2))
IN_DETECTOR = (("zenith", "zenith_deg", 2), ("azimuth", "azimuth_deg", 2))
NUMBERS = (
    *(("llh", "llh", 2), ("90 %, deg²", "area90_deg2", 2), ("off truth", "from_truth_deg", 2)),
    *(("pull", "pull", 2), ("no fit", "nan_pixels", 0)),
)


def write_campaign_page(folder: CampaignFolder, rows: Sequence[Row]) -> None:
    """Write the page of a campaign that has ended.

    An error is printed: the campaign has its outcome all the same.
    """
    try:
        values = page_values(folder, rows)
        write_text(folder.page, page_of("campaign.html", "campaign.js", values))
    except (ImportError, SkyscanError, OSError) as error:
        why = one_line(str(error))
        print(f"skyscan: note: {folder.page} is not written: {why}", file=sys.stderr)
    except Exception:  # noqa: BLE001  the table is written in any case
        traceback.print_exc(file=sys.stderr)


def page_values(folder: CampaignFolder, rows: Sequence[Row]) -> dict[str, Any]:
    """Return all that the template shows."""
    code = exit_code_of(rows)
    complete = [it for it in rows if it.state == "complete"]  # as in `truth_lines`
    away = np.array([it.from_truth_deg for it in complete if it.from_truth_deg is not None])
    pulls = np.array([it.pull for it in complete if it.pull is not None])
    local = [it for it in rows if is_local(it)]
    fitted = [it for it in rows if it.ra_deg is not None and it.dec_deg is not None]
    errors = []
    if len(away):
        errors.append(histogram(away, "distance to the true direction, degrees"))
    if len(pulls):
        errors.append(histogram(np.minimum(pulls, 6.0), "pull; the last bin holds the rest"))
    return {
        "name": folder.path.name,
        "counts": counts(rows),
        "outcome": outcome_of(code),
        "is_real": read_campaign(folder).options.is_real_event,
        "written": utc_text(time.time()),
        "command": f"skyscan resume {shlex.quote(str(folder.path))}" if code else "",
        "skies": list(_skies(fitted, local)),
        "errors": errors,
        "n_truth": len(away),
        "median": float(np.median(away)) if len(away) else None,
        "ninety": float(np.quantile(away, 0.9)) if len(away) else None,
        "coverage": "; ".join(map(str, coverage(complete))).replace("+-", "±"),
        "expected_pull": EXPECTED_PULL,
        "columns": [
            *(EQUATORIAL if fitted or not local else ()),
            *(IN_DETECTOR if local else ()),
            *NUMBERS,
        ],
        "rows": rows[:MOST_ROWS],
        "more": max(0, len(rows) - MOST_ROWS),
        "numbers": [asdict(row) for row in rows[:MOST_ROWS]],
    }


def is_local(row: Row) -> bool:
    """Return whether the best fit is known in the local frame only: the event has no time."""
    return row.zenith_deg is not None and row.azimuth_deg is not None and row.ra_deg is None


def _skies(fitted: Sequence[Row], local: Sequence[Row]) -> Iterator[tuple[Figure, str]]:
    """Yield a map of the best fits in each frame, and which frame it is."""
    if fitted:
        yield all_best_fits(fitted), "J2000, RA 180° in the middle"
    if local:
        yield all_best_fits(local), LOCAL_FRAME


def _direction(row: Row) -> tuple[float, float]:
    """Return RA and Dec of a best fit, or azimuth and elevation (degrees)."""
    if is_local(row):
        return row.azimuth_deg or 0.0, 90.0 - (row.zenith_deg or 0.0)
    return row.ra_deg or 0.0, row.dec_deg or 0.0


def _place(row: Row) -> str:
    longitude, latitude = _direction(row)
    if is_local(row):
        return f"zenith {90.0 - latitude:.2f}°, azimuth {turn_text(longitude)}°"
    return f"RA {turn_text(longitude)}°, Dec {latitude:+.2f}°"


def all_best_fits(rows: Sequence[Row]) -> Figure:
    """Draw the best fits of events in the same frame on the whole sky."""
    events = "1 event" if len(rows) == 1 else f"{len(rows)} events"
    figure = Figure(900, 460, f"Best fits of {events} on the whole sky (Mollweide)")
    figure.add("ellipse", "frame", cx=450, cy=230, rx=440, ry=220)
    for ra in range(0, 361, 60):
        figure.line("grid", [_mollweide(ra, dec) for dec in range(-90, 91, 5)])
    for dec in range(-60, 61, 30):
        figure.line("grid", [_mollweide(ra, dec) for ra in range(0, 361, 10)])
        figure.write("note", *_mollweide(359.9, dec), f"{dec:+d}°" if dec else "0°")
    for ra in range(60, 360, 60):
        figure.write("middle note", *_mollweide(ra, -4), f"{ra}°")
    for row in rows:
        x, y = _mollweide(*_direction(row))
        title = f"{row.event}: {_place(row)}, {row.state}"
        look = "run" if row.state == "complete" else "failed"
        figure.add("circle", f"span {look}", cx=x, cy=y, r=4, title=title)
    return figure


def _mollweide(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Return where a direction is drawn; RA 180 in the middle, growing to the left."""
    goal, theta = pi * sin(radians(dec_deg)), asin(max(-1.0, min(1.0, dec_deg / 90.0)))
    for _ in range(30):
        slope = 2.0 + 2.0 * cos(2.0 * theta)
        if slope < 1e-6:  # noqa: PLR2004  (at a pole)
            break
        theta -= (2.0 * theta + sin(2.0 * theta) - goal) / slope
    return 450 + 440 * (180.0 - ra_deg) / 180.0 * cos(theta), 230 - 220 * sin(theta)


def histogram(values: np.ndarray[Any, np.dtype[np.float64]], label: str) -> Figure:
    """Draw the distribution of positive values."""
    number, edges = np.histogram(values, N_BINS, (0.0, float(values.max()) or 1.0))
    figure = Figure(440, 250, f"Histogram of {len(values)} events: {label}")
    across, up = Axis(0.0, float(edges[-1]), 48, 430), Axis(0.0, 1.05 * number.max(), 214, 14)
    figure.frame(across, up)
    for n, low, high in zip(number.tolist(), edges[:-1], edges[1:], strict=True):
        left, right, top = across.at(low), across.at(high), up.at(n)
        title = f"{low:.3g} to {high:.3g}: {n}"
        figure.add(
            *("rect", "span run"),
            x=left + 0.5,
            y=top,
            width=right - left - 1,
            height=up.start - top,
            title=title,
        )
    figure.write("middle", 239, 247, label)
    return figure
