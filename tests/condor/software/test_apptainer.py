import shutil
import subprocess

import pytest

from condor.errors import NoApptainer
from condor.software import relocate
from condor.software.apptainer import (
    APPTAINER,
    find_apptainer,
    have_apptainer,
    namespace_trouble,
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "skyscan"


def make_program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


@pytest.mark.parametrize("name", ["apptainer", "singularity"])
def test_the_apptainer_on_path_is_used_and_none_is_set_up(
    tmp_path, monkeypatch, empty_cache, name
):
    make_program(tmp_path / "bin" / name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert have_apptainer() == tmp_path / "bin" / name
    assert not empty_cache.exists()


def test_an_apptainer_that_was_set_up_is_found_without_path(monkeypatch, empty_cache, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_apptainer() is None
    prefix = empty_cache / f"apptainer-1.4.5.{APPTAINER.recipe}"
    make_program(prefix / "usr/bin/apptainer")
    assert find_apptainer() is None  # incomplete
    (prefix / relocate.COMPLETE).write_text(f"{prefix}\n")
    assert find_apptainer() == have_apptainer() == prefix / "usr/bin/apptainer"


def test_an_error_names_path_if_apptainer_cannot_be_set_up(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoApptainer, match=r"no apt-get.*\n.*to PATH"):
        have_apptainer()
    assert find_apptainer() is None


def test_an_error_explains_that_user_namespaces_are_missing(monkeypatch, tmp_path):
    make_program(tmp_path / "unshare")
    (tmp_path / "unshare").write_text("#!/bin/sh\necho Operation not permitted >&2\nexit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert "Operation not permitted" in (namespace_trouble() or "")


@pytest.mark.pool
def test_a_relocated_apptainer_builds_an_image_file_and_runs_it(tmp_path, empty_cache):
    if namespace_trouble():
        pytest.skip(f"images cannot be run here: {namespace_trouble()}")
    prefix = relocate.install(APPTAINER)
    # The smallest image: one program that needs no library, the loader of the C library.
    (tmp_path / "image").mkdir()
    shutil.copy(prefix / relocate.LOADER, tmp_path / "image/program")
    clean = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}

    def run(*arguments: str) -> str:
        command = [prefix / "usr/bin/apptainer", *arguments]
        return subprocess.run(
            command, env=clean, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    run("build", "image.sif", "image")
    assert "FS (Squashfs" in run("sif", "list", "image.sif")
    assert "Debian GLIBC" in run("exec", "--userns", "image", "/program", "--version")
    assert sorted(path.name for path in empty_cache.iterdir()) == [
        prefix.name,
        "apptainer.lock",
    ]
