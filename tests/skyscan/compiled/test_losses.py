"""The compiled kernel computes the losses that numpy computes."""

import shutil
from importlib import resources

import numpy as np
import pytest

from skyscan import read_event
from skyscan.compiled.compiler import COMPILERS, compiled_kernel
from skyscan.compiled.library import Kernel, has_avx2
from skyscan.layout import KERNEL_SO
from skyscan.light.layered import LayeredIce
from skyscan.losses.doms import doms_of
from skyscan.losses.fit import fit_losses
from skyscan.losses.light import MuonLight, SegmentLight
from skyscan.losses.model import Lights, LossModel

if not any(map(shutil.which, COMPILERS)):
    pytest.skip("there is no C compiler", allow_module_level=True)

N = 6  # directions
ZENITH, AZIMUTH = np.linspace(0.1, 3.0, N), np.linspace(0, 6.0, N)
EACH = np.repeat(np.arange(N), 6)


@pytest.fixture(scope="module")
def doms():
    with resources.as_file(
        resources.files("skyscan") / "data" / "simulated_track.json"
    ) as path:
        return doms_of(read_event(path).pulses)


@pytest.fixture(scope="module")
def lights():
    return tuple(
        Lights(SegmentLight(is_quick=it), MuonLight(LayeredIce(is_quick=it)))
        for it in (False, True)
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("kernel") / KERNEL_SO
    path.write_bytes(compiled_kernel())
    return path


@pytest.fixture(scope="module", params=[False, True], ids=["baseline", "avx2"])
def kernel(request, library):
    if request.param and not has_avx2():
        pytest.skip("this processor has no AVX2")
    return Kernel(library, with_avx2=request.param)


def model_of(doms, lights, kernel=None, rows=slice(None)):
    hits = doms[np.isfinite(doms["time"])]
    centre = np.array([hits[name].mean() for name in "xyz"])
    return LossModel(doms, centre, *lights, ZENITH[rows], AZIMUTH[rows], kernel=kernel)


def points_of(doms):
    """Return points near the hits and far away."""
    points = np.random.default_rng(1).normal(0, [60, 60, 200], (len(EACH), 3))
    points[::9, :2] *= 20
    points[:, 2] += np.nanmedian(doms["time"])
    return points


@pytest.mark.parametrize("is_quick", [False, True])
def test_losses_have_the_llh_and_the_energies_of_numpy(kernel, doms, lights, is_quick):
    points, light = points_of(doms), lights[is_quick]
    given = model_of(doms, lights).losses(EACH, points, light)
    found = model_of(doms, lights, kernel).losses(EACH, points, light)
    assert np.ptp(given.llh) > 100
    np.testing.assert_allclose(found.llh, given.llh, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.times, given.times, rtol=0, atol=1e-6)
    for energy, same in zip(given.energies_gev, found.energies_gev, strict=True):
        np.testing.assert_allclose(same, energy, rtol=1e-6, atol=1e-9)


def test_all_processors_compute_the_same_bytes(library, doms, lights):
    if not has_avx2():
        pytest.skip("this processor has no AVX2")
    points = points_of(doms)
    one, other = (
        model_of(doms, lights, Kernel(library, with_avx2=it)).losses(EACH, points, lights[0])
        for it in (False, True)
    )
    assert one.llh.tobytes() == other.llh.tobytes()
    assert np.concatenate(one.energies_gev).tobytes() == (
        np.concatenate(other.energies_gev).tobytes()
    )


def test_searches_end_where_those_of_numpy_end(kernel, doms, lights):
    given, found = (
        fit_losses(model_of(doms, lights, it, slice(2, 4))) for it in (None, kernel)
    )
    np.testing.assert_allclose(found.llh, given.llh, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.points, given.points, rtol=0, atol=1e-5)


def test_a_direction_has_the_same_bytes_alone_and_among_others(kernel, doms, lights):
    together = fit_losses(model_of(doms, lights, kernel))
    alone = fit_losses(model_of(doms, lights, kernel, slice(3, 4)))
    assert alone.llh.tobytes() == together.llh[3:4].tobytes()
    assert alone.points.tobytes() == together.points[3:4].tobytes()
    assert alone.energies_gev[0].tobytes() == together.energies_gev[3].tobytes()


def test_a_point_that_is_not_finite_is_not_a_number(kernel, doms, lights):
    points = np.array([[np.nan, 0.0, 1e4], [0.0, 0.0, np.inf]])
    found = model_of(doms, lights, kernel).losses(np.array([0, 1]), points, lights[0])
    assert np.isnan(found.llh).all()
