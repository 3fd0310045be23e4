"""Find HTCondor on this machine: its programs, folders and version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from condor.contact import CONFIG_VARIABLE
from condor.software.install import chosen_suite, installed
from condor.versions import Version, is_too_old, parse_version, version_text

# Where daemons live on systems that keep them off a user's PATH.
MORE_PATHS = ("/usr/sbin", "/usr/local/sbin")


@dataclass(frozen=True)
class HTCondor:
    """The programs of one installation of HTCondor.

    Attributes
    ----------
    bin, sbin : Path
        Folders of the tools and of the daemons.
    version : tuple of int
        For example (23, 9, 6).
    """

    bin: Path
    sbin: Path
    version: Version

    @property
    def release(self) -> Path:
        """The folder that holds bin, libexec, share and so on."""
        return self.bin.parent

    @property
    def version_text(self) -> str:
        """The version as text, such as ``23.9.6``."""
        return version_text(self.version)

    def folders(self) -> dict[str, str]:
        """Return HTCondor's settings for its own folders."""
        return {
            "RELEASE_DIR": str(self.release),
            "BIN": str(self.bin),
            "SBIN": str(self.sbin),
            "LIB": str(self._first("lib/condor", "lib64/condor", "lib")),
            "LIBEXEC": str(self._first("libexec/condor", "lib/condor/libexec", "libexec")),
            "SHARE": str(self._first("share/condor", "share")),
        }

    def _first(self, *names: str) -> Path:
        folders = [self.release / name for name in names]
        return next((folder for folder in folders if folder.is_dir()), folders[0])


def find_htcondor() -> HTCondor | None:
    """Return an HTCondor with daemons, from PATH, this environment or the cache; else None.

    A suite that the user chose goes before PATH.
    """
    return _own() if chosen_suite() else _on_path() or _own()


def search_path() -> str:
    """Return PATH with further folders that may hold HTCondor's programs."""
    environment = str(Path(sys.prefix) / "bin")  # a conda environment that is not activated
    return os.pathsep.join((os.environ.get("PATH", os.defpath), environment, *MORE_PATHS))


def tools_version(tools: Path) -> Version | None:
    """Return the version of the tools in a folder; None if they are missing or do not run."""
    try:
        done = subprocess.run(
            [tools / "condor_version"],
            env={**os.environ, CONFIG_VARIABLE: "/dev/null"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stdout)


def _on_path() -> HTCondor | None:
    path = search_path()
    master = shutil.which("condor_master", path=path)
    submit = shutil.which("condor_submit_dag", path=path)
    if master is None or submit is None:
        return None
    found = _htcondor(Path(submit).parent, Path(master).parent)
    return None if found is None or is_too_old(found.version) else found


def _own() -> HTCondor | None:
    prefix = installed()
    return _htcondor(prefix / "usr/bin", prefix / "usr/sbin") if prefix else None


def _htcondor(tools: Path, daemons: Path) -> HTCondor | None:
    version = tools_version(tools)
    return HTCondor(tools, daemons, version) if version else None
