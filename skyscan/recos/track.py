"""A through-going track in layered ice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from skyscan.light.ice_model import from_numbers, shipped_ice, to_numbers
from skyscan.light.layered import LayeredIce
from skyscan.light.tables import shipped_table
from skyscan.recos._track import FirstPhotonTrack, hits_of

if TYPE_CHECKING:
    from skyscan.events.event import Event
    from skyscan.light.ice import Ice
    from skyscan.light.ice_model import IceModel
    from skyscan.likelihood import Likelihood


#: Ends of the strings of IceCube, m.
ICECUBE_Z = (-500.0, 500.0)


class Track(FirstPhotonTrack):
    """`FirstPhotonTrack` in the layered ice of the South Pole, or in the user's own.

    The layers are taken as level: their tilt is not used. Around another detector, whose ice
    is unknown unless the user gives it, the ice is the mean of the layers that IceCube is in.
    """

    summary: ClassVar[str] = "track in layered ice, first pulses"
    light_tables: ClassVar[tuple[str, ...]] = ("track",)
    has_kernel: ClassVar[bool] = True
    close_nside: ClassVar[int] = 256

    def kept(self, event: Event) -> dict[str, Any]:
        """Return the ice model, which jobs fit with, and the digest of the table of light."""
        digest = shipped_table("track").digest
        numbers = json.dumps(to_numbers(self._ice(event)))
        return {"ice": np.array(numbers), "light_sha256": np.array(digest)}

    def likelihood(self, event: Event) -> Likelihood:
        """Return the likelihood that an event is fitted with."""
        from skyscan.recos._likelihood import layered_track_settings, likelihood_of

        settings = layered_track_settings(self._ice(event), event.detector)
        return likelihood_of("track", settings, hits_of(event)["charge"])

    def ices(self, prepared: Any) -> tuple[Ice, Ice]:  # noqa: ANN401
        """Return the ice with all interpolations, and with the nearest of most nodes."""
        ice = from_numbers(json.loads(str(prepared["ice"])))
        hits = prepared["hits"]
        self._dom_z = ice.untilted(hits["x"], hits["y"], hits["z"])
        return LayeredIce(ice), LayeredIce(ice, is_quick=True)

    def _ice(self, event: Event) -> IceModel:
        ice = (self.chosen_ice or shipped_ice()).without_tilt()
        if event.detector is not None and self.chosen_ice is None:
            return ice.averaged(*ICECUBE_Z)
        return ice


RECO_CLASS = Track
