"""Find large data files by name in this machine's folders, or download them to its cache."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, TryAgain
from skyscan.locks import locked
from skyscan.staging import cache, transfer
from skyscan.staging.stores import BASELINE_GCDS, DIRS_VARIABLE, SPLINES, URL_VARIABLE, Store
from skyscan.storage import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["BASELINE_GCDS", "SPLINES", "Store", "find", "is_offered", "stage"]

TOTAL_TIMEOUT = 6 * 3600.0  # seconds, waiting included: 50 GB at a slow 2.5 MB/s
_LONGEST_NAME = 160  # bytes: temporary names add the machine's, and 255 is the limit


def find(store: Store, name: str, extra: Iterable[Path] = ()) -> Path | None:
    """Return the path of a file on this machine, or None.

    Parameters
    ----------
    store : Store
        The kind of file.
    name : str
        File name, without folders.
    extra : iterable of Path
        Folders to search before SKYSCAN_DATA_DIRS, the store's folders and the cache.

    Raises
    ------
    BadInput
        ``name`` is not a plain file name.
    """
    search = _search(store, name, extra)
    if search.path is not None:
        return search.path
    cached = _cached(store, name)
    is_ours = cache.foreign_owner(cache.root()) is None
    return cached if is_ours and cache.is_intact(cached) else None


def stage(
    store: Store, name: str, extra: Iterable[Path] = (), sha256: str | None = None
) -> Path:
    """Return the path of a file on this machine; download it if it is missing.

    Parameters
    ----------
    store, name, extra
        As for `find`.
    sha256 : str, optional
        Expected digest of the content, hex.

    Raises
    ------
    BadInput
        The file cannot be found, its content is not the expected one, or ``name`` is not a
        plain file name.
    TryAgain
        The server, the network or a disk fails.
    """
    deadline = time.monotonic() + TOTAL_TIMEOUT
    search = _search(store, name, extra)
    if search.path is not None:
        if sha256 is not None:
            _require_content(str(search.path), _digest_of(search.path), sha256)
        return search.path
    cached = _cached(store, name)
    cache.make(cached.parent)
    if not cache.is_intact(cached, sha256):
        with (
            cache.explained(cached.parent),
            locked(cache.lock_path(cached), _report_wait(cached)),
        ):
            # Another job may have downloaded it between the first check and the lock.
            if not cache.is_intact(cached, sha256):
                _download(store.address(name), cached, search, sha256, deadline)
    return cached


def is_offered(store: Store, name: str) -> bool | None:
    """Return whether the server has a file; None if it does not answer within seconds."""
    _require_plain(name)
    return transfer.is_offered(store.address(name))


@dataclass(frozen=True)
class _Search:
    """The result of a search in this machine's folders without the cache."""

    what: str  # the file, for messages
    path: Path | None
    folders: tuple[Path, ...]
    troubles: tuple[str, ...]  # of folders that could not be read


def _search(store: Store, name: str, extra: Iterable[Path]) -> _Search:
    _require_plain(name)
    what, folders = f"{name} ({store.name})", store.folders(extra)
    troubles = []
    for folder in folders:
        path = folder / name
        try:
            is_there = S_ISREG(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:  # CVMFS is down, or permission is denied
            troubles.append(f"{path}: {error.strerror}")
            continue
        if is_there and os.access(path, os.R_OK):
            return _Search(what, path, folders, ())
        troubles.append(f"{path} is not a readable file")
    return _Search(what, None, folders, tuple(troubles))


def _require_plain(name: str) -> None:
    # A name that begins with a dot may be a lock or a temporary file of the cache.
    is_plain = name == Path(name).name and name.isprintable() and not name.startswith(".")
    if not name or not is_plain or len(name.encode()) > _LONGEST_NAME:
        raise BadInput(
            f"{name!r} is not the plain name of a data file; give the name without folders "
            f"(list folders to search in {DIRS_VARIABLE})."
        )


def _cached(store: Store, name: str) -> Path:
    return cache.root() / store.folder / name


def _digest_of(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise TryAgain(
            f"{path} cannot be read ({error.strerror}); fix that, or put the file into "
            f"another folder and add that folder to {DIRS_VARIABLE}."
        ) from error


def _report_wait(path: Path) -> Callable[[], None]:
    line = f"Waiting for {path}: another job is downloading it."
    return lambda: print(line, file=sys.stderr, flush=True)


def _download(
    address: str, cached: Path, search: _Search, sha256: str | None, deadline: float
) -> None:
    for trouble in search.troubles:
        print(f"Cannot read {trouble}; trying {address}", file=sys.stderr, flush=True)
    with cache.Part(cached) as part:
        try:
            transfer.download(address, part, deadline)
        except transfer.NotOffered as error:
            raise _nowhere(address, search, str(error)) from error
        except transfer.Failed as error:
            raise TryAgain(
                f"{search.what} is not on this machine, and cannot be downloaded from "
                f"{address}: {error}. Try again later, or put it into a folder and add that "
                f"folder to {DIRS_VARIABLE}."
            ) from error
        _require_content(address, part.hexdigest(), sha256)
        part.publish()


def _nowhere(address: str, search: _Search, answer: str) -> BadInput | TryAgain:
    places = ", ".join(map(str, search.folders))
    text = (
        f"{search.what} cannot be found: not in {places}, and not at {address} ({answer}). "
        f"Put it into a folder and add that folder to {DIRS_VARIABLE}, or set {URL_VARIABLE} "
        f"to a server that has it."
    )
    if search.troubles:  # another machine may have it, or this one later
        return TryAgain(f"{text} Not all folders can be read: {'; '.join(search.troubles)}.")
    return BadInput(text)


def _require_content(where: str, found: str, expected: str | None) -> None:
    if expected is not None and found != expected.lower():
        raise BadInput(
            f"{where} is not the expected file: its SHA-256 is {found}, not {expected}. "
            f"Put the right file into a folder and list that folder first in {DIRS_VARIABLE}."
        )
