import argparse
import os
import select

import pytest

from skyscan.errors import ExitCode, WrongUsage
from skyscan.events.choice import parse_event_id
from skyscan.job.progress import read_progress
from skyscan.scan import MAX_SECONDS
from workflows.cli import main
from workflows.quantities import (
    number,
    parse_duration,
    parse_fraction,
    parse_megabytes,
    positive,
)


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


@pytest.mark.parametrize("text", ["\uff11", "\u0660.\u0661%", "0_1", "1_0%"])
def test_so_have_fractions(text):
    with pytest.raises(WrongUsage, match="fraction"):
        parse_fraction(text, "--max-failed-pixels")


@pytest.mark.parametrize(
    ("text", "value"), [("58000", 58000.0), ("-1.5e3", -1500.0), (" 7", 7.0)]
)
def test_numbers_are_plain_and_finite(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["nan", "inf", "1e400", "1_0", "\u0663", "0x10", "", "1,5", "x"]
)
def test_what_is_none_is_no_number(text):
    with pytest.raises(argparse.ArgumentTypeError, match="is not a number"):
        number(text)


def test_a_whole_number_of_thousands_of_digits_is_refused_by_its_length():
    with pytest.raises(argparse.ArgumentTypeError, match="too large"):
        positive("9" * 5000)


def test_so_is_the_number_of_an_event():
    with pytest.raises(WrongUsage, match="does not name an event"):
        parse_event_id("1:" + "9" * 5000)
    assert parse_event_id(f"1:{2**63 - 1}").event_id == 2**63 - 1


def test_a_jobs_progress_has_no_number_of_thousands_of_digits():
    assert read_progress("pixels done: 12 of 48") == 12
    assert read_progress(f"pixels done: {'9' * 5000} of 48") is None


def test_a_message_does_not_repeat_a_very_long_word(capsys):
    assert main(["result", "x" * 100_000]) == ExitCode.WRONG_USAGE
    shown = capsys.readouterr().err
    assert shown.startswith("skyscan: error: ")
    assert len(shown) < 5000
