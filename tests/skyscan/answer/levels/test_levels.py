"""Which 2 delta llh bounds a region, and the scale on which probabilities are Wilks'."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from answer_support import gaussian_map

from skyscan.answer.answer import in_words
from skyscan.answer.context import Context
from skyscan.answer.levels import (
    CHOICES,
    ICECUBE,
    WILKS,
    Levels,
    levels_of,
    own_levels_line,
    read_levels,
)
from skyscan.answer.levels.chosen import default_levels, parse_levels
from skyscan.answer.levels.scale import BENDS, Scale
from skyscan.errors import BadInput, WrongUsage
from skyscan.likelihood import Likelihood


@pytest.mark.parametrize(
    ("reco", "levels"),
    [
        ("millipede_original", ICECUBE),
        ("millipede_wilks", WILKS),
        ("track", WILKS),
        (None, WILKS),
    ],
)
def test_the_default_depends_on_the_reconstruction(reco, levels):
    assert default_levels(reco) is levels
    assert parse_levels(None, reco) is levels
    assert parse_levels("icecube", reco) is ICECUBE


def words(levels, reco, likelihood=None):
    return in_words(levels, gaussian_map(context=Context(reco, likelihood=likelihood)))


def test_words_say_what_the_levels_are_not_meant_for():
    assert "not calibrated for track" in words(ICECUBE, "track")
    assert "not calibrated" not in words(ICECUBE, "millipede_original")
    assert "unknown" in words(WILKS, None)


def test_the_levels_of_an_event_hold_for_it_and_its_reconstruction_only(tmp_path):
    path = tmp_path / "levels.txt"
    name = gaussian_map().event_name
    path.write_text(f"{own_levels_line('track', 40, name)}\n0.5 1\n0.9 5\n")
    own = parse_levels(str(path), "track")
    assert own.description.endswith(f"on 40 events simulated around the best fit of {name}")
    track, shower = (Likelihood(it, "abc", 30, 50.0) for it in ("track", "cascade"))
    assert "not calibrated" not in words(own, "track", track)
    assert "not calibrated" not in words(own, "auto", track)
    assert "not calibrated for cascade" in words(own, "cascade", shower)
    assert "not calibrated for auto, which chose cascade" in words(own, "auto", shower)
    other = replace(gaussian_map(context=Context("track")), event_id=3)
    assert f"not calibrated for {other.event_name}, but for {name}" in in_words(own, other)
    (check,) = (it for it in other.answer(own).checks if it.name == "levels")
    assert check.state == "warning"
    assert f"but for {name}" in check.reason


def test_a_table_of_ones_own_is_read(tmp_path):
    (tmp_path / "mine.txt").write_text("# of my simulation\n0.9, 12.5  # deg\n\n0.5 3.25\n")
    levels = parse_levels(str(tmp_path / "mine.txt"), "track")
    assert (levels.name, levels.at(0.5), levels.at(0.9)) == ("mine.txt", 3.25, 12.5)


def test_the_name_of_a_table_is_text_whatever_its_file_is_called(tmp_path):
    path = tmp_path / os.fsdecode(b"lev\xe9\n.txt")
    path.write_text("0.5 1\n0.9 5\n")
    levels = parse_levels(str(path), "track")
    assert levels.name.encode("utf-8").decode().isprintable()
    assert levels_of(levels.text).name == levels.name
    assert levels_of(os.fsdecode(b"0.5:1 0.9:5 lev\xe9.txt")).name.isprintable()


@pytest.mark.parametrize("name", CHOICES)
def test_a_file_does_not_pass_for_levels_that_have_its_name(tmp_path, name):
    (tmp_path / name).write_text("0.5 1\n0.9 5\n")
    levels = parse_levels(str(tmp_path / name), "track")
    assert levels.name == f"{name} (a file)"
    assert levels_of(levels.text).table == levels.table


@pytest.mark.parametrize(
    "levels", [WILKS, ICECUBE, Levels("my own.txt", ((0.5, 0.1), (0.9, 1e3)), "x")]
)
def test_levels_can_be_kept_as_a_line(levels):
    kept = levels_of(levels.text)
    assert (kept.name, kept.table) == (levels.name, levels.table)
    assert (kept == levels) == (levels in (WILKS, ICECUBE))


@pytest.mark.parametrize("text", ["", "wilk", "0.5:1", "0.5:1 0.9:x a", "0.5:2 0.9:1 a"])
def test_a_line_of_something_else_is_bad_input(text):
    with pytest.raises(BadInput):
        levels_of(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "0.5 1\n", "0.5 2\n0.9 1\n", "0.5 x\n0.9 2\n", "0.5 -1\n0.9 2\n"),
        *("0.5 1\n0.9 inf\n", "0.5 1 2\n0.9 2\n", "0.5 1\n0.9 2\n0.99 3\n"),
        *("0.5 nan\n0.9 2\n", "\x00\xff"),
    ],
)
def test_a_file_that_is_no_table_is_bad_input(tmp_path, text):
    (tmp_path / "mine.txt").write_text(text)
    with pytest.raises(BadInput, match=r"mine\.txt"):
        parse_levels(str(tmp_path / "mine.txt"), "track")


def test_a_name_that_is_neither_table_nor_file_is_wrong_usage():
    with pytest.raises(WrongUsage, match="wilks nor icecube"):
        parse_levels("chi2", "track")


def test_wilks_levels_leave_the_scale_alone_and_others_move_theirs_to_it():
    values = np.array([0.0, 0.3, 1.39, 4.61, 50.0])
    assert Scale(WILKS)(values).tolist() == values.tolist()
    scale = Scale(ICECUBE, bend=3.0, tail=0.5)
    assert scale([0.0, 22.2, 64.2]) == pytest.approx([0, 1.39, 4.61])
    assert (np.diff(scale(np.linspace(0, 500, 999))) > 0).all()
    assert scale.containment(64.2) == pytest.approx(0.9, abs=1e-3)


@pytest.mark.parametrize("levels", [ICECUBE, Levels("mine", ((0.5, 0.4), (0.9, 3.0)), "mine")])
def test_the_probability_inside_a_region_is_its_containment(levels):
    skymap = gaussian_map(sigma=1.0, nsides=(8, 64, 256), reach=9.0)
    answer = skymap.answer(levels)
    assert answer.probability_inside == pytest.approx((0.5, 0.9), abs=1e-6)
    cells, density = skymap.probability(levels)
    order = np.argsort(-density)
    inside = np.searchsorted(np.cumsum((density * cells.solid_angle)[order]), 0.9)
    area = np.rad2deg(np.rad2deg(cells.solid_angle[order][: inside + 1].sum()))
    assert area == pytest.approx(answer.region(0.9).area_deg2, rel=0.03)


def test_with_wilks_levels_the_density_falls_with_the_likelihood():
    skymap = gaussian_map()
    _, density = skymap.probability("wilks")
    known = density > 1e-200
    assert np.log(density[known] / density.max()) == pytest.approx(
        -skymap.cell_values[known] / 2
    )


@pytest.mark.parametrize("path", ["/proc/self/mem", "/", "/nonexistent/levels"])
def test_a_file_of_levels_that_cannot_be_read_is_named(path):
    with pytest.raises(BadInput, match=f"{path} cannot be read"):
        read_levels(Path(path))


@pytest.mark.parametrize("log_bend", BENDS)
def test_only_the_best_fit_has_the_highest_density_whatever_the_shape(log_bend):
    scale = Scale(ICECUBE, float(np.exp(log_bend)))
    low, high = (scale(ICECUBE.at(p)) for p in (0.5, 0.9))
    assert (low, high) == (pytest.approx(1.39), pytest.approx(4.61))
    density = np.exp(-0.5 * scale(np.linspace(0.0, 80.0, 1000)))
    assert (np.diff(density) < 0).all()
