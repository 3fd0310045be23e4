"""A through-going track in bulk ice, by published formulas alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from skyscan.light.pandel import BulkIce
from skyscan.light.pandel_table import TabulatedBulkIce
from skyscan.recos._track import FirstPhotonTrack

if TYPE_CHECKING:
    from skyscan.light.ice import Ice


class TrackBulk(FirstPhotonTrack):
    """`FirstPhotonTrack` in ice that is the same at every depth: the Pandel function."""

    summary: ClassVar[str] = "track in bulk ice (Pandel), first pulses"

    def ices(self, prepared: Any) -> tuple[Ice, Ice]:  # noqa: ANN401, ARG002
        """Return the Pandel function, and a table of it."""
        return BulkIce(), TabulatedBulkIce()


RECO_CLASS = TrackBulk
