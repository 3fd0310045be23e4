"""One shower in layered ice: charge and times of the hits, and the DOMs that stayed dark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.compiled import kernel_of
from skyscan.errors import BadInput
from skyscan.events.event import Vertex
from skyscan.light.ice_model import IceModel, from_numbers, shipped_ice, to_numbers
from skyscan.records import empty_fits
from skyscan.recos import Reco
from skyscan.recos._hits import MIN_DOMS, check_hits, hits_of
from skyscan.recos._seeds import are_guesses, mean_of, seeds_of
from skyscan.shower.doms import doms_of
from skyscan.shower.fit import ShowerFits, centres_of, fit_showers
from skyscan.shower.light import ShowerLight
from skyscan.shower.model import ICE_BLUR_M, ShowerModel
from skyscan.shower.volume import are_inside
from skyscan.track.simplex import WORST

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.compiled.library import Kernel
    from skyscan.events.event import Event
    from skyscan.events.source import Source
    from skyscan.likelihood import Likelihood

    Array = NDArray[np.float64]

PREPARED_FILE = "cascade.npz"

#: GeV; of a seed without an energy, for the small way from its vertex to its light's centre.
SEED_ENERGY_GEV = 10_000.0


class Cascade(Reco):
    """A fit of one shower to charge and times of every DOM, in the pixel's direction.

    The search has several starts. If the seed of a pixel is the best fit of the coarser pixel,
    it starts there, and from the best of the others.
    """

    summary: ClassVar[str] = "one shower in layered ice, charges and all pulses, open tables"
    light_tables: ClassVar[tuple[str, ...]] = ("shower",)
    has_kernel: ClassVar[bool] = True
    is_prepared_quickly: ClassVar[bool] = True
    chunk_size: ClassVar[int] = 48

    _doms: NDArray[np.void]
    _event_seed: Array
    _ice: IceModel
    _lights: tuple[ShowerLight, ShowerLight]
    _kernel: Kernel | None = None

    def check(self, source: Source, event: Event) -> None:
        """Refuse an event of which the cleaning leaves too few hits that are not saturated."""
        super().check(source, event)
        _doms_of(event, f"{source.path}: ")

    def prepare(self, event: Event, folder: Path) -> Vertex:
        """Choose the DOMs and write them; return the mean of the hits by charge as seed.

        Raises
        ------
        BadInput
            The cleaning leaves too few hits that are not saturated.
        """
        doms = _doms_of(event)
        hits = hits_of(doms)
        ice = (self.chosen_ice or shipped_ice()).without_tilt()
        seed = mean_of(hits)
        with (folder / PREPARED_FILE).open("wb") as file:
            np.savez(file, doms=doms, seed=seed, ice=np.array(json.dumps(to_numbers(ice))))
        return Vertex(*seed.tolist())

    def setup(self, folder: Path) -> None:
        """Read the DOMs and the ice that ``prepare`` wrote, and the table of light."""
        with np.load(folder / PREPARED_FILE, allow_pickle=False) as prepared:
            self._doms, self._event_seed = prepared["doms"], prepared["seed"]
            self._ice = from_numbers(json.loads(str(prepared["ice"])))
        blurred = self._ice.blurred(ICE_BLUR_M)
        self._lights = ShowerLight(blurred), ShowerLight(blurred, is_quick=True)
        self._kernel = kernel_of(folder)

    def reconstruct(
        self,
        pixels: NDArray[np.void],
        zenith: Array,
        azimuth: Array,
    ) -> NDArray[np.void]:
        """Fit a shower in each pixel's direction; the vertex is where it begins."""
        fits = empty_fits(len(pixels))
        guessed = are_guesses(seeds_of(pixels), self._event_seed)
        for rows in (~guessed, guessed):
            if rows.any():
                model = self._model(zenith[rows], azimuth[rows])
                guess = _centres(pixels[rows], model) if rows is guessed else None
                _fill(fits, rows, fit_showers(model, guess))
        return fits

    def likelihood(self, event: Event) -> Likelihood:
        """Return the likelihood that an event is fitted with."""
        from skyscan.recos._likelihood import likelihood_of, shower_settings

        settings = shower_settings((self.chosen_ice or shipped_ice()).without_tilt())
        return likelihood_of("cascade", settings, hits_of(_doms_of(event))["charge"])

    @property
    def doms(self) -> NDArray[np.void]:
        """The DOMs that are fitted, dtype DOM_DTYPE: without saturated ones."""
        return np.asarray(self._doms[self._doms["has_charge"]])

    @property
    def ice(self) -> IceModel:
        """The ice that ``prepare`` wrote."""
        return self._ice

    def parts(
        self, fits: NDArray[np.void], zenith: Array, azimuth: Array
    ) -> tuple[Array, Array]:
        """Return -ln L of first pulses and of charges.

        Parameters
        ----------
        fits : ndarray, shape (n,), dtype FIT_DTYPE
            Fits of this class.
        zenith, azimuth : ndarray, shape (n,), radians
            Their directions.

        Returns
        -------
        times, charges : ndarray, shape (n,)
        """
        model = self._model(zenith, azimuth)
        return model.parts(_centres(fits, model))

    def llh_at(self, vertex: Array, time: Array, zenith: Array, azimuth: Array) -> Array:
        """Return -ln L of showers whose light has its centre in points."""
        model = self._model(zenith, azimuth)
        points = np.column_stack([vertex, time])
        return model.showers(np.arange(len(time)), points, self._lights[0]).llh

    def _model(self, zenith: Array, azimuth: Array) -> ShowerModel:
        return ShowerModel(self._doms, *self._lights, zenith, azimuth, kernel=self._kernel)


def _doms_of(event: Event, place: str = "") -> NDArray[np.void]:
    doms = doms_of(event.pulses)
    hits = hits_of(doms)
    check_hits(event, hits, "a shower fit", place)
    n_counted = int(hits["has_charge"].sum())
    if n_counted < MIN_DOMS:
        raise BadInput(
            f"{place}{event.name}: {len(hits) - n_counted} of {len(hits)} DOMs with a hit are"
            f" saturated; a shower fit needs {MIN_DOMS} others."
        )
    return doms


def _centres(rows: NDArray[np.void], model: ShowerModel) -> Array:
    vertex = np.stack([rows[name] for name in "xyz"], axis=-1)
    has_energy = np.isfinite(rows["energy"]) & (rows["energy"] > 0)
    energy = np.where(has_energy, rows["energy"], SEED_ENERGY_GEV)
    return centres_of(vertex, rows["time"], energy, model.travels)


def _fill(fits: NDArray[np.void], rows: NDArray[np.bool_], found: ShowerFits) -> None:
    # An llh that is infinite becomes NaN in the job, with this as the reason.
    fits["llh"][rows] = np.where(found.llh < WORST, found.llh, np.inf)
    fits["time"][rows] = found.time
    for name in ("E_tot", "energy"):
        fits[name][rows] = found.energy_gev
    fits["E_in"][rows] = np.where(are_inside(found.vertex), found.energy_gev, 0.0)
    for axis, name in enumerate("xyz"):
        fits[name][rows] = found.vertex[:, axis]


RECO_CLASS = Cascade
