import argparse
import os
import select

import pytest

from skyscan.errors import WrongUsage
from skyscan.scan import MAX_SECONDS
from workflows.quantities import parse_duration, parse_fraction, parse_megabytes, positive


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5m", 90), ("2 h", 7200), ("1D", 86400), (" 5min ", 300)],
)
def test_durations_are_read_as_seconds(text, seconds):
    assert parse_duration(text, "--deadline") == seconds


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [("2000", 2000), ("2000MB", 2000), ("2GB", 2048), ("0.5g", 512), ("0.1", 1)],
)
def test_sizes_are_read_as_megabytes(text, megabytes):
    assert parse_megabytes(text, "--request-memory") == megabytes


WRONG = [
    "",
    "0",
    "0s",
    "-1",
    "soon",
    "1e3",
    "1,5h",
    "nan",
    "inf",
    "5 5",
    "1kg",
    "9" * 400,
    "\u0663",
    "1\uff10s",
]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("parse", [parse_duration, parse_megabytes])
def test_anything_else_is_wrong_usage_that_names_the_option(parse, text):
    with pytest.raises(WrongUsage, match=r"--some-option .* is not an? "):
        parse(text, "--some-option")


@pytest.mark.parametrize("text", ["11575d", "1000000000d", "1000000000.5"])
def test_no_duration_is_longer_than_a_timer_can_wait(text):
    with pytest.raises(WrongUsage):
        parse_duration(text, "--max-pixel-time")


@pytest.mark.parametrize("text", ["11574d", "1000000000"])
def test_thirty_years_are_a_duration_that_a_timer_takes(text):
    seconds = parse_duration(text, "--max-pixel-time")
    assert seconds <= MAX_SECONDS
    read, write = os.pipe()
    os.close(write)  # so that it does not wait
    assert select.select([read], [], [], seconds)[0]
    os.close(read)


@pytest.mark.parametrize("text", ["\u0663", "\u00b2", "1_000", "+5", "\uff11"])
def test_whole_numbers_have_digits_of_ascii(text):
    with pytest.raises(argparse.ArgumentTypeError, match="whole number"):
        positive(text)


@pytest.mark.parametrize("text", ["\uff11", "\u0660.\u0661%"])
def test_so_have_fractions(text):
    with pytest.raises(WrongUsage, match="fraction"):
        parse_fraction(text, "--max-failed-pixels")
