"""Tables of events are kept, continued and merged."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from skyscan.answer.levels import WILKS
from skyscan.coverage import __main__ as program
from skyscan.coverage import sample
from skyscan.coverage.calibrating import _ends, calibration_of
from skyscan.coverage.quantiles import contained, level_of
from skyscan.coverage.sample import (
    FIRST_SEEDS,
    SAMPLES,
    Row,
    append_row,
    read_folder,
    read_rows,
    rows_of,
    write_rows,
)
from skyscan.errors import BadInput

TABLES = Path(__file__).parents[3] / "benchmarks" / "coverage"
ROW = Row("track", 7, 1234.5, 33, 80.25, 1.5, 0.3, 512)


def test_a_table_gives_back_the_rows_that_it_was_made_of(tmp_path):
    nothing = Row("track", 8, 1000.0, 3, 4.0, float("nan"), float("nan"), 0)
    write_rows(tmp_path / "a.csv", [ROW, nothing], "seeds 7 and 8")
    first, second = read_rows(tmp_path / "a.csv")
    assert first == ROW
    assert not second.is_scanned


def test_a_table_that_a_stopped_run_left_is_continued(tmp_path):
    path = tmp_path / "a.csv"
    append_row(path, ROW)
    whole = path.read_text()
    path.write_text(whole + "track,8,12")
    assert read_rows(path) == [ROW]
    append_row(path, ROW)
    assert read_rows(path) == [ROW, ROW]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", None])
def test_another_file_is_bad_input(tmp_path, text):
    write_rows(tmp_path / "a.csv", [ROW])
    made = (tmp_path / "a.csv").read_text()
    (tmp_path / "a.csv").write_text(made.replace("1234.5", "x") if text is None else text)
    with pytest.raises(BadInput, match=r"a\.csv"):
        read_rows(tmp_path / "a.csv")


def test_samples_have_no_event_in_common():
    firsts = sorted(FIRST_SEEDS.values())
    assert min(b - a for a, b in pairwise(firsts)) >= 5_000_000
    for kind in ("muon", "shower"):
        samples = [{row.seed for row in read_folder(TABLES, it, kind)} for it in SAMPLES]
        assert not set.intersection(*samples)


def test_a_sample_passes_over_the_events_of_the_other(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(sample, "rows_of", lambda _kind, _recos, seed: made.append(seed) or ())
    first = FIRST_SEEDS["calibration", "muon"]
    write_rows(tmp_path / "validation-muon.csv", [replace(ROW, seed=first + 1)])
    words = ["run", str(tmp_path), "--kind", "muon", "--sample", "calibration"]
    assert program.main([*words, "--number", "3"]) == 0
    assert made == [first, first + 2]


def test_a_run_continues_where_the_last_one_ended(tmp_path, monkeypatch):
    made = []

    def fake(_kind, recos, seed) -> Iterator[Row]:
        made.append(seed)
        yield from (Row(reco, seed, 1.0, 20, 30.0, 0.5, 0.1, 512) for reco in recos)

    monkeypatch.setattr(sample, "rows_of", fake)
    words = ["run", str(tmp_path), "--kind", "muon", "--sample", "validation"]
    assert program.main([*words, "--number", "2"]) == 0
    assert program.main([*words, "--number", "5", "--part", "1/2"]) == 0
    assert program.main([*words, "--number", "5", "--part", "2/2"]) == 0
    first = FIRST_SEEDS["validation", "muon"]
    assert sorted(made) == list(range(first, first + 5))
    assert [row.seed for row in read_folder(tmp_path, "validation", "muon")] == sorted(made)
    assert program.main(["merge", str(tmp_path), str(tmp_path / "kept")]) == 0
    assert len(read_rows(tmp_path / "kept" / "validation-muon.csv")) == 5


def test_an_event_gives_the_same_row_each_time():
    first, second = (list(rows_of("muon", ["track"], 9_000_000)) for _ in range(2))
    assert first == second
    assert first[0].n_hits >= 6
    assert first[0].is_scanned


def test_the_level_of_a_chi_square_is_that_of_wilks():
    import numpy as np

    values = np.random.Generator(np.random.PCG64(3)).chisquare(2, 4000)
    for containment, wilks in WILKS.table:
        level = level_of(values, containment)
        assert abs(level.value - wilks) < 3 * level.error
        assert 0 < level.error < 0.2


def test_coverage_counts_the_events_inside():
    rows = [Row("track", n, 1.0, 20, 30.0, n / 10, 0.1, 512) for n in range(100)]
    found = contained(rows, lambda _: WILKS, 0.5)
    assert (found.n_inside, found.n_events) == (14, 100)
    assert found.sigma == pytest.approx(0.05)
    assert found.pull == pytest.approx(-7.2)


def test_classes_are_divided_where_both_sides_have_enough_events():
    rows = [Row("track", n, 1.0, 10 + n % 200, 30.0, n % 7, 0.1, 512) for n in range(1000)]
    assert _ends("track", rows[:200]) == [(6, None)]
    assert _ends("track", rows) == [(6, 79), (80, 149), (150, None)]
    made = calibration_of("track", rows)
    assert [it["hits"] for it in made["classes"]] == [[6, 79], [80, 149], [150, None]]
    assert sum(it["events"] for it in made["classes"]) == 1000
    with pytest.raises(BadInput, match="30 are needed"):
        calibration_of("track", rows[:20])
