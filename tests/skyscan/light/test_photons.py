import shutil

import numpy as np
import pytest

from skyscan.light.cherenkov import SIN_CHERENKOV
from skyscan.light.grid import Grid
from skyscan.light.making import grid_of, make_table, survival_errors
from skyscan.light.photons import moments
from skyscan.light.tables import survival

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") or shutil.which("gcc")),
    reason="needs a C compiler",
)

WHOLE = np.array([-1.0, 1.0])
LONG = np.geomspace(0.01, 500, 60)  # until the light is gone


def test_light_that_does_not_scatter_is_the_cherenkov_cone():
    grid = grid_of("track")
    found = moments(grid, 200, 1, is_shower=False, sam_share=0.35, scattering=1e9)
    direct = np.exp(-grid.radius[:, None] / SIN_CHERENKOV / grid.absorption)
    assert found[:, 0, 0, :, :] == pytest.approx(direct[..., None] * np.ones(11), rel=1e-5)
    assert found[:, :, 1:].sum() == 0


def test_the_light_of_a_shower_peaks_at_the_cherenkov_angle_before_it_scatters():
    grid = grid_of("shower")
    found = moments(grid, 50_000, 1, is_shower=True, sam_share=0.35, scattering=1e9)
    light = found[0, :, 0, 0, 0]
    peak = grid.angle_edges[np.argmax(light)]
    assert peak == 0.73
    share = np.diff(grid.angle_edges) / 2
    total = np.exp(-grid.radius[0] / grid.absorption[0])
    assert (light * share).sum() == pytest.approx(total, rel=1e-5)


def test_far_away_light_diffuses():
    radius, absorption = np.array([5.0, 7.0]), np.array([50.0])
    grid = Grid(radius, WHOLE, absorption, LONG)
    found = moments(grid, 4000, 2, is_shower=True, sam_share=0.35)[:, 0, :, 0].sum(axis=1)
    # the diffusion equation with absorption; transport lengths in units of le
    rate = 1 + 1 / absorption
    reach = np.sqrt(absorption / 3 / rate)
    assert found[:, 0] == pytest.approx(3 * rate * radius * np.exp(-radius / reach), rel=0.07)
    outwards = (1 / radius + 1 / reach) / 3 / rate
    assert found[:, 1] / found[:, 0] == pytest.approx(outwards, rel=0.1)


@pytest.mark.parametrize("sam_share", [0.0, 1.0])
def test_as_many_photons_leave_a_sphere_as_were_emitted_in_it(sam_share):
    grid = Grid(np.array([0.3, 1.0, 2.0]), WHOLE, np.array([1e9]), LONG)
    found = moments(grid, 4000, 3, is_shower=True, sam_share=sam_share)
    assert found[:, 0, :, 0, 1].sum(axis=1) == pytest.approx(np.ones(3), abs=0.03)


def test_two_seeds_agree_within_the_stated_error():
    a, b = (make_table("track", 16_000, seed, sam_share=0.35, g=0.9) for seed in (1, 2))
    one, two = (survival(np.moveaxis(t.moments[..., 0], 2, -1)) for t in (a, b))
    mean = 0.5 * (one + two)
    stated = (mean > 0.05) & (mean < 0.95)
    errors = np.hypot(*(np.array(t.provenance["survival_error"]) for t in (a, b)))
    ratio = np.where(stated, (one - two) / errors[:, None, None, None], np.nan)[:14]
    assert np.sqrt(np.nanmean(ratio**2)) == pytest.approx(1, abs=0.35)


def test_more_photons_have_a_smaller_error():
    grid = grid_of("track")
    few = [moments(grid, 100, seed, is_shower=False, sam_share=0.3) for seed in range(8)]
    more = [moments(grid, 1600, seed, is_shower=False, sam_share=0.3) for seed in range(8)]
    ratio = survival_errors(few)[:8] / survival_errors(more)[:8]
    assert np.median(ratio) == pytest.approx(4, rel=0.3)


def test_the_same_seed_gives_the_same_photons():
    grid = grid_of("shower")
    one, two, other = (
        moments(grid, 300, seed, is_shower=True, sam_share=0.35) for seed in (5, 5, 6)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
