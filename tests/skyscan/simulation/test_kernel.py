from dataclasses import replace

import numpy as np
import pytest

from skyscan.doms import are_alive
from skyscan.geometry import N_OMS, dom_positions
from skyscan.light.cherenkov import SIN_CHERENKOV, axes_of, direct_light, frames_of
from skyscan.light.ice_model import acceptance_at, shipped_ice
from skyscan.light.yields import PHOTONS_PER_M
from skyscan.simulation.kernel import best_kernel, trace
from skyscan.simulation.light import blocks_of, n_photons, shower_steps, track_step
from skyscan.simulation.scene import Scene

KERNELS = [
    pytest.param(
        "c", marks=pytest.mark.skipif(best_kernel() != "c", reason="there is no C compiler")
    ),
    "numpy",
]
LENGTH_M = 400.0
BRIGHTER = 8


@pytest.fixture(scope="module")
def clear():
    """Ice without scattering and absorption."""
    ice = shipped_ice()
    far = np.full(len(ice.top), 1e7)
    return replace(ice, scattering=far, absorption=far, efficiency=1.0)


def counted(hits):
    return np.bincount(hits.dom, minlength=are_alive().size)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_scattering_a_track_shines_on_its_cherenkov_cone(clear, kernel):
    scene = Scene(clear, 10.0)
    below = dom_positions()[19, -1] + [30.0, 0.0, -20.0]  # 30 m beside a string, upwards
    step = track_step(below, 0.0, np.array([0.0, 0.0, 1.0]), LENGTH_M, 1.0)
    step[:, 9] = LENGTH_M  # no secondaries
    photons = BRIGHTER * n_photons(step, 10.0, np.zeros(1))
    hits = trace(scene, step, photons, 1, kernel)
    dom = 19 * N_OMS + 44  # 250 m above: neither end of the track matters
    place = dom_positions().reshape(-1, 3)[dom]
    frames = frames_of(axes_of(np.array([np.pi]), np.zeros(1)), (place - below)[None, :])
    light = direct_light(frames, np.zeros((1, 1)), np.zeros((1, 1)))
    times = hits.time[hits.dom == dom]
    # the discs are 1.65 m large, and light takes 9 ns across this
    assert times.mean() == pytest.approx(light.time[0, 0], abs=2.0)
    distance = light.distance[0, 0]
    expected = (
        BRIGHTER * PHOTONS_PER_M * 0.1651**2 * np.pi / (2 * np.pi * distance * SIN_CHERENKOV)
    )
    expected *= acceptance_at(clear.acceptance, light.cos_eta)[0, 0]
    # all of the string's DOMs that the cone reaches, for smaller fluctuations
    reached = counted(hits)[19 * N_OMS + 40 : 19 * N_OMS + 55]
    assert reached.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 15))


@pytest.mark.skipif(best_kernel() != "c", reason="there is no C compiler")
def test_both_kernels_give_the_same_light_in_layered_ice():
    scene = Scene(shipped_ice(), 15.0)
    steps = shower_steps(np.array([50.0, -80.0, -350.0]), 0.0, np.array([0.6, 0.0, 0.8]), 700.0)
    photons = n_photons(steps, 15.0, np.full(len(steps), 0.5))
    compiled, plain = (trace(scene, steps, photons, 3, kernel) for kernel in ("c", "numpy"))
    mean = 0.5 * (len(compiled.dom) + len(plain.dom))
    assert abs(len(compiled.dom) - len(plain.dom)) < 4 * np.sqrt(2 * mean)
    bright = np.argsort(counted(compiled))[::-1][:8]
    difference = counted(compiled)[bright] - counted(plain)[bright]
    assert (difference**2 / (2 * counted(compiled)[bright])).mean() < 3.5
    for level in (0.1, 0.5, 0.9):
        quantiles = np.quantile(compiled.time, level), np.quantile(plain.time, level)
        assert quantiles[0] == pytest.approx(quantiles[1], rel=0.06)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_same_seed_gives_the_same_photons_and_dead_doms_see_none(kernel):
    scene = Scene(shipped_ice(), 15.0)
    dead = dom_positions()[6, 34]  # the first of eight dead DOMs
    steps = shower_steps(
        dead + np.array([5.0, 0.0, 0.0]), 0.0, np.array([0.0, 0.0, 1.0]), 300.0
    )
    photons = n_photons(steps, 15.0, np.full(len(steps), 0.5))
    first, again, other = (trace(scene, steps, photons, seed, kernel) for seed in (1, 1, 2))
    assert first.dom.tobytes() == again.dom.tobytes()
    assert first.time.tobytes() == again.time.tobytes()
    assert first.time.tobytes() != other.time.tobytes()
    assert len(first.dom) > 20
    assert are_alive().ravel()[first.dom].all()


def bright_shower():
    steps = shower_steps(np.array([50.0, -80.0, -350.0]), 0.0, np.array([0.6, 0.0, 0.8]), 200.0)
    return Scene(shipped_ice(), 15.0), steps, n_photons(steps, 15.0, np.full(len(steps), 0.5))


@pytest.mark.skipif(best_kernel() != "c", reason="there is no C compiler")
def test_the_photons_of_a_seed_do_not_depend_on_blocks_nor_on_room_for_hits(monkeypatch):
    whole = trace(*bright_shower(), 3, "c")
    monkeypatch.setattr("skyscan.simulation.kernel.BLOCK", 777)
    monkeypatch.setattr("skyscan.simulation.kernel.FIRST_CAPACITY", 1)
    blocks = trace(*bright_shower(), 3, "c")
    assert len(whole.dom) > 100
    assert blocks.dom.tobytes() == whole.dom.tobytes()
    assert blocks.time.tobytes() == whole.time.tobytes()


def test_ctrl_c_ends_a_simulation_after_a_block(monkeypatch):
    scene, steps, _ = bright_shower()
    photons = np.full(len(steps), 10**9)  # hours
    followed = []

    def interrupted(*values: object) -> None:
        followed.append(values)
        if len(followed) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("skyscan.simulation.kernel._block_in_c", interrupted)
    monkeypatch.setattr(
        "skyscan.simulation.numpy_kernel._follow", lambda *_: interrupted() or []
    )
    for kernel in {best_kernel(), "numpy"}:
        followed.clear()
        with pytest.raises(KeyboardInterrupt):
            trace(scene, steps, photons, 1, kernel)


@pytest.mark.parametrize("size", [1, 3, 7, 10, 100])
def test_blocks_have_every_photon_once_in_the_order_of_steps(size):
    photons = np.array([0, 4, 0, 9, 1, 0, 0])
    blocks = list(blocks_of(photons, size))
    owners = [
        np.repeat(np.arange(first, first + len(counts)), counts) for first, counts in blocks
    ]
    assert np.concatenate(owners).tolist() == [1] * 4 + [3] * 9 + [4]
    assert [len(it) for it in owners[:-1]] == [size] * (len(owners) - 1)
    assert 0 < len(owners[-1]) <= size
    assert list(blocks_of(np.zeros(3, np.int64), size)) == []


def test_a_kernel_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr("skyscan.simulation.kernel._library", lambda: None)
    assert best_kernel() == "numpy"
    steps = np.empty((0, 10))
    with pytest.raises(ValueError, match="C compiler"):
        trace(Scene(shipped_ice(), 15.0), steps, np.empty(0, np.int64), 1, "c")
