"""What of a personal pool may be ended: not what lives."""

from pathlib import Path
from signal import SIGCONT

import pytest

from condor.errors import PoolDoesNotAnswer, PoolFolderIsTaken
from condor.personal import daemons
from condor.personal.daemons import DAEMONS, is_whole, silence, start_personal, stop_personal
from condor.personal.processes import Process
from skyscan.errors import ExitCode

REALLY_WHOLE = is_whole


class Machine:
    """Processes that a test chooses, and the signals that they got."""

    def __init__(self, *names: str) -> None:
        self.running = [Process(i, 1, 0, name) for i, name in enumerate(names, 100)]
        self.events: list[str] = []

    def send(self, processes, number):
        """Note the signal; it ends the process, except SIGCONT."""
        self.events += [f"{number.name} {process.name}" for process in processes]
        if number != SIGCONT:
            self.running = [it for it in self.running if it not in processes]

    def kill_all(self, _folder):
        """Note that the rest is killed."""
        self.events += [f"kill {process.name}" for process in self.running]
        self.running = []


@pytest.fixture
def put(monkeypatch):
    """Have a pool consist of a machine's processes; it never answers."""

    def install(machine: Machine) -> Machine:
        monkeypatch.setattr(daemons, "pool_processes", lambda _folder: machine.running)
        monkeypatch.setattr(daemons, "send", machine.send)
        monkeypatch.setattr(daemons, "kill_all", machine.kill_all)
        monkeypatch.setattr(daemons, "is_whole", lambda *_: "started" in machine.events)
        monkeypatch.setattr(daemons, "_wait", lambda condition, _seconds: condition())
        monkeypatch.setattr(daemons, "renew", lambda *_: None)
        monkeypatch.setattr(daemons, "_launch", lambda *_: machine.events.append("started"))
        monkeypatch.setattr(daemons, "_have_htcondor", _Found)
        return machine

    return install


class _Found:
    version_text = "23.9.6"
    bin = sbin = Path("/usr/bin")


def test_a_pool_whose_daemons_all_live_is_never_ended(put, tmp_path):
    machine = put(Machine(*sorted(DAEMONS), "condor_dagman", "condor_starter"))
    with pytest.raises(PoolDoesNotAnswer, match="skyscan pool stop") as caught:
        start_personal(tmp_path / "pool")
    assert caught.value.exit_code == ExitCode.TRY_AGAIN
    assert machine.events == []


def test_a_pool_with_a_stopped_daemon_is_neither_ended_nor_said_to_be_dead(put, tmp_path):
    machine = put(Machine(*sorted(DAEMONS - {"condor_schedd"})))
    machine.running.append(Process(7, 1, 0, "condor_schedd", is_stopped=True))
    why = r"condor_schedd \(7\) is stopped; `kill -CONT 7`"
    with pytest.raises(PoolDoesNotAnswer, match=why):
        start_personal(tmp_path / "pool")
    assert machine.events == []
    assert not REALLY_WHOLE(None, tmp_path / "pool")  # and it is not asked
    assert "run, but it does not answer: condor_schedd (7) is stopped" in silence(tmp_path)


def test_a_pool_whose_programs_are_not_found_is_not_said_to_be_busy(put, tmp_path, monkeypatch):
    put(Machine(*sorted(DAEMONS)))
    monkeypatch.setattr(daemons, "find_htcondor", lambda: None)
    assert "HTCondor's programs are not found (XDG_CACHE_HOME" in silence(tmp_path)


def test_stopped_daemons_continue_before_they_are_asked_to_end(put, tmp_path):
    machine = put(Machine())
    machine.running = [Process(7, 1, 0, "condor_master", is_stopped=True)]
    assert stop_personal(_made(tmp_path / "pool"), 1.0)
    assert machine.events[0] == "SIGCONT condor_master"


def test_what_a_dead_daemon_left_saves_its_jobs_before_it_is_killed(put, tmp_path):
    machine = put(Machine("condor_master", "condor_startd", "condor_starter"))
    start_personal(tmp_path / "pool")
    assert machine.events[0] == "SIGTERM condor_master"
    assert machine.events[-2:] == ["kill condor_starter", "started"]


def test_daemons_without_a_master_are_asked_to_end_first(put, tmp_path):
    machine = put(Machine("condor_schedd", "condor_startd", "condor_dagman"))
    assert stop_personal(_made(tmp_path / "pool"), 1.0)
    assert machine.events[:2] == ["SIGTERM condor_schedd", "SIGTERM condor_startd"]
    assert machine.events[-1] == "kill condor_dagman"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["run", "thesis.tex"])
def test_no_pool_is_started_among_other_files(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / "notes.txt").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(PoolFolderIsTaken, match=r"has other files .*'notes\.txt'") as refused:
        start_personal(tmp_path)
    assert refused.value.exit_code == ExitCode.WRONG_USAGE
    assert {it.name for it in tmp_path.iterdir()} == {name, "notes.txt"}
    assert tmp_path.stat().st_mode & 0o777 == 0o755
