import os
import shutil
import subprocess
import sys

import pytest

from condor.errors import NoHTCondor
from condor.find import tools_version
from condor.software import apt
from condor.software.install import HTCONDOR, install, installed
from condor.software.relocate import COMPLETE

RECIPE = HTCONDOR.recipe
INSTALL = [
    sys.executable,
    "-c",
    "from condor.software.install import install; print(install())",
]


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
