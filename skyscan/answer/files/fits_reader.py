"""Read multi-order FITS maps."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from skyscan import healpix
from skyscan.answer.files.fits import LOCAL_FRAME, PIXELS_EXTENSION
from skyscan.answer.input.fits_check import check_structure
from skyscan.answer.input.unpacking import read_unpacked
from skyscan.answer.levels import CALIBRATED, CONTAINMENTS, NAMED, levels_of
from skyscan.answer.levels.calibration import recorded_levels
from skyscan.answer.levels.chosen import default_levels
from skyscan.errors import BadInput, in_words
from skyscan.events.event import type_in
from skyscan.likelihood import Likelihood
from skyscan.skymap import SKYMAP_DTYPE, read_skymap_bytes
from skyscan.skymap import SkyMap as Pixels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.answer.levels import Levels

MAX_BYTES = 1024**3  #: of a file: 30 million cells of 32 bytes
NO_PIXELS = "the file has no fitted pixels; those of its probability map count as such"


class FitsMap(NamedTuple):
    """What a multi-order FITS file says.

    Attributes
    ----------
    pixels : SkyMap
        Of `skyscan.skymap`: the fitted pixels, or the cells of a map of another program.
    event : str
        Name of the event; may be empty.
    reco : str or None
        The reconstruction.
    likelihood : Likelihood or None
        That of its fits.
    levels : Levels or None
        Those of its regions, if they were chosen.
    notes : tuple of str
        What was found when it was read.
    """

    pixels: Pixels
    event: str
    reco: str | None
    likelihood: Likelihood | None
    levels: Levels | None
    notes: tuple[str, ...]


def read_multiorder(path: Path) -> FitsMap:
    """Read a multi-order FITS map.

    A map that another program wrote has no fitted pixels: its cells count as such.

    Raises
    ------
    BadInput
        It is not a multi-order map.
    """
    try:
        content = read_unpacked(path, MAX_BYTES)
        check_structure(content)
        with catch_warnings():
            simplefilter("ignore", AstropyWarning)  # about small faults of a header
            return _opened(path, content)
    except BadInput:
        raise
    except Exception as error:  # astropy raises any, also those of its own bugs
        raise BadInput(f"{path} is not a multi-order sky map ({in_words(error)}).") from error


def _opened(path: Path, content: bytes) -> FitsMap:
    with fits.open(io.BytesIO(content), memmap=False) as hdus:
        table = next(hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU))
        header = table.header
        if PIXELS_EXTENSION in hdus:
            fitted = hdus[PIXELS_EXTENSION].data.astype(np.uint8).tobytes()
            pixels, notes = read_skymap_bytes(fitted, path), tuple[str, ...]()
        else:
            pixels, notes = _from_cells(header, table.data), (NO_PIXELS,)
    reco = None if header.get("RECO", "unknown") == "unknown" else str(header["RECO"])
    likelihood = _likelihood_in(header)
    levels = _levels_in(header, reco, likelihood)
    return FitsMap(pixels, str(header.get("OBJECT", "")), reco, likelihood, levels, notes)


def _levels_in(
    header: fits.Header, reco: str | None, likelihood: Likelihood | None
) -> Levels | None:
    """Return the levels that a header names, if they were chosen; None for the default."""
    name = str(header.get("LEVELS", ""))
    if name != CALIBRATED and name in {"", default_levels(reco, likelihood).name}:
        return None
    try:
        values = [float(header[f"LEVEL{100 * p:g}"]) for p in CONTAINMENTS]
        if name == CALIBRATED:
            how = f"measured with {header['LLHRECO']}, as the file says"
            return recorded_levels(values, how, likelihood)
        words = [f"{p:g}:{v!r}" for p, v in zip(CONTAINMENTS, values, strict=True)]
        return levels_of(name if name in NAMED else " ".join([*words, name]))
    except (KeyError, TypeError, ValueError, BadInput):
        return None


def _likelihood_in(header: fits.Header) -> Likelihood | None:
    """Return the likelihood that a header names, by which its levels were chosen."""
    try:
        return Likelihood(
            str(header["LLHRECO"]),
            str(header["LLHSHA"]),
            int(header["NHITS"]),
            float(header["QTOT"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _from_cells(header: fits.Header, rows: fits.FITS_rec) -> Pixels:
    uniq = np.asarray(rows["UNIQ"], np.int64)
    if (uniq < 4).any():  # noqa: PLR2004  the first of nside 1
        raise ValueError("a UNIQ number is less than 4")
    order = np.floor(np.log2(uniq / 4) / 2).astype(np.int64)
    nested = uniq - 4 ** (order + 1)
    if "LLH2" in rows.names:
        llh = np.asarray(rows["LLH2"], float) / 2 + float(header.get("LLHMIN", 0.0))
    else:
        density = np.asarray(rows["PROBDENSITY"], float)
        with np.errstate(divide="ignore"):
            llh = -np.log(density / density.max())
        llh[~np.isfinite(llh)] = np.nan
    return Pixels(
        run_id=int(header.get("RUNID", 0)),
        event_id=int(header.get("EVENTID", 0)),
        mjd=float(header.get("MJD-OBS", np.nan)),
        event_type=type_in(header.get("EVTYPE")),
        is_real_event=bool(header.get("REALEVT", True)),
        complete=bool(header.get("COMPLETE", True)),
        pixels={
            2**k: _table(2**k, nested[order == k], llh[order == k])
            for k in np.unique(order).tolist()
        },
        is_local=header.get("COORDSYS") == LOCAL_FRAME,
    )


def _table(nside: int, nested: NDArray[np.int64], llh: NDArray[np.float64]) -> NDArray[np.void]:
    rows = np.zeros(len(nested), SKYMAP_DTYPE)
    for name in SKYMAP_DTYPE.names or ():
        rows[name] = -1 if name == "index" else np.nan
    rows["index"], rows["llh"] = healpix.nest2ring(nside, nested), llh
    return np.sort(rows, order="index")
