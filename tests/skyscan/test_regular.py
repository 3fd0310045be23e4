"""Files that users name: a FIFO or a device in their place is refused at once."""

import os
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from plans_support import EVENT, options

from condor.sites import read_site
from skyscan.answer.catalogue import read_catalogue
from skyscan.answer.levels import read_levels
from skyscan.answer.read import read_map
from skyscan.errors import BadInput, WrongUsage
from skyscan.events.files import list_events
from skyscan.events.reader import read_event
from skyscan.regular import (
    NO_FILE,
    check_size,
    open_regular,
    open_to_append,
    read_regular,
    read_tail,
)
from skyscan.storage import read_npz
from skyscan.tables.files import read_geometry, read_truth
from workflows.campaigns.campaign import read_list
from workflows.plan import plan


@pytest.fixture(params=["fifo", "device", "link"])
def special(request, tmp_path):
    path = tmp_path / "special.toml"
    if request.param == "device":
        path.symlink_to("/dev/zero")
        return path
    os.mkfifo(path if request.param == "fifo" else tmp_path / "fifo")
    if request.param == "link":
        path.symlink_to(tmp_path / "fifo")
    return path


def listed(path):
    return list(list_events(path))


@pytest.mark.parametrize("read", [listed, read_event])
def test_an_event_that_is_a_fifo_or_a_device_is_bad_input(special, read):
    with pytest.raises(BadInput, match="it is a FIFO or a device, not a file"):
        read(special)


def test_a_profile_of_a_site_that_is_one_is_wrong_usage(special):
    with pytest.raises(WrongUsage, match=NO_FILE):
        read_site(str(special))


def test_nothing_is_planned_for_one(special, tmp_path):
    with pytest.raises(BadInput, match=NO_FILE):
        plan(special, tmp_path / "scans", options())
    assert not (tmp_path / "scans").exists()


def test_files_are_opened_and_folders_are_not(tmp_path):
    with open_regular(EVENT) as file:
        assert file.read() == EVENT.read_bytes()
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "missing")


def test_a_file_is_read_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(OSError, match="more than 4 bytes"):
        read_regular(path, 4)


def test_a_file_that_says_no_size_is_read_to_the_limit():
    with pytest.raises(OSError, match="more than 10 bytes"):
        read_regular("/proc/self/status", 10)  # its size is 0
    assert read_regular("/proc/self/status", 1_000_000).startswith(b"Name:")


def test_the_end_of_a_log_is_read(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"a\xe9bc")
    assert read_tail(path, 3) == "\ufffdbc"
    assert read_tail(path) == "a\ufffdbc"


def test_a_link_in_the_place_of_a_log_is_replaced(tmp_path):
    mine, log = tmp_path / "thesis.tex", tmp_path / "log"
    mine.write_text("my thesis")
    log.symlink_to(mine)
    for _ in range(2):
        with open_to_append(log) as file:
            file.write("a line\n")
    assert log.read_text() == "a line\na line\n"
    assert mine.read_text() == "my thesis"


def test_a_log_that_is_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError, match="No such device"):
        open_to_append(tmp_path / "log")


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (read_list, WrongUsage),
        (read_levels, BadInput),
        (read_catalogue, BadInput),
        (read_npz, OSError),
    ],
)
def test_a_file_of_a_terabyte_is_refused_before_it_is_read(read, error, tmp_path):
    path = tmp_path / "large.csv"
    path.touch()
    os.truncate(path, 2**40)  # which takes no place on the disk
    with pytest.raises(error, match="more than"):
        read(path)
    with pytest.raises(OSError, match="more than"):
        check_size(path, 2**30)


@pytest.mark.parametrize("read", [read_list, read_levels, read_catalogue])
def test_other_files_that_users_name_are_not_waited_for(read, special):
    with pytest.raises((BadInput, WrongUsage), match=r"cannot be read|not a catalogue"):
        read(special)


def test_a_list_may_have_paths_that_are_not_utf_8_but_no_nul(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf# a comment\r\ncaf\xe9.json\r\n\r\na\x0bb.i3\n")
    assert [os.fsencode(it) for it in read_list(path)] == [b"caf\xe9.json", b"a\x0bb.i3"]
    path.write_bytes(b"a\0b\n")
    with pytest.raises(WrongUsage, match="NUL"):
        read_list(path)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_list_of_millions_of_lines_is_refused_before_they_are_taken_apart(tmp_path, end):
    path = tmp_path / "list.txt"
    path.write_bytes(end * 20_000_000)
    tracemalloc.start()
    with pytest.raises(WrongUsage, match="more than 500000 lines"):
        read_list(path)
    assert tracemalloc.get_traced_memory()[1] < 130_000_000
    tracemalloc.stop()
    path.write_bytes(b"# events" + end + b"a.i3" + end * 3 + b"b.i3")
    assert [it.name for it in read_list(path)] == ["a.i3", "b.i3"]


def test_a_file_without_an_end_is_not_waited_for():
    path = Path("/proc/kmsg")  # a regular file; whoever has read all of it waits for more
    try:  # root of a container or of a user namespace has the file, not the right to open it
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        pytest.skip(f"it cannot be opened here: {error}")
    with suppress(BlockingIOError):  # what the kernel has said until now
        while os.read(descriptor, 1 << 20):
            pass
    os.close(descriptor)
    with pytest.raises(OSError, match="it has no end: '/proc/kmsg'"):
        open_regular(path)
    for read in (listed, read_truth, read_geometry):
        with pytest.raises(BadInput, match="cannot be read"):
            read(path)
    with pytest.raises(WrongUsage, match="it has no end"):
        read_site(str(path))
    with pytest.raises(BadInput, match="kmsg is not a sky map: it has no end"):
        read_map(path)


@pytest.mark.parametrize("read", [read_truth, read_geometry])
def test_a_table_that_is_no_file_is_refused_with_its_reason(read, special, tmp_path):
    with pytest.raises(BadInput, match=NO_FILE):
        read(special)
    with pytest.raises(BadInput, match="Is a directory"):
        read(tmp_path)
    with pytest.raises(BadInput, match="does not exist; check the path"):
        read(tmp_path / "missing")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(BadInput, match="Too many levels of symbolic links"):
        read(loop)
