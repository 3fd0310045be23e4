"""Read an ice model from the files of ppc, IceCube's photon propagator.

The formats are those that ppc documents and reads (github.com/icecube/ppc, doc/index.rst). Each
row of ``icemodel.dat`` describes the layer whose middle is at its depth.
"""

from __future__ import annotations

from math import cos, exp, sin
from os.path import lexists  # a link that leads nowhere is no missing file
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput
from skyscan.geometry import N_STRINGS, dom_positions
from skyscan.light.ice_model import CENTRE_DEPTH_M, TILT_AZIMUTH, IceModel, Tilt
from skyscan.plain import plain_number
from skyscan.regular import read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

WAVELENGTH_NM = 400.0
REFERENCE_NM = 400.0  #: of the coefficients in ``icemodel.dat``

#: Ice with a shorter absorption length (m) is rock, as below the ice of the South Pole.
ROCK_M = 1.0
#: Ice that scatters more is none, and longer lengths cannot be measured.
SHORTEST_M, LONGEST_M = 0.01, 1e6
#: No number of an ice model is as large.
MAX_NUMBER = 1e9

#: The angular acceptance of the "h2-50cm" hole ice (icetray, ice-models): used with an ice
#: model that has no ``as.dat``.
H2_50CM = (
    *(0.32813, 0.63899, 0.20049, -1.2250, -0.14470, 4.1695),
    *(0.76898, -5.8690, -2.0939, 2.3834, 1.0435),
)
#: ppc's own share of the simplified Liu function, for a folder without ``cfg.txt``.
SAM_SHARE = 0.45
MEAN_COSINE = 0.9

N_PARAMETERS = (4, 6)  # of icemodel.par, each with its error
MIN_COLUMNS = 4
MAX_BYTES = 1_000_000


def read_ice_model(folder: Path) -> IceModel:
    """Read an ice model.

    Parameters
    ----------
    folder : Path
        With ``icemodel.dat`` and ``icemodel.par`` (4 or 6 numbers); optional are ``as.dat``
        (angular acceptance), ``cfg.txt`` (scattering function), ``tilt.dat`` with ``tilt.par``.

    Raises
    ------
    BadInput
        A file is missing or is not what it should be; the message names it.
    """
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused
            depth, scattering, absorption = _layers(folder)
    except OverflowError:
        raise BadInput(
            f"{folder / 'icemodel.par'}: with these numbers, the ice has no absorption length."
        ) from None
    config = _config(folder)
    return IceModel(
        name=folder.resolve().name,
        source=str(folder.resolve()),
        top=CENTRE_DEPTH_M - depth + 0.5 * _step(folder, depth),
        scattering=scattering,
        absorption=absorption,
        acceptance=_acceptance(folder),
        sam_share=config[2],
        g=config[3],
        efficiency=config[1],
        tilt=_tilt(folder),
    )


def _layers(folder: Path) -> tuple[Array, Array, Array]:
    """Return depth, le and la of the layers, all in m."""
    rows = _table(folder / "icemodel.dat", MIN_COLUMNS)
    _step(folder, rows[:, 0])
    parameters = _table(folder / "icemodel.par", 1)[:, 0]
    if len(parameters) not in N_PARAMETERS:
        raise BadInput(
            f"{folder / 'icemodel.par'}: {len(parameters)} numbers; an ice model has 4 "
            "(alpha, kappa, A, B) or 6 (and D, E)."
        )
    depth, scattering, dust, warmer = rows[:, :MIN_COLUMNS].T
    alpha, kappa, a, b = parameters[:4]
    if len(parameters) == N_PARAMETERS[0]:
        dust = dust * (WAVELENGTH_NM / REFERENCE_NM) ** -kappa
    else:
        dust = (parameters[4] * dust + parameters[5]) * WAVELENGTH_NM**-kappa
    pure = a * exp(-b / WAVELENGTH_NM) * (1 + 0.01 * warmer)
    le = 1 / (scattering * (WAVELENGTH_NM / REFERENCE_NM) ** -alpha)
    la = 1 / (dust + pure)
    ice = la >= ROCK_M
    kept = slice(int(np.argmax(ice)), len(ice) - int(np.argmax(ice[::-1])))
    scatters = (le >= SHORTEST_M) & (le <= LONGEST_M)
    if not (ice.any() and (ice & scatters & (la <= LONGEST_M))[kept].all()):
        raise BadInput(
            f"{folder / 'icemodel.dat'}: a scattering length is not from {SHORTEST_M:g} to "
            f"{LONGEST_M:g} m, or in the middle of the ice, an absorption length is not from "
            f"{ROCK_M:g} to {LONGEST_M:g} m."
        )
    return depth[kept], le[kept], la[kept]


def _step(folder: Path, depth: Array) -> float:
    steps = np.diff(depth)
    if len(depth) < 2 or not (steps > 0).all() or np.ptp(steps) > 0.01 * steps.mean():  # noqa: PLR2004
        raise BadInput(f"{folder / 'icemodel.dat'}: the depths do not increase by equal steps.")
    return float(steps.mean())


def _acceptance(folder: Path) -> tuple[float, ...]:
    path = folder / "as.dat"
    if not lexists(path):
        return H2_50CM
    scale, *coefficients = _table(path, 1)[:, 0].tolist()
    if scale <= 0:
        raise BadInput(
            f"{path}: its first number, {scale:g}, chooses a hole ice that is not a "
            "polynomial of the angle; only polynomials are supported."
        )
    # ppc draws: accepted if scale * random < polynomial, and isotropic without coefficients
    return tuple(coefficients) or (1.0,)


def _config(folder: Path) -> Array:
    path = folder / "cfg.txt"
    if not lexists(path):
        return np.array([1.0, 1.0, SAM_SHARE, MEAN_COSINE])
    values = _table(path, 1)[:, 0]
    if len(values) < 4 or not (values[1] > 0 <= values[2] <= 1 and 0 < values[3] < 1):  # noqa: PLR2004
        raise BadInput(
            f"{path}: the second to fourth numbers must be the efficiency of the DOMs "
            "(positive), the share of the simplified Liu function (0 to 1) and the mean cosine "
            "of scattering (between 0 and 1)."
        )
    return values


def _tilt(folder: Path) -> Tilt | None:
    table, places = folder / "tilt.dat", folder / "tilt.par"
    if not (lexists(table) and lexists(places)):
        return None
    string, along = _table(places, 2)[:, :2].T
    rows = _table(table, len(along) + 1)
    depth, shift = rows[::-1, 0], rows[::-1, 1 : len(along) + 1]
    reference = string[along == 0].tolist()
    is_ordered = (np.diff(depth) < 0).all() and (np.diff(along) > 0).all()
    if len(along) < 2 or len(depth) < 2 or not is_ordered or len(reference) != 1:  # noqa: PLR2004
        raise BadInput(
            f"{table}, {places}: depths and places must increase, and one place must be 0."
        )
    if reference[0] not in range(1, N_STRINGS + 1):
        raise BadInput(f"{places}: there is no string {reference[0]:g}.")
    x, y = dom_positions()[int(reference[0]) - 1, 0, :2].tolist()
    origin = x * cos(TILT_AZIMUTH) + y * sin(TILT_AZIMUTH)
    return Tilt(along, origin, CENTRE_DEPTH_M - depth, shift)


def _table(path: Path, n_columns: int) -> Array:
    """Return the first columns of a table as numbers, shape (n, n_columns), n at least 1."""
    try:
        text = read_regular(path, MAX_BYTES).decode()
        lines = [line.split("#")[0].split() for line in text.splitlines()]
        table = np.array(
            [[plain_number(word) for word in line[:n_columns]] for line in lines if line]
        )
    except OSError as error:
        raise BadInput(f"The ice model's {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadInput(f"{path} is not a table of numbers: {error}.") from error
    if table.ndim != 2 or table.shape[1] != n_columns or not (np.abs(table) < MAX_NUMBER).all():  # noqa: PLR2004
        raise BadInput(
            f"{path} is not a table of {n_columns} or more numbers a row, finite and less than "
            f"{MAX_NUMBER:g}."
        )
    return table
