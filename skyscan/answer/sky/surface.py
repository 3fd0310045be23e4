"""2 delta llh as a continuous function on the sphere: linear between the fitted directions.

Fitted directions are joined to the triangles of their convex hull, which on a sphere is the
Delaunay triangulation. It has no seam at RA 0 and no special point at the poles, and the finest
pixels define the surface wherever they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, cKDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Indices = NDArray[np.int64]

SQUARE_DEGREES = np.rad2deg(1.0) ** 2  #: per steradian
HALFWAY = 0.5  #: where the scanned sky ends between two corners
MAX_STEPS = 10_000  # of a walk from triangle to triangle
EDGES = ((0, 1), (1, 2), (2, 0))


@dataclass(frozen=True)
class Surface:
    """Values at directions, and the triangles between them.

    Attributes
    ----------
    vectors : ndarray, shape (n, 3)
        Unit vectors of the directions, J2000.
    values : ndarray, shape (n,)
        2 delta llh; infinite where the sky was not scanned.
    triangles : ndarray of int, shape (m, 3)
        Corners of each triangle, anticlockwise seen from outside.
    neighbours : ndarray of int, shape (m, 3)
        The triangle opposite to each corner.
    """

    vectors: Array
    values: Array
    triangles: Indices
    neighbours: Indices

    def at(self, vectors: Array) -> Array:
        """Interpolate at some directions.

        Parameters
        ----------
        vectors : ndarray, shape (k, 3)
            Unit vectors.

        Returns
        -------
        ndarray, shape (k,)
            Infinite in unscanned sky, which begins halfway to corners that were not scanned, as
            for `contours` and `area`.
        """
        found = self._triangles_at(vectors)
        corners = self.triangles[found]
        weights = np.clip(self._sides(found, vectors), 0.0, None)
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        values = self.values[corners]
        unknown = np.isinf(values)
        known = np.where(unknown, 0.0, weights)
        total = np.maximum(known.sum(axis=1), np.finfo(float).tiny)
        mean = (known * np.where(unknown, 0.0, values)).sum(axis=1) / total
        is_unknown = np.where(unknown, weights, 0.0).sum(axis=1) > HALFWAY
        return np.where(is_unknown, np.inf, mean)

    def area(self, level: float) -> float:
        """Return the area where the value is at most ``level``, square degrees."""
        inside = self.values <= level
        corners = inside[self.triangles]
        count = corners.sum(axis=1)
        whole = self._areas[count == len(EDGES)].sum()
        one = self._corner_areas(np.flatnonzero(count == 1), corners, level)
        two_of = np.flatnonzero(count == 2)  # noqa: PLR2004  (corners inside)
        rest = self._corner_areas(two_of, ~corners, level)
        return float((whole + one.sum() + (self._areas[two_of] - rest).sum()) * SQUARE_DEGREES)

    def contours(self, level: float) -> list[Array]:
        """Return the closed lines where the value is ``level``.

        Returns
        -------
        list of ndarray, shape (k, 3)
            Unit vectors, the longest line first. The region of lower values is on the left as
            seen from outside the sphere. The first point is not repeated at the end.
        """
        starts, ends = self._segments(level)
        following = {tuple(a): tuple(b) for a, b in zip(starts.tolist(), ends.tolist())}  # noqa: B905
        lines = []
        while following:
            first, point = following.popitem()
            edges = [first]
            while point != first and point in following:
                edges.append(point)
                point = following.pop(point)
            lines.append(self._crossings(np.array(edges), level))
        lines.sort(key=lambda line: (-len(line), line.ravel().tolist()))
        return lines

    def parts(self, level: float) -> list[Indices]:
        """Return the connected parts of the region up to ``level``, as indices of directions.

        The part with the lowest value comes first.
        """
        inside = np.flatnonzero(self.values <= level)
        both = np.isin(self._edges, inside).all(axis=1)
        _, labels = connected_components(self._graph(self._edges[both]), directed=False)
        groups = [inside[labels[inside] == label] for label in np.unique(labels[inside])]
        return sorted(groups, key=lambda group: float(self.values[group].min()))

    def minima(self, depth: float) -> Indices:
        """Return the directions of minima that are at least ``depth`` deep, lowest first.

        The depth of a minimum is the climb from it to the lowest pass to a lower one.
        """
        order = np.argsort(self.values, kind="stable")
        rank = np.empty(len(order), int)
        rank[order] = np.arange(len(order))
        root = np.full(len(order), -1)
        deep: list[int] = []
        neighbours = self._neighbour_lists
        for index in order[np.isfinite(self.values[order])].tolist():
            lower = {_find(root, other) for other in neighbours[index] if root[other] >= 0}
            basins = sorted(lower, key=lambda it: int(rank[it]))
            root[index] = basins[0] if basins else index
            for basin in basins[1:]:
                if self.values[index] - self.values[basin] >= depth:
                    deep.append(basin)
                root[basin] = basins[0]
        roots = np.flatnonzero(root == np.arange(len(root)))
        found = np.unique(np.array([*deep, *roots.tolist()], int))
        return found[np.argsort(rank[found])]

    def touched(self, level: float) -> Indices:
        """Return the directions that are corners of triangles in the region up to ``level``."""
        some = (self.values <= level)[self.triangles].any(axis=1)
        return np.unique(self.triangles[some])

    @cached_property
    def _areas(self) -> Array:
        return _area(*np.moveaxis(self.vectors[self.triangles], 1, 0))

    @cached_property
    def _edges(self) -> Indices:
        pairs = np.concatenate([self.triangles[:, list(edge)] for edge in EDGES])
        return np.unique(np.sort(pairs, axis=1), axis=0)

    @cached_property
    def _neighbour_lists(self) -> list[list[int]]:
        near: list[list[int]] = [[] for _ in self.values]
        for a, b in self._edges.tolist():
            near[a].append(b)
            near[b].append(a)
        return near

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.vectors)

    def _graph(self, edges: Indices) -> coo_array:
        n = len(self.values)
        return coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))

    def _sides(self, triangles: Indices, vectors: Array) -> Array:
        """Return by how much each vector is inside each edge, by the corner opposite to it."""
        a, b, c = np.moveaxis(self.vectors[self.triangles[triangles]], 1, 0)
        return np.stack(
            [_dot(np.cross(u, v), vectors) for u, v in ((b, c), (c, a), (a, b))], axis=1
        )

    def _triangles_at(self, vectors: Array) -> Indices:
        """Walk to the triangle that contains each direction."""
        first = np.zeros(len(self.values), np.int64)
        first[self.triangles] = np.arange(len(self.triangles))[:, np.newaxis]
        found: Indices = first[self._tree.query(vectors)[1]]
        moving = np.arange(len(vectors))
        for _ in range(MAX_STEPS):
            sides = self._sides(found[moving], vectors[moving])
            worst = sides.argmin(axis=1)
            outside = sides[np.arange(len(moving)), worst] < -1e-15  # noqa: PLR2004  rounding
            if not outside.any():
                break
            moving, worst = moving[outside], worst[outside]
            found[moving] = self.neighbours[found[moving], worst]
        return found

    def _corner_areas(
        self, triangles: Indices, alone: NDArray[np.bool_], level: float
    ) -> Array:
        """Return the area that the contour cuts off each triangle at its corner ``alone``."""
        corner = alone[triangles].argmax(axis=1)
        a, b, c = (self.triangles[triangles, (corner + k) % 3] for k in range(3))
        cut_b = self._crossings(np.stack([a, b], axis=1), level)
        cut_c = self._crossings(np.stack([a, c], axis=1), level)
        return _area(self.vectors[a], cut_b, cut_c)

    def _segments(self, level: float) -> tuple[Indices, Indices]:
        """Return the edges that the contour enters and leaves each triangle through.

        An edge is (corner inside, corner outside).
        """
        inside = self.values <= level
        corners = inside[self.triangles]
        count = corners.sum(axis=1)
        starts, ends = [], []
        for wanted, alone in ((1, corners), (2, ~corners)):
            rows = np.flatnonzero(count == wanted)
            corner = alone[rows].argmax(axis=1)
            a, b, c = (self.triangles[rows, (corner + k) % 3] for k in range(3))
            if wanted == 1:  # the region is the corner a: from its edge to b, to that to c
                starts.append(np.stack([a, b], axis=1))
                ends.append(np.stack([a, c], axis=1))
            else:
                starts.append(np.stack([c, a], axis=1))
                ends.append(np.stack([b, a], axis=1))
        return np.concatenate(starts), np.concatenate(ends)

    def _crossings(self, edges: Indices, level: float) -> Array:
        """Return where the value is ``level`` on edges; halfway to what was not scanned."""
        low, high = self.values[edges[:, 0]], self.values[edges[:, 1]]
        with np.errstate(invalid="ignore", divide="ignore"):
            part = (level - low) / (high - low)
        part = np.where(np.isinf(low) | np.isinf(high), HALFWAY, part)[:, np.newaxis]
        return _unit((1 - part) * self.vectors[edges[:, 0]] + part * self.vectors[edges[:, 1]])


def make_surface(vectors: Array, values: Array) -> Surface:
    """Return the surface through values at directions that surround the sphere.

    Parameters
    ----------
    vectors : ndarray, shape (n, 3)
        Unit vectors, all different.
    values : ndarray, shape (n,)
        2 delta llh; infinite where the sky was not scanned.
    """
    hull = ConvexHull(vectors)
    triangles, neighbours = hull.simplices.astype(np.int64), hull.neighbors.astype(np.int64)
    a, b, c = np.moveaxis(vectors[triangles], 1, 0)
    flipped = _dot(np.cross(b - a, c - a), a) < 0
    triangles[flipped] = triangles[flipped][:, [0, 2, 1]]
    neighbours[flipped] = neighbours[flipped][:, [0, 2, 1]]
    return Surface(vectors, values, triangles, neighbours)


def _find(root: NDArray[np.int64], index: int) -> int:
    top = index
    while root[top] != top:
        top = int(root[top])
    while root[index] != top:
        root[index], index = top, int(root[index])
    return top


def _area(a: Array, b: Array, c: Array) -> Array:
    """Return the areas of spherical triangles, steradian (Eriksson 1990)."""
    volume = np.abs(_dot(a, np.cross(b, c)))
    return 2.0 * np.arctan2(volume, 1.0 + _dot(a, b) + _dot(b, c) + _dot(c, a))


def _dot(a: Array, b: Array) -> Array:
    return np.asarray((a * b).sum(axis=-1))


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
