"""The environment variables that a scan sends to its jobs.

They are written to ``scan.json`` and to submit files, which others may read. Therefore only
variables go that a step or the reconstruction declares, and those that the user names with
``--env``; whatever looks like a secret does not go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from condor.runtimes import (
    CODE_VARIABLE,
    ENV_SHELL_VARIABLE,
    PYTHON_VARIABLE,
    UMASK_VARIABLE,
)
from condor.submit import quoted_environment
from skyscan.errors import WrongUsage
from skyscan.frames import KEEP_VARIABLE
from skyscan.job.kernels import KERNELS_VARIABLE
from skyscan.job.worker import TALLY_VARIABLE
from skyscan.recos import ATTEMPT_VARIABLE, reco_class
from skyscan.staging.cache import CACHE_VARIABLE
from skyscan.staging.stores import DIRS_VARIABLE, URL_VARIABLE, check_mirror

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VARIABLE_PREFIX = "SKYSCAN_"
#: Of the steps themselves, whatever the reconstruction.
OF_STEPS = (CACHE_VARIABLE, DIRS_VARIABLE, URL_VARIABLE, TALLY_VARIABLE)
#: Of a job, set by planning, its runtime or its worker.
OF_RUNTIMES = frozenset(
    {
        *(CODE_VARIABLE, ENV_SHELL_VARIABLE, PYTHON_VARIABLE, UMASK_VARIABLE),
        *(ATTEMPT_VARIABLE, KERNELS_VARIABLE, KEEP_VARIABLE),
    }
)
#: Of this machine or of HTCondor.
_OF_MACHINES = re.compile(r"SKYSCAN_(POOL|DEBIAN_MIRROR|HTCONDOR_SUITE)|_CONDOR_")
_NAMES = (
    "TOKEN|SECRET|PASS|PWD|AUTH|CRED|PRIVATE|API_?KEY|ACCESS_?KEY|COOKIE|SIGNATURE|BEARER"
    "|SESSION|NETRC"
)
_SECRET_NAME = re.compile(
    rf"{_NAMES}|KEY$|(?:^|_)(?:PAT|PW|PIN|OTP|JWT)(?:_|$)", re.IGNORECASE | re.ASCII
)
_SECRET_VALUE = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\."  # a JSON web token
    r"|://[^/?#\s]*@(?!sha256:)"  # user and password in an address, not the digest of an image
    rf"|(?i:(?:{_NAMES})[\w-]*[\"'\\]*(?:=(?![=?!])|\s*:[\s\"'\\])\s*\S)"  # ?token=...
    r"|\b(?:gh[opsur]_|github_pat_|gl[a-z]{2,4}-|xox[abeprs]-|sk-|AKIA|ASIA|AIza|hf_|npm_|pypi-"
    r"|dop_v1_|shp[acps]{2}_)[\w-]{12,}"
    r"|\b(?:Basic|Bearer) +\S{3,}",
    re.ASCII,
)
#: An option of a program whose value is one, such as ``--token VALUE``.
_SECRET_OPTION = re.compile(rf"--?[\w-]*(?:{_NAMES})[\w-]*", re.IGNORECASE | re.ASCII)
#: Words as random keys are: of letters of both kinds and digits, or with digits all over.
_RANDOM = re.compile(
    r"(?<![\w+-])(?=[\w+-]*[a-z])(?=[\w+-]*[A-Z])(?=[\w+-]*\d)[\w+-]{24,}"
    r"|(?<![A-Za-z0-9])(?=(?:\d*[A-Za-z]+\d){4})[A-Za-z0-9]{32,}",
    re.ASCII,
)
MAX_LENGTH = 10_000  #: of a value: submit files repeat it for each step


def declared_by(reco: str) -> tuple[str, ...]:
    """Return the variables that the steps and a reconstruction read in jobs.

    Raises
    ------
    BadInput
        There is no such reconstruction.
    """
    return (*OF_STEPS, *reco_class(reco).variables)


def job_environment(
    environment: Mapping[str, str], declared: Iterable[str], named: Iterable[str] = ()
) -> dict[str, str]:
    """Return the variables for the jobs.

    Parameters
    ----------
    environment : mapping of str to str
        All variables of this process.
    declared : iterable of str
        Those that steps and the reconstruction read.
    named : iterable of str
        Those that the user names.

    Raises
    ------
    WrongUsage
        A variable that the user names is not set, or belongs to the runtime or the pool; or a
        variable looks like a secret, or has a character that no submit file can hold, such as
        a line break.
    BadInput
        The mirror of data files has no address that a job could use.
    """
    named = tuple(dict.fromkeys(named))
    for name in named:
        _check_named(name, environment)
    chosen = {name: environment[name] for name in (*declared, *named) if name in environment}
    for name, value in chosen.items():
        if not value.isprintable() or len(value) > MAX_LENGTH:
            raise WrongUsage(
                f"The environment variable {name} would go to the jobs, but a submit file "
                f"cannot hold its value; unset it or make it one printable line."
            )
        if _SECRET_VALUE.search(value) or (name in named and _RANDOM.search(value)):
            raise WrongUsage(
                f"The value of {name} looks like a secret. Variables of jobs are recorded in "
                f"scan.json and in submit files, which others can read; give jobs a secret "
                f"through HTCondor (docs/security.md), or unset {name}."
            )
    check_mirror(chosen.get(URL_VARIABLE, "").rstrip("/"))
    quoted_environment(chosen)  # refuses what else cannot be written
    return chosen


def check_recorded(site_values: object, notify: Iterable[str]) -> None:
    """Check that no secret is in what a scan folder records of its options.

    Parameters
    ----------
    site_values : object
        The values of the site, with those of ``--set`` and ``--runtime``: mappings, sequences,
        text and numbers.
    notify : iterable of str
        The words of ``--notify``.

    Raises
    ------
    WrongUsage
        Something looks like a secret; the text does not show it.
    """
    recorded = "which is recorded in scan.json, where others can read it"
    if any(_SECRET_VALUE.search(text) for text in _texts(site_values)):
        raise WrongUsage(
            f"A value of the site (--set, --runtime or its profile) looks like a secret, "
            f"{recorded}; give jobs a secret through HTCondor (docs/security.md)."
        )
    if any(
        _SECRET_VALUE.search(word) or _RANDOM.search(word) or _SECRET_OPTION.fullmatch(word)
        for word in notify
    ):
        raise WrongUsage(
            f"The command of --notify looks as if it had a secret, {recorded}; put the command "
            f"into a script that only you can read, and give its path."
        )


def _texts(value: object) -> Iterator[str]:
    """Yield all text in a value, such as those of a site."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for it in value:
            yield from _texts(it)


def unsent(
    environment: Mapping[str, str], declared: Iterable[str], named: Iterable[str]
) -> list[str]:
    """Return the ``SKYSCAN_`` variables that stay here unexpectedly."""
    known = {*declared, *named, *OF_RUNTIMES}
    return sorted(
        name
        for name in environment
        if name.startswith(VARIABLE_PREFIX)
        and name not in known
        and name.isprintable()
        and not _OF_MACHINES.match(name)
        and not _SECRET_NAME.search(name)
    )


def _check_named(name: str, environment: Mapping[str, str]) -> None:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise WrongUsage(f"--env {name!r} is not the name of a variable (without a value).")
    if name in OF_RUNTIMES or _OF_MACHINES.match(name):
        raise WrongUsage(f"--env {name}: the scan, its runtime or the pool sets this itself.")
    if _SECRET_NAME.search(name):
        raise WrongUsage(
            f"--env {name}: this is the name of a secret. Variables of jobs are recorded in "
            f"scan.json and in submit files, which others can read; give jobs a secret through "
            f"HTCondor (docs/security.md). If it is not a secret, choose another name."
        )
    if name not in environment:
        raise WrongUsage(f"--env {name}: this variable is not set.")
