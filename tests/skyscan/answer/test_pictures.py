"""Pictures: what they show is in their artists, and each is drawn where it is told to be."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from answer_support import gaussian_map

from skyscan import read_event, read_map
from skyscan.answer.catalogue import Source
from skyscan.answer.context import Context

mpl = pytest.importorskip("matplotlib")
figure = pytest.importorskip("matplotlib.figure")

from skyscan.answer.pictures.event import draw_event, residuals_of  # noqa: E402
from skyscan.answer.pictures.files import write_pictures  # noqa: E402
from skyscan.answer.pictures.plane import Plane  # noqa: E402
from skyscan.answer.pictures.profile import draw_profile  # noqa: E402
from skyscan.answer.pictures.style import usual_style  # noqa: E402
from skyscan.answer.pictures.zoom import draw_zoom  # noqa: E402
from skyscan.answer.sky.cells import cells_at  # noqa: E402

SIMULATED = Path(__file__).parents[2] / "data" / "maps"


@pytest.fixture(scope="module")
def simulated():
    (path,) = SIMULATED.glob("run*.npz")
    return read_map(path)


@pytest.fixture(scope="module")
def event():
    with resources.as_file(resources.files("skyscan") / "data/simulated_track.json") as path:
        return read_event(path)


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_the_zoom_shows_contours_fits_and_sources_in_the_axes_that_it_is_given():
    context = Context("track", fits={"Online": (50.5, -3.0), "Far": (200.0, 0.0)})
    skymap = gaussian_map(sigma=1.5, context=context)
    axes = figure.Figure().add_subplot()
    sources = [Source("inside", 49.5, -3.5), Source("behind", 230.0, 3.0)]
    assert draw_zoom(skymap, axes, sources=sources) is axes
    assert skymap.plot(axes) is axes
    assert labels(draw_zoom(skymap, sources=sources)) == [
        *("50 % (wilks)", "90 % (wilks)", "best fit (track)", "Online", "catalogue")
    ]
    assert [text.get_text() for text in axes.texts] == ["inside"]
    left, right = axes.get_xlim()
    assert left > right  # east is on the left


@pytest.mark.parametrize("place", [(0.0, 10.0), (120.0, 89.5), (10.0, -90.0), (200.0, 60.0)])
def test_a_zoom_is_drawn_everywhere_on_the_sky(place):
    axes = draw_zoom(gaussian_map(*place, sigma=1.5, nsides=(8, 64)))
    (cells, *_) = axes.collections
    assert len(cells.get_paths()) > 50
    inside = [path for path in cells.get_paths() if np.isfinite(path.vertices).all()]
    assert len(inside) == len(cells.get_paths())


def test_the_plane_keeps_distances_near_its_point():
    plane = Plane(10.0, 40.0)
    x, y = plane.offsets([10.0, 10.0 + 1 / np.cos(np.radians(40))], [41.0, 40.0])
    assert (x, y) == (pytest.approx([0, 1], abs=0.01), pytest.approx([1, 0], abs=0.01))
    assert np.isnan(plane.offsets(190.0, -40.0)).all()


def test_the_all_sky_image_has_the_value_of_the_cell_around_each_direction():
    skymap = gaussian_map(nsides=(4, 32))
    ra, dec = np.meshgrid([5.0, 50.0, 181.0, 355.0], [-89.0, -3.0, 45.0])
    found = skymap.cell_values[cells_at(skymap.cells, ra, dec)]
    distance = np.sqrt(skymap.two_delta_llh(ra, dec))
    assert np.sqrt(found) == pytest.approx(distance, abs=12)  # a pixel of nside 4 has 15 deg


def test_the_profile_crosses_the_level_where_the_region_ends(simulated):
    outer = simulated.answer().region(0.9)
    line = draw_profile(simulated, along="dec").lines[0]
    x, y = line.get_data()
    crossing = np.interp(outer.two_delta_llh, y[x > 0], x[x > 0])
    assert crossing <= outer.dec_plus_deg + 0.1


def test_residuals_of_a_good_fit_are_near_0_for_the_brightest_doms(simulated, event):
    residuals, charge = residuals_of(event, simulated)
    assert len(residuals) == 157  # the hits that docs/track.md gives
    assert abs(np.average(np.clip(residuals, -300, 300), weights=charge)) < 60
    early = residuals < -60
    assert charge[early].sum() < 0.05 * charge.sum()


def test_the_event_has_a_dot_for_each_hit_dom(simulated, event):
    for view in ("side", "top"):
        axes = draw_event(event, view=view, skymap=simulated)
        assert len(axes.collections[0].get_offsets()) == 157


def test_all_pictures_are_written_in_both_formats(simulated, event, tmp_path):
    paths = write_pictures(simulated, tmp_path, event=event)
    names = {path.name.removeprefix(f"{simulated.name}.") for path in paths}
    assert names == {
        f"{name}.{ending}"
        for name in ("zoom", "sky", "profile", "event", "residuals")
        for ending in ("png", "pdf")
    }
    assert all(path.stat().st_size > 5000 for path in paths)


def test_a_matplotlibrc_does_not_change_what_is_written(simulated, tmp_path):
    def content(folder: Path) -> bytes:
        (path,) = write_pictures(simulated, folder, kinds=("profile",), formats=("png",))
        return path.read_bytes()

    for name in ("usual", "odd"):
        (tmp_path / name).mkdir()
    with usual_style():
        usual = content(tmp_path / "usual")
    with mpl.rc_context({"font.size": 3, "axes.facecolor": "red"}):
        with usual_style():
            assert content(tmp_path / "odd") == usual
        assert content(tmp_path / "odd") != usual  # in a notebook, the user's own style


def test_a_matplotlib_that_cannot_be_used_is_named(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    code = "from skyscan.answer.pictures.style import new_figure; new_figure(1, 1)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "matplotlib cannot be used" in done.stderr
    assert "MPLBACKEND" in done.stderr
