import errno
import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from skyscan.locks import locked

HOLD = """
import sys, time
from pathlib import Path
from skyscan.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

#: Has a file system without locks, except for the files that stand in for others.
NO_LOCKS = """
import fcntl, os, sys
has_locks = fcntl.flock
def flock(file, how):
    if "/skyscan-" not in os.readlink(f"/proc/self/fd/{file.fileno()}"):
        raise OSError(int(sys.argv[2]), "no locks")
    has_locks(file, how)
fcntl.flock = flock
"""


@pytest.fixture
def holder(tmp_path):
    """Return another process that locks the file ``lock`` until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield holder


def test_a_waiting_process_is_notified_and_gets_the_lock_when_its_holder_is_killed(
    tmp_path, holder
):
    called = []

    def busy() -> None:
        called.append(holder.poll())
        holder.kill()

    with locked(tmp_path / "lock", busy):
        assert holder.wait() != 0
    assert called == [None]


def test_a_caller_that_does_not_wait_raises(tmp_path, holder):
    def refuse() -> None:
        raise KeyError

    with pytest.raises(KeyError), locked(tmp_path / "lock", refuse):
        pytest.fail("held twice")
    assert holder.poll() is None


def test_a_free_file_is_locked_at_once_and_keeps_its_content(tmp_path):
    path = tmp_path / "file"
    path.write_text("content")
    for mode in ("a", "rb"):
        with locked(path, busy=pytest.fail, mode=mode):
            assert path.read_text() == "content"


def test_a_missing_file_is_created_unless_it_is_only_read(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "file", mode="rb"):
        pytest.fail("held nothing")
    with locked(tmp_path / "file"):
        assert (tmp_path / "file").is_file()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_without_locks_on_its_file_system_a_file_is_locked_on_this_machine(
    tmp_path, monkeypatch, code
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    has_locks, refused, stand_ins = fcntl.flock, [], []

    def flock(file, how) -> None:
        path = Path(f"/proc/self/fd/{file.fileno()}").readlink()
        if not path.name.startswith("skyscan-"):
            refused.append(file)
            raise OSError(code, "no locks")
        stand_ins.append(path)
        has_locks(file, how)

    with subprocess.Popen(
        [sys.executable, "-c", NO_LOCKS + HOLD, tmp_path / "lock", str(code)],
        env={**os.environ, "TMPDIR": "/var/tmp"},  # noqa: S108  of another session
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        monkeypatch.setattr(fcntl, "flock", flock)
        with locked(tmp_path / "lock", holder.kill):
            assert holder.wait(10) != 0  # it had the lock until it ended
    assert refused
    stand_ins[0].unlink()


def test_a_lock_that_fails_otherwise_is_an_error(tmp_path, monkeypatch):
    def fail(_file, _how) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(OSError, match="broken"), locked(tmp_path / "lock"):
        pytest.fail("held nothing")
