"""The JSON of the scan model is what its published schema says."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from model_support import (
    FAULTS,
    break_job,
    copy_of,
    ended_dagman,
    fit,
    opened_scan,
    running,
)
from plans_support import EVENT, options

from workflows.cli import main
from workflows.model.schema import schema
from workflows.plan import plan
from workflows.reports.schema import schema as report_schema

PUBLISHED = Path(__file__).parents[3] / "docs" / "scan-model.schema.json"


def planned(place):
    return plan(EVENT, place, options())


def runs(place):
    folder = opened_scan(place)
    running(folder)
    return folder


def failed(place):
    folder = opened_scan(place)
    fit(folder, 0, reason="no")
    break_job(folder, FAULTS["a module is missing"])
    return folder


def complete(place):
    folder = opened_scan(place)
    fit(folder, 0, 1, 2)
    ended_dagman(folder, 0)
    return folder


def copied(place):
    return copy_of(runs(place), place / "copy")


def test_the_published_schema_is_that_of_the_code():
    published = json.loads(PUBLISHED.read_text())
    Draft202012Validator.check_schema(published)
    assert published == schema()


def test_the_published_schema_of_reports_is_that_of_the_code():
    published = json.loads((PUBLISHED.parent / "report.schema.json").read_text())
    Draft202012Validator.check_schema(published)
    assert published == report_schema()


@pytest.mark.parametrize("make", [planned, runs, failed, complete, copied])
def test_the_model_of_any_folder_is_valid(tmp_path, capsys, make):
    folder = make(tmp_path)
    assert main(["status", "--json", str(folder.path)]) == 0
    value = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads(PUBLISHED.read_text())).validate(value)


def test_every_field_has_a_description():
    value = schema()
    for kind in (value, *value["$defs"].values()):
        assert kind["description"]
    undescribed = [name for name, it in value["properties"].items() if "description" not in it]
    assert undescribed == []
