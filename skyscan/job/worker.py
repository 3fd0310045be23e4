"""The worker process: reconstruct the chunks that the supervisor sends.

It may crash, hang or be killed, since its supervisor (`skyscan.job.supervisor`) keeps the
results. `skyscan.job.protocol` defines their messages.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from skyscan.finite import without_infinities
from skyscan.frames import are_kept, packed
from skyscan.job.protocol import ANSWER, FAILED, FITS, FRAMES, READY, REQUEST
from skyscan.pixels import directions
from skyscan.records import FIT_DTYPE, IDS, PIXEL_DTYPE, RECORD_DTYPE, ids_of
from skyscan.recos import ATTEMPT_VARIABLE, Reco, reco_class
from skyscan.startup import Startup, read_startup

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Jobs: a file to which each fit appends a line at its start: nside, pixel, variation, attempt.
#: It shows how often each pixel was fitted.
TALLY_VARIABLE = "SKYSCAN_TALLY"


def serve(folder: Path) -> None:
    """Answer requests from stdin until it is closed."""
    # Output and input of a reconstruction and its children must not mix with the messages.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    startup = read_startup(folder)
    reco = reco_class(startup.reco)(startup.format_version).using(startup.pulses)
    reco.setup(folder)
    _send(answers, READY, b"")
    while request := requests.read(REQUEST.size):
        n, attempt = REQUEST.unpack(request)
        pixels = np.frombuffer(requests.read(n * PIXEL_DTYPE.itemsize), PIXEL_DTYPE)
        _answer(answers, pixels, attempt, reco, startup)


def _answer(
    answers: BinaryIO, pixels: NDArray[np.void], attempt: int, reco: Reco, startup: Startup
) -> None:
    try:
        kind, content = FITS, reconstruct(pixels, attempt, reco, startup).tobytes()
        if are_kept() and reco.offers_frames:
            entries = map(packed, ids_of(pixels), reco.frames())
            _send(answers, FRAMES, b"".join(entries))
    except Exception as error:  # noqa: BLE001  a fit may raise anything; its record has the reason
        kind, content = FAILED, f"{type(error).__name__}: {error}".encode()
    _send(answers, kind, content)


def _send(answers: BinaryIO, kind: bytes, content: bytes) -> None:
    answers.write(ANSWER.pack(kind, len(content)) + content)
    answers.flush()


def reconstruct(
    pixels: NDArray[np.void], attempt: int, reco: Reco, startup: Startup
) -> NDArray[np.void]:
    """Fit one chunk of pixels.

    Returns
    -------
    ndarray, shape (n,), dtype RECORD_DTYPE
        Without checksums; ``run_time`` is the chunk's time divided by n, in seconds.
    """
    _tally(pixels, attempt)
    os.environ[ATTEMPT_VARIABLE] = str(attempt)
    began = time.perf_counter()
    ra, dec = directions(pixels["nside"], pixels["pixel"])
    zenith, azimuth = reco.local_directions(ra, dec, startup.mjd)
    fits = reco.reconstruct(seeded(pixels, reco, zenith, azimuth), zenith, azimuth)
    if fits.dtype != FIT_DTYPE or fits.shape != pixels.shape:
        raise TypeError(
            f"{type(reco).__name__}.reconstruct returned {fits.shape} of {fits.dtype}, "
            f"expected {pixels.shape} of FIT_DTYPE"
        )
    records = np.zeros(len(pixels), RECORD_DTYPE)
    for name in IDS:
        records[name] = pixels[name]
    for name in FIT_DTYPE.names or ():
        records[name] = fits[name]
    records["run_time"] = (time.perf_counter() - began) / len(pixels)
    records["attempt"] = attempt
    return without_infinities(records)


def seeded(
    pixels: NDArray[np.void],
    reco: Reco,
    zenith: NDArray[np.float64],
    azimuth: NDArray[np.float64],
) -> NDArray[np.void]:
    """Return a copy of ``pixels`` with the vertex variation added to each seed.

    Parameters
    ----------
    pixels : ndarray, shape (n,), dtype PIXEL_DTYPE
    reco : Reco
    zenith, azimuth : ndarray, shape (n,), radians
        The directions of the pixels in IceCube's local frame.
    """
    offsets = reco.offsets(pixels, zenith, azimuth)
    moved = pixels.copy()
    for i, axis in enumerate("xyz"):
        moved[axis] += offsets[:, i]
    return moved


def _tally(pixels: NDArray[np.void], attempt: int) -> None:
    path = os.environ.get(TALLY_VARIABLE)
    if path:
        lines = [f"{p['nside']} {p['pixel']} {p['variation']} {attempt}\n" for p in pixels]
        with open(path, "a", encoding="ascii") as file:  # noqa: PTH123  appends are atomic
            file.write("".join(lines))
