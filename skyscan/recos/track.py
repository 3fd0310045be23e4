"""The default reconstruction: a through-going track in layered ice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from skyscan.light.ice_model import IceModel, from_numbers, shipped_ice, to_numbers
from skyscan.light.layered import LayeredIce
from skyscan.recos._track import FirstPhotonTrack

if TYPE_CHECKING:
    from skyscan.light.ice import Ice


class Track(FirstPhotonTrack):
    """`FirstPhotonTrack` in the layered ice of the South Pole.

    The layers of the shipped ice are taken as level: their tilt is not used.
    """

    summary: ClassVar[str] = "track in layered ice, first pulses (the default)"
    close_nside: ClassVar[int] = 256

    def kept(self) -> dict[str, Any]:
        """Return the ice model: jobs fit with what was prepared."""
        return {"ice": np.array(json.dumps(to_numbers(self.ice_model())))}

    def ice_model(self) -> IceModel:
        """Return the ice model that a scan is prepared with."""
        return shipped_ice().without_tilt()

    def ices(self, prepared: Any) -> tuple[Ice, Ice]:  # noqa: ANN401
        """Return the ice with all interpolations, and with the nearest of most nodes."""
        ice = from_numbers(json.loads(str(prepared["ice"])))
        hits = prepared["hits"]
        self._dom_z = ice.untilted(hits["x"], hits["y"], hits["z"])
        return LayeredIce(ice), LayeredIce(ice, is_quick=True)


RECO_CLASS = Track
