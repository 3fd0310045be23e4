"""The values of a site profile's tables, held against what HTCondor accepts.

HTCondor's own parsers decide: that of ClassAds, which comes with the bindings, and
`condor_submit -dry-run`, where it is installed; it needs no pool.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from condor.contact import CONFIG_VARIABLE
from condor.find import search_path
from condor.sites.keys import DAGMAN_SETTINGS, MOST, as_text, check_number, check_text
from condor.software.install import installed
from condor.submit import submit_lines
from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Commands that are expressions. A scan joins its requirements with others.
EXPRESSIONS = ("requirements", "rank")
INTEGERS = ("priority", "keep_claim_idle", "job_lease_duration")
#: What condor_submit would replace: $(NAME), $NAME(...) and $$(NAME).
_MACRO = re.compile(r"\$\w*\(|\$\$")
#: Commands that condor_submit checks against files that may not exist yet.
_OF_FILES = re.compile(r"x509|oauth|proxy|scitoken|token|credential")
PATIENCE = 20  # seconds


def check_value(what: str, table: str, key: str, value: object) -> None:
    """Refuse a value that HTCondor would refuse, or read as something else.

    Parameters
    ----------
    what : str
        The place of the value, for the message.
    table, key : str
        Where it is in the profile.
    value : str, int, float or bool

    Raises
    ------
    WrongUsage
        The value is not accepted.
    """
    check_number(what, value)
    if table == "dagman":
        _check_setting(what, value, DAGMAN_SETTINGS[key])
    elif table == "submit" and key in EXPRESSIONS:
        _check_expression(what, as_text(value))  # type: ignore[arg-type]
    elif table == "submit" and key in INTEGERS:
        text = as_text(value)  # type: ignore[arg-type]
        if not re.fullmatch(r"-?\d{1,10}", text, re.ASCII) or abs(int(text)) > MOST:
            raise WrongUsage(f"{what} = {text!r} is not a whole number up to {MOST}.")


def _check_setting(what: str, value: object, limits: tuple[int, int] | None) -> None:
    if limits is None:
        if not isinstance(value, bool):
            raise WrongUsage(f"{what} = {value!r} is neither true nor false.")
    elif type(value) is not int or not limits[0] <= value <= limits[1]:
        raise WrongUsage(
            f"{what} = {value!r} is not a whole number from {limits[0]} to {limits[1]}."
        )


def _check_expression(what: str, text: str) -> None:
    check_text(what, text)
    if _MACRO.search(text):
        raise WrongUsage(f"{what} = {text!r} has a macro of submit files; write its value.")
    import classad2

    try:
        classad2.ExprTree(text)
    except classad2.ClassAdException as error:
        raise WrongUsage(f"{what} = {text!r} is not an expression of HTCondor's.") from error


def check_with_condor_submit(name: str, commands: Mapping[str, str]) -> None:
    """Refuse submit commands of a site that the condor_submit of this machine refuses.

    Parameters
    ----------
    name : str
        The site.
    commands : mapping of str to str
        Its submit commands.

    Raises
    ------
    WrongUsage
        condor_submit refuses them; the message repeats what it says.
    """
    chosen = {key: text for key, text in commands.items() if not _OF_FILES.search(key.lower())}
    refusal = _refusal(tuple(sorted(chosen.items())))
    if refusal:
        raise WrongUsage(
            f"Site {name}: condor_submit refuses its submit commands or attributes: {refusal}"
        )


@lru_cache(maxsize=8)  # a campaign plans a thousand scans for one site
def _refusal(commands: tuple[tuple[str, str], ...]) -> str:
    """Return why condor_submit refuses commands; empty if it does not, or cannot be asked."""
    own = installed()
    path = search_path() + (f"{os.pathsep}{own / 'usr/bin'}" if own else "")
    program = shutil.which("condor_submit", path=path)
    if program is None or not commands:
        return ""
    refusal = _dry_run(program, dict(commands))
    # A condor_submit that refuses even a plain job says nothing of the commands.
    return refusal if refusal and not _dry_run(program, {}) else ""


def _dry_run(program: str, commands: dict[str, str]) -> str:
    plain = {"universe": "vanilla", "executable": "/bin/true"}
    with TemporaryDirectory(prefix="skyscan-") as folder:
        file = Path(folder, "site.sub")
        file.write_text("\n".join(submit_lines({**plain, **commands})) + "\n", "utf-8")
        try:
            done = subprocess.run(
                [program, "-dry-run", "-", file],
                cwd=folder,
                env={**os.environ, CONFIG_VARIABLE: "/dev/null"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
    if done.returncode == 0:
        return ""
    return " ".join(done.stderr.split()) or f"exit code {done.returncode}"
