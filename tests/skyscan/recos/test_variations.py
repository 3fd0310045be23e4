"""The geometries of seed variations, and their rotation with a pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyscan.recos._variations import across, cylinder, mini_test, octahedron, point


def test_each_shape_starts_with_the_seed_vertex():
    for shape in (point(), octahedron(20.0), cylinder(), mini_test(20.0)):
        assert shape[0].tolist() == [0, 0, 0]
        assert len(np.unique(shape, axis=0)) == len(shape)


def test_the_octahedron_has_its_points_on_the_axes():
    corners = octahedron(20.0)[1:]
    assert corners.tolist() == [
        [-20, 0, 0],
        [20, 0, 0],
        [0, -20, 0],
        [0, 20, 0],
        [0, 0, -20],
        [0, 0, 20],
    ]


def test_the_rings_of_the_cylinder_are_turned_against_each_other():
    lower, upper = cylinder()[1:4], cylinder()[4:]
    assert np.allclose(np.hypot(*cylinder()[1:, :2].T), 150)
    assert (lower[:, 2] == -40).all()
    assert (upper[:, 2] == 40).all()
    angles = [np.degrees(np.arctan2(ring[:, 1], ring[:, 0])) % 360 for ring in (lower, upper)]
    assert np.allclose(np.sort(angles[0]), [0, 120, 240])
    assert np.allclose(np.sort(angles[1]), [60, 180, 300])


directions = st.tuples(st.floats(0, np.pi), st.floats(0, 2 * np.pi))


@given(direction=directions)
def test_the_axis_of_a_rotated_cylinder_is_the_direction_of_travel(direction):
    zenith, azimuth = (np.array([angle]) for angle in direction)
    turned = across(np.array([[0.0, 0.0, 1.0]]), zenith, azimuth)[0]
    travel = -np.array(
        [
            np.sin(zenith[0]) * np.cos(azimuth[0]),
            np.sin(zenith[0]) * np.sin(azimuth[0]),
            np.cos(zenith[0]),
        ]
    )
    assert turned == pytest.approx(travel, abs=1e-12)


@given(direction=directions)
def test_a_rotation_keeps_lengths_and_angles(direction):
    shape = cylinder()
    zenith, azimuth = (np.full(len(shape), angle) for angle in direction)
    turned = across(shape, zenith, azimuth)
    assert turned @ turned.T == pytest.approx(shape @ shape.T, abs=1e-6)
