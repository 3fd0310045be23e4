"""The detector: the positions of DOMs, and DOMs without a position in the ice."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from skyscan.geometry import dom_positions, is_in_ice, positions

PACKAGE = Path(__file__).parents[2] / "skyscan"


def test_every_in_ice_dom_has_a_position_in_the_instrumented_volume():
    places = dom_positions()
    assert places.shape == (86, 60, 3)
    assert np.isfinite(places).all()
    assert np.hypot(places[..., 0], places[..., 1]).max() < 605
    assert places[..., 2].max() < 530
    assert places[..., 2].min() > -515


def test_doms_of_a_string_are_17_m_apart_and_those_of_deepcore_7_m():
    steps = -np.diff(dom_positions()[..., 2])
    assert (steps > 0).all()
    assert np.median(steps[:78]) == pytest.approx(17.02, abs=0.02)
    assert np.median(steps[78:, 10:]) == pytest.approx(7.01, abs=0.02)


@pytest.mark.parametrize(
    ("string", "om", "expected"),
    [
        (1, 1, (-256.14, -521.08, 496.03)),
        (1, 60, (-256.14, -521.08, -504.40)),
        (36, 30, (46.29, -34.88, 7.39)),  # the centre of the detector
        (86, 60, (-10.97, 6.72, -500.73)),
    ],
)
def test_known_doms_have_the_positions_of_the_public_geometry(string, om, expected):
    assert positions(string, om) == pytest.approx(expected, abs=0.06)


def test_lookup_broadcasts_and_equals_the_table():
    strings, oms = np.array([5, 79, 86]), np.array([1, 10, 60])
    assert (positions(strings, oms) == dom_positions()[strings - 1, oms - 1]).all()
    assert positions(strings[:, None], oms).shape == (3, 3, 3)


@pytest.mark.parametrize(
    ("string", "om"), [(1, 61), (81, 64), (0, 1), (87, 1), (5, 0), (-1, 5)]
)
def test_a_dom_outside_the_ice_is_refused_by_name(string, om):
    assert not is_in_ice(string, om)
    with pytest.raises(ValueError, match=rf"\({string}, {om}\).*not in-ice"):
        positions([3, string], [3, om])


def test_positions_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        dom_positions()[0, 0, 0] = 1


def test_geometry_is_read_from_inside_a_zip(tmp_path):
    archive = tmp_path / "skyscan.zip"
    with zipfile.ZipFile(archive, "w") as package:
        for path in PACKAGE.rglob("*"):
            if path.suffix in {".py", ".txt"}:
                package.write(path, path.relative_to(PACKAGE.parent))
    code = "import skyscan.geometry as g; print(g.__file__, g.dom_positions().sum())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(archive)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    read_from, total = done.stdout.split()
    assert read_from.startswith(str(archive))
    assert float(total) == dom_positions().sum()
