"""The folder of a campaign: its paths, and whether a folder is one.

Every command that takes a folder imports this module; those of scans need no other of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skyscan.layout import SCAN_JSON, ScanFolder
from workflows.checks.regular import check_regular

if TYPE_CHECKING:
    from pathlib import Path

    from workflows.campaigns.entry import Entry

CAMPAIGN_JSON = "campaign.json"
CAMPAIGN_DAG = "campaign.dag"
CAMPAIGN_CSV = "campaign.csv"
SHARD = 1000  # scans in one folder


@dataclass(frozen=True)
class CampaignFolder:
    """Paths in the folder of a campaign."""

    path: Path

    @property
    def json(self) -> Path:
        """Return the file with the options and the outcome of planning each event."""
        return self.path / CAMPAIGN_JSON

    @property
    def dag(self) -> Path:
        """Return the DAG of the scans."""
        return self.path / CAMPAIGN_DAG

    @property
    def csv(self) -> Path:
        """Return the table of results."""
        return self.path / CAMPAIGN_CSV

    @property
    def page(self) -> Path:
        """Return the page for browsers."""
        return self.path / "campaign.html"

    @property
    def scans(self) -> list[ScanFolder]:
        """Return the scan folders that exist, whether or not ``campaign.json`` names them."""
        return [
            ScanFolder(it.parent) for it in sorted(self.path.glob(f"scans/*/*/{SCAN_JSON}"))
        ]

    def shard(self, entry: Entry) -> Path:
        """Return the folder above an event's scan folder; each holds a limited number."""
        return self.path / "scans" / f"{entry.number // SHARD:03d}"

    def scan(self, entry: Entry) -> ScanFolder | None:
        """Return an event's scan folder; None if it has not been planned."""
        return None if entry.folder is None else ScanFolder(self.path / entry.folder)


def is_campaign(path: Path) -> bool:
    """Return whether a folder is a campaign's.

    Raises
    ------
    BadInput
        It is, and there is a FIFO or a device in it.
    """
    if not (path / CAMPAIGN_JSON).exists():
        return False
    check_regular(path)
    return True
