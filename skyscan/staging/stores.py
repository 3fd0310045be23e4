"""The kinds of data files, and the folders and servers that have them."""

from __future__ import annotations

import os
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Jobs: folders with spline tables and GCD files of your own, separated by colons. They are
#: searched before the usual ones.
DIRS_VARIABLE = "SKYSCAN_DATA_DIRS"
#: Jobs: address of a mirror to download spline tables and GCD files from, instead of
#: ``http://prod-exe.icecube.wisc.edu``.
URL_VARIABLE = "SKYSCAN_DATA_URL"

# As in upstream: icecube/skymap_scanner at f668802, skymap_scanner/config.py.
SOURCE = "http://prod-exe.icecube.wisc.edu"


@dataclass(frozen=True)
class Store:
    """One kind of data file.

    Attributes
    ----------
    name : str
        Its name in messages.
    folder : str
        Its folder in the cache.
    local : tuple of Path
        Folders of a machine that may hold it, in search order.
    url : str
        Its address on the server, without the file name.
    """

    name: str
    folder: str
    local: tuple[Path, ...]
    url: str

    def folders(self, extra: Iterable[Path] = ()) -> tuple[Path, ...]:
        """Return the folders to search: ``extra``, the user's own, the store's."""
        users = os.environ.get(DIRS_VARIABLE, "").split(os.pathsep)
        return (*map(Path, extra), *(Path(folder) for folder in users if folder), *self.local)

    def address(self, name: str) -> str:
        """Return the URL of a file, at the user's mirror if one is set.

        Raises
        ------
        BadInput
            SKYSCAN_DATA_URL is not an HTTP address.
        """
        mirror = os.environ.get(URL_VARIABLE, "").rstrip("/")
        check_mirror(mirror)
        url = self.url
        if mirror and url.startswith(SOURCE):
            url = mirror + url[len(SOURCE) :]
        return f"{url}/{urllib.parse.quote(name)}"


def check_mirror(mirror: str) -> None:
    """Raise an error unless this is the address of a server, or empty.

    Raises
    ------
    BadInput
        It is something else. The message does not show it: it may contain a password.
    """
    if mirror and not _is_http(mirror):
        raise BadInput(
            f"{URL_VARIABLE} must be an address like {SOURCE}, of a server with the same "
            f"folders; a user, a password or a query cannot be part of it."
        )


def _is_http(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # raises if it is not a valid port
    except ValueError:
        return False
    is_plain = url.isprintable() and not any(mark in url for mark in " @?#")
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_plain


SPLINES = Store(
    name="splines",
    folder="splines",
    local=(
        Path("/opt/i3-data/photon-tables/splines"),
        Path("/cvmfs/icecube.opensciencegrid.org/data/photon-tables/splines"),
    ),
    url=f"{SOURCE}/spline-tables",
)
BASELINE_GCDS = Store(
    name="baseline GCDs",
    folder="baseline_gcds",
    local=(
        Path("/opt/i3-data/baseline_gcds"),
        Path("/cvmfs/icecube.opensciencegrid.org/users/RealTime/GCD/PoleBaseGCDs"),
    ),
    url=f"{SOURCE}/baseline_gcds",
)
