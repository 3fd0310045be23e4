"""Ctrl-C, SIGTERM and a closed pipe end a command without a traceback."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from plans_support import EVENT, options

from skyscan.errors import ExitCode
from workflows.cli import main
from workflows.plan import plan


@pytest.fixture
def planned(tmp_path):
    return plan(EVENT, tmp_path / "scan", options())


@pytest.fixture(autouse=True)
def keeps_sigint():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt(*_args: object, **_keywords: object) -> None:
    raise KeyboardInterrupt


def interrupted(capsys, *words: str) -> str:
    """Return what an interrupted command says."""
    assert main(list(words)) == ExitCode.INTERRUPTED
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    (line,) = [it for it in shown.err.splitlines() if it.startswith("skyscan:")]
    assert line.startswith("skyscan: interrupted.")
    return line


EVENT_WORDS = (str(EVENT), "--simulated-event", "--reco-algo", "dummy")
SIMULATE = ("simulate", "--kind", "muon", "--seed", "5", "--number")


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (("plan", *EVENT_WORDS), ("workflows.commands.plan.plan", "interrupted.")),
        (("scan", *EVENT_WORDS), ("workflows.commands.plan.plan", "Nothing was submitted")),
        (("campaign", *EVENT_WORDS), ("workflows.commands.campaign.plan_campaign", "Nothing")),
        ((*SIMULATE, "9"), ("skyscan.simulation.events.simulate_event", "No event")),
        (("list",), ("workflows.commands.listing.scans_below", "interrupted.")),
        (("events", str(EVENT)), ("workflows.commands.events.list_events", "interrupted.")),
    ],
)
def test_what_was_interrupted_says_what_is_left(tmp_path, monkeypatch, capsys, words, where):
    place, says = where
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(place, interrupt)
    assert says in interrupted(capsys, *words)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        (("status", "--watch"), "workflows.commands.status.watch"),
        (("logs", "--follow"), "workflows.commands.why._follow"),
        (("resume",), "workflows.commands.scan.watch"),
    ],
)
def test_who_watches_a_scan_is_told_that_it_continues(
    planned, monkeypatch, capsys, words, place
):
    monkeypatch.setattr("workflows.commands.scan.submit_scan", lambda *_, **__: None)
    monkeypatch.setattr(place, interrupt)
    line = interrupted(capsys, *words, str(planned.path))
    assert f"Only the display has ended: `skyscan status {planned.path}`" in line


def test_who_interrupts_a_submission_is_told_how_to_find_out(planned, monkeypatch, capsys):
    monkeypatch.setattr("condor.pool.start", interrupt)
    line = interrupted(capsys, "submit", str(planned.path))
    assert f"`skyscan status {planned.path}` says whether the scan was submitted" in line


def test_ctrl_c_after_some_simulated_events_says_how_to_simulate_the_others(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("skyscan.simulation.events.simulate_event", lambda *_: None)
    monkeypatch.setattr("workflows.commands.simulate._path", lambda *_: tmp_path / "made")
    monkeypatch.setattr("workflows.commands.simulate._about", lambda *_: "made")
    writes = iter((None, None))
    monkeypatch.setattr(
        "skyscan.events.writer.write_event",
        lambda *_: next(writes, ...) is None or interrupt(),
    )
    assert "--seed 7 --number 1 simulates the others" in interrupted(capsys, *SIMULATE, "3")


def running(*words: str, **variables: str) -> subprocess.Popen:
    # A shell starts what runs in its background with SIGINT ignored, maybe these tests too.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "workflows", *words]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "", **variables},
    )


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, -signal.SIGTERM)],
)
def test_a_watch_ends_by_a_signal_and_says_so(tmp_path, number, code):
    (tmp_path / "inbox").mkdir()
    words = ("--simulated-event", "--reco-algo", "dummy", "--output-dir")
    watch = running("watch", str(tmp_path / "inbox"), *words, str(tmp_path / "out"))
    try:
        assert "watching" in watch.stdout.readline()
        os.killpg(watch.pid, number)
        _, error = watch.communicate(timeout=60)
    finally:
        watch.kill()
    assert watch.returncode == code
    assert "Traceback" not in error
    assert ("submitted scans continue" in error) == (number == signal.SIGINT)


SENDS_ITSELF_A_SIGNAL = """
import os, sys
from skyscan import storage
from skyscan.program import main

number, fsync = int(sys.argv.pop(1)), os.fsync
storage.os.fsync = lambda file: (os.kill(os.getpid(), number), fsync(file))
sys.exit(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("is_ignored", [False, True])
def test_a_signal_while_a_file_is_written_leaves_no_part_of_it(tmp_path, number, is_ignored):
    how = "ignore" if is_ignored else "default"  # nohup ignores SIGHUP
    words = ["plan", *EVENT_WORDS, "--output-dir", str(tmp_path)]
    done = subprocess.run(
        [
            *("env", f"--{how}-signal={number.name.removeprefix('SIG')}", sys.executable),
            *("-c", SENDS_ITSELF_A_SIGNAL, str(int(number)), *words),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("*.tmp"))
    by_signal = ExitCode.INTERRUPTED if number == signal.SIGINT else -number
    assert done.returncode == (ExitCode.DONE if is_ignored else by_signal)


def test_a_signal_of_a_service_ends_what_a_command_waits_for(tmp_path):
    for name in ("condor_version", "condor_submit_dag", "condor_config_val"):
        tool = tmp_path / name
        began = f"echo $$ > {tmp_path}/new && mv {tmp_path}/new {tmp_path}/began"
        tool.write_text(f"#!/bin/sh\n{began}\nexec sleep 300\n")
        tool.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CONDOR_CONFIG": "/dev/null"}
    command = running("doctor", **environment)
    while not (tmp_path / "began").exists():
        assert command.poll() is None
        time.sleep(0.05)
    os.kill(command.pid, signal.SIGTERM)  # to the command alone
    command.communicate(timeout=60)
    assert command.returncode == -signal.SIGTERM
    assert not Path("/proc", (tmp_path / "began").read_text().strip()).exists()


@pytest.mark.parametrize("words", [("--help",), ("recos",), ("status", "{folder}")])
def test_nothing_is_said_to_a_reader_that_has_gone(planned, words):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "workflows", *(it.format(folder=planned.path) for it in words)],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": ""},
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
def test_a_full_disk_under_the_output_is_an_error(planned):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "workflows", "status", str(planned.path)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": ""},
            check=False,
        )
    assert done.returncode == ExitCode.TRY_AGAIN
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_in_a_thread_of_a_program_is_interrupted_too(monkeypatch, capsys):
    monkeypatch.setattr("workflows.commands.listing.scans_below", interrupt)
    codes = []
    thread = threading.Thread(target=lambda: codes.append(main(["list"])))
    thread.start()
    thread.join()
    assert codes == [ExitCode.INTERRUPTED]
    assert "interrupted" in capsys.readouterr().err


STOPPING = """
import sys
from rich.console import Console
from workflows.watch import cursor_at_stop
console = Console(force_terminal=True)
with cursor_at_stop(console):
    print("ready", flush=True)
    sys.stdin.readline()
"""


def test_ctrl_z_shows_the_cursor_until_the_program_continues():
    show, hide = b"\x1b[?25h", b"\x1b[?25l"
    program = [sys.executable, "-c", STOPPING]
    # A group of its own, as a shell gives it: in an orphaned one, no process is stopped.
    with subprocess.Popen(program, stdin=-1, stdout=-1, process_group=0) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTSTP)
        assert os.waitid(os.P_PID, process.pid, os.WSTOPPED).si_status == signal.SIGTSTP
        assert process.stdout.read(len(show)) == show
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read(len(hide)) == hide
        process.communicate(b"\n")
    assert process.returncode == 0
