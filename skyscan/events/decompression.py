"""Read a file that may be compressed: gzip, bzip2 and Zstandard, as icetray writes them."""

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

#: How a compressed file begins; its name may say anything.
GZIP, BZIP2, ZSTD = b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd"
MAGICS = (GZIP, BZIP2, ZSTD)

READ_AT_ONCE = 1024**2


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, n: int, /) -> bytes:
        """Return at most n bytes, and none only at the end."""


class Inflated:
    """The bytes that a file stands for."""

    def __init__(self, source: Readable, errors: tuple[type[Exception], ...] = ()) -> None:
        self._source = source
        self._errors = errors

    def read(self, n: int) -> bytes:
        """Return the next n bytes, or as many as are left."""
        parts: list[bytes] = []
        while n > 0 and (part := self._read_part(min(n, READ_AT_ONCE))):
            parts.append(part)
            n -= len(part)
        return b"".join(parts)

    def _read_part(self, n: int) -> bytes:
        try:
            return self._source.read(n)
        except self._errors as error:
            raise MalformedError("does not decompress") from error


@contextmanager
def inflated(file: BufferedReader, magic: bytes) -> Iterator[Inflated]:
    """Decompress a file while it is read.

    Parameters
    ----------
    file : BufferedReader
        At its begin, which is left where it is by those who looked at it (`peek`).
    magic : bytes
        GZIP, BZIP2 or ZSTD; anything else is no compression.

    Raises
    ------
    MalformedError
        When read from: it does not decompress. At once: nothing is there that could.
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
        "is compressed with Zstandard, and nothing here can decompress that",
        "decompress it where that can be done (zstd -d FILE.i3.zst),"
        " or install the zstd program or Python's zstandard package",
    )


def _zstd_of_python(file: BufferedReader, stack: ExitStack) -> Inflated | None:
    """Open with what comes with Python 3.14 and later."""
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
    os.lseek(file.fileno(), 0, os.SEEK_SET)  # the program sees nothing of the buffer
    process = subprocess.Popen(
        [program, "-dcq"], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    stack.enter_context(process)  # waits, so that what is not read to its end is killed first
    stack.callback(process.kill)
    return Inflated(_ProgramOutput(process), (EOFError,))


class _ProgramOutput:
    """What a program writes; its exit code counts too."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def read(self, n: int) -> bytes:
        output = self._process.stdout
        part = output.read(n) if output is not None else b""
        if not part and self._process.wait() != 0:
            raise EOFError
        return part


#: What can decompress, first choice first.
ZSTD_OPENERS: tuple[Callable[[BufferedReader, ExitStack], Inflated | None], ...] = (
    _zstd_of_python,
    _zstd_of_program,
    _zstd_of_package,  # last, for it does not tell when a file ends early
)
