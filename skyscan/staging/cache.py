"""The folder of downloaded files: one per machine, shared by its jobs.

Beside each file lies a hidden record: its SHA-256, as ``sha256sum -c`` reads it, with size and
time of change in a comment. A file counts as intact when it has that size and time, since to
read gigabytes again in every process would cost more than the damage it finds. When only the
time is another, the content is compared.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import re
import shutil
import socket
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import TryAgain
from skyscan.storage import sha256_of, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Jobs: folder for spline tables and GCD files that are downloaded, on a disk of the machine.
#: Default: ``skyscan/data`` in ``$XDG_CACHE_HOME`` or ``~/.cache``, or ``skyscan-data-UID``
#: among the temporary files where there is no home that can be written to.
CACHE_VARIABLE = "SKYSCAN_DATA_CACHE"
#: Jobs: parent folder of the cache of data files, if its path is absolute and it can be
#: written to.
CACHE_HOME_VARIABLE = "XDG_CACHE_HOME"
DEAD_AFTER = 3600.0  # seconds; a download that is alive writes more often than that
_RECORD = re.compile(r"# (\d+) bytes, changed (\d+) ns\n([0-9a-f]{64})  .*\n")


def root() -> Path:
    """Return the cache folder; it need not exist."""
    chosen = os.environ.get(CACHE_VARIABLE, "")
    if chosen:
        return Path(chosen).absolute()
    base = Path(os.environ.get(CACHE_HOME_VARIABLE, ""))
    # A container's user may have no home, or one that does not answer.
    with suppress(RuntimeError, OSError):
        home = Path.home()
        candidates = [base] if base.is_absolute() else []
        candidates += [home / ".cache"] if home.is_absolute() and home.is_dir() else []
        for candidate in candidates:
            if _can_be_made(candidate / "skyscan" / "data"):
                return candidate / "skyscan" / "data"
    return Path(tempfile.gettempdir()) / f"skyscan-data-{os.geteuid()}"


def _can_be_made(folder: Path) -> bool:
    there = next(it for it in (folder, *folder.parents) if os.path.lexists(it))
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def make(folder: Path) -> None:
    """Make a folder of the cache, and the cache if need be.

    Raises
    ------
    TryAgain
        It cannot be made, or the cache is of another user, who could put anything there.
    """
    with explained(folder):
        root().mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = foreign_owner(root())
        if owner is not None:
            raise TryAgain(
                f"The cache folder {root()} belongs to another user (uid {owner}); set "
                f"{CACHE_VARIABLE} to a folder of your own."
            )
        folder.mkdir(exist_ok=True)


def foreign_owner(folder: Path) -> int | None:
    """Return the user id of another user who owns a folder, or the link to it."""
    try:
        owners = {folder.lstat().st_uid, folder.stat().st_uid}
    except OSError:
        return None
    return next(iter(owners - {os.geteuid()}), None)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Tell a failure of the disk as what it is, and what to do."""
    try:
        yield
    except OSError as error:
        raise TryAgain(
            f"The cache folder {folder} cannot be used ({error.strerror or error}); mend that "
            f"or set {CACHE_VARIABLE} to another folder, with room, on a disk of this machine."
        ) from error


def lock_path(path: Path) -> Path:
    """Return the lock of those who bring a file."""
    return path.with_name(f".{path.name}.lock")


def is_intact(path: Path, sha256: str | None = None) -> bool:
    """Return whether a cached file is there and what was downloaded, and what is wanted."""
    try:
        noted = _RECORD.fullmatch(_record_path(path).read_text(encoding="utf-8"))
        if noted is None or (sha256 is not None and noted[3] != sha256.lower()):
            return False
        found = path.stat()
        if found.st_size != int(noted[1]):
            return False
        if found.st_mtime_ns == int(noted[2]):
            return True
        if sha256_of(path) != noted[3]:
            return False
    except (OSError, UnicodeDecodeError):  # not there, or a disk that cannot be read
        return False
    with suppress(OSError):  # a cache that can only be read: compared in each process
        _note(path, found, noted[3])
    return True


def _note(path: Path, state: os.stat_result, sha256: str) -> None:
    note = f"# {state.st_size} bytes, changed {state.st_mtime_ns} ns\n"
    write_text(_record_path(path), f"{note}{sha256}  {path.name}\n")


def _record_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")  # no file's own name begins with a dot


class Part:
    """A file on its way into the cache, under a temporary name.

    To be used by the holder of the file's lock. What is not published is removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0  # bytes so far
        # The machine's: on a disk that is shared, locks of other machines may not be seen.
        machine = re.sub(r"[.@/]", "-", socket.gethostname())[:64]
        self._temporary = path.with_name(f".{path.name}.{machine}.part")
        self._digest = hashlib.sha256()
        with explained(path.parent):
            _remove_dead(path)
            self._file = self._temporary.open("wb")

    def __enter__(self) -> Part:  # noqa: PYI034  (Self came with Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        # What cannot be written or removed now is not wanted; the next holder overwrites it.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def begin(self, size: int) -> None:
        """Forget what was written; refuse ``size`` bytes if the disk has no room for them."""
        with explained(self.path.parent):
            self._file.seek(0)
            self._file.truncate()
            free = shutil.disk_usage(self.path.parent).free
            if size > free:
                text = f"{self.path.name} needs {size} bytes, and {free} are free"
                raise OSError(errno.ENOSPC, text)
        self._digest, self.size = hashlib.sha256(), 0

    def write(self, block: bytes) -> None:
        """Append ``block``."""
        with explained(self.path.parent):
            self._file.write(block)
        self._digest.update(block)
        self.size += len(block)

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was written."""
        return self._digest.hexdigest()

    def publish(self) -> None:
        """Give the file its name; its record is there before it."""
        with explained(self.path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            _note(self.path, self._temporary.stat(), self.hexdigest())
            self._temporary.replace(self.path)


def _remove_dead(path: Path) -> None:
    """Remove what other machines' downloads left that were killed: they no longer grow."""
    for other in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(FileNotFoundError):
            if time.time() - other.stat().st_mtime > DEAD_AFTER:
                other.unlink()
