"""Errors and reports repeat what others wrote."""

import os

import pytest

from skyscan.errors import grouped, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich\nµ", "Zürich\nµ"),
        (os.fsdecode(b"caf\xe9.i3"), r"caf\xe9.i3"),
        ("\x1b[31mred\x00", r"\x1b[31mred\x00"),
        ("right\u202eleft\ud800", r"right\u202eleft\ud800"),
    ],
)
def test_text_of_others_cannot_control_the_terminal(text, shown):
    assert printable(text) == shown


def test_texts_that_differ_in_numbers_are_one_kind():
    (many, one) = grouped(["pixel 7 failed", "lost", "pixel 12 failed"])
    assert (many.n, many.example) == (2, "pixel 7 failed")
    assert (one.n, one.text) == (1, "lost")
