"""Write multi-order FITS maps: HEALPix by UNIQ, as gravitational-wave alerts have them."""

from __future__ import annotations

import gzip
import io
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from skyscan import __version__
from skyscan.events.event import type_text
from skyscan.skymap import npz_of
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from os import PathLike

    from skyscan.answer.answer import Answer
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap

    Card = tuple[str, Any, str]

REFERENCE = "https://github.com/icecube/skyreader"
#: The extension with the pixels as they were fitted: the bytes of the ``.npz`` file. It is
#: FOREIGN, a type for files of other formats in the IAU's registry of extensions: astropy warns
#: of a second table, and with an image Aladin does not show the table as a map.
PIXELS_EXTENSION = "FITTED"
FOREIGN = "FOREIGN"
BLOCK_BYTES = 2880
#: Value of COORDSYS of maps in IceCube's local frame.
LOCAL_FRAME = "LOCAL"


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
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(content)
    return content.getvalue() + _foreign(npz_of(skymap))


def _foreign(data: bytes) -> bytes:
    """Return the extension with the pixels as they were fitted; astropy writes none such."""
    header = fits.ImageHDU(np.frombuffer(data, np.uint8), name=PIXELS_EXTENSION).header
    header["XTENSION"] = (FOREIGN, "a file of another format")
    header["COMMENT"] = "The pixels as fitted: the bytes of an .npz file of skyreader."
    head = bytes(header.tostring(), "ascii")
    return head + data + bytes(-len(data) % BLOCK_BYTES)


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


def _is_card(value: object) -> bool:
    """Return whether a header can hold a value: it has no NaN."""
    return not isinstance(value, float) or bool(np.isfinite(value))


def _in_ascii(value: Any) -> Any:  # noqa: ANN401  (the value of a card)
    """Return a value as a header can hold it: text, such as the name of a file, in ASCII."""
    return ascii(value)[1:-1] if isinstance(value, str) and not value.isascii() else value
