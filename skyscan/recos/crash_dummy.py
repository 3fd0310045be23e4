"""The dummy with fits that fail on request, to test that a scan survives failures."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import TYPE_CHECKING, ClassVar

from skyscan.errors import WrongUsage
from skyscan.recos import ATTEMPT_VARIABLE
from skyscan.recos.dummy import Dummy, chance, number_from, whole_number_from

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Jobs: fraction of the fits of the crash dummies that fail, chosen by a hash of their ids.
#: Default: 0.1.
PROBABILITY_VARIABLE = "SKYSCAN_CRASH_DUMMY_PROBABILITY"
#: Jobs: how these fits fail: ``raise``, ``hang``, ``stick`` (hang in C, where neither Python
#: nor its signal handlers run) or ``signal``. A hash of the ids chooses among several modes,
#: separated by commas. Default: ``raise``.
MODE_VARIABLE = "SKYSCAN_CRASH_DUMMY_MODE"
#: Jobs: which tries of these fits fail: ``first`` or ``always``. Default: ``first``.
WHEN_VARIABLE = "SKYSCAN_CRASH_DUMMY_WHEN"
FAILURE_VARIABLES = (PROBABILITY_VARIABLE, MODE_VARIABLE, WHEN_VARIABLE)

MODES = ("raise", "hang", "stick", "signal")
TIMES = ("first", "always")
MOST_ATTEMPTS = 1_000


class MeantToFail(Exception):
    """The fit fails on request; not a SkyscanError, because a fit may raise any exception."""


class CrashDummy(Dummy):
    """The dummy, with a fraction of its fits that raise, hang, or die by a signal."""

    summary: ClassVar[str] = "for tests: the dummy, with a fraction of its fits failing"
    variables: ClassVar[tuple[str, ...]] = (*Dummy.variables, *FAILURE_VARIABLES)

    @classmethod
    def check_variables(cls) -> None:
        """Refuse other failures than there are, too."""
        super().check_variables()
        failures()

    def reconstruct(
        self,
        pixels: NDArray[np.void],
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
    ) -> NDArray[np.void]:
        """Fail if one of the pixels is meant to; otherwise return the dummy's values."""
        attempt = attempt_from_environment()
        for pixel in pixels:
            mode = failure_of(pixel, attempt)
            if mode is not None:
                fail(mode, pixel)
        return super().reconstruct(pixels, zenith, azimuth)


def attempt_from_environment() -> int:
    """Return the number of this attempt at a fit, from 1."""
    return whole_number_from(ATTEMPT_VARIABLE, 1, least=1, most=MOST_ATTEMPTS)


def failures() -> tuple[list[str], str, float]:
    """Return how fits fail, at which tries, and which fraction of them.

    Raises
    ------
    WrongUsage
        One of ``FAILURE_VARIABLES`` has another value.
    """
    modes = _choices(MODE_VARIABLE, "raise", MODES)
    when, *more = _choices(WHEN_VARIABLE, "first", TIMES)
    if more:
        raise WrongUsage(f"{WHEN_VARIABLE}: choose one of {', '.join(TIMES)}.")
    return modes, when, number_from(PROBABILITY_VARIABLE, 0.1, least=0, most=1)


def failure_of(pixel: np.void, attempt: int) -> str | None:
    """Return the mode in which a pixel's fit fails at this attempt, or None."""
    modes, when, probability = failures()
    if (when == "first" and attempt > 1) or chance(pixel, "fails") >= probability:
        return None
    return modes[int(chance(pixel, "mode") * len(modes))]


def fail(mode: str, pixel: np.void) -> None:
    """Raise, hang forever, or kill this process, depending on ``mode``."""
    if mode == "stick":
        # PyDLL holds the interpreter's lock, as a fit that hangs in C++ does.
        while True:
            ctypes.PyDLL(None).sleep(1000)
    if mode == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    while mode == "hang":
        time.sleep(60)
    raise MeantToFail(f"nside {pixel['nside']} pixel {pixel['pixel']} is meant to fail")


def _choices(variable: str, default: str, known: tuple[str, ...]) -> list[str]:
    chosen = os.environ.get(variable, "") or default
    names = [name.strip() for name in chosen.split(",")]
    if not set(names) <= set(known):
        raise WrongUsage(f"{variable}={chosen!r}: choose from {', '.join(known)}.")
    return names


RECO_CLASS = CrashDummy
