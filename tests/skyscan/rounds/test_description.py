"""The description of a round is taken as it was written, or not at all."""

import pytest

from skyscan.errors import BadInput
from skyscan.layout import ScanFolder
from skyscan.rounds.description import (
    LEFTOVER,
    MAX_BATCHES,
    MAX_DEPTH,
    description_of,
    read_description,
)
from skyscan.storage import write_sealed

BATCH = {"number": 0, "pixels": 12, "sha256": "0" * 64}
DESCRIPTION = {"scan_id": "0123", "batches": [BATCH]}


@pytest.fixture
def here(tmp_path):
    here = ScanFolder(tmp_path).round(0)
    here.description.parent.mkdir(parents=True)
    return here


@pytest.mark.parametrize(
    "changes",
    [
        *({}, {"batches": []}, {"another": "key"}),
        *({LEFTOVER: 0}, {LEFTOVER: 1}, {LEFTOVER: MAX_DEPTH}),
        {"batches": [BATCH, BATCH | {"number": MAX_BATCHES - 1, "pixels": 0}]},
        {"batches": [BATCH, BATCH | {"number": MAX_BATCHES - 3, "pixels": [2, 1, 0]}]},
    ],
)
def test_a_description_is_read_as_it_was_written(here, changes):
    written = DESCRIPTION | changes
    write_sealed(here.description, written)
    assert written.items() <= read_description(here).items()
    assert description_of(here) == read_description(here)


@pytest.mark.parametrize(
    "changes",
    [
        *({"scan_id": 1}, {"scan_id": None}, {"batches": {}}, {"batches": [1]}),
        *({LEFTOVER: -1}, {LEFTOVER: MAX_DEPTH + 1}, {LEFTOVER: 0.5}, {LEFTOVER: "1"}),
        *(
            {"batches": [BATCH, BATCH | change]}
            for change in (
                *({"number": -1}, {"number": MAX_BATCHES}, {"number": "0"}, {"number": 0.5}),
                *({"pixels": -1}, {"pixels": None}, {"sha256": 0}),
                *(
                    {"pixels": []},
                    {"pixels": [1, -1]},
                    {"pixels": [1, True]},
                    {"pixels": [[1]]},
                ),
                {"number": MAX_BATCHES - 2, "pixels": [2, 1, 0]},
            )
        ),
        *({"batches": [{key: BATCH[key] for key in BATCH if key != gone}]} for gone in BATCH),
    ],
)
def test_what_does_not_describe_a_round_is_bad_input(here, changes):
    write_sealed(here.description, DESCRIPTION | changes)
    with pytest.raises(BadInput, match=r"round\.json does not describe a round"):
        read_description(here)
    assert description_of(here) is None


@pytest.mark.parametrize("gone", list(DESCRIPTION))
def test_a_description_without_a_key_is_bad_input(here, gone):
    write_sealed(
        here.description, {key: DESCRIPTION[key] for key in DESCRIPTION if key != gone}
    )
    with pytest.raises(BadInput, match="does not describe a round"):
        read_description(here)


def test_a_round_without_a_description_has_none(here):
    with pytest.raises(BadInput):
        read_description(here)
    assert description_of(here) is None
