"""Scripts that an engine runs on the access point, and files of lines."""

from __future__ import annotations

import os
import shlex
from importlib import resources
from typing import TYPE_CHECKING

from skyscan import layout
from skyscan.errors import ExitCode
from skyscan.storage import write_script, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


#: Variables with which Python does not start, stays, or warns otherwise.
OTHER_PYTHONS = (
    *("PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONINSPECT", "PYTHONIOENCODING"),
    *("PYTHONWARNINGS", "PYTHONOPTIMIZE", "PYTHONUSERBASE"),
)


def access_point_lines(python: str, code_sha256: str) -> list[str]:
    """Return the script that runs the scan's own code on the access point."""
    quoted = "'" + python.replace("'", "'\\''") + "'"
    is_whole = (
        "import hashlib, sys; "
        "sys.exit(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest() != sys.argv[2])"
    )
    return [
        "#!/bin/sh",
        "# Runs this scan's own code here: ./skyscan.sh workflows status .",
        "# HTCondor's daemons have their own umask; this is the umask of the user who planned.",
        f"umask {current_umask():04o}",
        # A cd that follows CDPATH prints the folder that it finds.
        """here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd) || exit 70""",
        "# Python would skip a damaged zip and import another installed skyscan.",
        f'{quoted} -I -S -c "{is_whole}" "$here/{layout.CODE_ZIP}" {code_sha256} ||',
        f"    exit {ExitCode.BAD_INPUT:d}",
        "# Those of the caller's are for another Python.",
        f"unset {' '.join(OTHER_PYTHONS)}",
        f'PYTHONPATH="$here/{layout.CODE_ZIP}" PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1',
        "export PYTHONPATH PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS",
        f'exec {quoted} -m "$@"',
    ]


def missing_python(script: Path) -> str:
    """Return the Python that a script of `access_point_lines` names, if it is there no more.

    An upgrade may have removed it since the scan was planned. Empty if it can run, or there is
    no such script.
    """
    try:
        *_, last = script.read_text(encoding="utf-8").splitlines()
        words = shlex.split(last)
    except (OSError, ValueError):  # digests say what is wrong with it
        return ""
    if words[:1] != ["exec"] or words[2:] != ["-m", "$@"]:
        return ""
    return "" if os.access(words[1], os.X_OK) else words[1]


def current_umask() -> int:
    """Return the umask of this process, for files written on other machines."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def write_scripts(place: Path, *names: str) -> None:
    """Write the named scripts, which are the same for all scans."""
    for name in names:
        text = resources.files("condor").joinpath(name).read_text(encoding="utf-8")
        write_script(place / name, text)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a file of lines."""
    write_text(path, "\n".join(lines) + "\n")


def write_script_lines(path: Path, lines: Iterable[str]) -> None:
    """Write an executable script of lines."""
    write_script(path, "\n".join(lines) + "\n")
