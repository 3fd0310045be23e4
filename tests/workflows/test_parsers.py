"""Whatever a parser gets, it ends with 0, 64 or 65, soon and in little memory.

`tests/fuzz.py` has the parsers and the cases, and runs many more of them.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import fuzz
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = (
    *("event JSON", "event pickle", "i3", "SuperDST", "frames", "followup", "site TOML"),
    *("scan.json", "startup.json", "round.json", "batch", "records", "site options"),
    *("options of plan", "many events", "CSV", "Parquet", "SQLite", "truth", "geometry"),
    *("ice model", "levels", "catalogue", "campaign.json", "list of events"),
    *("state of a watch", "catalogue of astropy", "map npz", "map JSON", "map FITS"),
    *("map npz, read only", "map JSON, read only", "map FITS, read only"),
)
CASES = {"options of plan": 8}
USUAL_CASES = 60


@pytest.fixture(scope="module")
def parsers() -> Iterator[dict[str, fuzz.Parser]]:
    """Return the parsers, in a shell without variables of ours."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [it for it in os.environ if it.startswith("SKYSCAN_")]:
            patch.delenv(name)
        with TemporaryDirectory(dir="/var/tmp") as place:  # no scan is planned in /tmp
            yield fuzz.parsers(Path(place))


@pytest.mark.parametrize("name", NAMES)
def test_a_parser_accepts_or_refuses_and_does_nothing_else(parsers, name):
    wrong = {
        number: found
        for number in range(CASES.get(name, USUAL_CASES))
        if (found := fuzz.try_case(parsers[name], name, number))
    }
    assert wrong == {}


def test_every_parser_is_tried(parsers):
    assert set(parsers) == set(NAMES)


def test_an_error_that_is_none_of_these_is_found():
    def bug(case: object) -> None:
        raise KeyError(case)

    parser = fuzz.Parser(lambda _: "x", bug)
    assert fuzz.try_case(parser, "a bug", 0) == "KeyError: 'x'"
