"""Check before submission whether a scan can run to its end.

`plan` warns of what can be checked without a pool; all commands that submit refuse a scan that
cannot succeed; `skyscan doctor FOLDER` shows all findings.
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from condor.credentials import bearer_token
from condor.mounts import file_system
from condor.schedd import ask_schedd, tokens_for
from condor.sites import recorded_site
from condor.versions import (
    OLDEST,
    PRIVATE_TOKENS,
    SINCE,
    is_too_old,
    is_untried,
    parse_version,
    tried_text,
    version_text,
)
from skyscan.errors import ExitCode, TryAgain, WrongUsage, printable
from skyscan.layout import WORKFLOW
from workflows.checks.expected import expected
from workflows.checks.findings import Finding, State
from workflows.engines.scripts import missing_python
from workflows.steps import ACCESS_POINT_SH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condor.contact import Pool
    from condor.credentials import Token
    from condor.schedd import Schedd
    from condor.sites import Site
    from condor.versions import Version
    from workflows.checks.expected import Expected
    from workflows.planned import Planned

ELSEWHERE = "plan with another --output-dir, or move the folder"
#: DAGMan refuses node logs whose paths begin with this text (DAGMAN_AVOID_SLASH_TMP, 23 to 25).
REFUSED = "/tmp"  # noqa: S108  (refused, not used)
#: condor_submit takes a word with ``=`` for an assignment, drops ``\\`` and reads a line break
#: as the end of a value (seen with 23.9.6); PYTHONPATH is divided at ``:``. Other control
#: characters and what is not UTF-8 would have to be repeated in reports and logs.
_UNFIT = re.compile("[=:\\\\\x00-\x1f\x7f\ud800-\udfff]")
#: Bytes, of the file systems; a scan needs the rest of 4096 for the paths of its files.
MOST_IN_A_NAME, MOST_IN_A_PATH = 255, 3000
NFS = ("nfs", "nfs4")
#: Shared file systems on which locks and appended lines become visible late, or which need
#: credentials that DAGMan does not have.
SHARED = ("afs", "beegfs", "ceph", "cifs", "fuse", "glusterfs", "gpfs", "lustre", "smb3")
#: Commands: HTCondor's own setting, which its tools and DAGMan read too; ``False`` allows a
#: scan folder on NFS.
NFS_VARIABLE = "_CONDOR_DAGMAN_LOG_ON_NFS_IS_ERROR"
#: Free space below this multiple of the expected size is a warning.
TIGHT = 3
OAUTH = "use_oauth_services"


class Work(NamedTuple):
    """A scan, or N scans like it; how many run at a time; and whether any has started."""

    scan: Planned
    scans: int = 1
    at_once: int = 1
    begun: bool = False


class Room(NamedTuple):
    """Free space of a disk: bytes, and files (None if the file system does not count them)."""

    size: int
    files: int | None


def look(path: Path, work: Work, pool: Pool | None) -> list[Finding]:
    """Check everything that the submission of a scan or a campaign depends on.

    Parameters
    ----------
    path : Path
        Its folder.
    work : Work
        What is to run.
    pool : Pool or None
        The pool; None skips the checks that need one.
    """
    scan = work.scan
    site = recorded_site(scan.site, scan.site_values)
    need = expected(scan).of_many(work.scans, work.at_once)
    found = [
        place(path),
        owner(path),
        disk_kind(file_system(path), os.environ),
        room(room_at(path), need, begun=work.begun),
        *python_of(path),
    ]
    if pool is not None:
        found += _of_pool(pool, site, need)
    if OAUTH in site.submit:
        token = bearer_token(os.environ, os.geteuid())
        found += credentials([token] if token else [], need, None)
    return found


def check(path: Path, work: Work, pool: Pool) -> None:
    """Refuse a scan that cannot run, and warn on stderr of what may go wrong.

    Raises
    ------
    WrongUsage
        The folder is where DAGMan does not work, or HTCondor is too old.
    TryAgain
        The schedd does not accept our jobs now, the disk is full, or a token has expired.
    """
    require(look(path, work, pool))


def _of_pool(pool: Pool, site: Site, need: Expected) -> list[Finding]:
    schedd, tools = ask_schedd(pool), parse_version(pool.version)
    known = [version for version in (tools, schedd and schedd.version) if version]
    found = [answer(schedd), *versions(*known)]
    if tools:
        found += unknown_keys(site, tools)
    if schedd:
        # The schedd accepted a token that has not expired; expired ones do not matter.
        tokens = [it for it in tokens_for(pool, schedd.method) if _left(it) > 0]
        found += credentials(tokens, need, tools)
    return found


def warn(findings: Sequence[Finding]) -> None:
    """Print warnings and errors on stderr; refuse nothing."""
    for finding in findings:
        if finding.is_fatal or finding.state == State.WARNING:
            print(f"skyscan: warning: {finding.sentence()}", file=sys.stderr)


def require(findings: Sequence[Finding]) -> None:
    """Print warnings on stderr; raise if a finding is worse.

    Raises
    ------
    WrongUsage, TryAgain
        By the exit codes of the findings; the text names all of them.
    """
    fatal = [it for it in findings if it.is_fatal]
    warn([it for it in findings if not it.is_fatal])
    if fatal:
        usage = any(it.exit_code == ExitCode.WRONG_USAGE for it in fatal)
        raise (WrongUsage if usage else TryAgain)(" ".join(it.sentence() for it in fatal))


def place(path: Path) -> Finding:
    """Check whether DAGMan and condor_submit_dag accept the path of a folder.

    DAGMan compares the beginning of the text: it refuses /tmpfs/scans too. The DAG of a scan is
    named by the path as it was given, but DAGMan takes the paths of the rounds' DAGs from its
    own folder, where links are resolved.
    """
    what = "folder"
    written, real = str(path.absolute()), os.path.realpath(path)
    if written.startswith(REFUSED) or real.startswith(REFUSED):
        which = written if written == real else f"{written} ({real})"
        why = f"DAGMan keeps no logs in a folder whose path begins with {REFUSED}: {which}"
        return _refusal(what, why, ELSEWHERE)
    if re.search(r"\$\$|\$\w*\(", written + real):
        why = f"condor_submit_dag would expand the $ in {path}"
        return _refusal(what, why, ELSEWHERE)
    if found := _UNFIT.search(written + real):
        why = f"the path has {found[0]!a}, which HTCondor or Python would read otherwise"
        return _refusal(what, f"{why}: {printable(written)!a}", ELSEWHERE)
    sizes = [len(os.fsencode(part)) for part in Path(written).parts]
    if max(sizes) > MOST_IN_A_NAME or len(os.fsencode(real)) > MOST_IN_A_PATH:
        why = (
            f"the path is too long ({len(os.fsencode(real))} bytes of {MOST_IN_A_PATH}, or a "
            f"name in it has more than {MOST_IN_A_NAME})"
        )
        return _refusal(what, why, ELSEWHERE)
    return Finding(what, State.OK, str(path))


def owner(path: Path) -> Finding:
    """Check whether the folder of a scan or a campaign, if it exists, is this user's.

    What runs are the scripts and the code in it.
    """
    what = "owner"
    try:
        uid = path.stat().st_uid
    except OSError:
        return Finding(what, State.OK, "new")
    if uid != os.geteuid():
        why = f"{path} belongs to another user (uid {uid}), whose code would run as yours"
        return _refusal(what, why, "plan the same into a folder of your own")
    return Finding(what, State.OK, "you")


def python_of(path: Path) -> list[Finding]:
    """Check whether the Python that planned a scan, and runs its steps here, is still there."""
    python = missing_python(path / WORKFLOW / ACCESS_POINT_SH)
    if not python:
        return []
    why = f"{python}, which planned the scan, is not there any more"
    return [_refusal("Python", why, "run `skyscan plan` again with the same options")]


def disk_kind(kind: str, environment: Mapping[str, str]) -> Finding:
    """Check whether DAGMan can keep its logs on a kind of file system."""
    what = "file system"
    if kind in NFS and environment.get(NFS_VARIABLE, "").lower() not in ("false", "0", "no"):
        why = f"DAGMan's logs would be on {kind}, where events can be lost or arrive late"
        remedy = f"{ELSEWHERE}, on a local disk; if it must be {kind}, set {NFS_VARIABLE}=False"
        return _refusal(what, why, remedy)
    if kind in NFS or kind.partition(".")[0] in SHARED:
        why = f"DAGMan's logs are on {kind}, where events can arrive late and locks can fail"
        return Finding(what, State.WARNING, why, "an --output-dir on a local disk is safer")
    return Finding(what, State.OK, kind or "unknown")


def room_at(path: Path) -> Room:
    """Return the free space where a folder is, or will be."""
    there = next(it for it in (path, *path.parents) if it.exists())
    found = os.statvfs(there)
    return Room(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def room(free: Room, need: Expected, *, begun: bool = False) -> Finding:
    """Check whether a disk has space for what a scan is expected to write.

    A scan that has started has written part of it already, so too little is only a warning.
    """
    what = "disk"
    detail = f"{_megabytes(free.size)} free, about {_megabytes(need.size)} needed"
    if free.files is not None:
        detail += f"; {free.files} files free, about {need.files} needed"

    def is_less(times: int) -> bool:
        few = free.files is not None and free.files < times * need.files
        return few or free.size < times * need.size

    if is_less(1) and not begun:
        return Finding(what, State.ERROR, detail, f"free some space, or {ELSEWHERE}")
    if is_less(TIGHT):
        return Finding(what, State.WARNING, detail, "free some space before the disk is full")
    return Finding(what, State.OK, detail)


def answer(schedd: Schedd | None) -> Finding:
    """Check whether the schedd accepts our jobs."""
    what = "schedd"
    if schedd is None:
        remedy = "start the pool, or wait until it answers"
        return Finding(what, State.ERROR, "does not answer", remedy)
    if not schedd.may_submit:
        detail = f"refuses jobs of {schedd.user or 'this user'} (by {schedd.method})"
        remedy = "get a new token, or ask its administrators (ALLOW_WRITE)"
        return Finding(what, State.ERROR, detail, remedy)
    return Finding(what, State.OK, f"accepts jobs of {schedd.user} (by {schedd.method})")


def versions(*found: Version) -> Iterator[Finding]:
    """Check whether scans run with the versions of the tools and of the schedd."""
    what = "HTCondor's version"
    for version in dict.fromkeys(found):
        text, oldest = version_text(version), version_text(OLDEST)
        if is_too_old(version):
            remedy = f"scans need {oldest} or newer"
            yield _refusal(what, text, remedy)
        elif is_untried(version):
            remedy = f"newer than those tested with scans, {tried_text()}; report what fails"
            yield Finding(what, State.WARNING, text, remedy)
        else:
            yield Finding(what, State.OK, text)


def unknown_keys(site: Site, tools: Version) -> list[Finding]:
    """Return a warning for each value of a site that this version of HTCondor ignores."""
    given = {f"submit.{key}" for key in site.submit} | {f"dagman.{key}" for key in site.dagman}
    return [
        Finding(
            f"site {site.name}",
            State.WARNING,
            f"HTCondor {version_text(tools)} ignores {key}",
            f"it takes effect from {version_text(since)} on",
        )
        for key, since in SINCE.items()
        if key in given and tools < since
    ]


def credentials(
    tokens: Sequence[Token], need: Expected, tools: Version | None
) -> list[Finding]:
    """Check whether the best of a user's tokens is valid for as long as a scan takes."""
    if not tokens:
        return []
    best = max(tokens, key=lambda it: float("inf") if it.expires is None else it.expires)
    found = [_open(it, tools) for it in tokens if it.is_open]
    what, left = "token", _left(best)
    if left <= 0:
        detail = f"expired {_duration(-left)} ago ({best.place})"
        found.append(Finding(what, State.ERROR, detail, "get a new one, or remove it"))
    elif left < need.seconds:
        detail = (
            f"expires in {_duration(left)} ({best.place}), and the scan may take "
            f"{_duration(need.seconds)} ({need.why})"
        )
        found.append(Finding(what, State.WARNING, detail, "renew it before it expires"))
    elif not found:
        until = "" if best.expires is None else f", valid for {_duration(left)}"
        found.append(Finding(what, State.OK, f"{best.place}{until}"))
    return found


def _open(token: Token, tools: Version | None) -> Finding:
    detail = f"others can read {token.place}"
    if tools and tools >= PRIVATE_TOKENS:
        detail += ", which HTCondor may therefore ignore"
    return Finding("token", State.WARNING, detail, f"chmod 600 {token.place}")


def _left(token: Token) -> float:
    return float("inf") if token.expires is None else token.expires - time.time()


def _refusal(what: str, detail: str, remedy: str) -> Finding:
    return Finding(what, State.ERROR, detail, remedy, ExitCode.WRONG_USAGE)


def _duration(seconds: float) -> str:
    if seconds < 7200:  # noqa: PLR2004
        return f"{seconds / 60:.0f} minutes"
    hours = seconds / 3600
    return f"{hours:.0f} hours" if hours < 48 else f"{hours / 24:.0f} days"  # noqa: PLR2004


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB" if size < 10 * 2**30 else f"{size / 2**30:.0f} GB"
