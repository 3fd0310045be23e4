"""scan.json: what a pool and an engine need of a scan, beside what the science needs."""

from dataclasses import replace

import pytest
from plans_support import EVENT, options

from skyscan.scan import read_scan
from workflows.plan import plan
from workflows.planned import read_planned


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return plan(EVENT, tmp_path_factory.mktemp("plan"), options(deadline=12.5))


def test_what_is_planned_is_read_again_whole(folder, tmp_path):
    planned = read_planned(folder.scan_json)
    assert planned.deadline == 12.5
    planned.write(tmp_path / "scan.json")
    assert read_planned(tmp_path / "scan.json") == planned


def test_the_science_reads_its_part_of_it_and_has_the_same_id(folder):
    planned, scan = read_planned(folder.scan_json), read_scan(folder.scan_json)
    assert scan.id == planned.id
    assert {**vars(planned), **vars(scan)} == vars(planned)
    assert not hasattr(scan, "site")


@pytest.mark.parametrize(
    "change",
    [
        {"max_retries": 9},
        {"site": "x"},
        {"versions": {}},
        {"gcd_dir": "/gcds"},
        {"urgent": True},
    ],
)
def test_how_a_scan_is_run_determines_no_result(folder, change):
    planned = read_planned(folder.scan_json)
    assert replace(planned, **change).id == planned.id
