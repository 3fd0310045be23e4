"""Measure what a campaign of many tiny events costs besides its scans: CPU seconds by step.

Usage: python benchmarks/campaigns.py [EVENTS]

Plans campaigns of EVENTS and of a tenth as many copies of the simulated event under other ids,
and gives each scan a report. Then it times the rows of the table as `status` reads them while
scans run, without their maps, and the writing of the table and of the page. The ratio is 10 if
a step is linear. It needs no pool.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from skyscan.storage import write_json
from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.page import write_campaign_page
from workflows.campaigns.plan import plan_campaign
from workflows.campaigns.table import campaign_rows, counts, table_text, write_table
from workflows.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable

EVENT = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))
FRACTION = 10


def measure(place: Path, n: int) -> dict[str, float]:
    """Return the CPU seconds of each step for a campaign of ``n`` events."""
    event = read_event(EVENT)
    files = []
    for number in range(1, n + 1):
        files.append(place / "events" / f"{number}.json")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        write_event(files[-1], replace(event, event_id=number))
    folder = CampaignFolder(place / "campaign")
    options = Options(is_real_event=False, reco="dummy", progression=((1, 0),))
    took = {"plan": _cpu(lambda: plan_campaign(files, folder.path, options))}
    took["plan again"] = _cpu(lambda: plan_campaign(files, folder.path, options))
    for number, entry in enumerate(read_campaign(folder).entries):
        scan = folder.scan(entry)
        if scan is not None:
            write_json(scan.report_json, _report(entry.name or "", number))
    took["rows"] = _cpu(lambda: campaign_rows(folder, is_over=False))
    rows = campaign_rows(folder, is_over=False)
    if {it.exit_code for it in rows} != {0}:
        sys.exit(f"The reports are not read: {counts(rows)}.")
    took["table"] = _cpu(lambda: (write_table(folder, rows), table_text(folder, rows)))
    took["page"] = _cpu(lambda: write_campaign_page(folder, rows))
    return took


def _report(name: str, number: int) -> dict[str, object]:
    best = {"nside": 1, "pixel": 1, "ra_deg": number % 360.0, "dec_deg": 3.0, "llh": 1.0}
    return {
        "name": name,
        "outcome": "complete",
        "exit_code": 0,
        "map": None,
        "best": best,
        "n_pixels": {"1": 12},
        "n_failed": 0,
        "failures": [],
        "text": "",
    }


def _cpu(do: Callable[[], object]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def main(n: int = 1000) -> None:
    """Print a line for each step."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        few = measure(Path(place, "few"), n // FRACTION)
        many = measure(Path(place, "many"), n)
    print(f"{'CPU s':12s}{n // FRACTION:>8d}{n:>8d}   ratio")
    for step, seconds in many.items():
        print(f"{step:12s}{few[step]:8.2f}{seconds:8.2f}{seconds / few[step]:8.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
