"""The results of `make physics` are kept in a table and shown in the docs."""

from __future__ import annotations

import importlib
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

NONE = "\N{EN DASH}"
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def table(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "benchmarks"))
    return importlib.import_module("physics_table")


@pytest.fixture
def row(table):
    return table.Row(
        event="alert",
        reco="track",
        reference="official scan",
        distance_deg=0.1234,
        two_delta_llh=3.21,
        inside=90,
        levels="calibrated",
        level_50=1.5,
        level_90=5.5,
        area_50_deg2=0.357,
        area_90_deg2=1490.4,
        energy_gev=nan,
        reference_energy_gev=4600.0,
        rank=0.9321,
        n_ranked=1543,
        n_fits=3008,
        cpu_s=5.91,
        kernel="compiled",
        version="1.2",
        ice="ice",
        ice_sha256="a" * 64,
        tables_sha256="b" * 64,
        likelihood_sha256="c" * 64,
    )


def test_a_scan_is_a_line_of_the_page_and_says_what_made_it(table, row):
    cascade = replace(row, reco="cascade", energy_gev=3300.0, inside=-1, distance_deg=nan)
    *_, first, second, empty, made = table.table_lines([row, cascade])
    assert first == (
        f"| alert | `track` | official scan | 0.12° | 3.2 | 90 % | 0.357, 1490 deg² | {NONE} |"
        " 0.932 of 1543 pixels | 3008 | 5.9 s | 1 |"
    )
    assert f"| {NONE} | 3.2 | {NONE} |" in second
    assert "| 3.3 TeV (4.6 TeV) |" in second
    assert not empty
    assert made == (
        "1. skyscan 1.2, kernel compiled, ice ice `aaaaaaaaaaaa`, "
        "table of light `bbbbbbbbbbbb`, likelihood `cccccccccccc`, "
        "levels calibrated (1.50, 5.50)"
    )


def test_rows_that_something_else_made_are_told_apart(table, row):
    lines = table.table_lines([row, replace(row, event="other", likelihood_sha256="d" * 64)])
    assert [line.split(" | ")[-1] for line in lines[2:4]] == ["1 |", "2 |"]
    assert [line[:3] for line in lines[-2:]] == ["1. ", "2. "]


def test_a_new_scan_replaces_its_row_and_the_others_stay(table, row, tmp_path):
    path = tmp_path / "rows.csv"
    assert table.read_rows(path) == []
    others = [replace(row, event="other", energy_gev=1.5), replace(row, reco="track_bulk")]
    table.write_rows(path, [replace(it, energy_gev=1.5) for it in (row, *others)])
    new = replace(row, energy_gev=2.5)
    rows = table.with_row(table.read_rows(path), new)
    assert [(it.event, it.reco, it.energy_gev) for it in rows] == [
        ("alert", "track", 2.5),
        ("other", "track", 1.5),
        ("alert", "track_bulk", 1.5),
    ]


def test_the_page_keeps_what_is_around_its_results(table, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    table.fill_page(page, ["new"])
    table.fill_page(page, ["newer"])
    assert page.read_text() == f"before\n{table.BEGIN}\n\nnewer\n\n{table.END}\nafter\n"


def test_a_page_without_room_for_results_is_not_changed(table, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"text\n{table.BEGIN}\n")
    with pytest.raises(ValueError, match="lacks the lines"):
        table.fill_page(page, ["new"])
    assert page.read_text() == f"text\n{table.BEGIN}\n"


def test_the_page_of_the_docs_has_the_rows_that_are_kept(table):
    rows = table.read_rows(REPOSITORY / "benchmarks" / "physics.csv")
    lines = table.table_lines(rows)
    assert rows
    assert "\n".join(lines) in (REPOSITORY / "docs" / "physics.md").read_text("utf-8")
