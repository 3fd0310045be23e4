"""The compiled kernel computes what numpy computes."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import skyscan
from skyscan.compiled import kernel_of
from skyscan.compiled.compiler import COMPILERS, compiled_kernel
from skyscan.compiled.library import Kernel, KernelDoesNotLoad, has_avx2, pointer
from skyscan.errors import BadInput
from skyscan.events.reader import read_event
from skyscan.geometry import dom_positions
from skyscan.layout import KERNEL_SO
from skyscan.light.layered import LayeredIce
from skyscan.recos import reco_class
from skyscan.shower.doms import DOM_DTYPE, N_BINS, doms_of
from skyscan.shower.light import ShowerLight
from skyscan.shower.model import ShowerModel
from skyscan.storage import sha256_of
from skyscan.track.cleaning import clean_hits
from skyscan.track.model import TrackModel
from skyscan.track.simplex import Search

SHIPPED = Path(skyscan.__file__).parent / "data"
TRACK, SHOWER = SHIPPED / "simulated_track.json", SHIPPED / "simulated_shower.json"

if not any(map(shutil.which, COMPILERS)):
    pytest.skip("there is no C compiler", allow_module_level=True)

N = 12  # directions
ZENITH = np.linspace(0.05, 3.1, N)
AZIMUTH = np.linspace(0, 6.2, N)
EACH = np.repeat(np.arange(N), 8)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("kernel") / KERNEL_SO
    path.write_bytes(compiled_kernel())
    return path


@pytest.fixture
def anew():
    """Compile again, now and in the tests that follow."""
    compiled_kernel.cache_clear()
    yield
    compiled_kernel.cache_clear()


@pytest.fixture(scope="module", params=[False, True], ids=["baseline", "avx2"])
def kernel(request, library):
    if request.param and not has_avx2():
        pytest.skip("this processor has no AVX2")
    return Kernel(library, with_avx2=request.param)


def tracks(kernel=None):
    hits = clean_hits(read_event(TRACK).pulses)
    centre = np.array([hits[name].mean() for name in "xyz"])
    return TrackModel(hits, centre, ZENITH, AZIMUTH, kernel=kernel)


@lru_cache
def lights():
    return ShowerLight(), ShowerLight(is_quick=True)


def showers(kernel=None):
    doms = doms_of(read_event(SHOWER).pulses)
    return ShowerModel(doms, *lights(), ZENITH, AZIMUTH, kernel=kernel)


def track_points():
    """Return points near the hits and far away, and one through a DOM."""
    points = np.random.default_rng(1).normal(0, [60, 60, 200], (len(EACH), 3))
    points[::9] *= 40
    points[5] = 0
    points[:, 2] += np.median(clean_hits(read_event(TRACK).pulses)["time"])
    return points


def shower_points(model):
    hits = model.doms[np.isfinite(model.doms["time"])]
    centre = [hits[name].mean() for name in ("x", "y", "z", "time")]
    points = np.random.default_rng(2).normal(centre, [40, 40, 40, 200], (len(EACH), 4))
    points[::9, :3] *= 6
    points[3, :3] = [hits[name][0] for name in "xyz"]  # at a DOM
    points[4, :3] = points[3, :3] + [20, 0, 0.4]  # level with it
    return points


@pytest.mark.parametrize("is_quick", [False, True])
def test_tracks_have_the_llh_of_numpy(kernel, is_quick):
    ice, points = LayeredIce(is_quick=is_quick), track_points()
    given = tracks().llh(EACH, points, ice)
    found = tracks(kernel).llh(EACH, points, ice)
    assert np.ptp(given) > 100
    np.testing.assert_allclose(found, given, rtol=0, atol=1e-8)


@pytest.mark.parametrize("is_quick", [False, True])
def test_showers_have_the_llh_and_the_energy_of_numpy(kernel, is_quick):
    model, same = showers(), showers(kernel)
    points = shower_points(model)
    light = model.quick_light if is_quick else model.light
    given, found = model.showers(EACH, points, light), same.showers(EACH, points, light)
    assert np.ptp(given.llh) > 100
    np.testing.assert_allclose(found.llh, given.llh, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.energy_gev, given.energy_gev, rtol=1e-9)


@pytest.mark.parametrize(
    ("n_hits", "n_late", "n_doms"), [(6, 0, 40), (65, 65, 130), (150, 129, 150), (128, 1, 333)]
)
def test_any_number_of_hits_has_the_llh_of_numpy(kernel, n_hits, n_late, n_doms):
    random = np.random.default_rng(4)
    places, centre = dom_positions()[:78].reshape(-1, 3), np.array([10.0, -20.0, -300.0])
    away = np.linalg.norm(places - centre, axis=1)
    nearest = np.argsort(away)[:n_doms]
    doms = np.zeros(n_doms, DOM_DTYPE)
    doms["x"], doms["y"], doms["z"] = places[nearest].T
    doms["time"], doms["efficiency"] = np.nan, 1.0
    doms["time"][:n_hits] = 5000 + 4.6 * away[nearest[:n_hits]] + random.exponential(99, n_hits)
    doms["charge"][:n_hits] = 3 + random.exponential(20, n_hits)
    doms["late"][:n_late] = 0.3 + random.exponential(4, (n_late, N_BINS))
    doms["has_charge"] = True
    doms["has_charge"][1:n_hits:19] = False  # saturated
    points = random.normal([*centre, 5000.0], [30, 30, 30, 200], (len(EACH), 4))
    points[0, 3], points[1, 3], points[2, :3] = -1e6, 1e6, 2e3
    given, found = (
        ShowerModel(doms, *lights(), ZENITH, AZIMUTH, kernel=it) for it in (None, kernel)
    )
    for light in lights():
        expected = given.showers(EACH, points, light)
        assert np.isfinite(expected.llh).all()
        same = found.showers(EACH, points, light)
        np.testing.assert_allclose(same.llh, expected.llh, rtol=1e-12, atol=1e-8)
        np.testing.assert_allclose(same.energy_gev, expected.energy_gev, rtol=1e-9)


def test_the_search_goes_the_way_of_numpy(kernel):
    search = Search((8.0, 8.0, 16.0, 16.0), 0.1, 60)
    of_tracks = search._replace(step=search.step[:3])
    ice, model = LayeredIce(is_quick=True), showers()
    light, points = model.quick_light, shower_points(model)
    pairs = [
        (it.minima(EACH, track_points(), of_tracks, ice) for it in (tracks(), tracks(kernel))),
        (it.minima(EACH, points, search, light) for it in (model, showers(kernel))),
    ]
    for given, found in pairs:
        np.testing.assert_array_equal(found.evaluations, given.evaluations)
        np.testing.assert_allclose(found.point, given.point, rtol=0, atol=1e-6)
        np.testing.assert_allclose(found.value, given.value, rtol=0, atol=1e-8)


def test_all_processors_compute_the_same_bytes(library):
    if not has_avx2():
        pytest.skip("this processor has no AVX2")
    ice, model = LayeredIce(), showers()
    kernels = [Kernel(library, with_avx2=avx2) for avx2 in (False, True)]
    llhs = [tracks(it).llh(EACH, track_points(), ice).tobytes() for it in kernels]
    assert llhs[0] == llhs[1]
    points = shower_points(model)
    llhs = [showers(it).showers(EACH, points, model.light).llh.tobytes() for it in kernels]
    assert llhs[0] == llhs[1]


def test_a_point_has_the_same_bytes_alone_and_among_others(kernel):
    ice, points, model = LayeredIce(), track_points(), tracks(kernel)
    together = model.llh(EACH, points, ice)
    alone = [model.llh(EACH[[i]], points[[i]], ice)[0] for i in range(len(EACH))]
    assert together.tobytes() == np.array(alone).tobytes()


def test_points_that_are_not_finite_are_nan_and_a_search_leaves_them(kernel):
    ice, points = LayeredIce(), track_points()
    points[0, 1], points[1, 2] = np.nan, np.inf
    llh = tracks(kernel).llh(EACH, points, ice)
    assert np.isnan(llh[:2]).all()
    assert np.isfinite(llh[2:]).all()
    found = tracks(kernel).minima(EACH[:1], points[:1], Search((1.0, 1.0, 1.0), 0.1, 50), ice)
    assert found.value[0] > 1e300


@pytest.mark.parametrize(("name", "low", "high"), [("logs", -690, 690), ("exps", -700, 100)])
def test_its_own_logarithm_and_exponential_are_right_to_the_last_digits(
    library, name, low, high
):
    x = np.random.default_rng(3).uniform(low, high, 100_000)
    if name == "logs":
        x = np.concatenate([np.exp(x), np.linspace(0.5, 2, 100_001)])
    else:
        x = np.concatenate([x, np.linspace(-1, 1, 100_001)])
    found = np.empty_like(x)
    getattr(Kernel(library).library, name)(len(x), pointer(x), pointer(found))
    right = np.log(x) if name == "logs" else np.exp(x)
    scale = np.maximum(1, np.abs(right)) if name == "logs" else right
    assert np.max(np.abs(found - right) / scale) < 4e-16


@pytest.mark.usefixtures("anew")
def test_a_compiler_that_takes_new_processors_for_granted_makes_the_same(
    tmp_path, library, monkeypatch
):
    usual = next(filter(None, map(shutil.which, COMPILERS)))
    newer = tmp_path / "cc"
    newer.write_text(f'#!/bin/sh\nexec {usual} -march=x86-64-v3 "$@"\n')
    newer.chmod(0o755)
    check = [newer, "-x", "c", "-c", "/dev/null", "-o", tmp_path / "nothing.o"]
    if subprocess.run(check, check=False, capture_output=True).returncode:
        pytest.skip("this compiler does not know x86-64-v3")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert hashlib.sha256(compiled_kernel()).hexdigest() == sha256_of(library)


def compiler_that(says, tmp_path, monkeypatch):
    """Put a compiler in front of the others that fails the first time, and says why."""
    usual = next(filter(None, map(shutil.which, COMPILERS)))
    first = tmp_path / "cc"
    once = f'[ -e "$0.ran" ] && exec {usual} "$@"; : >"$0.ran"'
    first.write_text(f"#!/bin/sh\n{once}\necho '{says}' >&2\nexit 1\n")
    first.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)


@pytest.mark.usefixtures("anew")
def test_a_compiler_that_does_not_know_an_option_does_without(tmp_path, monkeypatch):
    compiler_that("error: unknown argument: -fvect-cost-model=dynamic", tmp_path, monkeypatch)
    assert compiled_kernel().startswith(b"\x7fELF")


@pytest.mark.usefixtures("anew")
def test_a_compiler_may_warn_at_length(tmp_path, library, monkeypatch):
    usual = next(filter(None, map(shutil.which, COMPILERS)))
    wordy = tmp_path / "cc"
    warnings = "for i in 1 2 3 4; do head -c 50000 /dev/zero >&2 || exit 1; done"
    wordy.write_text(f'#!/bin/sh\n{warnings}\nexec {usual} "$@"\n')
    wordy.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert hashlib.sha256(compiled_kernel()).hexdigest() == sha256_of(library)


@pytest.mark.usefixtures("anew")
def test_a_compiler_that_is_killed_makes_no_other_kernel(tmp_path, monkeypatch):
    compiler_that("fatal error: Killed signal terminated cc1", tmp_path, monkeypatch)
    with pytest.raises(BadInput, match="Killed signal"):
        compiled_kernel()


@pytest.mark.usefixtures("anew")
def test_without_a_folder_for_temporary_files_there_is_no_kernel(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(BadInput, match="cannot be compiled"):
        compiled_kernel()


def test_it_needs_no_library(library):
    """So that it loads beside another libc, or an older one."""
    if not shutil.which("readelf"):
        pytest.skip("there is no readelf")
    run = ["readelf", "--wide", "--dynamic", "--dyn-syms", library]
    shown = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    assert "NEEDED" not in shown
    undefined = [line.split() for line in shown.splitlines() if " UND" in line]
    assert [words for words in undefined if words[-1] != "UND"] == []
    assert "track_minima" in shown


def test_a_folder_without_kernel_has_none(tmp_path):
    assert kernel_of(tmp_path) is None


def test_a_kernel_that_does_not_load_says_what_to_do(tmp_path):
    (tmp_path / KERNEL_SO).write_bytes(b"\x7fELF of another machine")
    with pytest.raises(KernelDoesNotLoad, match=r"cannot be loaded.*--kernel numpy"):
        kernel_of(tmp_path)


def test_it_loads_from_a_folder_that_is_mounted_noexec(tmp_path, library):
    there = tmp_path / "noexec"
    there.mkdir()
    own = ["unshare", "--user", "--map-root-user", "--mount"]
    mount = 'mount -t tmpfs -o noexec tmpfs "$0" && cp "$1" "$0/"'
    load = "import sys; from pathlib import Path; from skyscan.compiled import kernel_of; "
    load += "print(kernel_of(Path(sys.argv[1])).track)"
    try:
        subprocess.run([*own, "sh", "-c", mount, there, library], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    run = [*own, "sh", "-c", f'{mount} && exec "$2" -c "$3" "$0"', there, library]
    done = subprocess.run(
        [*run, sys.executable, load], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Functions" in done.stdout


@pytest.mark.parametrize(("reco", "event"), [("track", TRACK), ("cascade", SHOWER)])
def test_fits_are_those_of_numpy(tmp_path, library, reco, event):
    from skyscan.records import PIXEL_DTYPE

    found = []
    for content in (None, library.read_bytes()):
        it = reco_class(reco)("")
        seed = it.prepare(read_event(event), tmp_path)
        if content is not None:
            (tmp_path / KERNEL_SO).write_bytes(content)
        it.setup(tmp_path)
        rows = np.zeros(4, PIXEL_DTYPE)
        rows["nside"], rows["pixel"] = 1, np.arange(4)
        for name in ("x", "y", "z", "time"):
            rows[name] = getattr(seed, name)
        found.append(it.reconstruct(rows, ZENITH[:4], AZIMUTH[:4]))
    np.testing.assert_allclose(found[1]["llh"], found[0]["llh"], rtol=0, atol=1e-6)
    assert found[1].tobytes() != found[0].tobytes()  # the kernel did it
