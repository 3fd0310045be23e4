"""Planning survives any compiler that is on PATH, and any variable that compilers obey."""

import os
import shutil

import pytest

from skyscan.compiled import compiler
from skyscan.compiled.compiler import COMPILERS, compiled_kernel, run_compiler
from skyscan.errors import BadInput


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a script before all compilers on PATH."""
    compiled_kernel.cache_clear()

    def put(script: str) -> None:
        path = tmp_path / "cc"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    yield put
    compiled_kernel.cache_clear()


@pytest.mark.parametrize("script", ["sleep 300", "sleep 300 & exit 0", "sleep 300 | cat >&2"])
def test_a_compiler_that_hangs_is_ended_with_its_children(install, monkeypatch, script):
    monkeypatch.setattr(compiler, "COMPILE_SECONDS", 0.3)
    install(script)
    with pytest.raises(BadInput, match="does not end within"):
        compiled_kernel()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("yes >&2", "cannot compile the kernel: y"),
        ("yes | head -n 100000; exit 1", "it ended with 1"),
        ("kill -9 $$", "it ended with -9"),
        ("exit 0", "cannot be loaded"),
        ("echo text > kernel.so", "cannot be loaded"),
        ("printf '\\377' >&2; exit 1", "cannot compile"),
    ],
)
def test_a_compiler_that_does_not_compile_says_why_in_a_few_words(install, script, said):
    install(script)
    with pytest.raises(BadInput, match=said) as error:
        compiled_kernel()
    assert len(str(error.value)) < 1200


def test_a_file_that_is_no_program_is_bad_input(install, tmp_path):
    install("")
    (tmp_path / "cc").write_bytes(b"")
    with pytest.raises(BadInput, match="does not run"):
        compiled_kernel()


def test_no_variable_of_the_caller_changes_the_kernel_or_writes_a_file(tmp_path, monkeypatch):
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is None:
        pytest.skip("there is no C compiler")
    (tmp_path / "x.c").write_text("int x(void) { return 1; }\n")
    command = [found, "-shared", "-fPIC", "-nostdlib", "-Wl,--build-id=none", "x.c", "-o", "x"]
    assert run_compiler(command, tmp_path) == (0, "it ended with 0")
    content = (tmp_path / "x").read_bytes()
    monkeypatch.setenv("LD_RUN_PATH", "/elsewhere")
    monkeypatch.setenv("DEPENDENCIES_OUTPUT", str(tmp_path / "dependencies"))
    monkeypatch.setenv("CC", "/bin/false")
    run_compiler(command, tmp_path)
    assert (tmp_path / "x").read_bytes() == content
    assert not (tmp_path / "dependencies").exists()
