"""SplineMPE around the direction of the event's online fit."""

from __future__ import annotations

from typing import ClassVar

from skyscan.events.formats import l2_fit_of
from skyscan.recos.splinempe import SplineMPE


class SplineMPEPointed(SplineMPE):
    """SplineMPE over the pixels around the direction of the online SplineMPE."""

    summary: ClassVar[str] = "icetray: SplineMPE within 3.5 degrees of the online fit"

    @property
    def pointing_key(self) -> str | None:
        """The frame key of the online SplineMPE."""
        return l2_fit_of(self.format_version)


RECO_CLASS = SplineMPEPointed
