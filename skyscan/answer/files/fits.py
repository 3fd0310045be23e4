"""Multi-order FITS maps: IVOA's HEALPix by UNIQ, as gravitational-wave alerts have them."""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from skyscan import __version__, healpix
from skyscan.answer.context import context_beside, with_reported_levels
from skyscan.answer.levels import CALIBRATED, CONTAINMENTS, NAMED, levels_of
from skyscan.answer.levels.calibration import recorded_levels
from skyscan.answer.levels.chosen import default_levels
from skyscan.answer.maps import with_context
from skyscan.errors import BadInput
from skyscan.events.event import type_in, type_text
from skyscan.likelihood import Likelihood
from skyscan.regular import read_regular
from skyscan.skymap import SKYMAP_DTYPE, npz_of, read_skymap_bytes
from skyscan.skymap import SkyMap as Pixels
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

    from skyscan.answer.answer import Answer
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap

    Card = tuple[str, Any, str]

REFERENCE = "https://github.com/icecube/skyreader"
#: The extension with the pixels as they were fitted: the bytes of the ``.npz`` file. It is an
#: image because programs take the first table of a file for its map, and warn of a second.
PIXELS_EXTENSION = "FITTED"
#: Value of COORDSYS of maps in IceCube's local frame.
LOCAL_FRAME = "LOCAL"
GZIP = b"\x1f\x8b"
MAX_BYTES = 1024**3  #: of a file: 30 million cells of 32 bytes
_NOT_A_MAP = (
    *(OSError, KeyError, ValueError, TypeError, AttributeError, IndexError),
    *(StopIteration, EOFError, zlib.error, OverflowError, MemoryError),
    *(fits.VerifyError, struct.error),
)


def write_multiorder(path: str | PathLike[str], skymap: SkyMap, levels: Levels) -> None:
    """Write a map as multi-order FITS; a name in ``.gz`` is compressed.

    The table has the columns ``UNIQ``, ``PROBDENSITY`` (1/sr) and ``LLH2`` (2 delta llh; NaN
    where the sky was not scanned).
    """
    content = multiorder_bytes(skymap, skymap.answer(levels))
    place = Path(path)
    write_bytes(place, gzip.compress(content, mtime=0) if place.suffix == ".gz" else content)


def multiorder_bytes(skymap: SkyMap, answer: Answer) -> bytes:
    """Return the content of the file that `write_multiorder` writes, for the map's answer."""
    cells, density = skymap.probability(answer.levels)
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("UNIQ", "K", array=cells.uniq),
            fits.Column("PROBDENSITY", "D", unit="sr-1", array=density),
            fits.Column("LLH2", "D", array=skymap.cell_values),
        ]
    )
    table.header.extend(
        [
            ("PIXTYPE", "HEALPIX", "HEALPix pixelisation"),
            ("ORDERING", "NUNIQ", "pixels of several orders, numbered by UNIQ"),
            _coordinates(skymap),
            ("INDXSCHM", "EXPLICIT", "the pixels are listed"),
            ("MOCORDER", int(cells.order.max()), "finest order"),
            *event_cards(answer),
        ]
    )
    fitted = fits.ImageHDU(np.frombuffer(npz_of(skymap), np.uint8), name=PIXELS_EXTENSION)
    fitted.header["COMMENT"] = "The pixels as fitted: the bytes of an .npz file of skyreader."
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table, fitted]).writeto(content)
    return content.getvalue()


def _coordinates(skymap: SkyMap) -> Card:
    """Return the card of the coordinates; programs refuse what is not of the sky."""
    if skymap.is_local:
        return ("COORDSYS", LOCAL_FRAME, "azimuth, elevation at IceCube: not on the sky")
    return ("COORDSYS", "C", "ICRS")


def event_cards(answer: Answer) -> list[Card]:
    """Return the cards of a header that say what an answer says."""
    now = datetime.now(timezone.utc).replace(microsecond=0, tzinfo=None)
    cards: list[Card] = [
        ("OBJECT", answer.name, "event"),
        ("RUNID", answer.run_id, "run"),
        ("EVENTID", answer.event_id, "event in the run"),
        ("EVTYPE", type_text(answer.event_type), "event type"),
        ("REALEVT", answer.is_real_event, "false: the event is simulated"),
        ("DATE", now.isoformat(), "UTC of this file"),
        ("CREATOR", f"skyscan {__version__}", "program"),
        ("REFERENC", REFERENCE, "format of the fitted pixels"),
        ("INSTRUME", "IceCube", ""),
        ("COMPLETE", answer.complete, "false: the scan was stopped, or has failed"),
        ("RECO", answer.reco or "unknown", "reconstruction"),
        *_best_cards(answer),
        ("LLHMIN", answer.best.llh, "-ln L of the best fit"),
        ("LEVELS", answer.levels.name, "which 2 delta llh bounds the regions"),
    ]
    if np.isfinite(answer.mjd):
        cards += [
            ("DATE-OBS", answer.utc.removesuffix("Z"), "UTC of the event"),
            ("MJD-OBS", answer.mjd, "[d] UTC of the event"),
        ]
    cards.append(("COMMENT", f"Levels: {answer.levels_text}", ""))
    if answer.likelihood is not None:
        known = answer.likelihood
        cards += [
            ("LLHRECO", known.reco, "reconstruction of the likelihood"),
            ("LLHSHA", known.settings_sha256, ""),  # no room for a comment
            ("NHITS", known.n_hits, "DOMs with a hit"),
            ("QTOT", known.charge_pe, "[PE] their charge"),
        ]
    if answer.light is not None:
        cards.append(("ICESHA", answer.light["ice_sha256"], ""))  # no room for a comment
    right, up = ("AZ", "EL") if answer.frame.is_local else ("RA", "DE")
    for it, inside in zip(answer.regions, answer.probability_inside, strict=True):
        where, percent = f"of the {it.percent} % region", it.percent
        cards += [
            (f"LEVEL{percent}", it.two_delta_llh, f"2 delta llh {where}"),
            (f"AREA{percent}", it.area_deg2, f"[deg2] area {where}"),
            (f"{right}PLUS{percent}", it.ra_plus_deg, f"[deg] extent {where}"),
            (f"{right}MINU{percent}", it.ra_minus_deg, f"[deg] extent {where}"),
            (f"{up}PLUS{percent}", it.dec_plus_deg, f"[deg] extent {where}"),
            (f"{up}MINU{percent}", it.dec_minus_deg, f"[deg] extent {where}"),
            (f"RADIUS{percent}", it.radius_deg, "[deg] of the circle around the best fit"),
            (f"PROB{percent}", inside, f"PROBDENSITY integrated {where}"),
        ]
    return [
        (key, _in_ascii(value), comment) for key, value, comment in cards if _is_card(value)
    ]


def _best_cards(answer: Answer) -> tuple[Card, Card]:
    best = answer.best
    if answer.frame.is_local:
        return (
            ("ZENITH", best.zenith_deg, "[deg] best fit, IceCube's local frame"),
            ("AZIMUTH", best.azimuth_deg, "[deg] best fit, IceCube's local frame"),
        )
    return (
        ("RA", best.ra_deg, "[deg] best fit, ICRS"),
        ("DEC", best.dec_deg, "[deg] best fit, ICRS"),
    )


def read_multiorder(path: Path) -> SkyMap:
    """Read a multi-order FITS map.

    A map that another program wrote has no fitted pixels: its cells count as such.

    Raises
    ------
    BadInput
        It is not a multi-order map.
    """
    try:
        content = read_regular(path, MAX_BYTES)
        content = _inflated(content) if content.startswith(GZIP) else content
        with catch_warnings():
            simplefilter("ignore", AstropyWarning)  # about small faults of a header
            header, pixels, notes = _opened(path, content)
    except _NOT_A_MAP as error:
        raise BadInput(f"{path} is not a multi-order sky map ({error!r}).") from error
    from skyscan.answer.read import check_pixels, with_event

    check_pixels(path, pixels)
    pixels = with_event(pixels, str(header.get("OBJECT", "")))
    context = context_beside(path)
    if context.reco is not None:
        summary = path.with_name(f"{pixels.name}.summary.json")
        return with_context(pixels, with_reported_levels(context, summary), notes)
    reco = None if header.get("RECO", "unknown") == "unknown" else str(header["RECO"])
    likelihood = _likelihood_in(header)
    levels = _levels_in(header, reco, likelihood)
    context = replace(context, reco=reco, likelihood=likelihood, levels=levels)
    return with_context(pixels, context, notes)


def _inflated(content: bytes) -> bytes:
    with gzip.open(io.BytesIO(content)) as file:
        found = file.read(MAX_BYTES + 1)
    if len(found) > MAX_BYTES:
        raise ValueError(f"it unpacks to more than {MAX_BYTES} bytes")
    return found


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


def _opened(path: Path, content: bytes) -> tuple[fits.Header, Pixels, tuple[str, ...]]:
    with fits.open(io.BytesIO(content), memmap=False) as hdus:
        table = next(hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU))
        header = table.header
        if PIXELS_EXTENSION not in hdus:
            return header, _from_cells(header, table.data), (NO_PIXELS,)
        fitted = hdus[PIXELS_EXTENSION].data.astype(np.uint8).tobytes()
        return header, read_skymap_bytes(fitted, path), ()


NO_PIXELS = "the file has no fitted pixels; those of its probability map count as such"


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


def _is_card(value: object) -> bool:
    """Return whether a header can hold a value: it has no NaN."""
    return not isinstance(value, float) or bool(np.isfinite(value))


def _in_ascii(value: Any) -> Any:  # noqa: ANN401  (the value of a card)
    """Return a value as a header can hold it: text, such as the name of a file, in ASCII."""
    return ascii(value)[1:-1] if isinstance(value, str) and not value.isascii() else value
