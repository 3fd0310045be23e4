"""Set up HTCondor in the user's cache folder, from Debian's packages, relocated."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from condor.errors import NoHTCondor
from condor.software import relocate

if TYPE_CHECKING:
    from pathlib import Path

#: Commands: Debian suite that HTCondor is taken from, such as ``forky`` or ``sid``. It is used
#: even if an HTCondor is on PATH, and has a folder in the cache and a personal pool of its own.
#: Default: the HTCondor on PATH, else ``trixie`` (23.9.6).
SUITE_VARIABLE = "SKYSCAN_HTCONDOR_SUITE"
#: A Python program that needs HTCondor's bindings.
_NEEDS_BINDINGS = re.compile(rb"^\s*(?:import|from)\s+(?:htcondor|classad)", re.MULTILINE)


def _drop_python_tools(root: Path, _prefix: Path) -> None:
    """Remove tools such as ``htcondor`` and ``condor_watch_q``, which could not start.

    The bindings that they import come with Debian's Python, of another version than the host's.
    Without them, a working one of the user's is found on PATH.
    """
    for folder in ("usr/bin", "usr/sbin"):
        for path in (root / folder).iterdir():
            if (
                path.is_file()
                and _is_python(path)
                and _NEEDS_BINDINGS.search(path.read_bytes())
            ):
                path.unlink()


def _is_python(path: Path) -> bool:
    with path.open("rb") as file:
        first = file.readline(100)
    return first.startswith(b"#!") and b"python" in first


HTCONDOR = relocate.Software(
    name="htcondor",
    recipe=2,
    suite="trixie",
    packages=("condor",),
    without=(),
    # Interpreters and web files among the dependencies are for tools that a pool does not run.
    unwanted=(
        "libboost-python",
        "libdate-manip-perl",
        "libjs-",
        "libpam-modules",
        "libperl",
        "libpython",
    ),
    programs=("usr/bin", "usr/sbin", "usr/libexec/condor"),
    libraries=("usr/lib", "usr/lib/x86_64-linux-gnu", "usr/lib/condor"),
    trial=("usr/bin/condor_version",),
    answer="CondorVersion",
    finish=_drop_python_tools,
)
ADVICE = (
    "Install conda-forge's htcondor instead (environment.yml lists it), "
    "or add HTCondor's bin and sbin folders to PATH."
)


def chosen_suite() -> str:
    """Return the suite that the user chose; empty for the default.

    Raises
    ------
    NoHTCondor
        It is not the name of a suite.
    """
    suite = os.environ.get(SUITE_VARIABLE, "")
    if suite and not re.fullmatch(r"[a-z][a-z-]*", suite, re.ASCII):
        raise NoHTCondor(
            f"{SUITE_VARIABLE}={suite} is not the name of a Debian suite, such as forky."
        )
    return "" if suite == HTCONDOR.suite else suite


def installed(cache: Path | None = None) -> Path | None:
    """Return the prefix of the complete HTCondor in the cache folder, or None."""
    return relocate.installed(*_chosen(cache))


def install(cache: Path | None = None) -> Path:
    """Set up HTCondor if it is missing, and return its prefix.

    Raises
    ------
    NoHTCondor
        It cannot be set up here; the message says why and what to do instead.
    """
    try:
        return relocate.install(*_chosen(cache))
    except relocate.SetUpFailed as error:
        raise NoHTCondor(f"HTCondor cannot be set up here: {error}\n{ADVICE}") from error


def _chosen(cache: Path | None) -> tuple[relocate.Software, Path]:
    """Return the HTCondor of the chosen suite, and its folder in the cache."""
    folder, suite = cache or relocate.cache_folder(), chosen_suite()
    return (replace(HTCONDOR, suite=suite), folder / suite) if suite else (HTCONDOR, folder)
