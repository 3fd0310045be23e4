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
    """Return another process, which holds the file ``lock`` until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield holder


def test_who_finds_it_held_is_told_and_has_it_when_its_holder_was_killed(tmp_path, holder):
    called = []

    def busy() -> None:
        called.append(holder.poll())
        holder.kill()

    with locked(tmp_path / "lock", busy):
        assert holder.wait() != 0
    assert called == [None]


def test_who_does_not_want_to_wait_raises(tmp_path, holder):
    def refuse() -> None:
        raise KeyError

    with pytest.raises(KeyError), locked(tmp_path / "lock", refuse):
        pytest.fail("held twice")
    assert holder.poll() is None


def test_a_file_that_is_free_is_held_at_once_and_keeps_its_content(tmp_path):
    path = tmp_path / "file"
    path.write_text("content")
    for mode in ("a", "rb"):
        with locked(path, busy=pytest.fail, mode=mode):
            assert path.read_text() == "content"


def test_a_file_that_is_not_there_is_made_unless_it_is_only_read(tmp_path):
    with pytest.raises(FileNotFoundError), locked(tmp_path / "file", mode="rb"):
        pytest.fail("held nothing")
    with locked(tmp_path / "file"):
        assert (tmp_path / "file").is_file()
