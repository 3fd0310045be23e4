"""scan.json: the options of pool and engine, beside those of the science."""

from dataclasses import replace

import pytest
from plans_support import EVENT, options

from skyscan.scan import read_scan
from workflows.plan import plan
from workflows.planned import read_planned


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return plan(EVENT, tmp_path_factory.mktemp("plan"), options(deadline=12.5))


def test_a_plan_is_read_back_completely(folder, tmp_path):
    planned = read_planned(folder.scan_json)
    assert planned.deadline == 12.5
    planned.write(tmp_path / "scan.json")
    assert read_planned(tmp_path / "scan.json") == planned


def test_the_scan_is_the_same_read_with_and_without_the_plan(folder):
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
def test_the_options_of_the_pool_do_not_determine_results(folder, change):
    planned = read_planned(folder.scan_json)
    assert replace(planned, **change).id == planned.id
