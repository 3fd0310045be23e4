"""Removing the personal pool: only ours, only what is not in use."""

import shutil
import subprocess
import sys

import pytest

from condor.errors import PoolIsInUse
from condor.personal.removal import queued_jobs, removable, remove_personal
from condor.personal.settings import OURS
from skyscan.errors import ExitCode
from workflows.cli import main

#: As a schedd of 23.9.6 writes it: users, the cluster and the job have an ad each.
QUEUE = """107 1 CreationTimestamp 1764000000
105
101 0.0 Job Machine
103 0.0 NextClusterNum 3
101 0.1 Owner Machine
106
105
101 02.-1 Job Machine
103 02.-1 Cmd "/bin/sleep"
101 2.0 Job Machine
103 2.0 JobStatus 1
101 2.1 Job Machine
106
105
102 2.0
106
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with programs, and with data that jobs have downloaded."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = tmp_path / "cache" / "skyscan"
    (made / "htcondor-23.9.6.2" / "usr").mkdir(parents=True)
    (made / "htcondor.lock").touch()
    (made / "data").mkdir()
    return made


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a pool that has run and was stopped."""
    made = tmp_path / "pool"
    (made / "spool").mkdir(parents=True)
    (made / "condor_config").write_text(f"A = b\n{OURS} = True\n")
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(made))
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    return made


def test_jobs_are_counted_from_the_log_of_the_queue(folder):
    assert queued_jobs(folder) == 0
    log = folder / "spool" / "job_queue.log"
    log.write_text(QUEUE)
    assert queued_jobs(folder) == 1
    log.write_text(QUEUE + "105\n102 2.1\n102 02.-1\n106\n")
    assert queued_jobs(folder) == 0


def test_the_pool_and_the_programs_are_removed_and_data_are_kept(folder, cache):
    remove_personal(folder, 1.0)
    assert not folder.exists()
    assert [it.name for it in cache.iterdir()] == ["data"]
    assert removable(folder).paths == []
    remove_personal(folder, 1.0)  # nothing is left, which is no error


def test_a_pool_with_jobs_stays_and_runs_on(folder, cache, monkeypatch):
    monkeypatch.setattr("condor.personal.removal.stop_personal", None)  # not reached
    (folder / "spool" / "job_queue.log").write_text(QUEUE)
    with pytest.raises(PoolIsInUse, match="has 1 job:"):
        remove_personal(folder, 1.0)
    assert folder.exists()
    assert len(list(cache.iterdir())) == 3


def test_a_folder_that_is_no_pool_stays(tmp_path, cache):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").touch()
    with pytest.raises(PoolIsInUse, match="does not look like a personal pool"):
        remove_personal(tmp_path / "home", 1.0)
    assert (tmp_path / "home" / "thesis.tex").exists()
    assert len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("name", ["thesis.tex", "scans", ".ssh"])
def test_a_pool_in_whose_folder_are_other_files_stays(folder, cache, name):
    (folder / name).mkdir()
    with pytest.raises(PoolIsInUse, match=f"it has other files, too: '{name}'"):
        remove_personal(folder, 1.0)
    assert (folder / "spool").exists()
    assert len(list(cache.iterdir())) == 3


def test_a_pool_whose_folder_is_a_link_is_removed_with_the_link(folder, cache, tmp_path):
    assert cache.exists()
    link = tmp_path / "link"
    link.symlink_to(folder)
    remove_personal(link, 1.0)
    assert not folder.exists()
    assert not link.is_symlink()


def test_what_else_the_user_has_in_the_cache_stays(folder, cache, tmp_path):
    mine = ["README.md", "condor/sites", ".git", "notes/htcondor.txt", "empty", "Forky"]
    for name in mine:
        (cache / name).mkdir(parents=True)
    for name in ("forky/htcondor-25.14.1.2/usr", "htcondor.new", ".image-bookworm.2-x"):
        (cache / name).mkdir(parents=True)
    (tmp_path / "elsewhere" / "usr").mkdir(parents=True)
    (cache / "apptainer-1.4.5.1").symlink_to(tmp_path / "elsewhere")
    remove_personal(folder, 1.0)
    stays = {name.partition("/")[0] for name in mine}
    assert {it.name for it in cache.iterdir()} == {"data", *stays}
    assert (tmp_path / "elsewhere" / "usr").exists()


def test_programs_that_another_pool_runs_stay(folder, cache):
    program = cache / "htcondor-23.9.6.2" / "usr" / "cat"
    shutil.copy("/bin/cat", program)
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"\n"  # it runs
        with pytest.raises(PoolIsInUse, match=str(process.pid)):
            remove_personal(folder, 1.0)
    finally:
        process.kill()
        process.communicate()
    assert folder.exists()
    assert program.exists()


def test_without_a_terminal_it_needs_yes_and_names_what_it_removes(folder, cache, capfd):
    def remove(*more: str) -> int:
        done = subprocess.run(
            [sys.executable, "-m", "workflows", "pool", "remove", *more],
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode

    assert remove() == ExitCode.WRONG_USAGE
    printed = capfd.readouterr()
    assert str(folder) in printed.out
    assert str(cache / "htcondor-23.9.6.2") in printed.out
    assert "--yes" in printed.err
    assert folder.exists()
    assert remove("--yes") == ExitCode.DONE
    assert not folder.exists()
    assert remove("--yes") == ExitCode.DONE
    assert "Nothing to remove" in capfd.readouterr().out


@pytest.mark.parametrize(("answer", "stays"), [("", True), ("n", True), ("y", False)])
def test_in_a_terminal_it_asks(folder, cache, monkeypatch, answer, stays):
    assert cache.exists()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    assert main(["pool", "remove"]) == ExitCode.DONE
    assert folder.exists() == stays
