import numpy as np
import pytest

from skyscan.errors import BadInput
from skyscan.light.grid import Grid
from skyscan.light.ice_files import H2_50CM
from skyscan.light.ice_model import shipped_ice
from skyscan.light.tables import (
    FILES,
    LightTable,
    bytes_of,
    legendre_weights,
    shipped_table,
    survival,
    table_of,
)


@pytest.mark.parametrize("acceptance", [shipped_ice().acceptance, H2_50CM, (1.0,)])
def test_the_acceptance_is_averaged_over_the_azimuth_about_the_direct_photon(acceptance):
    to_axis, to_photon = 0.3, -0.65
    azimuth = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    across = np.sqrt((1 - to_axis**2) * (1 - to_photon**2))
    cosines = to_axis * to_photon + across * np.cos(azimuth)
    expected = np.polynomial.polynomial.polyval(cosines, acceptance).mean()
    weights = legendre_weights(acceptance, np.array([to_axis]))[:, 0]
    assert np.polynomial.legendre.legval(to_photon, weights) == pytest.approx(expected)


def test_an_acceptance_of_too_high_a_degree_is_refused():
    with pytest.raises(BadInput, match="12 coefficients"):
        legendre_weights((1.0,) * 12, np.zeros(1))


@pytest.mark.parametrize("kind", FILES)
def test_the_shipped_tables_belong_to_the_shipped_ice(kind):
    made, ice = shipped_table(kind).provenance, shipped_ice()
    assert (made["sam_share"], made["g"]) == (ice.sam_share, ice.g)
    assert made["photons"] >= 5_000_000
    assert max(made["survival_error"][:13]) < (2e-3 if kind == "shower" else 6e-4)


def test_light_near_a_track_is_direct_and_far_light_is_late():
    table = shipped_table("track")
    later = survival(table.light((1.0,), np.zeros(1)))[:, 0, 2, 0]
    median = table.grid.time_edges[np.argmax(later < 0.5, axis=1)]
    assert later[0, 0] < 0.4
    assert (np.diff(median) >= 0).all()
    assert median[-1] > 5


def test_a_dom_that_looks_away_sees_less_and_later_light():
    ice, table = shipped_ice(), shipped_table("track")
    light = table.light(ice.acceptance, np.array([-0.5, 0.5]))[6, 0, 2]
    assert light[0].sum() < 0.8 * light[1].sum()
    later = survival(light)
    assert (later[0, 10:40] > later[1, 10:40]).all()


@pytest.mark.parametrize(("kind", "error"), [("track", 1e-7), ("shower", 1e-3)])
def test_a_file_keeps_the_table(kind, error):
    grid = Grid(np.arange(1.0, 4), np.array([-1.0, 0, 1]), np.ones(1), np.geomspace(1, 9, 5))
    random = np.random.default_rng(1)
    table = LightTable(grid, random.random(grid.shape) ** 3, {"seed": 4})
    again = table_of(bytes_of(table, kind))
    assert again.moments == pytest.approx(table.moments, abs=error)
    assert again.provenance == {"seed": 4}
    assert np.array_equal(again.grid.time_edges, grid.time_edges)


def test_survival_falls_from_one_to_none():
    later = survival(np.array([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0]]))
    assert later.tolist() == [[0.75, 0.25, 0.0], [0.0, 0.0, 0.0]]
