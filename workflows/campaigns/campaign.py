"""A campaign: many events, each with an ordinary scan, in one folder and one DAG."""

from __future__ import annotations

import operator
import os
from codecs import BOM_UTF8
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput, WrongUsage, in_words
from skyscan.progression import check_progression
from skyscan.regular import read_regular
from skyscan.storage import read_sealed, write_sealed
from workflows.campaigns.entry import Entry
from workflows.options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workflows.campaigns.entry import Wanted
    from workflows.campaigns.folder import CampaignFolder

FORMAT = 1
MOST_IN_A_LIST = 64 * 2**20  #: bytes, of a list of event files
MOST_LINES = 500_000  #: of a list; each takes a kilobyte of memory
#: Options that are paths, which JSON has as text.
PATHS = [it.name for it in fields(Options) if it.type == "Path | None"]


class OtherOptions(WrongUsage):
    """The folder holds a campaign with other options.

    Attributes
    ----------
    changes : str
        Which ones, and how they differ.
    """

    def __init__(self, folder: Path, changes: str) -> None:
        self.changes = changes
        super().__init__(
            f"{folder} already holds a campaign with other options ({changes}). Choose another "
            f"--output-dir, or the same options to continue it."
        )


@dataclass(frozen=True)
class Campaign:
    """The options, the same for all events, and how many scans run at a time."""

    options: Options
    max_scans: int
    entries: tuple[Entry, ...] = ()


def write_campaign(folder: CampaignFolder, campaign: Campaign) -> None:
    """Write ``campaign.json``."""
    options = asdict(campaign.options)
    value = {
        "format": FORMAT,
        "options": {k: str(v) if isinstance(v, Path) else v for k, v in options.items()},
        "max_scans": campaign.max_scans,
        "events": [asdict(entry) for entry in campaign.entries],
    }
    write_sealed(folder.json, value)


def read_campaign(folder: CampaignFolder) -> Campaign:
    """Read ``campaign.json``.

    Raises
    ------
    BadInput
        The file is missing, damaged, or of another version.
    """
    try:
        value = read_sealed(folder.json, may_lack_seal=True)
    except BadInput as error:
        raise BadInput(
            f"{str(error).removesuffix('.')}; restore it, or delete it and run the same "
            f"`skyscan campaign` again, which keeps the scans."
        ) from error
    if value.get("format") != FORMAT:
        raise BadInput(
            f"{folder.json} has format {value.get('format')!r}, this skyscan reads {FORMAT}; "
            f"use the skyscan.zip beside it, which made it."
        )
    try:
        return Campaign(
            options=_options(value["options"]),
            max_scans=operator.index(value["max_scans"]),
            entries=tuple(_entry(known) for known in value["events"]),
        )
    except (LookupError, TypeError, ValueError, AttributeError, WrongUsage) as error:
        raise BadInput(
            f"{folder.json} is damaged ({in_words(error)}); restore it, or start a new "
            f"campaign."
        ) from error


def check_same(folder: CampaignFolder, old: Options, new: Options) -> None:
    """Refuse to continue a campaign with other options.

    Raises
    ------
    OtherOptions
        The options differ.
    """
    changes = [
        f"{it.name} {getattr(old, it.name)!r} -> {getattr(new, it.name)!r}"
        for it in fields(Options)
        if getattr(old, it.name) != getattr(new, it.name)
    ]
    if changes:
        raise OtherOptions(folder.path, ", ".join(changes))


def read_list(path: Path) -> list[Path]:
    """Read a list of event files: one path per line, skipping empty lines and comments (#).

    The bytes of a path need not be UTF-8.

    Raises
    ------
    WrongUsage
        The list cannot be read.
    """
    try:
        content = read_regular(path, MOST_IN_A_LIST)
    except (OSError, ValueError) as error:
        raise WrongUsage(f"--list {path} cannot be read: {error}.") from error
    if b"\0" in content:
        raise WrongUsage(f"--list {path} has a NUL character, which no path has: is it a list?")
    if content.count(b"\n") + content.count(b"\r") > MOST_LINES:
        raise WrongUsage(f"--list {path} has more than {MOST_LINES} lines; split it.")
    lines = [os.fsdecode(line.strip()) for line in content.removeprefix(BOM_UTF8).splitlines()]
    return [Path(line) for line in lines if line and not line.startswith("#")]


def added(entries: Sequence[Entry], events: Sequence[Wanted]) -> tuple[Entry, ...]:
    """Return the entries, with a new one for each event that has none."""
    known = {entry.wanted for entry in entries}
    fresh = [it for it in dict.fromkeys(events) if it not in known]
    numbered = enumerate(fresh, len(entries))
    return (
        *entries,
        *(Entry(i, **it._asdict()) for i, it in numbered),
    )


def _options(value: dict[str, Any]) -> Options:
    # JSON has neither tuples nor paths.
    known: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in value.items()
    }
    known["progression"] = check_progression(value["progression"])
    for name in PATHS:
        if value.get(name) is not None:
            known[name] = Path(value[name])
    return Options(**known)


def _entry(value: dict[str, Any]) -> Entry:
    entry, truth = Entry(**value), value["truth"]
    return replace(entry, truth=None if truth is None else (truth[0], truth[1]))
