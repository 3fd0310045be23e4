"""Stage files that all jobs read in a data federation instead of on the access point.

On OSPool that is OSDF, whose caches are near the execute machines. The caches identify a file
by its name and never check for changes, so the name contains the digest of the content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import WrongUsage
from skyscan.storage import sha256_of, write_bytes
from workflows.engines.pegasus.folder import LOCAL, OSDF

if TYPE_CHECKING:
    from condor.sites import Site

_PLACE = re.compile(r"osdf://(/[\w.+@~-]+){3,}/?", re.ASCII)


@dataclass(frozen=True)
class Replica:
    """Where a file is: a site of the site catalog, and a path or URL there."""

    site: str
    pfn: str


def shared_replica(path: Path, site: Site) -> Replica:
    """Return where jobs find a file that all of them read; copy it there if needed.

    Raises
    ------
    WrongUsage
        The site's ``staging`` is not a place in OSDF, or its folder is not on this machine.
    """
    if not site.staging:
        return Replica(LOCAL, str(path))
    name = f"{sha256_of(path)[:16]}.{path.name}"
    place = staging_folder(site)
    if not (place / name).exists():
        write_bytes(place / name, path.read_bytes())
    return Replica(OSDF, f"{site.staging.rstrip('/')}/{name}")


def check_staging(site: Site) -> None:
    """Raise as `staging_folder` if files cannot be copied to the staging place."""
    if site.staging:
        staging_folder(site)


def staging_folder(site: Site) -> Path:
    """Return the folder on this machine of a site's ``staging``.

    On OSPool's access points, ``osdf:///ospool/apNN/data/USER`` is the folder at the path of
    the URL (portal.osg-htc.org, "OSDF").
    """
    if not _PLACE.fullmatch(site.staging):
        raise WrongUsage(
            f"Site {site.name}: staging = {site.staging!r} is not a place in OSDF, such as "
            f"osdf:///ospool/ap40/data/USER/skyscan."
        )
    place = Path(site.staging.removeprefix("osdf://"))
    if not place.is_dir():
        raise WrongUsage(
            f"Site {site.name}: staging = {site.staging}, but {place} is not a folder on "
            f"this machine: make it, or plan on the access point that has it."
        )
    return place
