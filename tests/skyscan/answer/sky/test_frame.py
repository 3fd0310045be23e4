"""Directions as text."""

import pytest

from skyscan.answer.sky.frame import ICRS, turn_text


@pytest.mark.parametrize(
    ("degrees", "text"),
    [(0.0, "0.00"), (359.994, "359.99"), (359.997, "0.00"), (360.0, "0.00"), (-0.001, "0.00")],
)
def test_a_whole_turn_is_written_as_zero(degrees, text):
    assert turn_text(degrees) == text
    assert ICRS.direction(degrees, 1.0) == f"RA {text} deg, Dec +1.00 deg"
