"""The sky map and its file formats, both of icecube/skyreader (1.6.3, pixel dtype 1)."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput, in_words
from skyscan.events.event import type_in, type_text
from skyscan.forks import in_forks
from skyscan.pixels import Pixel, directions
from skyscan.storage import npz_arrays, npz_bytes, read_npz, write_bytes, write_parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

#: skyreader.SkyScanResult.PIXEL_TYPES[1]
SKYMAP_DTYPE = np.dtype(
    [
        ("index", "<i8"),
        ("llh", "<f8"),
        ("E_in", "<f8"),
        ("E_tot", "<f8"),
        ("X", "<f8"),
        ("Y", "<f8"),
        ("Z", "<f8"),
        ("T", "<f8"),
    ]
)
VERSION = 1
#: Metadata of maps in IceCube's local frame only; skyreader keeps what it does not know.
COORDINATES, LOCAL = "coordinates", "local"
UNFITTED = "unfitted"  #: key of the metadata with the pixels that have no fit
_ROWS_AT_ONCE = 10_000  # as Python objects, which take much more memory
_MANY_ROWS = 200_000  # a second of work
#: zlib's level for these: at others, digits of measurements hardly get smaller, but later.
_QUICK = 1
_NAN_IN_JSON = "<skyreader.nan>"  # skyreader.result.NAN_SENTINEL


@dataclass(frozen=True)
class SkyMap:
    """The result of a scan.

    Attributes
    ----------
    run_id, event_id, mjd, event_type, is_real_event
        The event's metadata; ``mjd`` in days, UTC, NaN if it is not known.
    complete : bool
        Whether the scan ended because nothing was left to refine.
    pixels : {nside: ndarray of dtype SKYMAP_DTYPE}
        By pixel index (RING, J2000): llh = -ln L, energies in GeV, vertex in m and ns.
    event : str
        Name of the event in the file names; by default made from its ids. The files do not
        hold it.
    is_local : bool
        Whether the pixels are of IceCube's local frame, because the event has no time: azimuth
        takes the place of RA, and elevation (90 degrees less the zenith angle) that of Dec. The
        metadata then have ``coordinates``.
    """

    run_id: int
    event_id: int
    mjd: float
    event_type: str | None
    is_real_event: bool
    complete: bool
    pixels: dict[int, NDArray[np.void]]
    event: str = ""
    is_local: bool = False

    @property
    def name(self) -> str:
        """File name without suffix, as skyreader writes it: the event, then the nsides."""
        return "_".join([self.event_name, *map(str, sorted(self.pixels))])

    @property
    def event_name(self) -> str:
        """Name of the event."""
        ids = f"run{self.run_id:08d}.evt{self.event_id:012d}.{type_text(self.event_type)}"
        return self.event or ids

    def best(self) -> tuple[Pixel, float, float, float] | None:
        """Return the best pixel, its ra and dec (radians, J2000) and its llh."""
        ranked = []
        for nside, rows in self.pixels.items():
            llhs = rows["llh"][np.isfinite(rows["llh"])]
            if len(llhs):
                lowest = llhs.min()
                ranked.append(
                    (float(lowest), nside, int(rows["index"][rows["llh"] == lowest].min()))
                )
        if not ranked:
            return None
        llh, nside, pixel = min(ranked)
        ((ra,), (dec,)) = directions(np.array([nside]), np.array([pixel]))
        return Pixel(nside, pixel), float(ra), float(dec), llh

    def fitted(self) -> dict[int, NDArray[np.void]]:
        """Return the pixels that have a fit, by nside; all of them if none has one."""
        fitted = {}
        for nside, rows in self.pixels.items():
            has_fit = np.isfinite(rows["llh"])
            if has_fit.any():
                fitted[nside] = rows if has_fit.all() else rows[has_fit]
        return fitted or dict(self.pixels)

    def unfitted(self) -> str:
        """Return the pixels without a fit as NSIDE:PIXEL, separated by spaces."""
        return " ".join(
            f"{nside}:{pixel}"
            for nside, rows in sorted(self.pixels.items())
            for pixel in rows["index"][~np.isfinite(rows["llh"])].tolist()
        )

    def metadata(self, nside: int) -> dict[str, Any]:
        """Return the metadata that skyreader stores with each nside.

        skyreader (1.6.3) takes the minimum of the llh of each nside, which is NaN if one of
        them is, and then passes over the whole nside. Pixels without a fit are therefore no
        rows of the files but a text here, which skyreader keeps when it writes the map again.
        """
        unfitted = self.unfitted()
        frame = {COORDINATES: LOCAL} if self.is_local else {}
        return {
            "nside": nside,
            "complete": self.complete,
            "run_id": self.run_id,
            "event_id": self.event_id,
            "event_type": type_text(self.event_type),
            "mjd": self.mjd,
            "is_real_event": self.is_real_event,
            "version": VERSION,
            **frame,
            **({UNFITTED: unfitted} if unfitted else {}),
        }


def write_skymap(skymap: SkyMap, folder: Path) -> tuple[Path, Path]:
    """Write ``.npz`` and ``.json``; return their paths."""
    npz, as_json = (folder / f"{skymap.name}.{ending}" for ending in ("npz", "json"))
    if _is_large(skymap):
        _write_on_all_cores(skymap, npz, as_json)
    else:
        write_bytes(npz, npz_of(skymap))
        write_parts(as_json, json_parts(skymap))
    return npz, as_json


def _is_large(skymap: SkyMap) -> bool:
    return sum(map(len, skymap.pixels.values())) >= _MANY_ROWS


def _write_on_all_cores(skymap: SkyMap, npz: Path, as_json: Path) -> None:
    """Write both files of a map at once: of millions of pixels, they take the longest time."""
    from concurrent.futures import ThreadPoolExecutor

    parts = json_parts(skymap)  # its forks, before there is a second thread
    with ThreadPoolExecutor(1) as thread:
        content = thread.submit(npz_of, skymap)  # zlib lets other threads run
        write_parts(as_json, parts)
        write_bytes(npz, content.result())


def npz_of(skymap: SkyMap) -> bytes:
    """Return the content of the ``.npz`` file of a map."""
    fitted = skymap.fitted()
    nsides = sorted(fitted)
    header_dtype = [
        (key, f"U{len(value)}" if isinstance(value, str) else type(value))
        for key, value in skymap.metadata(0).items()
    ]
    rows = [tuple(skymap.metadata(nside).values()) for nside in nsides]
    arrays = {f"nside-{nside}": fitted[nside] for nside in nsides}
    level = _QUICK if _is_large(skymap) else None
    return npz_bytes({"header": np.array(rows, header_dtype), **arrays}, level)


def read_skymap(path: Path) -> SkyMap:
    """Read an ``.npz`` file of `write_skymap` or skyreader.

    Raises
    ------
    BadInput
        The file is missing, damaged, or has no metadata.
    """
    return _from_arrays(read_npz(path), path)


def read_skymap_bytes(content: bytes, path: Path) -> SkyMap:
    """Read the content of an ``.npz`` file of a map that is inside the file ``path``.

    Raises
    ------
    BadInput
        As `read_skymap`.
    """
    return _from_arrays(npz_arrays(content, path), path)


def _from_arrays(arrays: dict[str, NDArray[Any]], path: Path) -> SkyMap:
    header = arrays.pop("header", None)
    if header is None or header.ndim != 1 or len(header) == 0:
        raise BadInput(f"{path} has no header: it is not a map of this format.")
    first = header[0]
    if any(
        not set(SKYMAP_DTYPE.names or ()) <= set(it.dtype.names or ()) for it in arrays.values()
    ):
        raise BadInput(f"{path} is not a map of this format: columns are missing.")
    try:
        _check_text(header)
        return SkyMap(
            run_id=int(first["run_id"]),
            event_id=int(first["event_id"]),
            mjd=float(first["mjd"]),
            event_type=type_in(str(first["event_type"])),
            is_real_event=bool(first["is_real_event"]),
            complete=bool(first["complete"]),
            is_local=COORDINATES in (header.dtype.names or ()) and is_local(first),
            pixels=with_unfitted(
                {int(row["nside"]): arrays[f"nside-{row['nside']}"] for row in header},
                str(first[UNFITTED]) if UNFITTED in (header.dtype.names or ()) else "",
            ),
        )
    except (KeyError, ValueError, IndexError, TypeError, OverflowError) as error:
        raise BadInput(f"{path} is not a map of this format ({in_words(error)}).") from error


def _check_text(rows: NDArray[Any]) -> None:
    """Refuse text with characters that there are not, with which Python cannot compute.

    Raises
    ------
    ValueError
        A column of a table has some.
    """
    for name in rows.dtype.names or ():
        kind = rows.dtype[name]
        if kind.kind == "U":
            characters = np.ascontiguousarray(rows[name]).view(f"{kind.byteorder}u4")
            if (characters > sys.maxunicode).any():
                raise ValueError(f"{name} is no text")


def is_local(metadata: Any) -> bool:  # noqa: ANN401  (a row of the header, or a dict)
    """Return whether metadata are those of a map in IceCube's local frame."""
    return str(metadata[COORDINATES]) == LOCAL


def with_unfitted(
    fitted: dict[int, NDArray[np.void]], unfitted: str
) -> dict[int, NDArray[np.void]]:
    """Return the pixels of a file with those without a fit (`SkyMap.unfitted`), all NaN.

    Raises
    ------
    ValueError
        The text does not name pixels.
    """
    named = [tuple(map(int, word.split(":"))) for word in unfitted.split()]
    pixels = dict(fitted)
    for nside in sorted({nside for nside, _ in named}):
        known = pixels.get(nside, np.zeros(0, SKYMAP_DTYPE)).astype(SKYMAP_DTYPE)
        new = sorted({pixel for n, pixel in named if n == nside} - set(known["index"].tolist()))
        rows = np.zeros(len(new), SKYMAP_DTYPE)
        for name in SKYMAP_DTYPE.names or ():
            rows[name] = new if name == "index" else np.nan
        pixels[nside] = np.sort(np.concatenate([known, rows]), order="index")
    return pixels


def pixels_of(records: NDArray[np.void]) -> dict[int, NDArray[np.void]]:
    """Return records (dtype FOUND_DTYPE, one per pixel) as {nside: SKYMAP_DTYPE array}."""
    arranged = {}
    for nside in np.unique(records["nside"]):
        here = np.flatnonzero(records["nside"] == nside)
        here = here[np.argsort(records["pixel"][here])]
        rows = np.zeros(len(here), SKYMAP_DTYPE)
        names = ("pixel", "llh", "E_in", "E_tot", "x", "y", "z", "time")
        for ours, theirs in zip(names, SKYMAP_DTYPE.names or (), strict=True):
            rows[theirs] = records[ours][here]  # not whole records: the memory
        arranged[int(nside)] = rows
    return arranged


def json_parts(skymap: SkyMap) -> Iterator[bytes]:
    """Return the content of the ``.json`` file of a map in parts, one pixel a line."""
    levels = sorted(skymap.fitted().items())
    some = [
        rows[start : start + _ROWS_AT_ONCE]
        for _, rows in levels
        for start in range(0, len(rows), _ROWS_AT_ONCE)
    ]
    compute = in_forks if _is_large(skymap) else map
    return _json_of(skymap, levels, iter(compute(_rows_as_json, some)))


def _json_of(
    skymap: SkyMap, levels: Sequence[tuple[int, NDArray[np.void]]], data: Iterator[bytes]
) -> Iterator[bytes]:
    opening = "{"
    columns = json.dumps(list(SKYMAP_DTYPE.names or ()))
    for nside, rows in levels:
        yield f'{opening}\n"nside-{nside}": {{\n"columns": {columns},\n"data": ['.encode()
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            yield b",\n" if start else b"\n"
            yield next(data)
        metadata = {k: _json_number(v) for k, v in skymap.metadata(nside).items()}
        yield f'\n],\n"metadata": {json.dumps(metadata, allow_nan=False)}\n}}'.encode()
        opening = ","
    yield b"\n}\n" if skymap.pixels else b"{}\n"


def _rows_as_json(rows: NDArray[np.void]) -> bytes:
    values = rows.tolist()
    has_nan = np.zeros(len(rows), bool)
    for name in SKYMAP_DTYPE.names or ():
        has_nan |= np.isnan(rows[name])
    for row in np.flatnonzero(has_nan):
        values[row] = [_json_number(value) for value in values[row]]
    return json.dumps(values, allow_nan=False)[1:-1].replace("], [", "],\n[").encode()


def _json_number(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    return _NAN_IN_JSON if isinstance(value, float) and isnan(value) else value
