"""What the open track reconstructions share: hits, seeds and fits of a through-going track."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from skyscan.compiled import kernel_of
from skyscan.events.event import Vertex
from skyscan.layout import TRACK_NPZ
from skyscan.records import empty_fits
from skyscan.recos import Reco
from skyscan.recos._hits import check_hits
from skyscan.recos._seeds import are_guesses, mean_of, seeds_of
from skyscan.track.cleaning import clean_hits
from skyscan.track.fit import TrackFits, fit_from_guess, fit_from_nothing, fit_near_guess
from skyscan.track.model import TrackModel

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.compiled.library import Kernel
    from skyscan.events.event import Event
    from skyscan.events.source import Source
    from skyscan.light.ice import Ice


class FirstPhotonTrack(Reco):
    """A track fit to the first pulse of every DOM, in the direction of the pixel.

    If the seed of a pixel is the event's own (at the first nside, or if the coarser pixel has
    no fit) or far from it, the search covers the surroundings of the charge centre. Any other
    seed is the best fit of the coarser pixel, and the search starts there.
    """

    chunk_size: ClassVar[int] = 64
    is_prepared_quickly: ClassVar[bool] = True
    any_detector: ClassVar[bool] = True
    #: From this nside on, a seed is so good that the search covers its surroundings only.
    close_nside: ClassVar[int | None] = None

    _hits: NDArray[np.void]
    _event_seed: NDArray[np.float64]
    _ices: tuple[Ice, Ice]
    _dom_z: NDArray[np.float64] | None = None
    _kernel: Kernel | None = None

    @abstractmethod
    def ices(self, prepared: Any) -> tuple[Ice, Ice]:  # noqa: ANN401  (an npz file)
        """Return the ice model of the fit, and a quicker approximation.

        Parameters
        ----------
        prepared : mapping of str to ndarray
            What ``prepare`` wrote.
        """

    def kept(self, event: Event) -> dict[str, Any]:  # noqa: ARG002
        """Return further arrays that ``prepare`` writes, by name."""
        return {}

    def check(self, source: Source, event: Event) -> None:
        """Refuse an event of which the cleaning leaves too few DOMs."""
        super().check(source, event)
        hits_of(event, f"{source.path}: ")

    def prepare(self, event: Event, folder: Path) -> Vertex:
        """Clean the pulses and write the hits; return their charge-weighted mean as seed.

        Raises
        ------
        BadInput
            The cleaning leaves too few DOMs.
        """
        hits = hits_of(event)
        seed = mean_of(hits)
        with (folder / TRACK_NPZ).open("wb") as file:
            np.savez(file, hits=hits, seed=seed, **self.kept(event))
        return Vertex(*seed.tolist())

    def setup(self, folder: Path) -> None:
        """Read the hits that ``prepare`` wrote."""
        with np.load(folder / TRACK_NPZ, allow_pickle=False) as prepared:
            self._hits, self._event_seed = prepared["hits"], prepared["seed"]
            self._ices = self.ices(prepared)
        self._kernel = kernel_of(folder) if self.has_kernel else None

    def reconstruct(
        self,
        pixels: NDArray[np.void],
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
    ) -> NDArray[np.void]:
        """Fit a track in each pixel's direction; the energies are NaN."""
        seeds = seeds_of(pixels)
        guessed = are_guesses(seeds, self._event_seed)
        close = guessed & self._is_close(pixels["nside"])
        fits = empty_fits(len(pixels))
        for rows, fit in ((guessed & ~close, fit_from_guess), (close, fit_near_guess)):
            if rows.any():
                model, seed = self._model(zenith[rows], azimuth[rows]), seeds[rows]
                _fill(fits, rows, fit(model, seed[:, :3], seed[:, 3], *self._ices))
        if not guessed.all():
            model = self._model(zenith[~guessed], azimuth[~guessed])
            _fill(fits, ~guessed, fit_from_nothing(model, *self._ices))
        return fits

    def llh_at(
        self,
        vertex: NDArray[np.float64],
        time: NDArray[np.float64],
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return -ln L of tracks through points."""
        model = self._model(zenith, azimuth)
        return model.llh(np.arange(len(time)), model.points_of(vertex, time), self._ices[0])

    def llh_of(
        self,
        doms: NDArray[np.void],
        fits: NDArray[np.void],
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return -ln L of fits of this class, shape (n,), by the hits of some DOMs only.

        Parameters
        ----------
        doms : ndarray
            Their fields ``x``, ``y`` and ``z`` are the places of the DOMs, m.
        fits : ndarray, shape (n,), dtype FIT_DTYPE
        zenith, azimuth : ndarray, shape (n,), radians
            Their directions.
        """
        places = set(doms[["x", "y", "z"]].tolist())
        chosen = np.array([it in places for it in self._hits[["x", "y", "z"]].tolist()])
        model = self._model(zenith, azimuth, chosen)
        vertex = np.stack([fits[name] for name in "xyz"], axis=-1)
        points = model.points_of(vertex, fits["time"])
        return model.llh(np.arange(len(fits)), points, self._ices[0])

    def _model(
        self,
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
        chosen: NDArray[np.bool_] | slice = slice(None),
    ) -> TrackModel:
        centre, levels = self._event_seed[:3], self._dom_z
        levels = None if levels is None else levels[chosen]
        return TrackModel(self._hits[chosen], centre, zenith, azimuth, levels, self._kernel)

    def _is_close(self, nside: NDArray[np.int64]) -> NDArray[np.bool_]:
        if self.close_nside is None:
            return np.zeros(len(nside), bool)
        return np.asarray(nside >= self.close_nside)


def hits_of(event: Event, place: str = "") -> NDArray[np.void]:
    """Return the hits that a track is fitted to.

    Raises
    ------
    BadInput
        The cleaning leaves too few DOMs; ``place`` is the beginning of the message.
    """
    hits = clean_hits(event.pulses, event.detector)
    check_hits(event, hits, "a track fit", place)
    return hits


def _fill(fits: NDArray[np.void], rows: NDArray[np.bool_], found: TrackFits) -> None:
    fits["llh"][rows], fits["time"][rows] = found.llh, found.time
    for axis, name in enumerate("xyz"):
        fits[name][rows] = found.vertex[:, axis]
