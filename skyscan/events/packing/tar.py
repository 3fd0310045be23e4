"""Tar archives of event files, and of such archives, read as a stream."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from io import BufferedReader, RawIOBase
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from skyscan.events.i3.frame import TAG
from skyscan.events.packing.decompression import MAGICS, ZSTD, Inflated, inflated
from skyscan.events.place import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skyscan.events.place import Place

TAR_MAGIC, TAR_MAGIC_AT = b"ustar", 257
TAR_BEGIN = TAR_MAGIC_AT + len(TAR_MAGIC)
#: Reads of nothing, of an archive without the blocks of zeros at its end.
MAX_READS_AT_END = 10
MAX_HEADER_BYTES = 2**20  #: of a long name or of extended headers
#: Files in a row that hold no event: more are no archive of events.
MAX_OTHER_MEMBERS = 10_000
MAX_DEPTH = 3  #: of archives in archives
#: Of a file in an archive, which may be packed itself: it is copied for the zstd program.
MAX_ZSTD_BYTES = 4 * 1024**3
CHUNK = 1024**2
#: How an event file begins: frames, i3live's JSON, its pickle, or compressed.
BEGINS = (TAG, b"{", b"\x80", *MAGICS)


def is_tar(stream: Inflated) -> bool:
    """Return whether the next bytes are those of a tar archive."""
    return _begins_as_tar(stream.peek(TAR_BEGIN))


def _begins_as_tar(begin: bytes) -> bool:
    return begin[TAR_MAGIC_AT:TAR_BEGIN] == TAR_MAGIC


def members(place: Place, stream: Inflated, depth: int = 1) -> Iterator[tuple[Place, Inflated]]:
    """Yield the event files in an archive, decompressed; other files are passed over.

    Archives in it are read as folders.

    Raises
    ------
    BadInput
        The archive is damaged, or holds far more other files than events.
    """
    others = 0
    with place.reading():
        for inside, member in _files(stream):
            content = BufferedReader(member)
            begin = content.peek(TAR_BEGIN)
            if not begin.lstrip().startswith(BEGINS) and not _begins_as_tar(begin):
                others += 1
                if others > MAX_OTHER_MEMBERS:
                    raise MalformedError("is an archive of files without events")
                continue
            others = 0
            magic = next((magic for magic in MAGICS if begin.startswith(magic)), b"")
            with (
                _seekable(content, magic) as file,  # type: ignore[arg-type]
                inflated(file, magic) as plain,
            ):
                within = replace(place, inside="/".join(filter(None, (place.inside, inside))))
                if not is_tar(plain):
                    yield within, plain
                elif depth < MAX_DEPTH:
                    yield from members(within, plain, depth + 1)
                else:
                    raise MalformedError(
                        f"is an archive of archives, more than {MAX_DEPTH} deep ({inside})",
                        "unpack them",
                    )


@contextmanager
def _seekable(content: BufferedReader, magic: bytes) -> Iterator[BufferedReader]:
    """Provide a file that the zstd program can read, if it has to."""
    if magic != ZSTD:
        yield content
        return
    with TemporaryFile() as file:
        while chunk := content.read(CHUNK):
            file.write(chunk)
            if file.tell() > MAX_ZSTD_BYTES:
                raise MalformedError(
                    f"is an archive with more than {MAX_ZSTD_BYTES} bytes of Zstandard in it",
                    "unpack the archive",
                )
        file.seek(0)
        yield file  # type: ignore[misc]  # it has all methods that are used


def _files(stream: Inflated) -> Iterator[tuple[str, _Member]]:
    import tarfile  # jobs need none

    class Header(tarfile.TarInfo):
        """A header; what goes before it, such as a long name, is read into memory."""

        def _proc_member(self, archive: tarfile.TarFile) -> object:
            # This is what tarfile means for subclasses; newer ones pass over `frombuf`.
            is_before = self.type in b"LKxgX"
            if self.type == tarfile.GNUTYPE_SPARSE or (
                is_before and not 0 <= self.size <= MAX_HEADER_BYTES
            ):
                raise MalformedError("is an archive with a sparse file or an endless header")
            return super()._proc_member(archive)  # type: ignore[misc]

    try:
        with tarfile.open(fileobj=_File(stream), mode="r|", tarinfo=Header) as archive:  # type: ignore[call-overload]
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
        self._empty = 0

    def read(self, n: int) -> bytes:
        """Return the next n bytes.

        tarfile passes over a member block by block, also far behind the end of the archive.
        """
        from tarfile import ReadError

        data = self._stream.read(n)
        self._empty = 0 if data else self._empty + 1
        if self._empty > MAX_READS_AT_END:
            raise ReadError("it ends before a member does")
        return data


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
