"""The dummy inside icetray, with real frames, trays and seeds.

It needs only the public icetray (projects icetray, dataclasses and dataio). Its values are
those of ``dummy``, not random numbers as upstream's; ``SKYSCAN_DUMMY_COST`` sets its time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.icetray import keys
from skyscan.icetray.reco import IceTrayReco
from skyscan.records import FIT_DTYPE, PIXEL_DTYPE
from skyscan.recos.dummy import COST_VARIABLE, cost, dummy_fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from skyscan.icetray.frames import Frame, Tray
    from skyscan.icetray.reco import Fit

#: Frame keys of the values, one for each field of FIT_DTYPE.
FIT_KEYS = tuple(f"Dummy_{name}" for name in FIT_DTYPE.names or ())


class IceTrayDummy(IceTrayReco):
    """A reconstruction whose tray has one module, which puts the dummy's values into frames."""

    summary: ClassVar[str] = "icetray: for tests, the dummy's values from a real tray"
    variables: ClassVar[tuple[str, ...]] = (COST_VARIABLE,)
    uses_gcd: ClassVar[bool] = False
    uses_coincidences: ClassVar[bool] = False
    rotate_vertex: ClassVar[bool] = True

    @classmethod
    def check_variables(cls) -> None:
        """Refuse a cost that is not a time."""
        cost()

    def add_preparation(self, tray: Tray) -> None:
        """Add a seed vertex at the detector's centre, if the event has none."""
        from icecube import dataclasses

        def put_vertex(frame: Frame) -> None:
            frame[keys.SEED_TIME] = dataclasses.I3Double(0.0)
            frame[keys.SEED_POSITION] = dataclasses.I3Position(0.0, 0.0, 0.0)

        tray.Add(
            put_vertex,
            "gen_dummy_vertex",
            If=lambda frame: keys.SEED_TIME not in frame and keys.SEED_POSITION not in frame,
        )

    def load(self, tables: Mapping[str, str]) -> None:
        """Do nothing, because there are no tables."""

    def add_fit(self, tray: Tray, fit: Fit) -> None:
        """Add the module that puts the dummy's values into the frame."""
        del fit
        tray.AddModule(put_fit, "add_vals")

    def fit_of(self, frame: Frame, geometry: Frame) -> tuple[float, ...]:
        """Return the values that the tray put into the frame."""
        del geometry
        return tuple(frame[key].value for key in FIT_KEYS)


def put_fit(frame: Frame) -> None:
    """Sleep for the cost of a pixel, and put the dummy's values into its frame."""
    from icecube import dataclasses

    time.sleep(cost())
    for key, value in zip(FIT_KEYS, dummy_fit(pixel_in(frame)), strict=True):
        frame[key] = dataclasses.I3Double(value)


def pixel_in(frame: Frame) -> np.void:
    """Return the row of PIXEL_DTYPE from which a pixel's frame was made."""
    seed = frame[keys.SEED_PARTICLE]
    ids = (frame[key].value for key in (keys.NSIDE, keys.PIXEL, keys.VARIATION))
    row = (*ids, seed.pos.x, seed.pos.y, seed.pos.z, seed.time, seed.energy)
    pixel: np.void = np.array([row], PIXEL_DTYPE)[0]
    return pixel


RECO_CLASS = IceTrayDummy
