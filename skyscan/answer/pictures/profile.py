"""2 delta llh along RA and along Dec, through the best fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.pictures.style import BLUE, LABEL, LINES, axes_or_new
from skyscan.answer.profile import profile_along

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap


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
    offset, value = profile_along(skymap, answer, along)
    place.plot(offset, value, color=BLUE)
    right, up = skymap.frame.longitude, skymap.frame.latitude
    if along == "ra":
        place.set_xlabel(f"{right} - {ra:.2f}° (deg), at {up} {dec:+.2f}°")
    else:
        place.set_xlabel(f"{up} - ({dec:+.2f}°) (deg), at {right} {ra:.2f}°")
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
