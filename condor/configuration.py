"""HTCondor's configuration; its bindings end the process if it is invalid."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from condor.contact import CONFIG_VARIABLE
from condor.find import search_path
from condor.software.install import installed
from skyscan.errors import WrongUsage, one_line

if TYPE_CHECKING:
    from pathlib import Path

_TOOL = "condor_config_val"
_INVALID = "Configuration Error"  # what it prints about a file that it cannot read to its end


def check_configuration() -> None:
    """Check that HTCondor can read its configuration file, if there are tools to read it.

    Raises
    ------
    WrongUsage
        The file that CONDOR_CONFIG names, or the system's, is invalid.
    """
    tool = shutil.which(_TOOL, path=search_path()) or _own_tool()
    if tool is None:
        return
    try:
        done = subprocess.run(
            [tool, "RELEASE_DIR"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return  # other checks report tools that do not run
    if done.returncode != 0 and _INVALID in done.stderr:
        which = os.environ.get(CONFIG_VARIABLE) or "of this machine"
        raise WrongUsage(
            f"HTCondor cannot read its configuration {which}: {one_line(done.stderr)}. Correct "
            f"it, or unset {CONFIG_VARIABLE} to use a personal pool."
        )


def _own_tool() -> Path | None:
    prefix = installed()
    return prefix / "usr/bin" / _TOOL if prefix else None
