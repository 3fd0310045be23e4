"""The zip that a scan runs from: the exact code of all three packages, and of a plug-in."""

from __future__ import annotations

import io
import sys
import zipfile
from functools import lru_cache
from importlib import resources
from importlib.metadata import Distribution, distributions
from typing import TYPE_CHECKING

from skyscan.recos import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

PACKAGES = ("skyscan", "condor", "workflows")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal code gives equal bytes


def code_zip() -> bytes:
    """Return the zip's content; equal code gives equal bytes."""
    return _zip_of(tuple(sys.path))


@lru_cache(maxsize=1)  # a campaign plans a thousand scans with the same code
def _zip_of(search_path: tuple[str, ...]) -> bytes:  # noqa: ARG001  (where plug-ins come from)
    files: dict[str, bytes] = {}
    for package in PACKAGES:
        files.update(_tree(resources.files(package), package))
    for distribution in _plugins():
        files.update(_distribution(distribution))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return content.getvalue()


def _tree(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _tree(entry, f"{path}/{entry.name}")
        elif not entry.name.endswith((".pyc", ".swp", "~")):
            yield f"{path}/{entry.name}", entry.read_bytes()


def _plugins() -> list[Distribution]:
    """Return the installed distributions that bring a reconstruction of their own."""
    return [
        distribution
        for distribution in distributions()
        if any(entry.group == ENTRY_POINT_GROUP for entry in distribution.entry_points)
        and distribution.metadata["Name"].lower() != PACKAGES[0]
    ]


def _distribution(distribution: Distribution) -> Iterator[tuple[str, bytes]]:
    """Yield a plug-in's packages, and the metadata by which it is found again."""
    modules = {
        entry.value.partition(":")[0].partition(".")[0]
        for entry in distribution.entry_points
        if entry.group == ENTRY_POINT_GROUP
    }
    for module in modules:
        yield from _module(module)
    folder = (
        f"{distribution.metadata['Name'].replace('-', '_')}-{distribution.version}.dist-info"
    )
    for name in ("METADATA", "entry_points.txt"):
        yield f"{folder}/{name}", (distribution.read_text(name) or "").encode()


def _module(name: str) -> Iterator[tuple[str, bytes]]:
    from importlib.util import find_spec

    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return
    if spec.submodule_search_locations:
        yield from _tree(resources.files(name), name)
    else:
        from pathlib import Path

        yield f"{name}.py", Path(spec.origin).read_bytes()
