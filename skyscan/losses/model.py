"""The likelihood of an event's DOMs under tracks of given directions and their losses.

As for a track without losses (`skyscan.track.model`), a track of known direction has three
parameters: the two coordinates across it of its point nearest to the charge centre, and the
time there. The energies of its segments follow from the charges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.light.cherenkov import LIGHT_SPEED, DirectLight, direct_light
from skyscan.light.first_photon import with_noise
from skyscan.losses.energies import (
    LARGEST_GEV,
    LEAST_SEEN,
    N_STEPS,
    TINY,
    Charges,
    energies_of,
)
from skyscan.losses.light import MuonLight, Pairs, SegmentLight
from skyscan.losses.segments import Segments, segments_of
from skyscan.shower.light import Cell, Paths, arrival
from skyscan.shower.model import NOISE_PE, charges_constant, charges_llh
from skyscan.track.model import TrackModel
from skyscan.track.simplex import Minimum, minimise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.compiled.library import Kernel
    from skyscan.compiled.losses import CompiledLosses
    from skyscan.track.simplex import Search

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: Factor of all expected charges, most of it afterpulses: that of showers in ice that is not
#: blurred (docs/cascades.md).
EFFICIENCY = 1.05
#: Relative uncertainty of an expected charge.
CHARGE_SPREAD = 0.4
#: Jitter of arrival times, ns, and the power of the charge that counts as number of photons.
JITTER_NS, CHARGE_POWER = 5.0, 0.75

#: Light of a muon and its losses below 0.5 GeV, relative to its own; 1.38 at 10 TeV.
BARE_MUON = 1.38

#: The times of segments with a smaller share of a DOM's expected charge do not count.
SMALLEST_SHARE = 1e-3


class Lights(NamedTuple):
    """The light of segments and of the bare muon: exact, or quicker for a search."""

    segments: SegmentLight
    muon: MuonLight


class Losses(NamedTuple):
    """Losses of m tracks, each of shape (m,), and the segments of each.

    ``llh`` is -ln L, ``times`` the part of it that is of the first pulses' times.
    """

    llh: Array
    times: Array
    energies_gev: list[Array]


@dataclass(frozen=True)
class LossModel:
    """An event's DOMs, and tracks that come from n directions.

    Attributes
    ----------
    doms : ndarray, shape (ndom,), dtype `skyscan.shower.doms.DOM_DTYPE`
        Those with hits first.
    centre : ndarray, shape (3,), m
        The charge centre.
    lights, quick_lights : Lights
        The exact light, and a quicker approximation for a search.
    zenith, azimuth : ndarray, shape (n,), radians
        The directions that the particle comes from, IceCube's local frame.
    efficiency, charge_spread, jitter_ns, charge_power : float
        Settings of the likelihood: see the constants.
    kernel : Kernel, optional
        The compiled kernel; without it, numpy does all.
    """

    doms: NDArray[np.void]
    centre: Array
    lights: Lights
    quick_lights: Lights
    zenith: Array
    azimuth: Array
    efficiency: float = EFFICIENCY
    charge_spread: float = CHARGE_SPREAD
    jitter_ns: float = JITTER_NS
    charge_power: float = CHARGE_POWER
    kernel: Kernel | None = None
    tracks: TrackModel = field(init=False, repr=False)
    segments: list[Segments] = field(init=False, repr=False)
    _every_dom: TrackModel = field(init=False, repr=False)
    _charges: Charges = field(init=False, repr=False)
    _n_hits: int = field(init=False, repr=False)
    _pairs: list[Pairs] = field(init=False, repr=False)
    _compiled: dict[bool, CompiledLosses] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Divide the tracks into segments, and prepare what is the same for all points."""
        n_hits = int(np.isfinite(self.doms["time"]).sum())
        directions = self.centre, self.zenith, self.azimuth
        every_dom = TrackModel(self.doms, *directions)
        known = self.doms["has_charge"][:n_hits]
        shape = self.charge_spread**-2
        charge = np.where(known, self.doms["charge"][:n_hits], 0.0)
        segments = [segments_of(along, n_hits) for along in every_dom.frames.along]
        values = {
            "tracks": TrackModel(self.doms[:n_hits], *directions, kernel=self.kernel),
            "segments": segments,
            "_every_dom": every_dom,
            "_n_hits": n_hits,
            "_charges": Charges(charge, np.where(known, charge + shape, 0.0), shape),
            "_pairs": [self._pairs_of(i, every_dom, it) for i, it in enumerate(segments)],
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """Return the number of directions."""
        return len(self.zenith)

    @property
    def travels(self) -> Array:
        """Directions of travel, unit vectors, shape (n, 3)."""
        return self._every_dom.axes.along

    def losses(self, rows: Rows, points: Array, lights: Lights) -> Losses:
        """Return -ln L of some tracks, and the energies of their segments.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each has.
        points : ndarray, shape (m, 3), m, m, ns
        lights : Lights
            One of the model's two.
        """
        compiled = self._compiled_for(lights)
        if compiled is not None:
            return Losses(*compiled.details(rows, points))
        found = [
            self._losses(row, point, lights)
            for row, point in zip(rows.tolist(), points, strict=True)
        ]
        llh, times, energies = zip(*found, strict=True)
        return Losses(np.array(llh), np.array(times), list(energies))

    def minima(self, rows: Rows, start: Array, search: Search) -> Minimum:
        """Search for the minima of -ln L in the quick light, each on its own.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each has.
        start : ndarray, shape (m, 3), m, m, ns
        search : Search
        """
        compiled = self._compiled_for(self.quick_lights)
        if compiled is not None:
            return Minimum(*compiled.minima(rows, start, *search))
        return minimise(
            lambda problems, points: self.losses(rows[problems], points, self.quick_lights).llh,
            start,
            search,
        )

    def _compiled_for(self, lights: Lights) -> CompiledLosses | None:
        if self.kernel is None:
            return None
        is_quick = lights.segments.is_quick
        if is_quick not in self._compiled:
            self._compiled[is_quick] = self._compile(self.kernel, lights)
        return self._compiled[is_quick]

    def _compile(self, kernel: Kernel, lights: Lights) -> CompiledLosses:
        from skyscan.compiled.losses import (
            LossDoms,
            LossSettings,
            LossTracks,
            MuonTables,
            compiled_losses,
        )

        known = self.doms["has_charge"]
        efficiency = self.efficiency * self.doms["efficiency"]
        shape, muon = self._charges.shape, lights.muon
        doms = LossDoms(
            places=np.stack([self.doms[it] for it in "xyz"], axis=-1) - self.centre,
            levels=self.doms["z"].copy(),
            times=self.doms["time"],
            photons=self._photons_of(self.doms["charge"]),
            charge=np.where(known, self.doms["charge"], 0.0),
            weights=np.where(known, self.doms["charge"] + shape, 0.0),
            factors=lights.segments.yield_per_gev * efficiency,
            muon_factors=(BARE_MUON * muon.charge_per_m) * efficiency,
        )
        settings = LossSettings(
            shape=shape,
            noise_pe=NOISE_PE,
            constant=charges_constant(self.doms["charge"][known], self.charge_spread),
            largest_gev=LARGEST_GEV,
            smallest_share=SMALLEST_SHARE,
            tiny=TINY,
            least_seen=LEAST_SEEN,
            jitter_ns=self.jitter_ns,
            n_steps=N_STEPS,
        )
        tracks = LossTracks(
            self._every_dom.axes,
            self._every_dom.frames,
            *(
                [getattr(it, name) for it in self.segments]
                for name in ("place", "segment", "dom")
            ),
        )
        return compiled_losses(
            kernel,
            lights.segments.tables,
            MuonTables(muon.axes, muon.log_charge, muon.farthest, muon.layered.tables),
            lights.segments.ice,
            doms,
            tracks,
            centre_z=float(self.centre[2]),
            settings=settings,
        )

    def _photons_of(self, charge: Array) -> Array:
        return np.asarray(np.maximum(charge, 1.0) ** self.charge_power)

    def _losses(self, row: int, point: Array, lights: Lights) -> tuple[float, float, Array]:
        paths, light = self._paths(row, point, lights)
        bare = lights.muon.charge(light, self.doms["z"])[0]
        bare = bare * (BARE_MUON * self.efficiency) * self.doms["efficiency"]
        of_pairs = lights.segments.charge_per_gev(paths) * self._factors(row)
        segments = self.segments[row]
        per_gev = np.zeros((len(segments.place), len(self.doms)))
        per_gev[segments.segment, segments.dom] = of_pairs
        energy, expected = energies_of(per_gev, bare + NOISE_PE, self._charges)
        known = self.doms["has_charge"]
        llh = charges_llh(
            self.doms["charge"][known], (expected - NOISE_PE)[known], self.charge_spread
        )
        shares = of_pairs * energy[segments.segment]
        times = self._of_times(row, point, lights, (paths, shares), (light, bare))
        return float(llh) + times, times, energy

    def _paths(self, row: int, point: Array, lights: Lights) -> tuple[Paths, DirectLight]:
        """Return the light of the segments by pairs, and that of the bare muon."""
        axes = self._every_dom.axes
        shift = point[0] * axes.first[row] + point[1] * axes.second[row]
        level = self.centre[2] + shift[2] + self.segments[row].place * axes.along[row, 2]
        paths = lights.segments.between(self._pairs[row], shift, level)
        frame = self._every_dom.frames.rows(np.array([row]))
        return paths, direct_light(frame, point[None, :1], point[None, 1:2])

    def _of_times(
        self,
        row: int,
        point: Array,
        lights: Lights,
        of_segments: tuple[Paths, Array],
        of_muon: tuple[DirectLight, Array],
    ) -> float:
        """Return -ln of the density of the first pulses' times.

        The light of a DOM is a mixture of that of the segments and of the bare muon, by their
        expected charges.
        """
        (paths, charges), (direct, bare) = of_segments, of_muon
        n, doms = self._n_hits, self.doms[: self._n_hits]
        segments = self.segments[row]
        total = np.bincount(segments.dom, charges, len(self.doms))[:n] + bare[:n]
        is_hit = segments.dom < n
        dom = np.minimum(segments.dom, n - 1)
        chosen = np.flatnonzero(is_hit & (charges > SMALLEST_SHARE * total[dom]))
        dom, charges, paths = dom[chosen], charges[chosen], _taken(paths, chosen)
        passed = point[2] + segments.place[segments.segment[chosen]] / LIGHT_SPEED
        half_width = sqrt(3) * self.jitter_ns
        late = doms["time"][dom] - passed - arrival(paths.distance)
        later = np.exp(
            lights.segments.log_survival(
                np.stack([late - half_width, late + half_width]), paths
            )
        )
        direct = DirectLight(*(values[:, :n] for values in direct))
        late = doms["time"] - point[2] - direct.time
        of_bare = lights.muon.layered.log_survival(
            np.stack([late - half_width, late + half_width]), *direct[1:], doms["z"]
        )[:, 0]
        of_bare = bare[:n] * np.exp(of_bare)
        total = np.bincount(dom, charges, n) + bare[:n]
        photons = self._photons_of(doms["charge"])
        none_yet = [
            ((np.bincount(dom, charges * part, n) + muon) / total) ** photons
            for part, muon in zip(later, of_bare, strict=True)
        ]
        density = (none_yet[0] - none_yet[1]) / (2 * half_width)
        return float(-np.log(with_noise(density, late[0])).sum())

    def _factors(self, row: int) -> Array:
        return self.efficiency * self.doms["efficiency"][self.segments[row].dom]

    def _pairs_of(self, row: int, tracks: TrackModel, segments: Segments) -> Pairs:
        doms, travels = self.doms[segments.dom], tracks.axes.along[row]
        place = segments.place[segments.segment]
        x, y, z = (
            doms[name] - centre - place * step
            for name, centre, step in zip("xyz", self.centre, travels, strict=True)
        )
        along = tracks.frames.along[row][segments.dom] - place
        ends = self.lights.segments.ice.depths_of(doms["z"])
        n = len(segments.place)
        scattering, absorption = ends
        return Pairs(
            x, y, z, along, scattering, absorption, np.bincount(segments.segment, minlength=n)
        )


def _taken(paths: Paths, index: Rows) -> Paths:
    distance, rate, log_share, cos_eta, cos_psi = (values[index] for values in paths[:5])
    psi, radius = _of_cell(paths.psi, index), _of_cell(paths.radius, index)
    return Paths(distance, rate, log_share, cos_eta, cos_psi, psi, radius)


def _of_cell(cell: Cell, index: Rows) -> Cell:
    return Cell(cell.below[index], cell.part[index])
