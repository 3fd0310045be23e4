import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from condor.__main__ import main
from condor.errors import NoHTCondor
from condor.find import HTCondor, find_htcondor, tools_version
from condor.personal.daemons import default_folder
from condor.software import apt
from condor.software.install import HTCONDOR, SUITE_VARIABLE, install, installed
from condor.software.relocate import COMPLETE
from skyscan.errors import ExitCode

RECIPE = HTCONDOR.recipe
INSTALL = [
    sys.executable,
    "-c",
    "from condor.software.install import install; print(install())",
]


@pytest.fixture(autouse=True)
def _no_suite(monkeypatch) -> None:
    monkeypatch.delenv(SUITE_VARIABLE, raising=False)


def make_complete(prefix):
    prefix.mkdir(parents=True)
    (prefix / COMPLETE).write_text(f"{prefix}\n")


def test_a_complete_set_up_is_used_unchanged(tmp_path, monkeypatch):
    make_complete(tmp_path / f"htcondor-23.9.6.{RECIPE}")
    monkeypatch.setattr(apt, "download", None)
    assert install(tmp_path) == tmp_path / f"htcondor-23.9.6.{RECIPE}"


def test_an_interrupted_moved_or_outdated_set_up_is_not_used(tmp_path):
    (tmp_path / f"htcondor-23.9.6.{RECIPE}").mkdir()
    assert installed(tmp_path) is None
    make_complete(tmp_path / "old" / f"htcondor-23.9.7.{RECIPE}")
    shutil.move(tmp_path / "old" / f"htcondor-23.9.7.{RECIPE}", tmp_path)
    assert installed(tmp_path) is None
    make_complete(tmp_path / f"htcondor-23.9.6.{RECIPE + 1}")
    assert installed(tmp_path) is None


def test_a_set_up_is_found_through_a_link_to_its_cache(tmp_path):
    prefix = tmp_path / "cache" / f"htcondor-23.9.6.{RECIPE}"
    make_complete(prefix)
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    assert installed(tmp_path / "link") == prefix
    # As is one that was moved, if a link is left where it was.
    prefix.rename(tmp_path / prefix.name)
    assert installed(tmp_path) is None
    prefix.symlink_to(tmp_path / prefix.name)
    assert installed(tmp_path) == tmp_path / prefix.name


def test_a_suite_has_a_folder_of_its_own_and_changes_no_other(tmp_path, monkeypatch):
    default = tmp_path / f"htcondor-23.9.6.{RECIPE}"
    newer = tmp_path / "forky" / f"htcondor-25.14.1.{RECIPE}"
    for prefix in (default, newer):
        make_complete(prefix)
    assert installed(tmp_path) == default
    monkeypatch.setenv(SUITE_VARIABLE, "forky")
    assert installed(tmp_path) == newer
    monkeypatch.setenv(SUITE_VARIABLE, "sid")
    assert installed(tmp_path) is None
    monkeypatch.setenv(SUITE_VARIABLE, HTCONDOR.suite)
    assert installed(tmp_path) == default


def test_a_suite_is_looked_for_before_path_and_has_a_pool_of_its_own(monkeypatch):
    default = default_folder()
    monkeypatch.setattr("condor.find._on_path", lambda: "on PATH")
    monkeypatch.setattr("condor.find._own", lambda: "of the suite")
    assert find_htcondor() == "on PATH"
    monkeypatch.setenv(SUITE_VARIABLE, "forky")
    assert find_htcondor() == "of the suite"
    assert default_folder() == default.with_name(f"{default.name}-forky")


@pytest.mark.parametrize("name", ["../forky", "for ky", "25"])
def test_what_cannot_be_a_suite_is_refused(monkeypatch, name):
    monkeypatch.setenv(SUITE_VARIABLE, name)
    with pytest.raises(NoHTCondor, match="Debian suite"):
        installed()


def test_an_htcondor_newer_than_tried_fails_only_where_that_is_asked(monkeypatch, capsys):
    found = HTCondor(Path("/bin"), Path("/sbin"), (25, 99, 0))
    monkeypatch.setattr("condor.__main__.users_own_pool", lambda: None)
    monkeypatch.setattr("condor.__main__.find_htcondor", lambda: found)
    assert main() == 0
    assert main(tried=True) == ExitCode.TRY_AGAIN
    assert "HTCondor 25.99.0 is newer than 23.9.6 and 25.14.1" in capsys.readouterr().err


def test_tools_that_need_the_bindings_are_not_set_up(tmp_path):
    tools = tmp_path / "usr" / "bin"
    tools.mkdir(parents=True)
    (tmp_path / "usr" / "sbin").mkdir()
    python = "#! /usr/bin/python3\nimport sys\n"
    (tools / "htcondor").write_text(f"{python}from htcondor_cli.cli import main\n")
    (tools / "condor_watch_q").write_text(f"{python}if True:\n    import htcondor\n")
    (tools / "classad_eval").write_text(f"{python}import classad as c\n")
    (tools / "condor_router_history").write_text(f"{python}print('import htcondor')\n")
    (tools / "condor_run").write_text("#!/usr/bin/perl\nimport htcondor\n")
    (tools / "condor_q").write_bytes(b"\x7fELF\0 import htcondor\nimport htcondor\n")
    assert HTCONDOR.finish is not None
    HTCONDOR.finish(tmp_path, tmp_path)
    assert {it.name for it in tools.iterdir()} == {
        "condor_router_history",
        "condor_run",
        "condor_q",
    }


def test_an_error_names_conda_if_htcondor_cannot_be_set_up(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoHTCondor, match=r"environment\.yml"):
        install(tmp_path / "cache")


@pytest.mark.pool
def test_of_two_concurrent_set_ups_one_may_be_killed(tmp_path):
    cache = tmp_path / "skyscan"
    (cache / "htcondor.new/root").mkdir(parents=True)
    (cache / "htcondor.new/root/half").write_text("left by a set-up that was killed")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    both = [
        subprocess.Popen(INSTALL, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    prefixes = {process.communicate(timeout=300)[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    prefix = installed(cache)
    assert prefixes == {str(prefix)}
    assert sorted(path.name for path in cache.iterdir()) == [prefix.name, "htcondor.lock"]
    assert not (prefix / "half").exists()
    assert tools_version(prefix / "usr/bin") >= (23, 9)
    assert libraries_from_elsewhere(prefix) == set()


def libraries_from_elsewhere(prefix) -> set[str]:
    """Return the libraries that daemons and tools load from outside the prefix."""
    names = ("sbin/condor_master", "sbin/condor_schedd", "sbin/condor_startd", "bin/condor_q")
    listed = [
        subprocess.run(
            [prefix / "usr/lib64/ld-linux-x86-64.so.2", "--list", prefix / "usr" / name],
            env={},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in names
    ]
    loaded = {
        line.split("=>")[1].split()[0] for line in "".join(listed).splitlines() if "=>" in line
    }
    return {path for path in loaded if not path.startswith(str(prefix))}


def test_a_cache_of_another_user_has_no_software(tmp_path, monkeypatch):
    def refuse(*_: object) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", "/root/.cache/skyscan")
        yield

    monkeypatch.setattr(Path, "glob", refuse)
    assert installed(tmp_path) is None
