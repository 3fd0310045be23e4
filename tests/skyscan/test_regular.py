"""Files that users name: a FIFO or a device in their place is refused at once."""

import os

import pytest
from plans_support import EVENT, options

from condor.sites import read_site
from skyscan.errors import BadInput, WrongUsage
from skyscan.events.files import list_events
from skyscan.events.reader import read_event
from skyscan.regular import NO_FILE, open_regular
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
