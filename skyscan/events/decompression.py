"""Read files that may be compressed with gzip, bzip2 or Zstandard, as icetray writes them."""

from __future__ import annotations

import bz2
import gzip
import os
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
GZIP, BZIP2, ZSTD = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd"
MAGICS = (GZIP, BZIP2, ZSTD)

READ_AT_ONCE = 1024**2


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, n: int, /) -> bytes:
        """Return at most n bytes; no bytes mean the end."""


class Inflated:
    """The decompressed bytes of a file."""

    def __init__(self, source: Readable, errors: tuple[type[Exception], ...] = ()) -> None:
        self._source = source
        self._errors = errors

    def read(self, n: int) -> bytes:
        """Return the next n bytes, or fewer at the end."""
        parts: list[bytes] = []
        while n > 0 and (part := self._read_part(min(n, READ_AT_ONCE))):
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def _read_part(self, n: int) -> bytes:
        try:
            return self._source.read(n)
        except self._errors as error:
            raise MalformedError("cannot be decompressed") from error


@contextmanager
def inflated(file: BufferedReader, magic: bytes) -> Iterator[Inflated]:
    """Decompress a file while it is read.

    Parameters
    ----------
    file : BufferedReader
        The file at its beginning (callers use `peek` to look at it).
    magic : bytes
        GZIP, BZIP2 or ZSTD; anything else means no compression.

    Raises
    ------
    MalformedError
        No decompressor is available; or, when the stream is read, the data are damaged.
    """
    with ExitStack() as stack:
        if magic == GZIP:
            unzipped = stack.enter_context(gzip.GzipFile(fileobj=file))
            yield Inflated(unzipped, (OSError, EOFError, zlib.error))
        elif magic == BZIP2:
            yield Inflated(stack.enter_context(bz2.BZ2File(file)), (OSError, EOFError))
        elif magic == ZSTD:
            yield _zstd(file, stack)
        else:
            yield Inflated(file)


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


def _zstd_of_python(file: BufferedReader, stack: ExitStack) -> Inflated | None:
    """Open a file with the standard library of Python 3.14 and later."""
    try:
        module = import_module("compression.zstd")
    except ImportError:
        return None
    unzipped = stack.enter_context(module.ZstdFile(file))
    return Inflated(unzipped, (module.ZstdError, EOFError))


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
        [program, "-dcq"], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    stack.enter_context(process)  # waits for the end; the callback kills it before
    stack.callback(process.kill)
    return Inflated(_ProgramOutput(process), (EOFError,))


class _ProgramOutput:
    """The output of a program, with its exit code checked at the end."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def read(self, n: int) -> bytes:
        output = self._process.stdout
        part = output.read(n) if output is not None else b""
        if not part and self._process.wait() != 0:
            raise EOFError
        return part


#: The decompressors, in order of preference.
ZSTD_OPENERS: tuple[Callable[[BufferedReader, ExitStack], Inflated | None], ...] = (
    _zstd_of_python,
    _zstd_of_program,
    _zstd_of_package,  # last, since it does not notice a truncated file
)
