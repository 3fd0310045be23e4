"""Energy losses of a fitted track, inside the instrumented volume and in total."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from skyscan.light.cherenkov import LIGHT_SPEED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

#: Extension of the volume at both ends of the track (m): light from there is seen inside.
MARGIN = 60.0


def losses(track: Any, segments: Iterable[Any], points: Sequence[Any]) -> tuple[float, float]:  # noqa: ANN401  (icetray's own objects)
    """Return the energy lost inside the instrumented volume and in total, GeV.

    Parameters
    ----------
    track : I3Particle
        The fitted track.
    segments : iterable of I3Particle
        Its energy losses, of which only cascades count.
    points : sequence of I3Position
        Where the track enters and leaves the volume.

    Notes
    -----
    As in icecube/skymap_scanner (recos/millipede_original.py), both energies are 0 if the
    track misses the volume.
    """
    if not len(points):
        return 0.0, 0.0
    cascades = [(loss.time, loss.energy) for loss in segments if loss.is_cascade]
    times = sorted(track.time + _along(track, point) / LIGHT_SPEED for point in points)
    begin, end = times[0] - MARGIN / LIGHT_SPEED, times[-1] + MARGIN / LIGHT_SPEED
    inside = sum(energy for time, energy in cascades if begin <= time <= end)
    return float(inside), float(sum(energy for _, energy in cascades))


def _along(track: Any, point: Any) -> float:  # noqa: ANN401
    """Return the distance of a point from the vertex, m; negative behind the vertex."""
    away = [getattr(point, axis) - getattr(track.pos, axis) for axis in "xyz"]
    forward = sum(a * getattr(track.dir, axis) for a, axis in zip(away, "xyz", strict=True))
    distance = math.sqrt(sum(a * a for a in away))
    return -distance if forward < 0 else distance
