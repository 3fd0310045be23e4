"""The physics frame of a pixel, with the particle that its fit starts from."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING

import numpy as np

from skyscan.icetray import keys
from skyscan.light.cherenkov import COS_CHERENKOV, LIGHT_SPEED, SIN_CHERENKOV

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.events.event import Vertex
    from skyscan.icetray.frames import Frame


def closest_dom_time(
    vertex: NDArray[np.float64],
    time: float,
    direction: NDArray[np.float64],
    positions: NDArray[np.float64],
    first_times: NDArray[np.float64],
) -> float:
    """Return the time at the vertex that the first light in the closest hit DOM implies.

    Parameters
    ----------
    vertex : ndarray, shape (3,), metres
        A point on the track.
    time : float, ns
        The value to return if no DOM was hit.
    direction : ndarray, shape (3,)
        Unit vector of travel.
    positions : ndarray, shape (n, 3), metres
        The hit DOMs, ordered by OMKey.
    first_times : ndarray, shape (n,), ns
        The time of the first pulse in each.

    Notes
    -----
    The light is that of an infinite track at the Cherenkov angle (icecube/skymap_scanner,
    server/start_scan.py, ``refine_vertex_time``).
    """
    if not len(positions):
        return time
    away = positions - vertex
    along = -(away * direction).sum(axis=-1)
    squared = (away * away).sum(axis=-1) - along * along
    with np.errstate(invalid="ignore"):
        across = np.sqrt(squared)
    if np.isnan(across).all():
        return time
    nearest = int(np.nanargmin(across))
    # Per metre of distance across, and in metres at c: the light starts cos/sin before the
    # closest approach, and its way in ice at c / n takes 1 / (cos sin).
    away_time = (COS_CHERENKOV - 1 / COS_CHERENKOV) / SIN_CHERENKOV
    shift = along[nearest] + across[nearest] * away_time
    return float(first_times[nearest] + shift / LIGHT_SPEED)


def travel_direction(zenith: float, azimuth: float) -> NDArray[np.float64]:
    """Return the unit vector of travel, shape (3,), of a particle from (zenith, azimuth)."""
    return -np.array(
        [
            math.sin(zenith) * math.cos(azimuth),
            math.sin(zenith) * math.sin(azimuth),
            math.cos(zenith),
        ]
    )


def seed_particle(
    vertex: tuple[float, ...], time: float, energy: float, zenith: float, azimuth: float
) -> object:
    """Return an infinite track (I3Particle) through a vertex (x, y, z in m; ns, GeV)."""
    from icecube import dataclasses

    particle = dataclasses.I3Particle()
    particle.shape = dataclasses.I3Particle.ParticleShape.InfiniteTrack
    particle.fit_status = dataclasses.I3Particle.FitStatus.OK
    particle.pos = dataclasses.I3Position(*vertex)
    particle.dir = dataclasses.I3Direction(zenith, azimuth)
    particle.time = time
    particle.energy = energy
    return particle


def pixel_frame(
    pixel: np.void, header: object, particle: object, fallback: object | None
) -> Frame:
    """Return the physics frame from which one pixel is fitted.

    Parameters
    ----------
    pixel : row of PIXEL_DTYPE
        The pixel.
    header : I3EventHeader
        The event's header, of which the frame gets a copy that names the pixel.
    particle, fallback : I3Particle
        The first guess, and a second one or None.
    """
    from icecube import dataclasses, icetray

    nside, number = int(pixel["nside"]), int(pixel["pixel"])
    variation = int(pixel["variation"])
    frame = icetray.I3Frame(icetray.I3Frame.Physics)
    frame[keys.SEED_PARTICLE] = particle
    if fallback is not None:
        frame[keys.FALLBACK_PARTICLE] = fallback
    own_header = dataclasses.I3EventHeader(header)
    own_header.sub_event_stream = (
        f"SCAN_nside{nside:04d}_pixel{number:04d}_posvar{variation:04d}"
    )
    own_header.sub_event_id = number
    frame[keys.HEADER] = own_header
    frame[keys.NSIDE] = icetray.I3Int(nside)
    frame[keys.PIXEL] = icetray.I3Int(number)
    frame[keys.VARIATION] = icetray.I3Int(variation)
    return frame


def random_seed(pixel: np.void) -> int:
    """Return the seed of random services for a row of PIXEL_DTYPE, a hash of its ids."""
    ids = f"{pixel['nside']} {pixel['pixel']} {pixel['variation']}"
    return zlib.crc32(ids.encode())


def fallback_vertex(event_seed: Vertex, offset: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the event's own seed vertex (x, y, z, metres), moved by ``offset``."""
    own = (event_seed.x, event_seed.y, event_seed.z)
    return tuple(float(a + b) for a, b in zip(own, offset, strict=True))
