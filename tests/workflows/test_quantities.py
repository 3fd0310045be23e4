import pytest

from skyscan.errors import WrongUsage
from workflows.quantities import parse_duration, parse_megabytes


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


WRONG = ["", "0", "0s", "-1", "soon", "1e3", "1,5h", "nan", "inf", "5 5", "1kg", "9" * 400]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("parse", [parse_duration, parse_megabytes])
def test_anything_else_is_wrong_usage_that_names_the_option(parse, text):
    with pytest.raises(WrongUsage, match=r"--some-option .* is not an? "):
        parse(text, "--some-option")
