"""The ice of the South Pole: scattering and absorption by depth, and what belongs to them.

The model that ships is SPICE BFR v2 (Abbasi et al., The Cryosphere 18 (2024) 75), for light of
400 nm. An ice model was fitted to data together with an angular acceptance of the DOMs and a
scattering function, so that `IceModel` keeps all of these together.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from math import ceil, cos, radians, sin
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Depth (m) of the origin of IceCube's coordinates: z is this minus the depth.
CENTRE_DEPTH_M = 1948.07

#: Effective lengths are averages over at least this path in z, m.
SHORTEST_PATH_M = 1.0

#: Direction in which the depths of the layers change, from the x axis (ppc: 225 degrees).
TILT_AZIMUTH = radians(225.0)

SHIPPED = "spice_bfr_v2.json"


class Tilt(NamedTuple):
    """How far layers lie above their nominal depth.

    Attributes
    ----------
    along : ndarray, shape (n,), m
        Places along the direction of tilt, from ``origin``, ascending.
    origin : float, m
        Place of the string at which the depths of the model are true.
    z : ndarray, shape (m,), m, ascending
    shift : ndarray, shape (m, n), m
    """

    along: Array
    origin: float
    z: Array
    shift: Array


@dataclass(frozen=True)
class IceModel:
    """Layers of ice, light of 400 nm.

    Attributes
    ----------
    name, source : str
    top : ndarray, shape (n,), m, descending
        z of the upper end of each layer; all have the same thickness.
    scattering, absorption : ndarray, shape (n,), m
        Effective scattering length le and absorption length la.
    acceptance : tuple of float
        Polynomial in cos eta, constant term first: the fraction of photons that a DOM
        accepts, if cos eta is the z component of the photon's direction (1 moves up).
    sam_share, g : float
        Share of the simplified Liu function in the scattering function, the rest being that
        of Henyey and Greenstein; mean cosine of both.
    efficiency : float
        Factor of the DOMs' efficiency that belongs to the model.
    tilt : Tilt or None
    """

    name: str
    source: str
    top: Array
    scattering: Array
    absorption: Array
    acceptance: tuple[float, ...]
    sam_share: float
    g: float = 0.9
    efficiency: float = 1.0
    tilt: Tilt | None = None
    _edges: Array = field(init=False, repr=False, compare=False)
    _integrals: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Integrate 1/le and 1/la over z."""
        rates = 1.0 / np.stack([self.scattering, self.absorption])[:, ::-1]
        # beyond the ends the ice stays as it is there
        far = 100_000.0
        inner = np.append(self.top[::-1], self.top[0])
        inner[:-1] -= self.thickness
        edges = np.concatenate([[inner[0] - far], inner, [inner[-1] + far]])
        rates = np.concatenate([rates[:, :1], rates, rates[:, -1:]], axis=1)
        sums = np.cumsum(rates * np.diff(edges), axis=1)
        integrals = np.concatenate([np.zeros((2, 1)), sums], axis=1)
        object.__setattr__(self, "_edges", edges)
        object.__setattr__(self, "_integrals", integrals - integrals[:, 1:2])

    @property
    def thickness(self) -> float:
        """Thickness of a layer, m."""
        return float(self.top[0] - self.top[-1]) / (len(self.top) - 1)

    @property
    def depth_nodes(self) -> tuple[Array, Array]:
        """Nodes (z, m) between which `depths_of` is linear, (n,), and its values, (2, n)."""
        return self._edges, self._integrals

    @property
    def digest(self) -> str:
        """SHA-256 of all numbers of the model, hexadecimal."""
        tilt = [] if self.tilt is None else [np.asarray(part, "<f8") for part in self.tilt]
        rest = [*self.acceptance, self.sam_share, self.g, self.efficiency]
        parts = [self.top, self.scattering, self.absorption, np.array(rest), *tilt]
        return hashlib.sha256(
            b"".join(f"{part.shape}".encode() + part.astype("<f8").tobytes() for part in parts)
        ).hexdigest()

    def depths_of(self, z: Array) -> tuple[Array, Array]:
        """Return the integrals of 1/le and 1/la from a fixed depth up to z; no unit.

        They are linear within a layer. Lengths along a straight path from z1 to z2 follow
        from them: see `mean_lengths`.
        """
        scattering, absorption = (
            np.interp(z, self._edges, values) for values in self._integrals
        )
        return scattering, absorption

    def mean_lengths(self, z1: Array, z2: Array) -> tuple[Array, Array]:
        """Return le and la (m) averaged along straight paths: means of 1/le and 1/la in z.

        Parameters
        ----------
        z1, z2 : ndarray, m, broadcast
            The ends of each path, after `untilted`.
        """
        middle, half = 0.5 * (z1 + z2), 0.5 * np.abs(z1 - z2)
        half = np.maximum(half, 0.5 * SHORTEST_PATH_M)
        upper, lower = self.depths_of(middle + half), self.depths_of(middle - half)
        le, la = (2 * half / (up - low) for up, low in zip(upper, lower, strict=True))
        return le, la

    def untilted(self, x: Array, y: Array, z: Array) -> Array:
        """Return z (m) at which the ice of places (m) lies in the model's own column.

        Parameters
        ----------
        x, y, z : ndarray, m, IceCube coordinates, broadcast
        """
        if self.tilt is None:
            return np.asarray(z)
        along, origin, levels, shift = self.tilt
        place = np.asarray(x) * cos(TILT_AZIMUTH) + np.asarray(y) * sin(TILT_AZIMUTH) - origin
        place, z = np.broadcast_arrays(place, z)
        column, right = _cells(along, place)
        row, up = _cells(levels, z)
        up = np.clip(up, 0.0, 1.0)  # linear along the tilt beyond the ends, constant in depth
        lower = shift[row, column] * (1 - right) + shift[row, column + 1] * right
        upper = shift[row + 1, column] * (1 - right) + shift[row + 1, column + 1] * right
        return np.asarray(z - (lower * (1 - up) + upper * up))

    def averaged(self, low: float, high: float) -> IceModel:
        """Return ice that is the same everywhere: the mean of 1/le and 1/la from z to z."""
        le, la = self.mean_lengths(np.array(low), np.array(high))
        same = np.ones(len(self.top))
        numbers = {**to_numbers(self), "tilt": None, "name": f"mean of {self.name}"}
        return from_numbers({**numbers, "scattering": le * same, "absorption": la * same})

    def blurred(self, width: float) -> IceModel:
        """Return ice whose 1/le and 1/la are blurred over depth by a Gaussian.

        Parameters
        ----------
        width : float, m
            Standard deviation.
        """
        reach = ceil(5 * width / self.thickness)
        ends = (np.arange(-reach, reach + 2) - 0.5) * self.thickness / width
        weights = np.diff(ndtr(ends))
        weights /= weights.sum()
        le, la = (
            1 / np.convolve(np.pad(1 / lengths, reach, mode="edge"), weights, mode="valid")
            for lengths in (self.scattering, self.absorption)
        )
        numbers = {**to_numbers(self), "name": f"{self.name}, blurred by {width:g} m"}
        return from_numbers({**numbers, "scattering": le, "absorption": la})

    def without_tilt(self) -> IceModel:
        """Return the same ice with level layers."""
        return from_numbers({**to_numbers(self), "tilt": None})


def _cells(nodes: Array, values: Array) -> tuple[NDArray[np.intp], Array]:
    """Return the interval of nodes for each value, and where it lies between its ends."""
    index = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, len(nodes) - 2)
    return index, (values - nodes[index]) / (nodes[index + 1] - nodes[index])


def acceptance_at(coefficients: tuple[float, ...], cos_eta: Array) -> Array:
    """Return the angular acceptance of a DOM, never negative."""
    value = np.polynomial.polynomial.polyval(cos_eta, coefficients)
    return np.maximum(value, 0.0)


@lru_cache(maxsize=1)
def shipped_ice() -> IceModel:
    """Return SPICE BFR v2, the ice model of the package."""
    text = resources.files("skyscan").joinpath("data", SHIPPED).read_text("utf-8")
    return from_numbers(json.loads(text))


def from_numbers(numbers: dict[str, object]) -> IceModel:
    """Return the ice model of a JSON object: see `to_numbers`."""
    given = dict(numbers)
    for name in ("top", "scattering", "absorption"):
        given[name] = np.array(given[name], float)
    given["acceptance"] = tuple(np.array(given["acceptance"], float).tolist())
    tilt = given.get("tilt")
    if isinstance(tilt, dict):
        arrays = {name: np.array(tilt[name], float) for name in ("along", "z", "shift")}
        given["tilt"] = Tilt(origin=float(tilt["origin"]), **arrays)
    return IceModel(**given)  # type: ignore[arg-type]


def to_numbers(ice: IceModel) -> dict[str, object]:
    """Return an ice model as an object for JSON, which gives the same model again."""
    tilt = ice.tilt
    return {
        "name": ice.name,
        "source": ice.source,
        "top": ice.top.tolist(),
        "scattering": ice.scattering.tolist(),
        "absorption": ice.absorption.tolist(),
        "acceptance": list(ice.acceptance),
        "sam_share": ice.sam_share,
        "g": ice.g,
        "efficiency": ice.efficiency,
        "tilt": tilt
        and {
            "along": tilt.along.tolist(),
            "origin": tilt.origin,
            "z": tilt.z.tolist(),
            "shift": tilt.shift.tolist(),
        },
    }
