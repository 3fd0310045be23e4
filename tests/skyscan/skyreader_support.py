"""What skyreader's own code makes of a map."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Contour(NamedTuple):
    """Area and extents of all lines of a level, in degrees from the best fit."""

    area_deg2: float
    ra_plus: float
    ra_minus: float
    dec_plus: float
    dec_minus: float


def skyreaders_contours(path: Path, levels: Sequence[float]) -> dict[float, Contour]:
    """Return what skyreader's code for contours makes of a map, by level of 2 delta llh."""
    meander = pytest.importorskip("meander")
    skyreader = pytest.importorskip("skyreader")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skyreader.utils.areas import get_contour_areas
        from skyreader.utils.handle_map_data import extract_map

        values, ra, dec, *_ = extract_map(skyreader.SkyScanResult.read_npz(path))
        points = np.array([np.pi / 2 - dec, ra]).T
        lines = meander.spherical_contours(points, values, list(levels))
        areas = get_contour_areas(lines, ra[0])
    found = {}
    for level, area, these in zip(levels, areas, lines, strict=True):
        theta, phi = np.concatenate(these).T
        right = (np.degrees(phi - ra[0]) + 180) % 360 - 180
        up = np.degrees(np.pi / 2 - theta - dec[0])
        found[level] = Contour(area, right.max(), -right.min(), up.max(), -up.min())
    return found
