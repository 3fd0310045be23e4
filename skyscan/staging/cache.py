"""The cache of downloaded files: one folder per machine, shared by its jobs.

Beside each file is a hidden record: its SHA-256, in the format of ``sha256sum -c``, with size
and modification time in a comment. A file counts as intact if it has that size and time, since
reading gigabytes in every process would cost more than rare damage. If only the time differs,
the content is compared.
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

#: Jobs: folder for downloaded spline tables and GCD files, on a disk of the machine.
#: Default: ``skyscan/data`` in ``$XDG_CACHE_HOME`` or ``~/.cache``, or ``skyscan-data-UID``
#: in the folder for temporary files if there is no writable home.
CACHE_VARIABLE = "SKYSCAN_DATA_CACHE"
#: Jobs: parent folder of the cache of data files, if its path is absolute and it is
#: writable.
CACHE_HOME_VARIABLE = "XDG_CACHE_HOME"
DEAD_AFTER = 3600.0  # seconds; a running download writes more often
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
    """Create a folder of the cache, and the cache if it is missing.

    Raises
    ------
    TryAgain
        It cannot be created, or the cache belongs to another user, who is not trusted.
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
    """Return the id of the user who owns a folder or the link to it, if it is another user."""
    try:
        owners = {folder.lstat().st_uid, folder.stat().st_uid}
    except OSError:
        return None
    return next(iter(owners - {os.geteuid()}), None)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn a disk error into a message that says what to do."""
    try:
        yield
    except OSError as error:
        raise TryAgain(
            f"The cache folder {folder} cannot be used ({error.strerror or error}); fix that, "
            f"or set {CACHE_VARIABLE} to a folder with free space on a disk of this machine."
        ) from error


def lock_path(path: Path) -> Path:
    """Return the lock for downloading a file."""
    return path.with_name(f".{path.name}.lock")


def is_intact(path: Path, sha256: str | None = None) -> bool:
    """Return whether a cached file is undamaged and has the expected digest, if given."""
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
    except (OSError, UnicodeDecodeError):  # missing, or unreadable
        return False
    with suppress(OSError):  # a read-only cache: each process compares the content
        _note(path, found, noted[3])
    return True


def _note(path: Path, state: os.stat_result, sha256: str) -> None:
    note = f"# {state.st_size} bytes, changed {state.st_mtime_ns} ns\n"
    write_text(_record_path(path), f"{note}{sha256}  {path.name}\n")


def _record_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.sha256")  # names of data files begin with no dot


class Part:
    """A file that is being downloaded to the cache, under a temporary name.

    Only the holder of the file's lock may use it. A file that is not published is removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0  # bytes so far
        # With the machine's name, since locks may not work between machines on a shared disk.
        machine = re.sub(r"[.@/]", "-", socket.gethostname())[:64]
        self._temporary = path.with_name(f".{path.name}.{machine}.part")
        self._digest = hashlib.sha256()
        with explained(path.parent):
            _remove_dead(path)
            self._file = self._temporary.open("wb")

    def __enter__(self) -> Part:  # noqa: PYI034  (Self came with Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        # Errors do not matter here: the next holder of the lock overwrites the file.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def begin(self, size: int) -> None:
        """Start from an empty file; fail if the disk has no room for ``size`` bytes."""
        with explained(self.path.parent):
            self._file.seek(0)
            self._file.truncate()
            free = shutil.disk_usage(self.path.parent).free
            if size > free:
                text = f"{self.path.name} needs {size} bytes, but only {free} are free"
                raise OSError(errno.ENOSPC, text)
        self._digest, self.size = hashlib.sha256(), 0

    def write(self, block: bytes) -> None:
        """Append ``block``."""
        with explained(self.path.parent):
            self._file.write(block)
        self._digest.update(block)
        self.size += len(block)

    def hexdigest(self) -> str:
        """Return the SHA-256 of the content so far."""
        return self._digest.hexdigest()

    def publish(self) -> None:
        """Write the file's record, then give the file its name."""
        with explained(self.path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            _note(self.path, self._temporary.stat(), self.hexdigest())
            self._temporary.replace(self.path)


def _remove_dead(path: Path) -> None:
    """Remove unfinished files of other machines whose downloads were killed."""
    for other in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        with suppress(FileNotFoundError):
            if time.time() - other.stat().st_mtime > DEAD_AFTER:
                other.unlink()
