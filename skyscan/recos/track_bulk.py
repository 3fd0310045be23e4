"""A through-going track in bulk ice, by published formulas alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from skyscan.light.pandel import BulkIce
from skyscan.light.pandel_table import TabulatedBulkIce
from skyscan.recos._track import FirstPhotonTrack, hits_of

if TYPE_CHECKING:
    from skyscan.events.event import Event
    from skyscan.light.ice import Ice
    from skyscan.likelihood import Likelihood


class TrackBulk(FirstPhotonTrack):
    """`FirstPhotonTrack` in ice that is the same at every depth: the Pandel function."""

    summary: ClassVar[str] = "track in bulk ice (Pandel), first pulses"

    def ices(self, prepared: Any) -> tuple[Ice, Ice]:  # noqa: ANN401, ARG002
        """Return the Pandel function, and a table of it."""
        return BulkIce(), TabulatedBulkIce()

    def likelihood(self, event: Event) -> Likelihood:
        """Return the likelihood that an event is fitted with."""
        from skyscan.recos._likelihood import bulk_track_settings, likelihood_of

        settings = bulk_track_settings(event.detector)
        return likelihood_of("track_bulk", settings, hits_of(event)["charge"])


RECO_CLASS = TrackBulk
