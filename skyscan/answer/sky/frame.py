"""The coordinates of a map: on the sky, or in IceCube's local frame."""

from __future__ import annotations

from typing import NamedTuple


def turn_text(degrees: float, digits: int = 2) -> str:
    """Return RA, azimuth or a galactic longitude as text from 0.00 to 359.99, never 360.00."""
    return f"{round(degrees, digits) % 360.0:.{digits}f}"


class SkyFrame(NamedTuple):
    """Names of the two coordinates.

    Attributes
    ----------
    name : str
        ``icrs`` or ``local``.
    longitude, latitude : str
        RA and Dec, or azimuth and elevation (90 degrees less the zenith angle).
    note : str
        What follows them in texts.
    """

    name: str
    longitude: str
    latitude: str
    note: str

    @property
    def is_local(self) -> bool:
        """Whether directions are in the detector's frame, not on the sky."""
        return self.name == "local"

    def direction(self, longitude_deg: float, latitude_deg: float) -> str:
        """Return a direction as text, such as ``RA 10.00 deg, Dec +3.00 deg``."""
        return (
            f"{self.longitude} {turn_text(longitude_deg)} deg, "
            f"{self.latitude} {latitude_deg:+.2f} deg"
        )


ICRS = SkyFrame("icrs", "RA", "Dec", "J2000")
#: Of events that have no time.
LOCAL = SkyFrame("local", "azimuth", "elevation", "IceCube's local frame")
