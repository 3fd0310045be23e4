"""Seed variations: offsets from the seed vertex, from each of which a pixel is fitted.

All are arrays of shape (n, 3) in metres, and the first row is the seed vertex itself. The
geometries are those of icecube/skymap_scanner (recos/common/vertex_gen.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def point() -> NDArray[np.float64]:
    """Return the seed vertex alone."""
    return np.zeros((1, 3))


def octahedron(radius: float) -> NDArray[np.float64]:
    """Return the seed vertex and the six points at ``radius`` (m) along the axes."""
    axes = np.eye(3)
    return np.concatenate([point(), radius * np.stack([-axes, axes], axis=1).reshape(6, 3)])


def cylinder(
    heights: Sequence[float] = (-40.0, 40.0), radii: Sequence[float] = (150.0,), steps: int = 3
) -> NDArray[np.float64]:
    """Return the seed vertex and rings around its z axis.

    Parameters
    ----------
    heights, radii : sequences of float, metres
        There is a ring for each pair, turned by half a step against the one before.
    steps : int
        Points on a ring.
    """
    rings = [point()]
    around = np.linspace(0.0, 2.0 * np.pi, steps + 1)[:-1]
    for i, height in enumerate(heights):
        for j, radius in enumerate(radii):
            angle = around + (i + j) * np.pi / steps
            rings.append(
                np.stack(
                    [radius * np.cos(angle), radius * np.sin(angle), np.full(steps, height)],
                    axis=1,
                )
            )
    return np.concatenate(rings)


def mini_test(distance: float) -> NDArray[np.float64]:
    """Return the seed vertex and one point beside it, for quick trials."""
    return np.array([[0.0, 0.0, 0.0], [-distance, 0.0, 0.0]])


def across(
    offsets: NDArray[np.float64], zenith: NDArray[np.float64], azimuth: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rotate offsets so that their z axis becomes the direction of travel.

    Parameters
    ----------
    offsets : ndarray, shape (n, 3), metres
    zenith, azimuth : ndarray, shape (n,), radians
        The direction that the particle comes from, in IceCube's local frame.

    Returns
    -------
    ndarray, shape (n, 3), metres
        Rotated by theta = pi - zenith about y, then by phi = azimuth + pi about z.
    """
    theta, phi = np.pi - zenith, azimuth + np.pi
    x, y, z = offsets.T
    x, z = x * np.cos(theta) + z * np.sin(theta), z * np.cos(theta) - x * np.sin(theta)
    x, y = x * np.cos(phi) - y * np.sin(phi), x * np.sin(phi) + y * np.cos(phi)
    return np.stack([x, y, z], axis=1)
