"""Set up HTCondor in the user's cache folder, from Debian's packages, relocated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condor.errors import NoHTCondor
from condor.software import relocate

if TYPE_CHECKING:
    from pathlib import Path

HTCONDOR = relocate.Software(
    name="htcondor",
    recipe=1,
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
)
ADVICE = (
    "Install conda-forge's htcondor instead (environment.yml lists it), "
    "or add HTCondor's bin and sbin folders to PATH."
)


def installed(cache: Path | None = None) -> Path | None:
    """Return the prefix of the complete HTCondor in the cache folder, or None."""
    return relocate.installed(HTCONDOR, cache)


def install(cache: Path | None = None) -> Path:
    """Set up HTCondor if it is missing, and return its prefix.

    Raises
    ------
    NoHTCondor
        It cannot be set up here; the message says why and what to do instead.
    """
    try:
        return relocate.install(HTCONDOR, cache)
    except relocate.SetUpFailed as error:
        raise NoHTCondor(f"HTCondor cannot be set up here: {error}\n{ADVICE}") from error
