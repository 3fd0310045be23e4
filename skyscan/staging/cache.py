"""The folder of downloaded files: one per machine, shared by its jobs.

Beside each file lies its SHA-256, as ``sha256sum -c`` reads it, with size and time of
change in a comment. To read gigabytes again in every process would cost more than the
damage it finds, so a file counts as intact when size and time are those that were noted
and the whole content was compared within a day, by any process on the machine; else the
content is compared, once in a process. Locks are of the kernel: they end with their holder.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import socket
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import TryAgain
from skyscan.storage import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Jobs: folder for spline tables and GCD files that are downloaded, on a disk of the machine.
#: Default: ``skyscan/data`` in ``$XDG_CACHE_HOME`` or ``~/.cache``, or ``skyscan-data-UID``
#: among the temporary files where there is no home that can be written to.
CACHE_VARIABLE = "SKYSCAN_DATA_CACHE"
#: Jobs: parent folder of the cache of data files, if its path is absolute and it can be
#: written to.
CACHE_HOME_VARIABLE = "XDG_CACHE_HOME"
COMPARE_EVERY = 24 * 3600.0  # seconds
DEAD_AFTER = 3600.0  # seconds; a download that is alive writes more often than that
BLOCK = 1 << 20  # bytes
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


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Try to be the only one who brings a file; yield whether that is so."""
    with explained(path.parent):
        file = path.with_name(f".{path.name}.lock").open("a")
    with file:
        is_mine = True
        with explained(path.parent):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                is_mine = False
        yield is_mine


def is_intact(path: Path, sha256: str | None = None) -> bool:
    """Return whether a cached file is there and what was downloaded, and what is wanted."""
    record = _record_path(path)
    try:
        noted = _RECORD.fullmatch(record.read_text(encoding="utf-8"))
        if noted is None or (sha256 is not None and noted[3] != sha256.lower()):
            return False
        found, size, changed_ns = path.stat(), int(noted[1]), int(noted[2])
        if found.st_size != size:
            return False
        age = time.time() - record.stat().st_mtime
        if found.st_mtime_ns == changed_ns and 0 <= age < COMPARE_EVERY:
            return True
        if digest_of(path) != noted[3]:
            return False
    except (OSError, UnicodeDecodeError):  # not there, or a disk that cannot be read
        return False
    with suppress(OSError):  # a cache that can only be read: compared once in each process
        os.utime(record)
    return True


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hex; a file that did not change is read once."""
    state = path.stat()
    return _digest_of(path, (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns))


@lru_cache(maxsize=256)
def _digest_of(path: Path, state: tuple[int, ...]) -> str:  # noqa: ARG001
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


class Part:
    """A file on its way into the cache, under a temporary name.

    To be used by the holder of the file's lock. What is not published is removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0  # bytes so far
        machine = re.sub(r"[.@/]", "-", socket.gethostname())[:64]
        self._temporary = path.with_name(f".{path.name}.{machine}@{os.getpid()}.part")
        self._digest = hashlib.sha256()
        with explained(path.parent):
            _remove_dead(path, machine)
            self._file = self._temporary.open("wb")

    def __enter__(self) -> Part:  # noqa: PYI034  (Self came with Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        # What cannot be written or removed now is not wanted, or removed by the next holder.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def reserve(self, size: int) -> None:
        """Refuse at once ``size`` further bytes if the disk has no room for them."""
        with explained(self.path.parent):
            free = shutil.disk_usage(self.path.parent).free
            if size > free:
                text = f"{self.path.name} needs {size} bytes, and {free} are free"
                raise OSError(errno.ENOSPC, text)

    def write(self, block: bytes) -> None:
        """Append ``block``."""
        with explained(self.path.parent):
            self._file.write(block)
        self._digest.update(block)
        self.size += len(block)

    def restart(self) -> None:
        """Forget what was written."""
        with explained(self.path.parent):
            self._file.seek(0)
            self._file.truncate()
        self._digest, self.size = hashlib.sha256(), 0

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was written."""
        return self._digest.hexdigest()

    def publish(self) -> None:
        """Give the file its name; its checksum is there before it."""
        with explained(self.path.parent):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            state = self._temporary.stat()
            note = f"# {state.st_size} bytes, changed {state.st_mtime_ns} ns\n"
            line = f"{self.hexdigest()}  {self.path.name}\n"
            write_text(_record_path(self.path), note + line)
            self._temporary.replace(self.path)


def _remove_dead(path: Path, machine: str) -> None:
    """Remove what holders of the lock left that were killed.

    Those of this machine are dead, since the lock is ours; on a disk that is shared with
    machines whose locks we cannot see, those that no longer grow are.
    """
    pattern = re.compile(rf"\.{re.escape(path.name)}\.([^.@]+)@\d+\.part")
    for other in path.parent.iterdir():
        found = pattern.fullmatch(other.name)
        if found is None:
            continue
        with suppress(FileNotFoundError):
            if found[1] == machine or time.time() - other.stat().st_mtime > DEAD_AFTER:
                other.unlink()
