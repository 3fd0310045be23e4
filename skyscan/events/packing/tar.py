"""Tar archives of event files, read as a stream."""

from __future__ import annotations

from dataclasses import replace
from io import BufferedReader, RawIOBase
from typing import IO, TYPE_CHECKING

from skyscan.events.i3.frame import TAG
from skyscan.events.packing.decompression import MAGICS, ZSTD, Inflated, inflated
from skyscan.events.place import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skyscan.events.place import Place

TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
#: Files in a row that hold no event: more are no archive of events.
MAX_OTHER_MEMBERS = 10_000
LONGEST_BEGIN = 8
#: How an event file begins: frames, i3live's JSON, its pickle, or compressed.
BEGINS = (TAG, b"{", b"\x80", *MAGICS)


def is_tar(stream: Inflated) -> bool:
    """Return whether the next bytes are those of a tar archive."""
    end = TAR_MAGIC_AT + len(TAR_MAGIC)
    return stream.peek(end)[TAR_MAGIC_AT:end] == TAR_MAGIC


def members(place: Place, stream: Inflated) -> Iterator[tuple[Place, Inflated]]:
    """Yield the event files in an archive, decompressed; other files are passed over.

    Raises
    ------
    BadInput
        The archive is damaged, or holds far more other files than events.
    """
    others = 0
    with place.reading():
        for inside, file in _files(stream):
            content = BufferedReader(file)
            begin = content.peek(LONGEST_BEGIN)
            if not begin.lstrip().startswith(BEGINS):
                others += 1
                if others > MAX_OTHER_MEMBERS:
                    raise MalformedError("is an archive of files without events")
                continue
            others = 0
            magic = next((magic for magic in MAGICS if begin.startswith(magic)), b"")
            if magic == ZSTD:
                raise MalformedError(
                    f"is an archive with a file in Zstandard ({inside})", "unpack the archive"
                )
            with inflated(content, magic) as plain:  # type: ignore[arg-type]
                yield replace(place, inside=inside), plain


def _files(stream: Inflated) -> Iterator[tuple[str, _Member]]:
    import tarfile  # jobs need none

    try:
        with tarfile.open(fileobj=_File(stream), mode="r|") as archive:  # type: ignore[call-overload]
            for member in archive:
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None:
                    yield member.name, _Member(file)
    except (tarfile.TarError, EOFError) as error:
        raise MalformedError(f"is a damaged tar archive ({error})") from error


class _File:
    """A stream with the method that tarfile needs."""

    def __init__(self, stream: Inflated) -> None:
        self._stream = stream

    def read(self, n: int) -> bytes:
        """Return the next n bytes."""
        return self._stream.read(n)


class _Member(RawIOBase):
    """A file in an archive, which can only be read on."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def _read(self, n: int) -> bytes:
        from tarfile import TarError

        try:
            return self._file.read(n)
        except TarError as error:
            raise MalformedError("ends early, as its archive does") from error

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read the next bytes into a buffer."""
        data = self._read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
