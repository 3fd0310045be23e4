"""The likelihood of an event's hits under tracks of given directions.

A track of known direction has three parameters: the two coordinates across it of the
point where it crosses the transverse plane through the charge centre, and the time there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skyscan.light.cherenkov import (
    LIGHT_SPEED,
    Axes,
    TrackFrames,
    axes_of,
    component,
    direct_light,
    frames_of,
)
from skyscan.light.first_photon import minus_log_likelihood
from skyscan.light.layered import LayeredIce
from skyscan.track.simplex import Minimum, minimise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skyscan.compiled.library import Compiled, Kernel
    from skyscan.light.ice import Ice
    from skyscan.track.simplex import Search

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: Number of hits that are computed at a time, so that they fit into the processor's cache.
BLOCK = 24576


@dataclass(frozen=True)
class TrackModel:
    """An event's hits, and tracks that come from n directions.

    Attributes
    ----------
    hits : ndarray, shape (ndom,), dtype HIT_DTYPE
    centre : ndarray, shape (3,), m
        The charge centre, IceCube coordinates.
    zenith, azimuth : ndarray, shape (n,), radians
        The directions that the particle comes from, IceCube's local frame.
    dom_z : ndarray, shape (ndom,), m, optional
        Where the ice of each DOM lies in an ice model whose layers are tilted; by default, z.
    kernel : Kernel, optional
        The compiled kernel, for layered ice; without it, numpy does all.
    """

    hits: NDArray[np.void]
    centre: Array
    zenith: Array
    azimuth: Array
    dom_z: Array | None = None
    kernel: Kernel | None = None
    axes: Axes = field(init=False, repr=False)
    frames: TrackFrames = field(init=False, repr=False)
    _times: Array = field(init=False, repr=False)
    _levels: Array = field(init=False, repr=False)
    _compiled: dict[int, tuple[Ice, Compiled]] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Transform the DOMs to the frames of the tracks."""
        places = np.stack([self.hits[name] for name in "xyz"], axis=-1)
        axes = axes_of(self.zenith, self.azimuth)
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "frames", frames_of(axes, places - self.centre))
        object.__setattr__(self, "_times", self.hits["time"].copy())
        levels = self.hits["z"] if self.dom_z is None else self.dom_z
        object.__setattr__(self, "_levels", levels.copy())

    def __len__(self) -> int:
        """Return the number of directions."""
        return len(self.zenith)

    def llh(self, rows: Rows, points: Array, ice: Ice) -> Array:
        """Return -ln L of some tracks.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each track has.
        points : ndarray, shape (m, 3), m, m, ns
            The parameters of each.
        ice : Ice

        Returns
        -------
        ndarray, shape (m,)
        """
        compiled = self._compiled_for(ice)
        if compiled is not None:
            return compiled.values(rows, points)[0]
        photons = ice.n_photons(self.hits["charge"])
        size = max(1, BLOCK // len(self.hits))
        values = np.empty(len(rows))
        for start in range(0, len(rows), size):
            block = slice(start, start + size)
            values[block] = self._llh(rows[block], points[block], photons, ice)
        return values

    def minima(self, rows: Rows, start: Array, search: Search, ice: Ice) -> Minimum:
        """Search for the minima of -ln L from some points, each on its own.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each has.
        start : ndarray, shape (m, 3), m, m, ns
        search : Search
        ice : Ice
        """
        compiled = self._compiled_for(ice)
        if compiled is not None:
            return Minimum(*compiled.minima(rows, start, *search))
        return minimise(
            lambda problems, points: self.llh(rows[problems], points, ice), start, search
        )

    def _compiled_for(self, ice: Ice) -> Compiled | None:
        if self.kernel is None or not isinstance(ice, LayeredIce):
            return None
        if id(ice) not in self._compiled:
            from skyscan.compiled.track import compiled_tracks

            compiled = compiled_tracks(
                self.kernel,
                ice,
                self.frames,
                times=self._times,
                levels=self._levels,
                charge=self.hits["charge"],
            )
            # with the ice, so that its id stays its own
            self._compiled[id(ice)] = (ice, compiled)
        return self._compiled[id(ice)][1]

    def _llh(self, rows: Rows, points: Array, photons: Array, ice: Ice) -> Array:
        light = direct_light(self.frames.rows(rows), points[:, :1], points[:, 1:2])
        residual = self._times - points[:, 2:]
        residual -= light.time
        return minus_log_likelihood(residual, light, self._levels, photons, ice)

    def arrival_quantiles(self, across: tuple[float, float], levels: Sequence[float]) -> Array:
        """Return the times of tracks for which given fractions of hits are direct or earlier.

        Parameters
        ----------
        across : (float, float), m
            The point at which the tracks of all n directions cross their transverse planes.
        levels : sequence of float
            Fractions of the hits, 0 to 1.

        Returns
        -------
        ndarray, shape (n, len(levels)), ns
        """
        first, second = (np.full((len(self), 1), place) for place in across)
        passed = self._times - direct_light(self.frames, first, second).time
        index = [round(level * (len(self.hits) - 1)) for level in levels]
        return np.asarray(np.sort(passed, axis=-1)[:, index])

    def points_of(self, vertex: Array, time: Array) -> Array:
        """Return the parameters, shape (n, 3), of tracks through points.

        Parameters
        ----------
        vertex : ndarray, shape (n, 3), m, IceCube coordinates
        time : ndarray, shape (n,), ns
            The time at which the particle is at the vertex.
        """
        along, first, second = (component(vertex - self.centre, axis) for axis in self.axes)
        return np.stack([first, second, time - along / LIGHT_SPEED], axis=-1)

    def vertices_of(self, points: Array) -> Array:
        """Return the vertices, shape (n, 3), m, of tracks with parameters of shape (n, 3).

        A vertex is the point of a track nearest to the charge centre, at the time parameter.
        """
        first, second = self.axes.first, self.axes.second
        return np.asarray(self.centre + points[:, :1] * first + points[:, 1:2] * second)
