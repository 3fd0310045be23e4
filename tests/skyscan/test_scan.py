import json

import pytest
from scans_support import a_scan

from skyscan.errors import BadInput
from skyscan.job.worker import TALLY_VARIABLE
from skyscan.scan import read_scan


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.json"


@pytest.mark.parametrize(
    "scan",
    [
        a_scan(),
        a_scan(event_type=None, is_real_event=False, batch_size=3),
        a_scan(environment={"SKYSCAN_X": "ü '\"$(a)", "SKYSCAN_A": ""}, progression=((8, 0),)),
    ],
)
def test_written_values_are_read_back(path, scan):
    scan.write(path)
    assert read_scan(path) == scan
    assert read_scan(path).id == scan.id == json.loads(path.read_text())["id"]


def test_the_id_depends_on_everything_that_determines_a_result_and_on_nothing_else():
    scan = a_scan()
    assert len(scan.id) == 32
    for change in (
        {"event_sha256": "1" * 64},
        {"is_real_event": False},
        {"reco": "track"},
        {"runtime": "container:docker://icecube/skymap_scanner:4.2.1"},
        {"environment": {"SKYSCAN_DUMMY_VARIATIONS": "2"}},
    ):
        assert a_scan(**change).id != scan.id
    for change in (
        {"progression": ((1, 0), (2, 3))},  # a result file has the checksum of its batch
        {"batch_size": 4},
    ):
        assert a_scan(**change).id == scan.id


def test_folders_of_data_and_logs_of_fits_do_not_determine_results():
    elsewhere = {
        TALLY_VARIABLE: "/tally",
        "SKYSCAN_DATA_CACHE": "/cache",
        "SKYSCAN_DATA_DIRS": "/a:/b",
        "SKYSCAN_DATA_URL": "http://localhost",
    }
    assert a_scan(environment=elsewhere).id == a_scan().id


def written(path, change):
    a_scan().write(path)
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize("wrong", [2, None, "1"])
def test_another_format_is_refused_and_named(path, wrong):
    with pytest.raises(BadInput, match="format") as caught:
        read_scan(written(path, lambda value: value.update(format=wrong)))
    assert "skyscan.zip" in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.pop("reco"),
        lambda value: value.update(progression=[[8, 0], [7, 12]]),
        lambda value: value.update(progression=[[8]]),
        lambda value: value.update(progression=3),
        lambda value: value.update(progression=[["x", 0]]),
        lambda value: value.update(reco="track"),
    ],
    ids=["lacks a key", "no power of two", "no pair", "no list", "no number", "edited"],
)
def test_a_damaged_file_is_bad_input(path, change):
    with pytest.raises(BadInput, match=r"scan\.json"):
        read_scan(written(path, change))


def test_a_missing_file_is_bad_input(path):
    with pytest.raises(BadInput, match="missing"):
        read_scan(path)
