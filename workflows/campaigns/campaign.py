"""A campaign: many events, each an ordinary scan, in one folder and one DAG."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput, WrongUsage
from skyscan.layout import SCAN_JSON, ScanFolder
from skyscan.progression import check_progression
from skyscan.storage import read_json, write_json
from workflows.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMAT = 1
CAMPAIGN_JSON = "campaign.json"
CAMPAIGN_DAG = "campaign.dag"
CAMPAIGN_CSV = "campaign.csv"
SHARD = 1000  # scans in one folder


@dataclass(frozen=True)
class Entry:
    """One event of a campaign.

    Attributes
    ----------
    number : int
        From 0, in the order in which events were given; it never changes.
    file : str
        The event file, absolute.
    name : str or None
        The event's; None when the file could not be read.
    truth : tuple of float or None
        ra, dec (radians, J2000) where a simulated event comes from.
    folder : str or None
        Its scan folder, relative to the campaign's; None when it could not be planned.
    exit_code : int
        What planning it would have ended with.
    problem : str or None
        Why it could not be planned, or of which other event it is a copy.
    """

    number: int
    file: str
    name: str | None = None
    truth: tuple[float, float] | None = None
    folder: str | None = None
    exit_code: int = 0
    problem: str | None = None

    @property
    def node(self) -> str:
        """Name of its node in the campaign's DAG."""
        return f"scan_{self.number:05d}"


@dataclass(frozen=True)
class Campaign:
    """What was asked: the same options for all events, and how many scans run at a time."""

    options: Options
    max_scans: int
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class CampaignFolder:
    """Where everything of a campaign lies."""

    path: Path

    @property
    def json(self) -> Path:
        """What was asked, and what became of each event when it was planned."""
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
    def scans(self) -> list[ScanFolder]:
        """Return the scan folders that are there, whatever ``campaign.json`` says of them."""
        return [
            ScanFolder(it.parent) for it in sorted(self.path.glob(f"scans/*/*/{SCAN_JSON}"))
        ]

    def shard(self, entry: Entry) -> Path:
        """Return the folder above an event's scan folder; none of them grows too large."""
        return self.path / "scans" / f"{entry.number // SHARD:03d}"

    def scan(self, entry: Entry) -> ScanFolder | None:
        """Return an event's scan folder; None when it has not been planned."""
        return None if entry.folder is None else ScanFolder(self.path / entry.folder)


def is_campaign(path: Path) -> bool:
    """Tell whether a folder is a campaign's."""
    return (path / CAMPAIGN_JSON).exists()


def write_campaign(folder: CampaignFolder, campaign: Campaign) -> None:
    """Write ``campaign.json``."""
    options = asdict(campaign.options)
    value = {
        "format": FORMAT,
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in options.items()},
        "max_scans": campaign.max_scans,
        "events": [asdict(entry) for entry in campaign.entries],
    }
    write_json(folder.json, value)


def read_campaign(folder: CampaignFolder) -> Campaign:
    """Read ``campaign.json``.

    Raises
    ------
    BadInput
        It is missing, damaged, or was made by another version.
    """
    value = read_json(folder.json)
    if value.get("format") != FORMAT:
        raise BadInput(
            f"{folder.json} has format {value.get('format')!r}, this skyscan reads {FORMAT}; "
            f"use the skyscan.zip beside it, which made it."
        )
    try:
        return Campaign(
            options=_options(value["options"]),
            max_scans=int(value["max_scans"]),
            entries=tuple(_entry(known) for known in value["events"]),
        )
    except (KeyError, TypeError, ValueError, WrongUsage) as error:
        raise BadInput(
            f"{folder.json} is damaged ({error!r}); restore it, or begin the campaign anew."
        ) from error


def check_same(folder: CampaignFolder, old: Options, new: Options) -> None:
    """Refuse to go on with a campaign by other options.

    Raises
    ------
    WrongUsage
        They differ.
    """
    changes = [
        f"{it.name} {getattr(old, it.name)!r} -> {getattr(new, it.name)!r}"
        for it in fields(Options)
        if getattr(old, it.name) != getattr(new, it.name)
    ]
    if changes:
        raise WrongUsage(
            f"{folder.path} already holds a campaign with other options "
            f"({', '.join(changes)}). Choose another --output-dir, or the same options to "
            f"go on with it."
        )


def read_list(path: Path) -> list[Path]:
    """Read a list of event files: a path a line; empty lines and lines with # are skipped.

    Raises
    ------
    WrongUsage
        The list cannot be read.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise WrongUsage(f"--list {path} cannot be read: {error}.") from error
    return [Path(line) for line in lines if line and not line.startswith("#")]


def added(entries: Sequence[Entry], files: Sequence[Path]) -> tuple[Entry, ...]:
    """Return the entries, and one more for each file that has none yet."""
    known = {entry.file for entry in entries}
    named = dict.fromkeys(str(it.absolute()) for it in files)  # twice named is one event
    fresh = [file for file in named if file not in known]
    return (*entries, *(Entry(len(entries) + i, file) for i, file in enumerate(fresh)))


def _options(value: dict[str, Any]) -> Options:
    # JSON knows neither tuples nor paths.
    known: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in value.items()
    }
    known["progression"] = check_progression(value["progression"])
    if value["gcd_dir"] is not None:
        known["gcd_dir"] = Path(value["gcd_dir"])
    return Options(**known)


def _entry(value: dict[str, Any]) -> Entry:
    entry, truth = Entry(**value), value["truth"]
    return replace(entry, truth=None if truth is None else (truth[0], truth[1]))
