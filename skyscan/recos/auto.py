"""A track or a shower: fit both, take the better one, and say why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.errors import BadInput
from skyscan.layout import CHOICE_JSON
from skyscan.recos import Reco, reco_class
from skyscan.recos._hypotheses import FIRST_NSIDES, Hypothesis, best_fit
from skyscan.recos._track import FirstPhotonTrack
from skyscan.recos.cascade import Cascade
from skyscan.shower.rival import TrackLight, track_charges_llh

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.events.event import Event, Vertex
    from skyscan.events.source import Source
    from skyscan.likelihood import Likelihood

    Array = NDArray[np.float64]

#: -ln L by which a shower must fit better than a track. Between simulated showers and muons
#: lies a wide gap around it (docs/auto.md).
MARGIN = 0.0


class Auto(Reco):
    """The reconstruction that suits the event: ``track`` or ``cascade``.

    Both are fitted in ``prepare``, from coarse directions to fine ones around the best. They
    are compared by the likelihood of the same data: times of the first pulses, and charges. A
    track's charges are those of an infinite track that shines evenly. An event that one of the
    two cannot fit is the other's.
    """

    summary: ClassVar[str] = "track or cascade, whichever fits the event better (the default)"
    light_tables: ClassVar[tuple[str, ...]] = ("track", "shower")
    has_kernel: ClassVar[bool] = True
    any_detector: ClassVar[bool] = True
    chunk_size: ClassVar[int] = 48

    _chosen: Reco
    _choice: str

    def check(self, source: Source, event: Event) -> None:
        """Refuse an event that neither of the two can fit."""
        super().check(source, event)
        refusals = [_refusal(reco, source, event) for reco in self._both().values()]
        if all(refusals):
            raise next(it for it in refusals if it)

    def prepare(self, event: Event, folder: Path) -> Vertex:
        """Fit both hypotheses, write the choice, and prepare the chosen reconstruction.

        Raises
        ------
        BadInput
            Neither of the two can fit the event.
        """
        recos = self._both()
        prepared = {name: _prepared(reco, event, folder) for name, reco in recos.items()}
        seeds = {name: it for name, it in prepared.items() if not isinstance(it, BadInput)}
        refusals = [it for it in prepared.values() if isinstance(it, BadInput)]
        if not seeds:
            raise refusals[0]
        if refusals:
            choice = _only(next(iter(seeds)), refusals[0])
        else:
            choice = compare(_best_fits(recos, seeds, folder), recos)
        (folder / CHOICE_JSON).write_text(json.dumps(choice, indent=1) + "\n", "utf-8")
        self._choice = str(choice["chosen"])
        return seeds[self._choice]

    def likelihood(self, event: Event) -> Likelihood | None:
        """Return the likelihood of the reconstruction that ``prepare`` chose."""
        return self._both()[self._choice].likelihood(event)

    def setup(self, folder: Path) -> None:
        """Set up the reconstruction that ``prepare`` chose."""
        choice = json.loads((folder / CHOICE_JSON).read_text("utf-8"))
        self._chosen = reco_class(choice["chosen"])(self.format_version)
        self._chosen.setup(folder)

    def reconstruct(
        self, pixels: NDArray[np.void], zenith: Array, azimuth: Array
    ) -> NDArray[np.void]:
        """Fit with the chosen reconstruction."""
        return self._chosen.reconstruct(pixels, zenith, azimuth)

    def _both(self) -> dict[str, Reco]:
        recos = {name: reco_class(name)(self.format_version) for name in ("track", "cascade")}
        for reco in recos.values():
            reco.chosen_ice = self.chosen_ice
        return recos


def _refusal(reco: Reco, source: Source, event: Event) -> BadInput | None:
    try:
        reco.check(source, event)
    except BadInput as error:
        return error
    return None


def _prepared(reco: Reco, event: Event, folder: Path) -> Vertex | BadInput:
    if event.detector is not None and not reco.any_detector:
        return BadInput(f"{event.name} is of another detector than IceCube-86")
    try:
        return reco.prepare(event, folder)
    except BadInput as error:
        return error


def _best_fits(
    recos: dict[str, Reco], seeds: dict[str, Vertex], folder: Path
) -> dict[str, Hypothesis]:
    for reco in recos.values():
        reco.setup(folder)
    return {
        name: best_fit(reco, seeds[name], FIRST_NSIDES[name]) for name, reco in recos.items()
    }


def _only(chosen: str, refusal: BadInput) -> dict[str, object]:
    """Return the choice, as `compare`, if the other hypothesis cannot fit the event."""
    other = "shower" if chosen == "track" else "track"
    return {"chosen": chosen, "reason": f"no fit as a {other}: {refusal}", "llh": {}}


def compare(fits: dict[str, Hypothesis], recos: dict[str, Reco]) -> dict[str, object]:
    """Return which hypothesis fits better, and why, as an object for JSON.

    Parameters
    ----------
    fits : dict
        The best fits of ``track`` and ``cascade``.
    recos : dict
        Both, set up. The DOMs of ``cascade`` are those that count.
    """
    track_reco, cascade = recos["track"], recos["cascade"]
    if not isinstance(cascade, Cascade) or not isinstance(track_reco, FirstPhotonTrack):
        raise TypeError("the hypotheses must be a track and a cascade")
    track, shower = fits["track"], fits["cascade"]
    vertex = np.array([track.fit[name][0] for name in "xyz"])
    direction = float(track.zenith[0]), float(track.azimuth[0])
    charges = track_charges_llh(cascade.doms, TrackLight(cascade.ice), vertex, *direction)
    times = track_reco.llh_of(cascade.doms, *track)
    parts = cascade.parts(shower.fit, shower.zenith, shower.azimuth)
    llh = {
        "track": {"times": float(times[0]), "charges": charges},
        "cascade": {"times": float(parts[0][0]), "charges": float(parts[1][0])},
    }
    gain = sum(llh["track"].values()) - sum(llh["cascade"].values())
    is_shower = bool(gain > MARGIN)
    better, worse = ("cascade", "track") if is_shower else ("track", "cascade")
    reason = (
        f"one {'shower' if is_shower else 'track'} fits better by {abs(gain):.1f} in llh: "
        f"times {llh[worse]['times'] - llh[better]['times']:+.1f}, "
        f"charges {llh[worse]['charges'] - llh[better]['charges']:+.1f}"
    )
    return {"chosen": better, "reason": reason, "llh": llh}


RECO_CLASS = Auto
