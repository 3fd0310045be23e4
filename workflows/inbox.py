"""A folder whose new event files are scanned as they come, each once.

What has been done with a file is a small file in ``OUTPUT_DIR/watch/``; a watch that was
stopped, killed or started again goes on from these files and from the scan folders.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from skyscan.errors import (
    NO_SUCH_PLACE,
    BadInput,
    ExitCode,
    SkyscanError,
    TryAgain,
    one_line,
)
from skyscan.storage import copy_file, digest, read_json, sha256_of, write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: The names of event files, any of which may be compressed.
KINDS = (".json", ".pkl", ".i3", ".tar", ".csv", ".parquet", ".db", ".sqlite")
ENDINGS = (
    *(f"{kind}{packed}" for kind in KINDS for packed in ("", ".gz", ".bz2", ".xz", ".zst")),
    ".tgz",
)
MOST_IN_A_NAME = 100  #: bytes, of the name of an event file in those of its records
STATE, REFUSED = "watch", "refused"
#: Files whose content is not scanned again; what was refused may come again.
DONE = ("submitted", "old")
#: Seconds after which what failed for a passing reason is tried again.
PATIENCE = 60.0


class Look(NamedTuple):
    """How a file looked: two looks that are equal mean that nobody writes it."""

    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Taken:
    """What was done with a file.

    Attributes
    ----------
    file : str
        Its name.
    size, mtime_ns : int
        How it looked.
    sha256 : str
        Of its content; empty if an ``old`` file could not be read.
    state : str
        ``submitted``, ``refused``, ``copy`` (of a file that was submitted or left out) or
        ``old`` (there before the watch began, and left out).
    text : str
        The scan folder, or why there is none.
    when : float
        Seconds since 1970.
    """

    file: str
    size: int
    mtime_ns: int
    sha256: str
    state: str
    text: str
    when: float


@dataclass
class Inbox:
    """The folder that is watched, and what was done with its files.

    Attributes
    ----------
    folder : Path
        Where event files come; nothing in it is changed.
    output_dir : Path
        Where the scans are.
    """

    folder: Path
    output_dir: Path
    _taken: dict[tuple[str, int, int], Taken] = field(default_factory=dict)
    _looks: dict[str, Look] = field(default_factory=dict)
    _later: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for path in sorted(self._state.glob("*.json")):
            with suppress(BadInput, TypeError):  # damaged: the file is taken again
                self._note(Taken(**read_json(path)))

    @property
    def is_new(self) -> bool:
        """Whether no watch has begun here yet."""
        return not self._began.exists()

    @property
    def lock(self) -> Path:
        """Return the file that one watch at a time has locked."""
        return self._state / "lock"

    def begin(self) -> None:
        """Note that a watch has begun: files that come from now on are new.

        Raises
        ------
        TryAgain
            The folder cannot be read, so no watch has begun.
        """
        next(self._files(), None)
        write_text(self._began, "")

    def leave_out(self) -> None:
        """Leave out the files that are there now."""
        for path, look in self._files():
            try:
                sha256 = sha256_of(path)
            except OSError:
                if not path.exists():
                    continue
                sha256 = ""  # unreadable, but there before the watch all the same
            self._write(path, look, sha256, "old", "it was there before the watch")

    def whole(self) -> list[Path]:
        """Return the new files that have not changed since the last call, by name."""
        found = dict(self._files())
        before, self._looks = self._looks, {path.name: look for path, look in found.items()}
        return [
            path
            for path, look in found.items()
            if before.get(path.name) == look
            and look.size > 0
            and (path.name, *look) not in self._taken
            and self._later.get(path.name, 0.0) <= time.monotonic()
        ]

    def waiting(self) -> list[str]:
        """Return the names of the files of the last look that are not taken yet."""
        return [name for name, look in self._looks.items() if (name, *look) not in self._taken]

    def take(self, path: Path, scan: Callable[[Path], Path]) -> Taken | None:
        """Scan a file; return what was done, or None if it is gone or changes again.

        Parameters
        ----------
        path : Path
            One of `whole`.
        scan : callable
            Plans and submits the scan of an event file; returns its folder.

        Raises
        ------
        TryAgain
            The file could not be read, or the scan not be submitted, for a reason that may
            pass. The file is new again after a while.
        """
        try:
            return self._take(path, scan)
        except (SkyscanError, OSError, MemoryError) as error:
            if not path.exists():
                return None
            self._later[path.name] = time.monotonic() + PATIENCE
            why = one_line(str(error)) or "out of memory."  # Python gives no text then
            text = f"{path.name}: {why} It is tried again in {PATIENCE:g} s."
            raise TryAgain(text) from error

    def _take(self, path: Path, scan: Callable[[Path], Path]) -> Taken | None:
        look, sha256 = _look(path), sha256_of(path)
        if look != self._looks.get(path.name) or look != _look(path):
            return None  # it is written again; the next looks find when it is whole
        done = (it for it in self._taken.values() if it.state in DONE)
        same = next((it for it in done if it.sha256 == sha256), None)
        if same is not None:
            return self._write(path, look, sha256, "copy", f"of {same.file}: {same.text}")
        try:
            folder = scan(path)
        except (OSError, MemoryError):
            raise
        except SkyscanError as error:
            if error.exit_code == ExitCode.TRY_AGAIN:  # of any class: HTCondor's errors too
                raise
            return self._refuse(path, look, sha256, one_line(str(error)))
        except Exception as error:  # noqa: BLE001  the next event must be scanned all the same
            traceback.print_exc(file=sys.stderr)
            return self._refuse(path, look, sha256, one_line(f"this is a bug: {error!r}"))
        return self._write(path, look, sha256, "submitted", str(folder))

    def _refuse(self, path: Path, look: Look, sha256: str, why: str) -> Taken:
        """Set a copy of a file aside with the reason; the original stays where it is."""
        aside = self.output_dir / REFUSED / f"{sha256[:8]}.{_short(path.name)}"
        aside.parent.mkdir(parents=True, exist_ok=True)
        copy_file(path, aside)
        write_text(aside.with_name(f"{aside.name}.txt"), f"{why}\n")
        return self._write(path, look, sha256, "refused", why)

    def _write(self, path: Path, look: Look, sha256: str, state: str, text: str) -> Taken:
        taken = Taken(path.name, *look, sha256, state, text, time.time())
        # A name may come again with other content, and be cut to the same as another.
        number = digest([path.name, *look, sha256])[:16]
        write_json(self._state / f"{_short(path.name)}.{number}.json", asdict(taken))
        self._note(taken)
        return taken

    def _note(self, taken: Taken) -> None:
        self._taken[taken.file, taken.size, taken.mtime_ns] = taken

    @property
    def _began(self) -> Path:
        return self._state / "began"

    @property
    def _state(self) -> Path:
        return self.output_dir / STATE

    def _files(self) -> Iterator[tuple[Path, Look]]:
        """Yield the event files by name, and how they look.

        Raises
        ------
        TryAgain
            The folder is missing or cannot be read, as when its file system is not mounted.
        OSError
            It is no folder, and will not become one.
        """
        try:
            names = sorted(self.folder.iterdir())
        except OSError as error:
            if error.errno in NO_SUCH_PLACE:
                raise
            raise TryAgain(f"{self.folder} cannot be read: {error}.") from error
        for path in names:
            if path.name.startswith(".") or not path.name.lower().endswith(ENDINGS):
                continue
            with suppress(OSError):  # it is gone again
                if path.is_file():
                    yield path, _look(path)


def _short(name: str) -> str:
    """Return the end of a name, to which more can be added: file systems count bytes."""
    return os.fsencode(name)[-MOST_IN_A_NAME:].decode(errors="ignore")


def _look(path: Path) -> Look:
    status = path.stat()
    return Look(status.st_size, status.st_mtime_ns)
