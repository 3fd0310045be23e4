"""Where the personal pool and the programs are, and what is said if they cannot be there."""

import errno
import os
import pwd
from pathlib import Path

import pytest

from condor.errors import NoPlace
from condor.home import base_folder, explained
from condor.personal import daemons
from condor.personal.daemons import default_folder, start_personal
from condor.software import relocate
from condor.software.install import install
from condor.software.relocate import cache_folder

HOME = pwd.getpwuid(os.geteuid()).pw_dir


@pytest.mark.parametrize("home", [None, "", "somewhere", "."])
@pytest.mark.parametrize("chosen", [None, "", "relative"])
def test_a_home_that_is_no_absolute_path_is_that_of_the_account(monkeypatch, home, chosen):
    for name, value in {"HOME": home, "XDG_X": chosen}.items():
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert base_folder("XDG_X", ".x") == Path(HOME) / ".x"
    monkeypatch.setenv("XDG_X", "/elsewhere")
    assert base_folder("XDG_X", ".x") == Path("/elsewhere")


def test_a_pool_does_not_depend_on_the_folder_that_a_command_runs_in(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", ".")
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "x")
    before = default_folder(), cache_folder()
    monkeypatch.chdir(tmp_path)
    assert (default_folder(), cache_folder()) == before


def test_a_user_without_any_home_is_told_what_to_set(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 4_000_000_000)
    with pytest.raises(NoPlace, match="set XDG_CACHE_HOME or HOME"):
        cache_folder()


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT])
def test_a_home_that_cannot_be_written_names_the_variable_that_helps(
    tmp_path, monkeypatch, number
):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(tmp_path))

    monkeypatch.setattr(daemons, "_make_private", refuse)
    with pytest.raises(NoPlace, match=f"{os.strerror(number)}.*set SKYSCAN_POOL_DIR"):
        start_personal(tmp_path / "pool")
    monkeypatch.setattr(relocate, "locked", refuse)
    with pytest.raises(NoPlace, match="set XDG_CACHE_HOME to a folder on a local disk"):
        install(tmp_path / "cache")


def test_a_home_that_is_no_folder_names_the_variable_that_helps(monkeypatch):
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/dev/null")  # of accounts of services
    with pytest.raises(NoPlace, match="set SKYSCAN_POOL_DIR"):
        start_personal(default_folder())
    with pytest.raises(NoPlace, match="set XDG_CACHE_HOME"):
        install()


def test_an_error_that_is_not_of_the_place_is_left_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError), explained(tmp_path, "X"):
        raise FileNotFoundError(errno.ENOENT, "no")
