"""The folder that `skyscan watch` watches: whole files, each once, also after a restart."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from plans_support import write_events
from scans import environment, wait_until

from condor.errors import NoHTCondor, PoolDoesNotAnswer
from skyscan.errors import BadInput, DamagedFile, ExitCode, TryAgain
from skyscan.layout import ScanFolder
from skyscan.recos.dummy import Dummy
from workflows import inbox as inboxes
from workflows.cli import main
from workflows.engines import engine_of
from workflows.inbox import Inbox
from workflows.reports.stored import read_report


@pytest.fixture
def incoming(tmp_path):
    place = tmp_path / "incoming"
    place.mkdir()
    return place


@pytest.fixture
def inbox(incoming, tmp_path):
    return Inbox(incoming, tmp_path / "out")


def scan(path):
    return path.with_suffix("")


def fails_with(error):
    def failing(_path) -> None:
        raise error

    return failing


def take_all(inbox, how=scan):
    inbox.whole()
    return [inbox.take(path, how) for path in inbox.whole()]


@pytest.mark.parametrize(
    "name", ["a.json.gz", "a.PKL.zst", "a.i3.xz", "a.tar.bz2", "a.tgz", "a.csv", "a.parquet"]
)
def test_event_files_of_all_formats_are_taken(inbox, incoming, name):
    for other in (name, f"{name}.part", f".{name}", "notes.txt"):
        (incoming / other).write_text("x")
    inbox.whole()
    assert [path.name for path in inbox.whole()] == [name]


def test_a_file_is_taken_when_nobody_writes_it_any_more(inbox, incoming):
    file = incoming / "event.json"
    for content in ("", "{", '{"a":'):
        file.write_text(content)
        assert inbox.whole() == []
    file.write_text('{"a": 1}')
    os.utime(file, ns=(1, 1))
    assert inbox.whole() == []
    assert inbox.whole() == [file]


def test_only_files_with_the_names_of_events_are_taken(inbox, incoming):
    for name in (".hidden.json", "a.json.tmp", "notes.txt", "b.I3.ZST", "c.pkl", "d.i3"):
        (incoming / name).write_text(name)
    (incoming / "folder.json").mkdir()
    assert [taken.file for taken in take_all(inbox)] == ["b.I3.ZST", "c.pkl", "d.i3"]


def test_each_file_is_taken_once_also_by_the_next_watch(inbox, incoming, tmp_path):
    (incoming / "a.json").write_text("a")
    (taken,) = take_all(inbox)
    assert (taken.state, taken.text) == ("submitted", str(incoming / "a"))
    assert take_all(inbox) == []
    again = Inbox(incoming, tmp_path / "out")
    assert take_all(again) == []
    shutil.copy(incoming / "a.json", incoming / "b.json")
    (incoming / "a.json").touch()
    assert [taken.state for taken in take_all(again)] == ["copy", "copy"]
    (incoming / "a.json").write_text("new")
    assert [taken.state for taken in take_all(again)] == ["submitted"]


def test_what_cannot_be_scanned_is_set_aside_with_the_reason(inbox, incoming, tmp_path):
    (incoming / "bad.json").write_text("bad")
    (incoming / "worse.json").write_text("worse")
    inbox.whole()
    bad, worse = inbox.whole()
    assert inbox.take(bad, fails_with(BadInput("no pulses"))).state == "refused"
    assert "a bug: ZeroDiv" in inbox.take(worse, fails_with(ZeroDivisionError())).text
    aside = sorted((tmp_path / "out" / "refused").glob("*bad.json*"))
    assert [path.read_text() for path in aside] == ["bad", "no pulses\n"]
    assert (incoming / "bad.json").exists()
    assert take_all(Inbox(incoming, tmp_path / "out")) == []


def test_what_may_pass_is_tried_again_later(inbox, incoming, monkeypatch):
    file = incoming / "a.json"
    file.write_text("a")
    inbox.whole()
    with pytest.raises(TryAgain, match=r"a\.json: no schedd\. It is tried again in 60 s"):
        inbox.take(file, fails_with(TryAgain("no schedd.")))
    assert inbox.whole() == []
    later = time.monotonic() + inboxes.PATIENCE
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert inbox.whole() == [file]
    file.unlink()
    assert inbox.take(file, scan) is None


@pytest.mark.parametrize(
    "error",
    [PoolDoesNotAnswer("no schedd."), NoHTCondor("none."), DamagedFile("torn."), MemoryError()],
)
def test_no_error_that_may_pass_refuses_an_event(inbox, incoming, tmp_path, error):
    (incoming / "a.json").write_text("a")
    with pytest.raises(TryAgain, match=r"a\.json: .+\. It is tried again"):
        take_all(inbox, fails_with(error))
    assert [taken.state for taken in take_all(Inbox(incoming, tmp_path / "out"))] == [
        "submitted"
    ]


@pytest.mark.parametrize("letter", ["a", "事"])
def test_names_can_have_all_bytes_of_the_file_system(inbox, incoming, tmp_path, letter):
    name = letter * (250 // len(letter.encode()))
    good, bad = incoming / f"{name}.json", incoming / f"{name[:-1]}b.pkl"
    good.write_text("good")
    bad.write_text("bad")
    inbox.whole()
    assert sorted(inbox.whole()) == sorted([good, bad])
    assert inbox.take(bad, fails_with(BadInput("no pulses"))).state == "refused"
    assert inbox.take(good, scan).file == good.name
    aside = sorted(path.suffix for path in (tmp_path / "out" / "refused").iterdir())
    assert aside == [".pkl", ".txt"]
    assert take_all(Inbox(incoming, tmp_path / "out")) == []


def test_long_names_that_differ_at_the_start_are_two_files(inbox, incoming, tmp_path):
    for first in "ab":
        path = incoming / f"{first}{'x' * 200}.json"
        path.write_text("same")
        os.utime(path, ns=(1, 1))
    assert [taken.state for taken in take_all(inbox)] == ["submitted", "copy"]
    assert take_all(Inbox(incoming, tmp_path / "out")) == []


def test_a_file_that_is_written_again_before_its_turn_waits_until_it_is_whole(
    inbox, incoming, monkeypatch
):
    file = incoming / "a.json"
    file.write_text("whole")
    inbox.whole()
    assert inbox.whole() == [file]
    file.write_text("{")  # while the files before it were planned
    assert inbox.take(file, fails_with(BadInput("half"))) is None
    assert inbox.whole() == []
    assert inbox.whole() == [file]

    def sha256_of(path) -> str:
        path.write_text("{}, more")
        return "0"

    with monkeypatch.context() as patch:
        patch.setattr(inboxes, "sha256_of", sha256_of)
        assert inbox.take(file, fails_with(BadInput("half"))) is None
    assert [taken.state for taken in take_all(inbox)] == ["submitted"]


def test_a_damaged_record_does_not_stop_the_watch(inbox, incoming, tmp_path):
    (incoming / "a.json").write_text("a")
    take_all(inbox)
    (record,) = (tmp_path / "out" / "watch").glob("*.json")
    record.write_text("{")
    assert len(take_all(Inbox(incoming, tmp_path / "out"))) == 1


@pytest.fixture
def submitted(monkeypatch, tmp_path):
    """Have scans submitted nowhere; return the list of their folders."""
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    folders = []
    monkeypatch.setattr("workflows.commands.watch.submit_scan", folders.append)
    return folders


def write_events_into(incoming, n):
    for path in write_events(incoming.with_name("made"), n):
        path.rename(incoming / path.name)


def watch(incoming, out, *more: object):
    words = ["watch", incoming, "--simulated-event", "--output-dir", out, "--interval", "0.01s"]
    return main([str(word) for word in (*words, *more)])


def test_the_command_plans_and_submits_what_comes(incoming, tmp_path, submitted, capsys):
    write_events_into(incoming, 2)
    (incoming / "bad.json").write_text("{}")
    assert watch(incoming, tmp_path / "out", "--once", "--reco-algo", "dummy") == 0
    assert len(submitted) == 2
    assert all((folder.path / "scan.json").is_file() for folder in submitted)
    said = capsys.readouterr().out
    assert said.count(": submitted: ") == 2
    assert said.count("bad.json: refused: ") == 1
    assert watch(incoming, tmp_path / "out", "--once", "--reco-algo", "dummy") == 0
    assert len(submitted) == 2


def test_an_event_with_the_longest_name_is_planned(incoming, tmp_path, submitted):
    write_events_into(incoming, 1)
    (event,) = incoming.iterdir()
    event.rename(incoming / f"{'事' * 83}.json")
    assert watch(incoming, tmp_path / "out", "--once", "--reco-algo", "dummy") == 0
    assert len(submitted) == 1


def test_it_prints_what_the_page_shows(incoming, tmp_path, submitted, capsys, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "watch.md"
    shown = re.search(r"```console\n\$ (.*?)\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    write_events_into(incoming, 2)
    (incoming / "bad.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    words = [*shown[1].split()[1:], "--interval", "0.01s"]
    assert main(words) == 0
    assert len(submitted) == 2
    printed = capsys.readouterr().out.splitlines()
    for line, ours in zip(shown[2].splitlines(), printed, strict=True):
        pattern = ".*?".join(map(re.escape, line.split("…")))
        assert re.fullmatch(pattern, ours), ours


def test_files_from_before_the_watch_can_be_left_out(incoming, tmp_path, submitted):
    write_events_into(incoming, 1)
    assert watch(incoming, tmp_path / "out", "--once", "--new-only") == 0
    assert submitted == []


def test_new_only_leaves_out_no_file_that_came_after_the_first_watch(
    incoming, tmp_path, submitted
):
    options = (tmp_path / "out", "--once", "--new-only", "--reco-algo", "dummy")
    assert watch(incoming, *options) == 0
    write_events_into(incoming, 1)
    assert watch(incoming, *options) == 0
    assert len(submitted) == 1


def test_a_watch_that_was_killed_while_it_left_files_out_goes_on_with_that(
    incoming, tmp_path, submitted, monkeypatch
):
    write_events_into(incoming, 2)
    options = (tmp_path / "out", "--once", "--new-only", "--reco-algo", "dummy")

    write = inboxes.write_json

    def write_one(path, value) -> None:
        if list(path.parent.glob("*.json")):
            raise OSError(28, "No space left on device")
        write(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(inboxes, "write_json", write_one)
        assert watch(incoming, *options) == ExitCode.TRY_AGAIN
    assert watch(incoming, *options) == 0
    assert submitted == []


def test_files_that_cannot_be_read_are_left_out_too(inbox, incoming, monkeypatch):
    for name in ("a.json", "b.json", "c.json"):
        (incoming / name).write_text(name)

    def sha256_of(path) -> str:
        if path.name == "a.json":
            path.unlink()
        if path.name != "c.json":
            raise OSError(5, "Input/output error")
        return "c"

    with monkeypatch.context() as patch:
        patch.setattr(inboxes, "sha256_of", sha256_of)
        inbox.leave_out()
    assert take_all(inbox) == []


def test_wrong_options_are_refused_before_any_event(incoming, tmp_path, submitted):
    out = tmp_path / "out"
    assert watch(incoming, out, "--nsides", "7:0") == ExitCode.WRONG_USAGE
    assert watch(incoming, out, "--once", "--condor") == ExitCode.WRONG_USAGE
    assert watch(incoming, out, "--interval", "25h") == ExitCode.WRONG_USAGE
    assert watch(incoming, "/tmp/out") == ExitCode.WRONG_USAGE  # noqa: S108
    assert submitted == []


def test_what_may_pass_does_not_end_the_job_or_the_service_for_good(
    incoming, tmp_path, submitted
):
    out = tmp_path / "out"
    assert watch(tmp_path / "not mounted", out) == ExitCode.TRY_AGAIN
    assert Inbox(incoming, out).is_new
    with Inbox(incoming, out).lock.open("a") as file:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX)
        assert watch(incoming, out, "--once") == ExitCode.TRY_AGAIN
    assert submitted == []


@pytest.mark.parametrize("name", ["a.json.0.json", "began", "lock"])
@pytest.mark.usefixtures("submitted")
def test_it_does_not_wait_for_a_fifo_among_its_records(incoming, tmp_path, capsys, name):
    record = tmp_path / "scans" / "watch" / name
    record.parent.mkdir(parents=True)
    os.mkfifo(record)
    words = [
        "watch",
        str(incoming),
        "--simulated-event",
        "--output-dir",
        str(tmp_path / "scans"),
    ]
    assert main([*words, "--once"]) == ExitCode.BAD_INPUT
    assert f"{record} is a FIFO" in capsys.readouterr().err


@pytest.mark.usefixtures("submitted")
def test_once_does_not_end_as_done_if_an_event_is_left(incoming, tmp_path, monkeypatch, capsys):
    options = (tmp_path / "out", "--once", "--reco-algo", "dummy")
    (incoming / "empty.json").touch()
    assert watch(incoming, *options) == ExitCode.TRY_AGAIN
    assert "not taken yet: empty.json" in capsys.readouterr().out
    (incoming / "empty.json").unlink()
    write_events_into(incoming, 1)
    with monkeypatch.context() as patch:
        no_schedd = fails_with(PoolDoesNotAnswer("no schedd."))
        patch.setattr("workflows.commands.watch.submit_scan", no_schedd)
        assert watch(incoming, *options) == ExitCode.TRY_AGAIN
    assert watch(incoming, *options) == ExitCode.DONE


@pytest.mark.parametrize(
    "words",
    [
        ("--site", "nowhere"),
        ("--reco-algo", "dumy"),
        ("--env", "NOT_SET_ANYWHERE"),
        ("--levels", "none.csv"),
        ("--ice-model", "none"),
        ("--truth", "none.csv"),
        ("--geometry", "none.csv"),
        ("--gcd-dir", "none"),
        ("--reco-algo", "millipede_wilks", "--gcd", "none.i3"),
        ("--reco-algo", "dummy", "--keep-frames"),
        ("--max-rounds", "1000000"),
    ],
)
@pytest.mark.usefixtures("submitted")
def test_options_that_would_refuse_every_event_are_refused_at_the_start(
    incoming, tmp_path, words, capsys
):
    write_events_into(incoming, 1)
    assert watch(incoming, tmp_path / "out", "--once", *words) == ExitCode.WRONG_USAGE
    assert "refused" not in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_refused_event_may_come_again(inbox, incoming):
    file = incoming / "a.json"
    file.write_text("a")
    assert [it.state for it in take_all(inbox, fails_with(BadInput("no GCD")))] == ["refused"]
    shutil.copy(file, incoming / "b.json")
    assert [it.state for it in take_all(inbox)] == ["submitted"]
    os.utime(file, ns=(1, 1))
    assert [it.state for it in take_all(inbox)] == ["copy"]


@pytest.mark.usefixtures("submitted")
def test_the_job_gets_the_variables_with_which_its_shell_would_plan_and_submit(
    incoming, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("MY_TABLES", "tables")
    monkeypatch.setenv("BEARER_TOKEN", "hush")
    monkeypatch.setattr(Dummy, "variables", ("DUMMY_SPEED",))
    options = ("--condor", "--reco-algo", "dummy", "--env", "MY_TABLES")
    assert watch(incoming, tmp_path / "out", *options) == 0
    text = (tmp_path / "out" / "watch.sub").read_text()
    (line,) = (it for it in text.splitlines() if it.startswith("getenv"))
    names = set(line.partition("=")[2].replace(",", " ").split())
    wanted = {"MY_TABLES", "DUMMY_SPEED", "BEARER_TOKEN_FILE", "XDG_RUNTIME_DIR", "PATH"}
    assert wanted <= names
    assert "BEARER_TOKEN" not in names  # its value would be in the job's description
    assert "does not get BEARER_TOKEN," in capsys.readouterr().out


@pytest.mark.pool
def test_the_watch_runs_as_a_job_of_htcondor(pool, run_folder, monkeypatch, capsys):
    incoming, out = run_folder / "incoming", run_folder / "out"
    incoming.mkdir()
    monkeypatch.chdir(run_folder)
    options = ("--reco-algo", "dummy", "--nsides", "1:0", "--notify", "touch ended")
    with environment(CONDOR_CONFIG=str(pool.config)):
        assert watch(incoming, out, *options, "--condor") == 0
        line = capsys.readouterr().out.splitlines()[1]
        done = subprocess.run(
            ["sh", "-c", line],
            env=pool.whole_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    cluster = done.stdout.split("cluster ")[1].split(".")[0]
    try:
        written = write_events(run_folder / "made", 1)[0]
        shutil.copy(written, incoming)
        output = out / "watch" / "watch.out"
        wait_until(lambda: output.exists() and "submitted" in output.read_text(), "the scan")
        (record,) = (out / "watch").glob("*.json")
        folder = ScanFolder(out / json.loads(record.read_text())["text"])
        state = engine_of(folder).state
        wait_until(lambda: state(folder) is not None and state(folder).is_over, "its end")
        assert read_report(folder).outcome == "complete"
        assert (folder.path / "ended").exists()
        assert folder.page.is_file()
    finally:
        pool.run("condor_rm", cluster)
