"""Energy losses along a track in layered ice: charges, first pulses and dark DOMs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.compiled import kernel_of
from skyscan.errors import BadInput
from skyscan.events.event import Vertex
from skyscan.light.ice_model import from_numbers, shipped_ice, to_numbers
from skyscan.light.layered import LayeredIce
from skyscan.losses.deposits import deposits_of
from skyscan.losses.doms import doms_of
from skyscan.losses.energies import LARGEST_GEV
from skyscan.losses.fit import LossFits, fit_losses
from skyscan.losses.light import MuonLight, SegmentLight
from skyscan.losses.model import Lights, LossModel
from skyscan.records import empty_fits
from skyscan.recos import Reco
from skyscan.recos._hits import check_hits, hits_of
from skyscan.recos._seeds import are_guesses, mean_of, seeds_of
from skyscan.track.simplex import WORST

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.compiled.library import Kernel
    from skyscan.events.event import Event
    from skyscan.events.source import Source
    from skyscan.light.ice_model import IceModel
    from skyscan.likelihood import Likelihood

    Array = NDArray[np.float64]

PREPARED_FILE = "cascades.npz"

#: A track that passes the charge centre farther away (m) has run away.
FARTHEST_M = 1000.0


class Cascades(Reco):
    """A fit of a track whose light is that of losses along it, in the pixel's direction.

    The search starts from the fit of ``track``, and from the coarser pixel's fit if it has one.
    """

    summary: ClassVar[str] = "energy losses along a track in layered ice, open tables"
    light_tables: ClassVar[tuple[str, ...]] = ("track", "shower")
    is_prepared_quickly: ClassVar[bool] = True
    has_kernel: ClassVar[bool] = True
    chunk_size: ClassVar[int] = 48

    _doms: NDArray[np.void]
    _event_seed: Array
    _lights: tuple[Lights, Lights]
    _kernel: Kernel | None = None

    def check(self, source: Source, event: Event) -> None:
        """Refuse an event of which the cleaning leaves too few hits, or no known charge."""
        super().check(source, event)
        _doms_of(event, f"{source.path}: ")

    def prepare(self, event: Event, folder: Path) -> Vertex:
        """Choose the DOMs and write them; return the mean of the hits by charge as seed.

        Raises
        ------
        BadInput
            The cleaning leaves too few hits, or only saturated ones.
        """
        doms = _doms_of(event)
        hits = hits_of(doms)
        seed = mean_of(hits)
        ice = np.array(json.dumps(to_numbers(self._ice())))
        with (folder / PREPARED_FILE).open("wb") as file:
            np.savez(file, doms=doms, seed=seed, ice=ice)
        return Vertex(*seed.tolist())

    def setup(self, folder: Path) -> None:
        """Read the DOMs and the ice that ``prepare`` wrote, and the tables of light."""
        with np.load(folder / PREPARED_FILE, allow_pickle=False) as prepared:
            self._doms, self._event_seed = prepared["doms"], prepared["seed"]
            ice = from_numbers(json.loads(str(prepared["ice"])))
        exact, quick = (
            Lights(SegmentLight(ice, is_quick=it), MuonLight(LayeredIce(ice, is_quick=it)))
            for it in (False, True)
        )
        self._lights = exact, quick
        self._kernel = kernel_of(folder)

    def reconstruct(
        self, pixels: NDArray[np.void], zenith: Array, azimuth: Array
    ) -> NDArray[np.void]:
        """Fit in each pixel's direction; the vertex is nearest to the charge centre."""
        fits = empty_fits(len(pixels))
        seeds = seeds_of(pixels)
        guessed = are_guesses(seeds, self._event_seed)
        for rows in (~guessed, guessed):
            if rows.any():
                model = self._model(zenith[rows], azimuth[rows])
                guess = model.tracks.points_of(seeds[rows, :3], seeds[rows, 3])
                found = fit_losses(model, guess if rows is guessed else None)
                fits[rows] = _fits_of(model, found)
        return fits

    def likelihood(self, event: Event) -> Likelihood:
        """Return the likelihood that an event is fitted with."""
        from skyscan.recos._likelihood import likelihood_of, losses_settings

        settings = losses_settings(self._ice())
        return likelihood_of("cascades", settings, hits_of(_doms_of(event))["charge"])

    def llh_at(self, vertex: Array, time: Array, zenith: Array, azimuth: Array) -> Array:
        """Return -ln L of tracks through points."""
        model = self._model(zenith, azimuth)
        points = model.tracks.points_of(vertex, time)
        return model.losses(np.arange(len(time)), points, self._lights[0]).llh

    def _ice(self) -> IceModel:
        return (self.chosen_ice or shipped_ice()).without_tilt()

    def _model(self, zenith: Array, azimuth: Array) -> LossModel:
        centre = self._event_seed[:3]
        return LossModel(
            self._doms, centre, *self._lights, zenith, azimuth, kernel=self._kernel
        )


def _doms_of(event: Event, place: str = "") -> NDArray[np.void]:
    doms = doms_of(event.pulses)
    hits = hits_of(doms)
    check_hits(event, hits, "a fit of losses", place)
    if not (hits["charge"] * hits["has_charge"]).sum() > 0:
        raise BadInput(
            f"{place}{event.name}: all DOMs with charge are saturated or bright; a fit of"
            " losses needs one that is not."
        )
    return doms


def _fits_of(model: LossModel, found: LossFits) -> NDArray[np.void]:
    """Return fits; what has run away is infinite, which becomes NaN with that as the reason."""
    fits = empty_fits(len(model))
    vertex = model.tracks.vertices_of(found.points)
    energies = deposits_of(model.segments, found.energies_gev, vertex, model.travels)
    largest = np.array([energy.max() for energy in found.energies_gev])
    is_far = ~(np.abs(found.points[:, :2]) < FARTHEST_M).all(axis=-1)
    is_bad = is_far | (largest >= LARGEST_GEV) | ~(found.llh < WORST)
    fits["llh"] = np.where(is_bad, np.inf, found.llh)
    fits["E_in"], fits["energy"] = energies.inside, energies.muon
    fits["E_tot"] = np.where(largest >= LARGEST_GEV, np.inf, energies.total)
    fits["time"] = found.points[:, 2]
    for axis, name in enumerate("xyz"):
        fits[name] = np.where(is_far, np.inf, vertex[:, axis])
    return fits


RECO_CLASS = Cascades
