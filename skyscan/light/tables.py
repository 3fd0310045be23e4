"""Tables of scattered light, made by `skyscan.light.photons` and part of the package.

A table has moments of the photons' directions, so that it serves DOMs of any angular
acceptance: if the acceptance is a sum of Legendre polynomials of the cosine between the photon
and the DOM's axis, and the azimuth about the direct photon is averaged over, then the addition
theorem makes each P_n of that cosine P_n(photon to direct photon) P_n(direct photon to axis).
The moments are the sums of the first factor.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput
from skyscan.light.grid import N_MOMENTS, Grid
from skyscan.light.ice_model import acceptance_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: The tables of the package, in its folder ``data``.
FILES = {"track": "light_track.npz", "shower": "light_shower.npz"}

AXES = ("radius", "angle_edges", "absorption", "time_edges")


@dataclass(frozen=True)
class LightTable:
    """Light around a track or a shower; lengths in le, times in le/c.

    Attributes
    ----------
    grid : Grid
    moments : ndarray, shape ``grid.shape``
        See `skyscan.light.photons.moments`.
    provenance : dict
        How the table was made: photons, seed, scattering function, statistical error.
    digest : str
        SHA-256 of the file.
    """

    grid: Grid
    moments: Array
    provenance: dict[str, Any]
    digest: str = ""

    def light(self, acceptance: tuple[float, ...], cos_eta: Array) -> Array:
        """Return the light that DOMs see in each time bin.

        Parameters
        ----------
        acceptance : tuple of float
            Polynomial of at most degree 10: see `skyscan.light.ice_model.IceModel`.
        cos_eta : ndarray, shape (n,)
            z component of the direct photon's direction: 1 moves up, into the PMT.

        Returns
        -------
        ndarray, shape (n_surfaces, n_angles, n_lengths, n, n_times)
            Relative to the direct light without absorption on a DOM that accepts all (for a
            shower: if its light were isotropic); the sum over time is the expected charge.
        """
        weights = legendre_weights(acceptance, cos_eta)
        light = np.zeros((*self.moments.shape[:4], len(cos_eta)))
        for degree in range(N_MOMENTS):
            light += self.moments[..., degree, None] * weights[degree]
        return np.asarray(np.maximum(np.moveaxis(light, 2, -1), 0.0))


def check_acceptance(acceptance: tuple[float, ...]) -> None:
    """Refuse an acceptance that the tables cannot serve.

    Raises
    ------
    BadInput
        The polynomial's degree is more than 10, or it is nowhere positive.
    """
    coefficients = np.trim_zeros(np.asarray(acceptance, float), "b")
    if len(coefficients) > N_MOMENTS:
        raise BadInput(
            f"The ice model's angular acceptance has {len(coefficients)} coefficients; the "
            f"tables of scattered light serve up to {N_MOMENTS}."
        )
    if not acceptance_at(acceptance, np.linspace(-1.0, 1.0, 201)).max() > 0:
        raise BadInput("The ice model's angular acceptance is nowhere positive.")


def legendre_weights(acceptance: tuple[float, ...], cos_eta: Array) -> Array:
    """Return a_n P_n(cos eta) of an acceptance, shape (N_MOMENTS, n).

    Raises
    ------
    BadInput
        See `check_acceptance`.
    """
    check_acceptance(acceptance)
    coefficients = np.trim_zeros(np.asarray(acceptance, float), "b")
    found = np.zeros(N_MOMENTS)
    found[: len(coefficients)] = np.polynomial.legendre.poly2leg(coefficients)
    degrees = np.eye(N_MOMENTS)
    values = [np.polynomial.legendre.legval(cos_eta, degree) for degree in degrees]
    return found[:, None] * np.stack(values)


def survival(light: Array) -> Array:
    """Return the fraction of the light that is later than the end of each time bin.

    Parameters
    ----------
    light : ndarray, shape (..., n_times)
    """
    later = np.cumsum(light[..., ::-1], axis=-1)[..., ::-1]
    total = np.maximum(later[..., :1], np.finfo(float).tiny)
    return np.concatenate([later[..., 1:], np.zeros_like(total)], axis=-1) / total


@lru_cache(maxsize=2)
def shipped_table(kind: str) -> LightTable:
    """Return a table of the package: ``track`` or ``shower``."""
    path = resources.files("skyscan").joinpath("data", FILES[kind])
    return table_of(path.read_bytes())


def table_of(data: bytes) -> LightTable:
    """Return the table in the bytes of a file."""
    with np.load(BytesIO(data), allow_pickle=False) as file:
        grid = Grid(**{name: file[name].astype(float) for name in AXES})
        moments = file["moments"].astype(float) * file["scale"]
        provenance = json.loads(str(file["provenance"]))
    return LightTable(grid, moments, provenance, hashlib.sha256(data).hexdigest())


def bytes_of(table: LightTable, kind: str) -> bytes:
    """Return the bytes of a table's file.

    The moments of a track have 32 bits, and those of the much larger table of a shower 16,
    scaled by the largest of each place.
    """
    moments = table.moments
    scale = np.abs(moments).max(axis=(2, 3, 4), keepdims=True) if kind == "shower" else 1.0
    scale = np.maximum(scale, np.finfo(np.float32).tiny).astype(np.float32)
    stored = (moments / scale).astype(np.float16 if kind == "shower" else np.float32)
    axes: dict[str, Any] = {name: getattr(table.grid, name) for name in AXES}
    file = BytesIO()
    text = np.array(json.dumps(table.provenance))
    np.savez_compressed(file, moments=stored, scale=scale, provenance=text, **axes)
    return file.getvalue()
