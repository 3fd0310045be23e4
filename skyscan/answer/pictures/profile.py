"""2 delta llh along RA and along Dec, through the best fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.pictures.style import BLUE, LABEL, LINES, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap

MARGIN = 1.8
N_POINTS = 400


def draw_profile(
    skymap: SkyMap,
    axes: Axes | None = None,
    *,
    along: str = "ra",
    levels: str | Levels | None = None,
) -> Axes:
    """Draw 2 delta llh on the line of equal Dec (``along="ra"``) or RA (``along="dec"``)."""
    place = axes_or_new(axes, 6.0, 3.5)
    answer = skymap.answer(levels)
    outer = answer.region(0.9)
    ra, dec = skymap.best_deg
    right, up = skymap.frame.longitude, skymap.frame.latitude
    if along == "ra":
        half = min(MARGIN * max(outer.ra_plus_deg, outer.ra_minus_deg), 180.0)
        offset = np.linspace(-half, half, N_POINTS)
        value = skymap.two_delta_llh(ra + offset, np.full(N_POINTS, dec))
        place.set_xlabel(f"{right} - {ra:.2f}° (deg), at {up} {dec:+.2f}°")
    else:
        half = MARGIN * max(outer.dec_plus_deg, outer.dec_minus_deg)
        offset = np.linspace(max(-half, -90 - dec), min(half, 90 - dec), N_POINTS)
        value = skymap.two_delta_llh(np.full(N_POINTS, ra), dec + offset)
        place.set_xlabel(f"{up} - ({dec:+.2f}°) (deg), at {right} {ra:.2f}°")
    place.plot(offset, np.where(np.isfinite(value), value, np.nan), color=BLUE)
    for containment in CONTAINMENTS:
        level = answer.region(containment).two_delta_llh
        place.axhline(
            level, ls=LINES[containment], color="0.3", lw=1, label=f"{100 * containment:g} %"
        )
    place.set_ylim(0, 3 * outer.two_delta_llh)
    place.set_xlim(offset[0], offset[-1])
    place.set_ylabel(LABEL)
    place.legend(fontsize="small", title=answer.levels.name, title_fontsize="small")
    return place
