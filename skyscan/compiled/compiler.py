"""Compile the kernel, where a scan is planned."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import nullcontext
from functools import lru_cache
from importlib import resources
from pathlib import Path

from skyscan.compiled.library import Kernel, KernelDoesNotLoad
from skyscan.errors import BadInput

#: What is compiled, and the files that it includes.
SOURCES = ("kernel.c", "kernel_avx2.c")
PARTS = ("light.c", "track.c", "shower.c", "losses.c", "search.c")
COMPILERS = ("cc", "gcc", "clang")
COMPILE_SECONDS = 120
MOST_TEXT = 1000  #: bytes of an error message that are kept
MOST_READ = 1_000_000  #: bytes that a compiler may say: more warnings are a flood
#: Variables by which gcc, clang and ld change what they make, or write further files.
NOT_FOR_COMPILERS = frozenset(
    (
        *("DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "LD_RUN_PATH"),
        *("GCC_COMPARE_DEBUG", "CCC_OVERRIDE_OPTIONS"),
    )
)

#: Portable: no library of the system, and no option for the processor at hand, so that the
#: kernel runs, and computes the same bytes, on other machines and in images with another libc.
FLAGS = (
    *("-std=c99", "-O2", "-ftree-vectorize", "-fPIC", "-shared", "-s"),
    *("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
    *("-fno-builtin", "-fno-stack-protector", "-fvisibility=hidden"),
    *("-nostdlib", "-Wl,-z,defs", "-Wl,--build-id=none"),
)
#: An architecture's oldest processors, for ``-march``: RHEL 10's gcc takes AVX2 for granted.
OLDEST = {"x86_64": "x86-64", "aarch64": "armv8-a"}
#: Makes gcc 12 and later use SSE2 in more loops; other compilers do not know it.
COST_MODEL = "-fvect-cost-model=dynamic"


@lru_cache(maxsize=1)
def compiled_kernel() -> bytes:
    """Compile the kernel, and return the bytes of its shared object.

    Raises
    ------
    BadInput
        There is no C compiler, it fails, or this machine cannot load what it makes.
    """
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        raise BadInput(f"There is no C compiler on PATH ({', '.join(COMPILERS)}).")
    try:
        with tempfile.TemporaryDirectory(prefix="skyscan-kernel-") as folder:
            return _compiled_in(Path(folder), compiler)
    except OSError as error:  # of the temporary folder, which may be full or missing
        raise BadInput(f"The kernel cannot be compiled: {error}.") from error
    except KernelDoesNotLoad as error:
        raise BadInput(str(error)) from error


def _compiled_in(folder: Path, compiler: str) -> bytes:
    library = folder / "kernel.so"
    for name in (*SOURCES, *PARTS):
        content = resources.files("skyscan").joinpath("compiled", name).read_bytes()
        (folder / name).write_bytes(content)
    _compile(compiler, library)
    Kernel(library)
    return library.read_bytes()


def _compile(compiler: str, library: Path) -> None:
    """Compile with the cost model, or without it if the compiler does not know it."""
    oldest = OLDEST.get(platform.machine())
    flags = FLAGS if oldest is None else (*FLAGS, f"-march={oldest}")
    reason = ""
    for more in ((COST_MODEL,), ()):
        command = [compiler, *flags, *more, "-o", library.name, *SOURCES]
        code, reason = run_compiler(command, library.parent)
        if code == 0:
            return
        if COST_MODEL.partition("=")[0] not in reason:
            break  # it failed otherwise: without the option, it may make another kernel
    raise BadInput(f"{compiler} cannot compile the kernel: {reason}")


def run_compiler(command: list[str], folder: Path) -> tuple[int, str]:
    """Run a compiler in a folder; return its exit code and the beginning of what it says.

    Neither a compiler that hangs nor one that prints without an end holds up the caller, and
    no variable of the caller adds to what it makes.

    Raises
    ------
    BadInput
        It does not run, or does not end.
    """
    environment = {k: v for k, v in os.environ.items() if k not in NOT_FOR_COMPILERS}
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise BadInput(f"{command[0]} does not run: {error}") from error
    # A compiler is a driver of other programs: all of them hold the pipe.
    overtime = threading.Timer(COMPILE_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
    overtime.start()
    try:
        with process.stderr or nullcontext() as stderr:
            text = b"" if stderr is None else stderr.read(MOST_READ)
        code = process.wait()
    finally:
        is_late = overtime.finished.is_set()
        overtime.cancel()
        if process.returncode is None:  # Ctrl-C does not reach its session
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if is_late:
        raise BadInput(f"{command[0]} does not end within {COMPILE_SECONDS} s.")
    return code, text[:MOST_TEXT].decode(errors="replace").strip() or f"it ended with {code}"
