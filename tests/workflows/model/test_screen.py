"""The live screen, and what is printed where there is no terminal."""

import json
import sys
import time
from io import StringIO
from types import SimpleNamespace

import pytest
from job_log_support import ended
from model_support import (
    copy_of,
    ended_dagman,
    fit,
    logs,
    opened_scan,
    reco_jobs,
    running,
    started,
)
from rich.console import Console

from workflows import watch
from workflows.cli import main
from workflows.commands import why
from workflows.model.reading import Answer, read_model
from workflows.model.screen import screen
from workflows.model.text import timing_lines


@pytest.fixture
def folder(tmp_path):
    return opened_scan(tmp_path)


def instead_of_sleeping(monkeypatch, module, action):
    """Let a module do something instead of sleeping.

    `time.sleep` itself stays as it is: subprocess calls it while it waits for a program.
    """
    monkeypatch.setattr(module, "time", SimpleNamespace(**{**vars(time), "sleep": action}))


def drawn(model, **keywords: object) -> str:
    console = Console(file=StringIO(), width=100, **keywords)
    console.print(screen(model))
    return console.file.getvalue()


def test_the_screen_shows_what_a_scan_does(folder):
    running(folder)
    told = drawn(read_model(folder, queue=Answer(waits=["a job waits for a machine"])))
    for text in (
        *("7 of 12", "1 running, 1 held, 1 done", "1 x no such file", "fits a second"),
        *("left", "node2: 1 running", "used", "slowest", "best fit", "waits", "at most"),
    ):
        assert text in told


def test_no_color_turns_colours_off(folder, monkeypatch):
    running(folder)
    terminal = {"force_terminal": True, "color_system": "truecolor"}
    assert "\x1b[31m" in drawn(read_model(folder), **terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[31m" not in drawn(read_model(folder), **terminal)


def test_a_scan_that_ends_is_watched_to_its_end(folder, capsys, monkeypatch):
    running(folder)

    def end(_seconds: float) -> None:
        fit(folder, 1, 2)
        jobs = (ended(10 + it, 0) for it in range(3))
        logs(folder, "round_000.dag", *reco_jobs(), *map(started, (10, 11, 12)), *jobs)
        ended_dagman(folder, 1)

    instead_of_sleeping(monkeypatch, watch, end)
    assert main(["status", "--watch", str(folder.path)]) == 0
    told = capsys.readouterr().out
    assert "7 of 12 pixels done" in told
    assert "\x1b" not in told
    assert "failed" in told


def test_a_terminal_gets_one_screen(folder, monkeypatch):
    running(folder)
    output = StringIO()
    output.isatty = lambda: True
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setenv("TERM", "xterm")
    instead_of_sleeping(monkeypatch, watch, lambda _: ended_dagman(folder, 1))
    watch.watch(folder)
    assert "1 running, 1 held, 1 done" in output.getvalue()
    assert "\x1b[" in output.getvalue()


def test_a_copy_of_a_running_scan_is_not_watched_for_ever(folder, tmp_path, monkeypatch):
    running(folder)
    copy = copy_of(folder, tmp_path / "copy")
    instead_of_sleeping(monkeypatch, watch, lambda _: pytest.fail("waits"))
    assert watch.watch(copy) is None


def test_timing_says_where_the_time_went(folder, capsys):
    fit(folder, 0, 1, 2)
    jobs = [it for n in (10, 11, 12) for it in (started(n), ended(n, 0))]
    logs(folder, "round_000.dag", *reco_jobs(), *jobs)
    ended_dagman(folder, 0)
    assert main(["status", "--timing", str(folder.path)]) == 0
    told = capsys.readouterr().out
    # DAGMan ran from 9:59 to 10:30, its jobs waited from 10:00 and ran from 10:01 to 10:03
    assert "00:31:00: 00:02:00 with jobs on machines, 00:01:00 waiting" in told
    assert "node1: 0.10 hours, 12 fits, 7.50 s per fit; 3 jobs" in told
    spent = read_model(folder).spent
    assert (spent.slots, spent.queued) == (360.0, 180.0)
    assert json.loads(folder.report_json.read_text())["timing"]


def test_sites_are_told_apart_where_there_are_several(folder):
    nodes = ("a.one.edu", "b.one.edu", "c.two.org")
    jobs = [it for n in range(3) for it in (started(10 + n, nodes[n]), ended(10 + n, 0))]
    fit(folder, 0, 1, 2)
    logs(folder, "round_000.dag", *reco_jobs(), *jobs)
    ended_dagman(folder, 0)
    lines = "\n".join(timing_lines(read_model(folder)))
    assert "one.edu: 2 machines, 0.07 hours, 8 fits" in lines
    assert "two.org: 1 machines, 0.03 hours, 4 fits" in lines


def test_logs_are_followed_until_the_scan_ends(folder, capsys, monkeypatch):
    running(folder)

    def more(_seconds: float) -> None:
        with (folder.round(0).logs / "00001.0.0.out").open("a") as file:
            file.write("pixels done: 4 of 4\n")
        ended_dagman(folder, 0)

    instead_of_sleeping(monkeypatch, why, more)
    assert main(["logs", "--follow", str(folder.path)]) == 0
    told = capsys.readouterr().out
    assert "pixels done: 3 of 4" in told
    assert "rounds/000/logs/00001.0.0.out: pixels done: 4 of 4" in told
