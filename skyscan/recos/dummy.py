"""A reconstruction for tests of workflows: its values are known, its time is set."""

from __future__ import annotations

import math
import os
import struct
import time
import zlib
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan import healpix
from skyscan.errors import WrongUsage
from skyscan.events.event import Vertex
from skyscan.plain import plain_number
from skyscan.records import IDS, empty_fits
from skyscan.recos import Reco

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.events.event import Event

#: Jobs: seconds that every fit of the dummies sleeps. Default: 0.
COST_VARIABLE = "SKYSCAN_DUMMY_COST"
#: Jobs: number of seed variations of ``dummy`` and ``crash_dummy``. Default: 1.
VARIATIONS_VARIABLE = "SKYSCAN_DUMMY_VARIATIONS"

#: The position of the map's minimum (J2000, degrees).
MINIMUM_RA_DEG = 77.36
MINIMUM_DEC_DEG = 5.69

VARIATION_STEP_M = 10.0
MOST_SECONDS = 86_400.0
MOST_VARIATIONS = 1_000


class Dummy(Reco):
    """A parabola around a fixed direction, with a jitter derived from the pixel's ids.

    Every field of a fit is finite, and a function of (nside, pixel, variation) and the seed
    vertex: the fitted vertex is the seed moved by up to 5 m and 5 ns. The llh depends on the
    seed in its seventh decimal place, so that a wrong seed shows in a comparison of maps.
    """

    summary: ClassVar[str] = "for tests: values derived from the pixel, at a fixed cost"
    is_prepared_quickly: ClassVar[bool] = True
    any_detector: ClassVar[bool] = True
    variables: ClassVar[tuple[str, ...]] = (COST_VARIABLE, VARIATIONS_VARIABLE)

    @classmethod
    def check_variables(cls) -> None:
        """Refuse a cost or a number of variations that is none."""
        cost()
        cls().variations()

    def prepare(self, event: Event, folder: Path) -> Vertex:  # noqa: ARG002
        """Return the event's seed vertex, with zeros for missing values."""
        seed = event.seed
        values = [seed.x, seed.y, seed.z, seed.time]
        return Vertex(*[value if math.isfinite(value) else 0.0 for value in values])

    def variations(self) -> NDArray[np.float64]:
        """Return offsets along x from the seed vertex, shape (n, 3), metres."""
        n = whole_number_from(VARIATIONS_VARIABLE, 1, least=1, most=MOST_VARIATIONS)
        offsets = np.zeros((n, 3))
        offsets[:, 0] = VARIATION_STEP_M * np.arange(len(offsets))
        return offsets

    def setup(self, folder: Path) -> None:
        """Do nothing, because there is nothing to read."""

    def reconstruct(
        self,
        pixels: NDArray[np.void],
        zenith: NDArray[np.float64],  # noqa: ARG002
        azimuth: NDArray[np.float64],  # noqa: ARG002
    ) -> NDArray[np.void]:
        """Sleep for the cost of each pixel, and return the values, dtype FIT_DTYPE."""
        seconds = cost()
        fits = empty_fits(len(pixels))
        for row, pixel in enumerate(pixels):
            if seconds:
                time.sleep(seconds)
            fits[row] = dummy_fit(pixel)
        return fits


def cost() -> float:
    """Return how long a fit sleeps, seconds.

    Raises
    ------
    WrongUsage
        ``COST_VARIABLE`` is not a time, or longer than a day.
    """
    return number_from(COST_VARIABLE, 0.0, least=0.0, most=MOST_SECONDS)


def dummy_fit(pixel: np.void) -> tuple[float, ...]:
    """Return the fields of FIT_DTYPE for one row of PIXEL_DTYPE."""
    distance_deg = _distance_deg(int(pixel["nside"]), int(pixel["pixel"]))
    x, y, z, t = (
        float(pixel[name]) + 10.0 * (chance(pixel, name) - 0.5)
        for name in ("x", "y", "z", "time")
    )
    seed = float(pixel["x"]) + 2 * float(pixel["y"]) + 3 * float(pixel["z"])
    llh = 500.0 + 0.5 * distance_deg**2 + 2e-3 * chance(pixel, "llh")
    llh += 1e-7 * (seed + 1e-3 * float(pixel["time"]))
    energy = 1e5 * (1.0 + chance(pixel, "energy"))
    return llh, 0.5 * energy, 0.8 * energy, x, y, z, t, energy


def chance(pixel: np.void, purpose: str) -> float:
    """Return a number in [0, 1) that is a hash of the pixel's ids and the purpose."""
    ids = struct.pack("<qqq", *(int(pixel[name]) for name in IDS))
    # A CRC is linear; a second one, over the text of the first, removes its patterns.
    first = zlib.crc32(ids + purpose.encode())
    return zlib.crc32(f"{first * 2654435761 % 2**61:x}".encode()) / 2**32


def number_from(variable: str, default: float, *, least: float, most: float) -> float:
    """Return the number in an environment variable, or the default if it is not set.

    Raises
    ------
    WrongUsage
        The value is not a number, or outside [least, most].
    """
    text = os.environ.get(variable, "")
    if not text:
        return default
    try:
        number = plain_number(text)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise WrongUsage(f"{variable}={text!r} must be a number from {least:g} to {most:g}.")
    return number


def whole_number_from(variable: str, default: int, *, least: int, most: int) -> int:
    """Return the whole number in an environment variable, or the default if it is not set.

    Raises
    ------
    WrongUsage
        The value is not a whole number, or outside [least, most].
    """
    number = number_from(variable, default, least=least, most=most)
    if number != int(number):
        raise WrongUsage(f"{variable}={os.environ[variable]!r} must be a whole number.")
    return int(number)


def _distance_deg(nside: int, pixel: int) -> float:
    theta, phi = healpix.pix2ang(nside, pixel)
    ra, dec = math.radians(MINIMUM_RA_DEG), math.radians(MINIMUM_DEC_DEG)
    cosine = math.cos(theta) * math.sin(dec)
    cosine += math.sin(theta) * math.cos(dec) * math.cos(phi - ra)
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


RECO_CLASS = Dummy
