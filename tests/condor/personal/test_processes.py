import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from condor.personal.daemons import default_folder
from condor.personal.processes import DAEMON_VARIABLE, Process, kill_all, pool_processes, send
from condor.software.install import SUITE_VARIABLE


@contextmanager
def shell(begin: str = "", program: Path | str = "/bin/sh", **environment: str):
    """Run a shell that waits, with only these variables."""
    with subprocess.Popen(
        [program, "-c", f"{begin} echo ready; read x"],
        env={"PATH": "/usr/bin:/bin", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_a_daemon_and_its_children_belong_to_the_pool(tmp_path):
    with shell("sleep 60 &", **{DAEMON_VARIABLE: str(tmp_path)}) as daemon:
        assert len(pool_processes(tmp_path)) == 2
        kill_all(tmp_path)
        assert daemon.wait(5) == -signal.SIGKILL
    assert pool_processes(tmp_path) == []


def test_a_job_of_the_pool_belongs_to_it(tmp_path):
    with shell(_CONDOR_SCRATCH_DIR=f"{tmp_path}/execute/dir_1") as job:
        assert [process.pid for process in pool_processes(tmp_path)] == [job.pid]


def test_another_pool_and_a_user_of_this_one_do_not_belong_to_it(tmp_path):
    config = f"{tmp_path}/condor_config"
    with (
        shell(**{DAEMON_VARIABLE: f"{tmp_path}2"}),
        shell(_CONDOR_SCRATCH_DIR=f"{tmp_path}2/execute/dir_1"),
        shell(CONDOR_CONFIG=config) as user,
    ):
        assert pool_processes(tmp_path) == []
        kill_all(tmp_path)
        assert user.poll() is None


def test_a_process_that_reuses_a_pid_is_not_killed():
    with shell() as other:
        send([Process(other.pid, 1, started=1, name="condor_master")], signal.SIGKILL)
        assert other.poll() is None


def test_a_pool_keeps_its_folder_when_its_host_gets_another_name(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv(SUITE_VARIABLE, raising=False)
    place = tmp_path / "skyscan"
    master = tmp_path / "condor_master"
    master.symlink_to("/bin/sh")
    usual = {SUITE_VARIABLE: ""}
    with (
        shell(program=master, **{DAEMON_VARIABLE: f"{place}/pool-old"}, **usual),
        shell(program=master, **{DAEMON_VARIABLE: f"{tmp_path}/elsewhere/pool-old"}, **usual),
        # of a version that did not say the suite
        shell(program=master, **{DAEMON_VARIABLE: f"{place}/pool-old-forky"}),
    ):
        monkeypatch.setattr("socket.gethostname", lambda: "new")
        assert default_folder() == place / "pool-old"
        monkeypatch.setenv(SUITE_VARIABLE, "forky")
        assert default_folder() == place / "pool-new-forky"
        monkeypatch.delenv(SUITE_VARIABLE)
        with shell(program=master, **{DAEMON_VARIABLE: f"{place}/pool-another"}, **usual):
            assert default_folder() == place / "pool-new"
