"""Read maps from every format that they are kept in."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan import healpix
from skyscan.answer.context import context_beside, with_reported_levels
from skyscan.answer.maps import with_context
from skyscan.errors import BadInput, in_words
from skyscan.events.event import NO_TYPE, type_in
from skyscan.events.place import shown
from skyscan.regular import NO_END, open_regular, read_regular
from skyscan.skymap import (
    COORDINATES,
    SKYMAP_DTYPE,
    UNFITTED,
    is_local,
    read_skymap,
    with_unfitted,
)
from skyscan.skymap import SkyMap as Pixels
from skyscan.storage import read_npz

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from skyscan.answer.context import Context
    from skyscan.answer.maps import SkyMap

NAN = "<skyreader.nan>"
FLIPPED = (
    "the file has skyreader's old pixel numbers (Dec with the sign of z reversed), which were "
    "converted; it has no metadata"
)
#: How a FITS file, and a compressed one, begins.
FITS_STARTS = (b"SIMPLE  =", b"\x1f\x8b")
MAX_MJD = 600_000.0  #: days; from the year 216 to 3501
MAX_NSIDE = 2**29  # of HEALPix
MOST_IN_A_TYPE = 100  # characters; it becomes a part of names of files
MAX_BYTES = 2 * 1024**3  #: of a file as JSON: 100 bytes for each of 20 million pixels
#: A row has at least so many bytes. Shorter lists take 30 times their size in memory.
ROW_BYTES, FREE_LISTS = 10, 10_000
_NOT_A_MAP = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError),
    *(OverflowError, RecursionError),  # of infinite or very long numbers, and of deep nesting
)


def read_map(path: str | PathLike[str]) -> SkyMap:
    """Read a sky map.

    Parameters
    ----------
    path : str or path
        A ``.npz`` or ``.json`` file of skyscan or skyreader, a multi-order FITS file, or a scan
        folder, whose map is read (the partial one if there is no other). What is known of the
        scan is read from its folder, if the file is in one.

    Returns
    -------
    SkyMap

    Raises
    ------
    BadInput
        The file is missing, damaged, or is not a map.
    """
    place = Path(path)
    if place.is_dir():
        place = map_in(place)
    if not place.is_file():
        raise BadInput(f"{place} is missing.")
    try:
        with open_regular(place) as file:
            start = file.read(9)
    except OSError as error:
        if error.strerror != NO_END:
            raise
        raise BadInput(f"{place} is not a sky map: {NO_END}.") from error
    if start.startswith(FITS_STARTS):
        return _from_fits(place)
    pixels, notes = _from_npz(place) if start.startswith(b"PK") else (_from_json(place), ())
    check_pixels(place, pixels)
    pixels = with_event(pixels, place.name)
    return _with_report(place, pixels, context_beside(place), notes)


def _from_fits(path: Path) -> SkyMap:
    """Read a FITS map; without its scan folder, its header says what is known of the scan."""
    from skyscan.answer.files.fits_reader import read_multiorder

    found = read_multiorder(path)
    check_pixels(path, found.pixels)
    pixels = with_event(found.pixels, found.event)
    context = context_beside(path)
    if context.reco is not None:
        return _with_report(path, pixels, context, found.notes)
    context = replace(
        context, reco=found.reco, likelihood=found.likelihood, levels=found.levels
    )
    return with_context(pixels, context, found.notes)


def _with_report(
    path: Path, pixels: Pixels, context: Context, notes: tuple[str, ...]
) -> SkyMap:
    """Return a map with what is known of its scan, and the levels that its report has."""
    summary = path.with_name(f"{pixels.name}.summary.json")
    return with_context(pixels, with_reported_levels(context, summary), notes)


def with_event(pixels: Pixels, text: str) -> Pixels:
    """Return a map with the name of its event, if a text begins with another one than usual.

    Maps of sub-events have it in the names of their files (``run….evt….sub001.TYPE_8.npz``);
    those of events without a type ended in ``None`` once.
    """
    ids = f"run{pixels.run_id:08d}.evt{pixels.event_id:012d}"
    kind = pixels.event_type
    kinds = rf"(?:{NO_TYPE}|None)" if kind is None else re.escape(kind)
    found = re.match(rf"{re.escape(ids)}(?:\.sub\d+)?\.{kinds}(?![^_.])", text, re.ASCII)
    if found is None or found[0] == pixels.event_name:
        return pixels
    return replace(pixels, event=found[0])


def map_in(folder: Path) -> Path:
    """Return the map of a scan folder, the partial one if there is no other.

    Raises
    ------
    BadInput
        There is none.
    """
    for place in (folder, folder / "partial"):
        found = sorted(place.glob("run*_*.npz"), key=lambda path: path.stat().st_mtime)
        if found:
            return found[-1]
    raise BadInput(
        f"{folder} has no map; `skyscan status` shows what a scan has done so far, and "
        f"`skyscan result --partial` makes a map of it."
    )


def _from_npz(path: Path) -> tuple[Pixels, tuple[str, ...]]:
    arrays = read_npz(path)
    if "header" in arrays:
        return read_skymap(path), ()
    tables = {key: table for key, table in arrays.items() if key.startswith("nside-")}
    if not tables:
        raise BadInput(f"{path} is not a sky map: it has no pixels (nside-…).")
    try:
        nsides = {int(key.removeprefix("nside-")): table for key, table in tables.items()}
        pixels = {nside: _rows(table) for nside, table in sorted(nsides.items())}
    except _NOT_A_MAP as error:
        raise BadInput(f"{path} is not a sky map ({in_words(error)}).") from error
    return _unnamed(path, {nside: flipped(nside, rows) for nside, rows in pixels.items()})


def _unnamed(path: Path, pixels: dict[int, NDArray[np.void]]) -> tuple[Pixels, tuple[str, ...]]:
    """Return a map of which the file says only the pixels."""
    run_id, event_id = _ids_in(path.name)
    unnamed = Pixels(run_id, event_id, float("nan"), None, True, False, pixels)  # noqa: FBT003
    return unnamed, (FLIPPED,)


def _ids_in(name: str) -> tuple[int, int]:
    numbers = [
        int(part[3:])
        for part in name.replace("-", ".").split(".")
        if part[:3] in {"run", "evt"} and part[3:].isdecimal()
    ]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)  # noqa: PLR2004  run, event


def flipped(nside: int, rows: NDArray[np.void]) -> NDArray[np.void]:
    """Return pixels of the old convention, Dec = theta - pi/2, in today's numbers."""
    theta, phi = healpix.pix2ang(nside, rows["index"])
    new = rows.copy()
    new["index"] = healpix.ang2pix(nside, np.pi - theta, phi)
    return np.sort(new, order="index")


def _from_json(path: Path) -> Pixels:
    try:
        content = read_regular(path, MAX_BYTES)
        if content.count(b"[") + content.count(b"{") > FREE_LISTS + len(content) // ROW_BYTES:
            raise ValueError("its lists are too short for rows of pixels")
        value = json.loads(content)
        tables = {int(key.removeprefix("nside-")): table for key, table in value.items()}
        metadata = [table["metadata"] for table in tables.values()]
        if not tables:
            raise BadInput(f"{path} has no pixels: it is not a sky map.")
        first = {k: np.nan if v == NAN else v for k, v in metadata[0].items()}
        pixels = {
            nside: _rows(_table(table["columns"], table["data"]))
            for nside, table in sorted(tables.items())
        }
        pixels = with_unfitted(pixels, str(first.get(UNFITTED, "")))
        return Pixels(
            run_id=int(first["run_id"]),
            event_id=int(first["event_id"]),
            mjd=float(first["mjd"]),
            event_type=type_in(str(first["event_type"])),
            is_real_event=bool(first.get("is_real_event", True)),
            complete=all(bool(it.get("complete", False)) for it in metadata),
            pixels=pixels,
            is_local=COORDINATES in first and is_local(first),
        )
    except _NOT_A_MAP as error:
        raise BadInput(f"{path} is not a sky map ({in_words(error)}).") from error


def _table(columns: list[str], data: list[list[Any]]) -> NDArray[np.void]:
    rows = np.zeros(len(data), [(name, SKYMAP_DTYPE[name]) for name in columns])
    for i, row in enumerate(data):
        rows[i] = tuple(np.nan if value == NAN else value for value in row)
    return rows


def _rows(table: NDArray[np.void]) -> NDArray[np.void]:
    """Return rows of pixel type 0 or 1 as SKYMAP_DTYPE; what they lack is NaN."""
    rows = np.zeros(len(table), SKYMAP_DTYPE)
    names = table.dtype.names or ()
    for name in SKYMAP_DTYPE.names or ():
        rows[name] = table[name] if name in names or name in {"index", "llh"} else np.nan
    return np.sort(rows, order="index")


def check_pixels(path: Path, pixels: Pixels) -> None:
    """Check that a map which was read can be one.

    Raises
    ------
    BadInput
        Its time, its pixels or the type of its event cannot be.
    """
    kind = pixels.event_type or ""
    if not kind.isprintable() or "/" in kind or len(kind) > MOST_IN_A_TYPE:
        raise BadInput(
            f"{path} has the event type {shown(repr(kind))}, which no file name can have."
        )
    if abs(pixels.mjd) > MAX_MJD:
        raise BadInput(f"{path} has the time MJD {pixels.mjd:g}, which is not a date.")
    for nside, rows in pixels.pixels.items():
        numbers = rows["index"]
        if nside < 1 or nside & (nside - 1) or nside > MAX_NSIDE:
            raise BadInput(f"{path} has nside {nside}, which is not a power of 2.")
        if len(numbers) and (numbers.min() < 0 or numbers.max() >= 12 * nside**2):
            raise BadInput(f"{path} has pixels that nside {nside} does not have.")
        if len(np.unique(numbers)) < len(numbers):
            raise BadInput(f"{path} has a pixel of nside {nside} twice.")
