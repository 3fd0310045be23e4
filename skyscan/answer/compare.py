"""Compare two results: pixel by pixel with upstream's tolerances, and as answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.answer.answer import without_nan
from skyscan.answer.files.moc import Moc, region_moc
from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.sky.cells import CHILDREN
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skyscan.answer.maps import SkyMap
    from skyscan.answer.sky.cells import Cells

    Array = NDArray[np.float64]

#: Relative tolerances of upstream's test that compares results, of the second map's values.
TOLERANCES = {"llh": 0.1, "E_in": 0.1, "E_tot": 0.1, "X": 0.1, "Y": 0.1, "Z": 0.1, "T": 0.01}
#: Absolute tolerance, skyreader's.
ABSOLUTE = 1e-8
#: A value of 0 agrees with any, as in skyreader.
ZERO_AGREES = ("E_in", "E_tot")
#: Pixels of each nside whose values a difference lists.
N_LISTED = 100


@dataclass(frozen=True)
class FieldDifference:
    """How one field of the pixels of one nside differs.

    Attributes
    ----------
    nside : int
    field : str
        Name of the column.
    tolerance : float
        Relative tolerance.
    n_pixels, n_different : int
        Number of pixels that both maps have, and of those beyond the tolerance.
    largest : float
        Largest relative difference; NaN if no pixel has numbers in both.
    pixels : tuple of (pixel, value in A, value in B)
        Some of those that differ.
    """

    nside: int
    field: str
    tolerance: float
    n_pixels: int
    n_different: int
    largest: float
    pixels: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True)
class Comparison:
    """What two maps have in common.

    Attributes
    ----------
    fields : tuple of FieldDifference
        By nside and field.
    only_a, only_b : dict of int to int
        Number of pixels, by nside, that only one map has.
    distance_deg : float
        Distance of the best fits.
    bhattacharyya : float
        Overlap of the probability maps, the integral of sqrt(p q): 1 if they are the same.
    area_overlap : float
        Area that is in both 90 % regions, as a part of what is in any of them.
    levels : tuple of str
        The levels of the regions of each map.
    """

    fields: tuple[FieldDifference, ...]
    only_a: dict[int, int]
    only_b: dict[int, int]
    distance_deg: float
    bhattacharyya: float
    area_overlap: float
    levels: tuple[str, str]

    @property
    def is_same(self) -> bool:
        """Whether both have the same pixels, and their values agree."""
        return not (self.only_a or self.only_b or any(it.n_different for it in self.fields))

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison for JSON; NaN is null."""
        value: dict[str, Any] = without_nan({"same": self.is_same, **asdict(self)})
        return value

    def lines(self) -> Iterator[str]:
        """Return the comparison as text: a table of fields, then the answers."""
        yield f"{'nside':>6} {'field':>6} {'pixels':>8} {'differ':>7} {'largest':>9}  tolerance"
        for it in self.fields:
            largest = "-" if np.isnan(it.largest) else f"{it.largest:.2e}"
            yield (
                f"{it.nside:>6} {it.field:>6} {it.n_pixels:>8} {it.n_different:>7} "
                f"{largest:>9}  {it.tolerance:g}"
            )
        for name, only in (("A", self.only_a), ("B", self.only_b)):
            for nside, n in only.items():
                yield f"  only {name}    {n} pixels of nside {nside}"
        yield f"  best fits {self.distance_deg:.3f} deg from each other"
        yield (
            f"  overlap   {self.bhattacharyya:.3f} (Bhattacharyya), {self.area_overlap:.3f} of "
            f"the area of the 90 % regions"
        )
        if self.levels[0] != self.levels[1]:
            yield f"  levels    A has {self.levels[0]}, B has {self.levels[1]}: see --levels"
        yield "  same" if self.is_same else "  different"


def compare(a: SkyMap, b: SkyMap, levels: str | None = None) -> Comparison:
    """Compare two maps.

    Parameters
    ----------
    a, b : SkyMap
        Differences are relative to the values of ``b``.
    levels : str, optional
        Levels of the regions of both; by default those of each one's reconstruction.

    Raises
    ------
    BadInput
        One map is of the sky, the other in IceCube's local frame.
    """
    if a.is_local != b.is_local:
        raise BadInput(
            "One of the maps is in IceCube's local frame, the other is of the sky: they cannot "
            "be compared."
        )
    fields = []
    only: tuple[dict[int, int], dict[int, int]] = {}, {}
    for nside in sorted(set(a.pixels) | set(b.pixels)):
        rows = tuple(_rows(skymap, nside) for skymap in (a, b))
        common, in_a, in_b = np.intersect1d(
            rows[0]["index"], rows[1]["index"], return_indices=True
        )
        for counts, these in zip(only, rows, strict=True):
            if len(these) > len(common):
                counts[nside] = len(these) - len(common)
        if len(common):
            fields += [
                _difference(nside, name, common, rows[0][name][in_a], rows[1][name][in_b])
                for name in TOLERANCES
            ]
    return Comparison(
        tuple(fields),
        *only,
        distance_deg=float(separation(unit_vectors(*a.best_deg), unit_vectors(*b.best_deg))),
        bhattacharyya=_bhattacharyya(a, b, levels),
        area_overlap=_area_overlap(a, b, levels),
        levels=(_levels_text(a, levels), _levels_text(b, levels)),
    )


def _levels_text(skymap: SkyMap, levels: str | None) -> str:
    found = skymap.levels(levels)
    return f"{found.name} ({' and '.join(f'{level:g}' for _, level in found.table)})"


def _rows(skymap: SkyMap, nside: int) -> NDArray[np.void]:
    any_rows = next(iter(skymap.pixels.values()))
    return skymap.pixels.get(nside, any_rows[:0])


def _difference(
    nside: int, name: str, pixels: NDArray[np.int64], a: Array, b: Array
) -> FieldDifference:
    tolerance = TOLERANCES[name]
    agree = np.isclose(a, b, rtol=tolerance, atol=ABSOLUTE, equal_nan=True)
    if name in ZERO_AGREES:
        agree |= (a == 0) | (b == 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(a == b, 0.0, np.abs(a - b) / np.abs(b))
    known = relative[~np.isnan(relative)]
    differ = np.flatnonzero(~agree)
    return FieldDifference(
        nside=nside,
        field=name,
        tolerance=tolerance,
        n_pixels=len(pixels),
        n_different=len(differ),
        largest=float(known.max()) if len(known) else float("nan"),
        pixels=tuple(
            (int(pixels[i]), float(a[i]), float(b[i])) for i in differ[:N_LISTED].tolist()
        ),
    )


def _bhattacharyya(a: SkyMap, b: SkyMap, levels: str | None) -> float:
    """Return the overlap of two probability maps, on the pieces that both are cut into."""
    (cells_a, p), (cells_b, q) = a.probability(levels), b.probability(levels)
    finest = max(int(cells.order.max()) for cells in (cells_a, cells_b))
    starts_a, starts_b = (_starts(cells, finest) for cells in (cells_a, cells_b))
    edges = np.unique(np.concatenate([starts_a, starts_b, [12 * CHILDREN**finest]]))
    sizes = np.diff(edges) * 4 * np.pi / (12.0 * CHILDREN**finest)
    of_a = _at(starts_a, p, edges[:-1])
    of_b = _at(starts_b, q, edges[:-1])
    return float((np.sqrt(of_a * of_b) * sizes).sum())


def _starts(cells: Cells, finest: int) -> NDArray[np.int64]:
    """Return the first pixel of the finest order in each cell."""
    return np.asarray(cells.pixel << 2 * (finest - cells.order))


def _at(starts: NDArray[np.int64], values: Array, pixels: NDArray[np.int64]) -> Array:
    order = np.argsort(starts)
    place = np.searchsorted(starts[order], pixels, side="right") - 1
    return np.asarray(values[order][place])


def _area_overlap(a: SkyMap, b: SkyMap, levels: str | None) -> float:
    """Return the area in both 90 % regions relative to that in any."""
    outer = CONTAINMENTS[-1]
    mocs = [region_moc(skymap, skymap.levels(levels).at(outer)) for skymap in (a, b)]
    finest = max(moc.order for moc in mocs)
    ranges = [_ranges(moc, finest) for moc in mocs]
    edges = np.unique(np.concatenate([part for pair in ranges for part in pair]))
    if len(edges) == 0:
        return 0.0
    inside = [
        np.searchsorted(starts, edges[:-1], side="right")
        > np.searchsorted(ends, edges[:-1], side="right")
        for starts, ends in ranges
    ]
    sizes = np.diff(edges)
    both, any_of = inside[0] & inside[1], inside[0] | inside[1]
    return float(sizes[both].sum() / sizes[any_of].sum())


def _ranges(moc: Moc, finest: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the pieces start and end, in pixels of the finest order, rising."""
    starts = [these << 2 * (finest - order) for order, these in moc.pixels.items()]
    ends = [(these + 1) << 2 * (finest - order) for order, these in moc.pixels.items()]
    if not starts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.sort(np.concatenate(starts)), np.sort(np.concatenate(ends))
