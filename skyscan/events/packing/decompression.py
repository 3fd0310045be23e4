"""Read files that may be compressed with gzip, bzip2, xz or Zstandard.

A file may consist of several compressed members, one after another. Members and compressed
bytes that hold next to nothing cost time too, so they are limited in proportion to the content,
which suits a file of any size.
"""

from __future__ import annotations

import bz2
import os
import resource
import subprocess
import zlib
from contextlib import ExitStack, contextmanager
from importlib import import_module
from shutil import which
from typing import TYPE_CHECKING, Protocol

from skyscan.events.place import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

#: The first bytes of a compressed file; its name does not count.
GZIP, BZIP2, ZSTD, XZ = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"
MAGICS = (GZIP, BZIP2, ZSTD, XZ)
GZIP_FORMAT = 16 + zlib.MAX_WBITS  #: for zlib: its gzip format instead of its own

READ_AT_ONCE = 64 * 1024
#: Writers of many members put some 64 KB into each (BGZF); a few are always accepted.
FREE_MEMBERS = 64
BYTES_PER_MEMBER = 1024
#: Compressed bytes, at most, for each byte of the content, and how many are always accepted.
MAX_EXPANSION = 2
FREE_BYTES = 1024**2
XZ_MEMORY = 128 * 1024**2  #: bytes of a decompressor; xz -9 needs 65 MB
ZSTD_MEMORY = 128  #: MB of a decompressor, the zstd program's own default
ZSTD_SECONDS = 60  #: of CPU time of the zstd program: tens of GB


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, n: int, /) -> bytes:
        """Return at most n bytes; no bytes mean the end."""


class Inflated:
    """The decompressed bytes of a file.

    Attributes
    ----------
    layers : int
        How often the file is compressed; 0 if it is not.
    """

    layers = 0

    def __init__(self, source: Readable, errors: tuple[type[Exception], ...] = ()) -> None:
        self._source = source
        self._errors = errors
        self._block = b""
        self._at = 0  # in the block

    def read(self, n: int) -> bytes:
        """Return the next n bytes, or fewer at the end."""
        parts: list[bytes] = []
        while n > 0:
            if self._at == len(self._block):
                self._block, self._at = self._next_block(), 0
                if not self._block:
                    break
            part = self._block[self._at : self._at + n]
            self._at += len(part)
            n -= len(part)
            parts.append(part)
        return b"".join(parts)

    def peek(self, n: int) -> bytes:
        """Return the next n bytes, or fewer at the end, without moving on."""
        while len(self._block) - self._at < n and (more := self._next_block()):
            self._block, self._at = self._block[self._at :] + more, 0
        return self._block[self._at : self._at + n]

    def _next_block(self) -> bytes:
        try:
            return self._source.read(READ_AT_ONCE)
        except EOFError as error:
            raise MalformedError("cannot be decompressed, since the file ends early") from error
        except self._errors as error:
            raise MalformedError("cannot be decompressed") from error


@contextmanager
def inflated_inside(outer: Inflated) -> Iterator[Inflated]:
    """Decompress a stream if its content is compressed again, as by mistake.

    Raises
    ------
    MalformedError
        It is so with Zstandard, whose programs need a file.
    """
    begin = outer.peek(max(map(len, MAGICS)))
    magic = next((magic for magic in MAGICS if begin.startswith(magic)), b"")
    if magic == ZSTD:
        raise MalformedError(
            "is compressed twice, the first time with Zstandard", "decompress it once"
        )
    if not magic:
        yield outer
        return
    with inflated(outer, magic) as inner:  # type: ignore[arg-type]
        yield inner


@contextmanager
def inflated(file: BufferedReader, magic: bytes) -> Iterator[Inflated]:
    """Decompress a file while it is read.

    Parameters
    ----------
    file : BufferedReader
        The file at its beginning (callers use `peek` to look at it).
    magic : bytes
        GZIP, BZIP2, XZ or ZSTD; anything else means no compression.

    Raises
    ------
    MalformedError
        No decompressor is available; or, when the stream is read, the data are damaged.
    """
    with ExitStack() as stack:
        if magic == GZIP:
            members = _Members(file, lambda: zlib.decompressobj(GZIP_FORMAT))
            yield Inflated(members, (zlib.error,))
        elif magic == BZIP2:
            yield Inflated(_Members(file, bz2.BZ2Decompressor), (OSError,))
        elif magic == XZ:
            yield _xz(file)
        elif magic == ZSTD:
            yield _zstd(file, stack)
        else:
            yield Inflated(file)


class _Decompressor(Protocol):
    """A decompressor of one member, of zlib, bz2 or compression.zstd."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def unused_data(self) -> bytes:
        """The bytes after the member."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return the next bytes of the content."""


class _Members:
    """The content of the members of a compressed file.

    Unlike Python's own readers of such files, it limits the members and the compressed bytes.
    """

    def __init__(self, file: BufferedReader, begin: Callable[[], _Decompressor]) -> None:
        self._file = file
        self._begin = begin
        self._member: _Decompressor | None = None
        self._input = b""
        self._n_members = 0
        self._taken = 0  # compressed bytes
        self._given = 0  # bytes of the content

    def read(self, n: int) -> bytes:
        """Return at most n bytes; no bytes mean the end."""
        while (member := self._current()) is not None:
            part = member.decompress(self._input, n)
            if member.eof:
                self._input, self._member = member.unused_data, None
            else:
                self._input = getattr(member, "unconsumed_tail", b"")
                if not part and not self._input and not self._fill():
                    raise EOFError
            if part:
                self._given += len(part)
                return part
        return b""

    def _current(self) -> _Decompressor | None:
        """Return the decompressor of the present or the next member; None at the end."""
        if self._member is None:
            # Zeros may fill the file up to the size of a block.
            while not (following := self._input.lstrip(b"\0")):
                if not self._fill():
                    return None
            self._input = following
            self._n_members += 1
            if self._n_members > FREE_MEMBERS + self._given // BYTES_PER_MEMBER:
                raise MalformedError(
                    f"consists of more than {self._n_members - 1} compressed pieces that hold "
                    f"almost nothing"
                )
            self._member = self._begin()
        return self._member

    def _fill(self) -> bool:
        self._input = self._file.read(READ_AT_ONCE)
        self._taken += len(self._input)
        if self._taken > FREE_BYTES + READ_AT_ONCE + MAX_EXPANSION * self._given:
            raise MalformedError("has compressed data that hold almost nothing")
        return bool(self._input)


def _xz(file: BufferedReader) -> Inflated:
    try:
        import lzma
    except ImportError as error:  # some builds of Python lack it
        raise MalformedError(
            "is compressed with xz, which this Python cannot decompress",
            "decompress it elsewhere (xz -d FILE.i3.xz)",
        ) from error

    def begin() -> _Decompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY)

    return Inflated(_Members(file, begin), (lzma.LZMAError,))


def _zstd(file: BufferedReader, stack: ExitStack) -> Inflated:
    for opener in ZSTD_OPENERS:
        found = opener(file, stack)
        if found is not None:
            return found
    raise MalformedError(
        "is compressed with Zstandard, which this machine cannot decompress",
        "decompress it elsewhere (zstd -d FILE.i3.zst),"
        " or install the zstd program or Python's zstandard package",
    )


def _zstd_of_python(file: BufferedReader, _stack: ExitStack) -> Inflated | None:
    """Open a file with the standard library of Python 3.14 and later."""
    try:
        module = import_module("compression.zstd")
    except ImportError:
        return None
    return Inflated(_Members(file, module.ZstdDecompressor), (module.ZstdError,))


def _zstd_of_package(file: BufferedReader, stack: ExitStack) -> Inflated | None:
    try:
        module = import_module("zstandard")
    except ImportError:
        return None
    reader = module.ZstdDecompressor().stream_reader(file, read_across_frames=True)
    return Inflated(stack.enter_context(reader), (module.ZstdError,))


def _zstd_of_program(file: BufferedReader, stack: ExitStack) -> Inflated | None:
    program = which("zstd")
    if program is None:
        return None
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # the program does not see Python's buffer
    process = subprocess.Popen(
        [program, "-dcq", f"--memory={ZSTD_MEMORY}MB"],
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    # Frames that hold nothing give no output that could be limited.
    resource.prlimit(process.pid, resource.RLIMIT_CPU, (ZSTD_SECONDS, ZSTD_SECONDS))
    stack.enter_context(process)  # waits for the end; the callback kills it before
    stack.callback(process.kill)
    return Inflated(_ProgramOutput(process), (ChildProcessError,))


class _ProgramOutput:
    """The output of a program, with its exit code checked at the end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def read(self, n: int) -> bytes:
        output = self._process.stdout
        part = output.read(n) if output is not None else b""
        if not part and self._process.wait() != 0:
            raise ChildProcessError
        return part


#: The decompressors, in order of preference.
ZSTD_OPENERS: tuple[Callable[[BufferedReader, ExitStack], Inflated | None], ...] = (
    _zstd_of_python,
    _zstd_of_program,
    _zstd_of_package,  # last, since it does not notice a truncated file
)
