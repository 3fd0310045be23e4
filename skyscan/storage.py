"""Write files completely or not at all: under a temporary name, then renamed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput
from skyscan.json_text import MAX_BYTES, parse_json
from skyscan.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

SEAL = "digest"
MAX_ARRAYS = 64
MAX_ARRAY_BYTES = 1024**3  #: of all arrays of a file: 20 million pixels
#: What expands to more bytes and more than this many times its size is none of ours.
FREE_BYTES, MAX_RATIO = 64 * 1024**2, 20
_ZIP = b"PK"  # begins a zip archive
_BLOCK = 1 << 20  # bytes
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip entry can carry


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` holds either the old or the new bytes."""
    make_folder(path.parent)
    with _replacing(path) as file:
        file.write(content)


def write_many(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write many files of a folder, each completely or not at all while the machine runs.

    They are not synced one by one, which takes 10 ms each: after a power failure, some may be
    empty. The caller keeps their digests, and can make them again.
    """
    make_folder(folder)
    for name, content in contents.items():
        with _replacing(folder / name, is_synced=False) as file:
            file.write(content)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write the parts of a content, completely or not at all."""
    make_folder(path.parent)
    with _replacing(path) as file:
        for part in parts:
            file.write(part)


def copy_file(source: Path, path: Path) -> None:
    """Copy a file so that ``path`` holds either the old or the new bytes."""
    with source.open("rb") as content, _replacing(path) as file:
        shutil.copyfileobj(content, file)


def make_folder(path: Path) -> None:
    """Create a folder and those above it that are missing, however deep it lies."""
    missing = []
    while not path.exists():  # Path.mkdir calls itself for each level
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)


@contextmanager
def _replacing(path: Path, *, is_synced: bool = True) -> Iterator[IO[bytes]]:
    """Open a new file that replaces ``path`` at the end; links at ``path`` are not followed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        with temporary.open("xb") as file:
            yield file
            if is_synced:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, completely or not at all."""
    write_bytes(path, text.encode())


def write_script(path: Path, text: str) -> None:
    """Write a script, completely or not at all; users who may read it may run it."""
    write_text(path, text)
    mode = path.stat().st_mode
    path.chmod(mode | (mode & 0o444) >> 2)


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as JSON with sorted keys, completely or not at all.

    Raises
    ------
    ValueError
        A number is not finite: JSON cannot hold it.
    """
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    BadInput
        The file is missing or not a JSON object.
    """
    try:
        with path.open("rb") as file:
            value = parse_json(file.read(MAX_BYTES + 1).decode())
    except FileNotFoundError:
        raise BadInput(f"{path} is missing.") from None
    except OSError as error:
        error.filename = error.filename or str(path)  # a read that fails does not name the file
        raise
    except ValueError as error:
        raise BadInput(f"{path} cannot be read ({error}).") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path} is not a JSON object.")
    return value


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object together with its digest."""
    write_json(path, {**value, SEAL: digest(value)})


def read_sealed(path: Path, *, may_lack_seal: bool = False) -> dict[str, Any]:
    """Read a JSON object that `write_sealed` wrote.

    Parameters
    ----------
    path : Path
        The file.
    may_lack_seal : bool
        Whether earlier versions wrote the file without a digest.

    Raises
    ------
    BadInput
        The file is missing, damaged, or was edited.
    """
    value = read_json(path)
    if SEAL not in value and may_lack_seal:
        return value
    if value.pop(SEAL, None) != digest(value):
        raise BadInput(f"{path} is damaged or was edited: its digest does not match.")
    return value


def npz_bytes(arrays: Mapping[str, NDArray[Any]], level: int | None = None) -> bytes:
    """Return the content of an ``.npz`` without pickles; equal arrays give equal bytes.

    ``level`` is zlib's of the compression, 0 to 9 (default: 6).
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            plain = io.BytesIO()
            np.lib.format.write_array(plain, np.asarray(array), allow_pickle=False)
            archive.writestr(entry, plain.getbuffer(), compresslevel=level)
    return content.getvalue()


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an ``.npz``.

    Raises
    ------
    BadInput
        The file is missing, truncated, or holds pickled objects.
    """
    try:
        content = read_regular(path, MAX_ARRAY_BYTES)
    except FileNotFoundError:
        raise BadInput(f"{path} is missing.") from None
    return npz_arrays(content, path)


def npz_arrays(content: bytes, path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays in the content of an ``.npz``, which came from the file ``path``.

    Raises
    ------
    BadInput
        It is truncated, or holds pickled objects.
    """
    if not content.startswith(_ZIP):  # numpy would advise to load it as a pickle
        raise BadInput(f"{path} is damaged (it is not an .npz file).")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            _check_size(archive, len(content))
            arrays = {name: archive[name] for name in archive.files}
        _check_content(arrays)
    except Exception as error:  # zipfile, zlib, struct and numpy each have their own
        raise BadInput(f"{path} is damaged ({type(error).__name__}: {error}).") from error
    return arrays


def _check_size(archive: Any, packed: int) -> None:  # noqa: ANN401  (numpy does not name it)
    """Refuse a small file that claims to expand to a very large one."""
    entries = archive.zip.infolist()
    size = sum(entry.file_size for entry in entries)
    most = min(MAX_ARRAY_BYTES, max(FREE_BYTES, MAX_RATIO * packed))
    if len(entries) > MAX_ARRAYS or size > most:
        raise ValueError(f"{len(entries)} arrays of {size} bytes, more than any file has")


def _check_content(arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse arrays of any number of elements that take no bytes."""
    if any(not it.itemsize and it.size for it in arrays.values()):
        raise ValueError("an array has elements without content")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, hex."""
    content = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            content.update(block)
    return content.hexdigest()


def digest(value: object) -> str:
    """Return the SHA-256 of a JSON value, hex; equal values give equal digests."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
