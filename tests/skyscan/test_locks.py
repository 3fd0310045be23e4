import subprocess
import sys

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
