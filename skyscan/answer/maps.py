"""Sky maps as the user has them: read from any file, asked for any number.

`SkyMap.answer`, `plot` and `to_fits` call what is built on maps, and import it when they are
called: users find on the map all that it can do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan import healpix
from skyscan.answer.context import Context
from skyscan.answer.levels import Levels
from skyscan.answer.levels.chosen import parse_levels
from skyscan.answer.levels.scale import Scale, fit_scale
from skyscan.answer.sky.cells import Cells, fitted_pixels, make_cells
from skyscan.answer.sky.directions import ra_dec, unit_vectors
from skyscan.answer.sky.frame import ICRS, LOCAL, SkyFrame
from skyscan.answer.sky.surface import Surface, make_surface
from skyscan.errors import BadInput
from skyscan.skymap import SkyMap as Pixels

if TYPE_CHECKING:
    from os import PathLike

    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from skyscan.answer.answer import Answer
    from skyscan.pixels import Pixel

    Array = NDArray[np.float64]


class Samples(NamedTuple):
    """The fitted directions that make the surface: those not inside a finer fitted pixel.

    The best fit is one of them in any case, since regions are measured from it.

    Attributes
    ----------
    vectors : ndarray, shape (n, 3)
        Unit vectors.
    two_delta_llh : ndarray, shape (n,)
        Infinite for the centres of unknown sky.
    nside : ndarray of int, shape (n,)
        Of the finest fitted pixel there; 0 for unknown sky.
    """

    vectors: Array
    two_delta_llh: Array
    nside: NDArray[np.int64]


@dataclass(frozen=True)
class SkyMap(Pixels):
    """A sky map, and the answer that it gives.

    Attributes
    ----------
    context : Context
        What is known of the scan besides its map: the reconstruction, its options, the fits
        that came with the event.
    notes : tuple of str
        What was found about the file when it was read.
    """

    context: Context = field(default_factory=Context)
    notes: tuple[str, ...] = ()

    @property
    def reco(self) -> str | None:
        """Name of the reconstruction, if it is known."""
        return self.context.reco

    @property
    def fitted_reco(self) -> str | None:
        """Name of the reconstruction that made the fits: of ``auto``, the one that it chose."""
        likelihood = self.context.likelihood
        return self.reco if likelihood is None else likelihood.reco

    @property
    def frame(self) -> SkyFrame:
        """What the coordinates of the map are; texts call them RA and Dec in any case."""
        return LOCAL if self.is_local else ICRS

    @cached_property
    def best_deg(self) -> tuple[float, float]:
        """RA and Dec of the best fit, degrees, J2000.

        Raises
        ------
        BadInput
            No pixel of the map has a fit.
        """
        _, ra, dec, _ = self._best
        return float(np.rad2deg(ra)), float(np.rad2deg(dec))

    @cached_property
    def cells(self) -> Cells:
        """The sky in pieces that do not overlap, with the llh of each."""
        return make_cells(self._llhs)

    @property
    def cell_values(self) -> Array:
        """2 delta llh of each cell; NaN where the sky is unknown."""
        return 2.0 * (self.cells.llh - self._lowest)

    @cached_property
    def samples(self) -> Samples:
        """The fitted directions, and the centres of unknown sky."""
        fitted = fitted_pixels(self._llhs)
        parts = []
        for nside, (nested, llh) in fitted.items():
            theta, phi = healpix.pix2ang(nside, nested, nest=True)
            finest = np.full(len(nested), nside)
            for finer, (others, _) in fitted.items():
                if finer > nside:
                    inside = np.isin(healpix.ang2pix(finer, theta, phi, nest=True), others)
                    finest[inside] = finer
            kept = (finest == nside) | self._is_best(nside, nested)
            parts.append((theta[kept], phi[kept], llh[kept], finest[kept]))
        unknown = self.cells.fit_nside == 0
        if unknown.any():
            order, pixel = self.cells.order[unknown], self.cells.pixel[unknown]
            theta, phi = healpix.pix2ang(2**order, pixel, nest=True)
            parts.append((theta, phi, np.full(len(theta), np.inf), np.zeros(len(theta), int)))
        theta, phi, llh, nsides = (np.concatenate(part) for part in zip(*parts, strict=True))
        vectors = unit_vectors(np.rad2deg(phi), 90.0 - np.rad2deg(theta))
        return Samples(vectors, 2.0 * (llh - self._lowest), np.asarray(nsides, np.int64))

    @cached_property
    def surface(self) -> Surface:
        """2 delta llh as a continuous function on the sphere."""
        return make_surface(self.samples.vectors, self.samples.two_delta_llh)

    def levels(self, name: str | Levels | None = None) -> Levels:
        """Return levels by name or file, or those of the scan or the reconstruction."""
        if name is None and self.context.levels is not None:
            return self.context.levels
        if isinstance(name, Levels):
            return name
        return parse_levels(name, self.reco, self.context.likelihood)

    def answer(self, levels: str | Levels | None = None) -> Answer:
        """Return the best fit, the regions and the checks.

        Parameters
        ----------
        levels : str or Levels, optional
            ``calibrated``, ``wilks``, ``icecube`` or a file; by default those of the
            reconstruction.
        """
        from skyscan.answer.answer import make_answer

        return make_answer(self, self.levels(levels))

    def two_delta_llh(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Array:
        """Return 2 delta llh at directions (degrees, J2000); infinite in unscanned sky."""
        vectors = unit_vectors(ra_deg, dec_deg)
        return self.surface.at(vectors.reshape(-1, 3)).reshape(vectors.shape[:-1])

    def containment(
        self, ra_deg: float, dec_deg: float, levels: str | Levels | None = None
    ) -> float:
        """Return the probability of the smallest region that contains a direction."""
        value = float(self.two_delta_llh(ra_deg, dec_deg))
        return self.scale(self.levels(levels)).containment(value)

    def contours(
        self, containment: float = 0.9, levels: str | Levels | None = None
    ) -> list[tuple[Array, Array]]:
        """Return the outline of a region as closed lines of RA and Dec, degrees, J2000.

        On the sky, with RA growing to the left, the region is on the right of each line.
        """
        level = self.levels(levels).at(containment)
        return [ra_dec(line) for line in self.surface.contours(level)]

    def probability(self, levels: str | Levels | None = None) -> tuple[Cells, Array]:
        """Return the cells of the sky and their probability density, per steradian."""
        scaled = self.scale(self.levels(levels))(self.cell_values)
        return self.cells, self.cells.probability_density(scaled)

    def scale(self, levels: Levels) -> Scale:
        """Return 2 delta llh of this map on the scale of Wilks' theorem."""
        return fit_scale(levels, self.cell_values, self.cells.solid_angle)

    def plot(self, axes: Axes | None = None, levels: str | Levels | None = None) -> Axes:
        """Draw the map around its best fit; needs matplotlib (extra ``plots``)."""
        from skyscan.answer.pictures.zoom import draw_zoom

        return draw_zoom(self, axes, levels=levels)

    def to_fits(self, path: str | PathLike[str], levels: str | Levels | None = None) -> None:
        """Write the map as multi-order FITS."""
        from skyscan.answer.files.fits import write_multiorder

        write_multiorder(path, self, self.levels(levels))

    def __repr__(self) -> str:
        pixels = ", ".join(f"{len(rows)} of nside {n}" for n, rows in self.pixels.items())
        return f"<SkyMap {self.name}: {pixels}>"

    def _repr_html_(self) -> str:
        return self.answer().html()

    def _is_best(self, nside: int, nested: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which pixels of an nside are the best fit: one of all, or none."""
        pixel = self._best[0]
        if pixel.nside != nside:
            return np.zeros(len(nested), bool)
        return np.asarray(nested == healpix.ring2nest(nside, pixel.pixel))

    @cached_property
    def _llhs(self) -> dict[int, tuple[NDArray[np.int64], Array]]:
        return {nside: (rows["index"], rows["llh"]) for nside, rows in self.pixels.items()}

    @cached_property
    def _best(self) -> tuple[Pixel, float, float, float]:
        found = self.best()
        if found is None:
            raise BadInput(f"The map of {self.name} has no pixel with a fit: it has no answer.")
        return found

    @property
    def _lowest(self) -> float:
        return self._best[3]


def with_context(pixels: Pixels, context: Context, notes: tuple[str, ...] = ()) -> SkyMap:
    """Return a map of `skyscan.skymap` as one that can be asked."""
    values = {it.name: getattr(pixels, it.name) for it in fields(Pixels)}
    return SkyMap(**values, context=context, notes=notes)
