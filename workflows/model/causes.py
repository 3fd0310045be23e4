"""Why a step failed, and whether trying again can help: the table of causes.

A job leaves its exit code or signal, the reason of its hold or removal, and its stderr. The
first rule that fits names the cause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from condor.policy import JOB_POLICY, NEVER_RAN, PASSING
from skyscan.errors import ExitCode, last_error_in
from workflows.engines.engine import Failure

if TYPE_CHECKING:
    from workflows.model.jobs import Job

SHOWN = 5  # lines of stderr


class Cause(NamedTuple):
    """A kind of failure.

    Attributes
    ----------
    about : str
        What happened.
    can_pass : bool or None
        Whether another try may succeed without any change; None if it may on another machine.
    exit_code : ExitCode
        Exit code of a scan that fails because of it and cannot pass.
    advice : str
        What to do about it.
    """

    about: str
    can_pass: bool | None
    exit_code: ExitCode
    advice: str


_RUNTIME = "choose another --runtime and plan the scan again, or repair this one"
_MEMORY = "plan the scan again with a larger --request-memory"
_RESUME = "`skyscan resume`"
CAUSES = {
    "missing-module": Cause(
        "the runtime's Python cannot import a module",
        can_pass=False,
        exit_code=ExitCode.BAD_INPUT,
        advice=f"install the module there; or {_RUNTIME}",
    ),
    "library": Cause(
        "a shared library of the runtime is missing or does not load",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice=f"install what the message names; or {_RUNTIME}",
    ),
    "other-module": Cause(
        "a module of the runtime is of a version with which others do not work",
        can_pass=False,
        exit_code=ExitCode.BAD_INPUT,
        advice=f"install versions that fit together; or {_RUNTIME}",
    ),
    "old-python": Cause(
        "the runtime's Python is older than 3.10",
        can_pass=False,
        exit_code=ExitCode.BAD_INPUT,
        advice=_RUNTIME,
    ),
    "no-python": Cause(
        "the machine or the image has no such Python or env-shell, or it does not start",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice=_RUNTIME,
    ),
    "exec": Cause(
        "the job's program cannot be executed",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice=_RUNTIME,
    ),
    "image": Cause(
        "the image does not start",
        can_pass=False,
        exit_code=ExitCode.BAD_INPUT,
        advice=_RUNTIME,
    ),
    "old-system": Cause(
        "the runtime needs a newer system than the machine has",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice="choose a --runtime with an image, or require newer machines "
        "(--set submit.requirements=...)",
    ),
    "instruction": Cause(
        "the machine's processor does not know an instruction of the runtime",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice="require newer machines (--set submit.requirements=...)",
    ),
    "memory": Cause(
        "the job used more memory than it may",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=f"{_RESUME}; if it fails again, {_MEMORY}",
    ),
    "killed": Cause(
        "the job was killed by a signal, perhaps for its memory",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=f"{_RESUME}; if it fails again, {_MEMORY}",
    ),
    "stopped": Cause(
        "the job was interrupted or ended by somebody, or by its machine",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=_RESUME,
    ),
    "crashed": Cause(
        "the program crashed",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=f"{_RESUME}; if it fails again, {_RUNTIME}",
    ),
    "machine": Cause(
        "the machine ran out of processes or files, or lost a file system or the network, or a "
        "server refused it for now",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=_RESUME,
    ),
    "no-access": Cause(
        "a file or folder may not be read or written",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice=f"repair the permissions of what the message names, then {_RESUME}",
    ),
    "no-file": Cause(
        "a file or folder that the program needs is not there",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice=f"put what the message names there, then {_RESUME}; or {_RUNTIME}",
    ),
    "limit-of-machine": Cause(
        "a limit of the machine for processes (`ulimit`) was reached",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice=f"raise the limit there, then {_RESUME}",
    ),
    "disk-full": Cause(
        "a disk was full",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=f"free some space, or plan the scan again with a larger --request-disk; then "
        f"{_RESUME}",
    ),
    "transfer": Cause(
        "the job's files could not be transferred",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=_RESUME,
    ),
    "missing-input": Cause(
        "a file that planning wrote is missing",
        can_pass=False,
        exit_code=ExitCode.BAD_INPUT,
        advice="`skyscan plan` with the same event, options and --output-dir, then "
        "`skyscan resume`",
    ),
    "held-by-user": Cause(
        "the job was held by hand and not released",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=_RESUME,
    ),
    "held": Cause(
        "the job was held, by a policy or by HTCondor",
        can_pass=None,
        exit_code=ExitCode.BAD_INPUT,
        advice="remove the reason of the hold (`docs/sites.md` has the policies), then "
        "`skyscan resume`",
    ),
    "removed": Cause(
        "the job was removed from the queue",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=_RESUME,
    ),
    "not-ended": Cause(
        "the job had not ended when DAGMan did",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=_RESUME,
    ),
    "time": Cause(
        "the job took longer than the pool allows",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=f"{_RESUME}; if it fails again, plan the scan with a shorter "
        "--checkpoint-interval or smaller batches",
    ),
    "deadline": Cause(
        "the scan's deadline passed",
        can_pass=False,
        exit_code=ExitCode.INCOMPLETE,
        advice="`skyscan extend --deadline`",
    ),
    "limit": Cause(
        "a limit of the scan was reached: rounds, or pixels without a fit",
        can_pass=False,
        exit_code=ExitCode.INCOMPLETE,
        advice="`skyscan extend` with a higher limit, or `skyscan retry --failed`",
    ),
    "damaged-file": Cause(
        "a file that a step wrote is damaged or missing",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice="`skyscan resume`, which writes it again",
    ),
    "bad-input": Cause(
        "the event, an option or a file cannot be used",
        can_pass=False,
        exit_code=ExitCode.BAD_INPUT,
        advice="correct what the message names, then `skyscan resume`; or plan the scan again",
    ),
    "bug": Cause(
        "a bug in skyscan or in the reconstruction",
        can_pass=False,
        exit_code=ExitCode.BUG,
        advice="report it, with the lines above",
    ),
    "exception": Cause(
        "Python ended with an exception outside of skyscan",
        can_pass=False,
        exit_code=ExitCode.BUG,
        advice=f"read the last lines; {_RUNTIME}, or report a bug",
    ),
    "try-again": Cause(
        "the step itself says that another try may succeed",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=_RESUME,
    ),
    "dagman": Cause(
        "DAGMan failed, not a step",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=_RESUME,
    ),
    "unknown": Cause(
        "nothing says why",
        can_pass=True,
        exit_code=ExitCode.TRY_AGAIN,
        advice=f"read what the step wrote (`skyscan logs`); {_RESUME}",
    ),
}

#: Errors of a file system that may pass.
_OF_FILES = (
    *(r"Input/output error", r"Stale (?:NFS )?file handle", r"Transport endpoint is not"),
    r"Too many open files",
)
#: Texts of stderr, error messages and reasons of holds, the most telling first. Programs in Go,
#: such as Apptainer, write the system's errors in lower case.
_TEXTS = (
    # Python's own end: it finds no module of its own, as with a wrong PYTHONHOME.
    (
        "no-python",
        *(r"there is no \S+ on \S+; another machine", r"there is no env-shell"),
        *(r"the env-shell \S+ fails", r"setup\.sh fails", r"does not start on "),
        *(r"No module named 'encodings'", r"Fatal Python error: (?:Py_Init|init)"),
    ),
    ("instruction", r"Illegal instruction", r"NumPy was built with baseline optimizations"),
    ("old-system", r"version .(?:GLIBC|GLIBCXX|CXXABI)_[\d.]+. not found", r"kernel too old"),
    (
        "other-module",
        *(r"numpy\.dtype size changed", r"compiled using NumPy 1\.x cannot be run"),
        *(r"multiarray failed to import", r"compiled against (?:ABI|API) version"),
        r"ImportError: cannot import name .* from '(?:numpy|scipy|healpy|icecube)\b",
        r"AttributeError: module '(?:numpy|scipy|healpy|icecube)\b.*' has no attribute",
        *(r"AttributeError: .* was removed in the NumPy", r"All ufuncs must have type"),
        r"The Python of the job \(.+\) has (?:numpy .* too old|another version of )",
    ),
    # A library that is there, but cannot be loaded now.
    (
        "memory",
        r"Cannot allocate memory",
        r"failed to map segment from shared object(?!: Operation not permitted)",
    ),
    (
        "machine",
        r"(?:ImportError|shared object file|cannot load a module on this machine): .*(?:"
        + "|".join(_OF_FILES)
        + ")",
    ),
    (
        "library",
        *(r"cannot open shared object file", r"error while loading shared libraries"),
        *(r"failed to map segment from shared object", r"undefined symbol"),
        *(r"wrong ELF class", r"cannot load a module on this machine"),
    ),
    (
        "missing-module",
        *(r"ModuleNotFoundError: ", r"No module named ", r"ImportError: "),
        r"The Python of the job \(.+\) has no ",
    ),
    (
        "disk-full",
        *(r"No space left on device", r"Disk quota exceeded", r"\bErrno (?:28|122)\b"),
        r"No usable temporary directory",
    ),
    (
        "memory",
        *(r"MemoryError", r"Out of memory", r"oom.kill", r"std::bad_alloc"),
        *(r"out-of-memory", r"Memory allocation still failed", r"exceeded \w+ memory limit"),
    ),
    (
        "time",
        *(r"DUE TO TIME LIMIT", r"walltime \S+ exceeded", r"reaching \w+ run time limit"),
        r"CPU time limit exceeded",
    ),
    (
        "old-python",
        *(r"SyntaxError: ", r"Python (?:2|3\.[0-9])\b\S* is too old"),
        *(r"jobs need Python ", r"The Python of the job \(.+\) is too old"),
        r"unexpected keyword argument '(?:kw_only|slots|strict)'",
    ),
    (
        "machine",
        *(r"Resource temporarily unavailable", r"can't start new thread", r"Cannot fork"),
        *_OF_FILES,
        *(r"Text file busy", r"no loop devices available"),
        *(r"Connection (?:timed out|refused|reset)", r"Network is unreachable"),
        *(r"Name or service not known", r"Temporary failure in name resolution"),
        *(r"No route to host", r"TimeoutError: ", r"i/o timeout", r"TLS handshake timeout"),
        *(r"HTTP Error (?:429|5\d\d)", r"toomanyrequests"),
    ),
    (
        "image",
        *(r"^FATAL: +(?:could not open image|container creation failed)", r"Unable to pull"),
        *(r"Failed to create user namespace", r"manifest unknown"),
    ),
    (
        "exec",
        *(r"Exec format error", r"Cannot execute", r"bad interpreter"),
        *(r"(?<!\d\d\d): not found$", r"command not found", r"Failed to execute"),
        *(r"executable file not found", r"cannot be executed on "),
        r"\d: \S+: Permission denied$",  # of a shell, after the number of its line
    ),
    ("no-access", r"PermissionError: ", r"Permission denied", r"Read-only file system"),
    (
        "no-file",
        *(r"FileNotFoundError: ", r"NotADirectoryError: ", r"IsADirectoryError: "),
        *(r"can't open file '", r"\[Errno (?:2|20|21|36|40)\]", r"no such file or directory$"),
        r"\b40[134]: (?:Not Found|Forbidden|Unauthorized)",
    ),
    ("limit-of-machine", r"File (?:too large|size limit exceeded)"),
    ("image", r"^FATAL: {2,}"),  # Apptainer's
)
_TEXT_RULES = [
    (name, re.compile("|".join(texts), re.MULTILINE | re.IGNORECASE)) for name, *texts in _TEXTS
]
_PLANNED = re.compile(r"/event/[^/\s]+|/skyscan\.zip|/scan\.json|/job\.sh")
_ABSENT = re.compile(r"No such file|errno 2\b|does not exist|is missing")
#: A file that a step of the scan writes: relative to a job's own folder, or in the scan folder.
_WRITTEN = re.compile(r": '(?!/)|/(?:rounds|startup|workflow)/")
_SIGNALS = {
    **dict.fromkeys((6, 7, 8, 11), "crashed"),
    **dict.fromkeys((1, 2, 15), "stopped"),
    4: "instruction",
    9: "killed",
    24: "time",
    25: "limit-of-machine",
}
_ELSEWHERE = "; another machine may do"
#: Errors that say that lines before them have the reason.
_SAID_ABOVE = re.compile(r"does not start on |cannot be executed on |see stderr above")
#: What the runtime of a step that calls its input bad may be.
_OF_RUNTIME = ("missing-module", "other-module", "old-python", "library")
#: What lines may say of a process that something else ended.
_OF_END = ("memory", "time", "machine", "old-system")
#: Signals that a shell may report of its program.
_FATAL_SIGNALS = frozenset({1, 2, 4, 6, 7, 8, 9, 11, 15, 24, 25})
_INTERRUPTED = re.compile(r"^KeyboardInterrupt$", re.MULTILINE)
_BY_SIGNAL = re.compile(r"killed by signal (\d+)")
_NO_ERROR = "its job ended with exit code"
_ENDS = {
    "its job was removed": "removed",
    "its job was held": "held",
    "its job has not ended": "not-ended",
}
_CODES: dict[int, str] = {
    124: "time",  # of timeout(1)
    126: "exec",  # of shells
    127: "exec",
    ExitCode.BAD_INPUT: "bad-input",
    ExitCode.INCOMPLETE: "limit",
    ExitCode.BUG: "bug",
    ExitCode.TRY_AGAIN: "try-again",
}
#: Hold reason codes (HTCondor's manual, "Hold Reason Codes").
_HOLDS = {
    1: "held-by-user",
    6: "exec",
    12: "transfer",
    13: "transfer",
    14: "no-file",
    34: "memory",
    35: "image",
    45: "image",
    46: "time",
    47: "time",
}
_STARTD, _MEMORY_SUBCODES, _DISK_SUBCODES = 21, (102,), (104,)
_POOL_POLICY = 26
_TIME = re.compile(r"(?:run|wall).?time|duration|too long|hours|days", re.IGNORECASE)
_NEARLY = 0.95  # of the requested memory


@dataclass(frozen=True)
class Evidence:
    """What a failed step left.

    Attributes
    ----------
    step : str
        Its name.
    job : Job or None
        Its job; None for a script of DAGMan.
    error : tuple of (str, int or None), optional
        The error message on its stderr, with its exit code.
    file : str
        The file of its stderr, relative to the scan folder.
    lines : tuple of str
        The last lines of that file.
    is_everywhere : bool
        Whether all machines are alike: jobs run in an image, or on this machine only.
    """

    step: str
    job: Job | None
    error: tuple[str, int | None] | None = None
    file: str = ""
    lines: tuple[str, ...] = ()
    is_everywhere: bool = False


def diagnose(evidence: Evidence) -> Failure:
    """Return a failed step's failure, with its cause."""
    name = _cause(evidence)
    cause = CAUSES[name]
    can_pass = cause.can_pass
    if can_pass is None:
        can_pass = not _is_everywhere(evidence)
    code = ExitCode.TRY_AGAIN if can_pass else cause.exit_code
    text = _text(evidence)
    return Failure(
        step=evidence.step,
        exit_code=int(code),
        text=text if can_pass else text.removesuffix(_ELSEWHERE),
        cause=name,
        can_pass=can_pass,
        advice=cause.advice,
        machine=evidence.job.machine if evidence.job else "",
        file=evidence.file,
        last_lines=evidence.lines[-SHOWN:],
    )


def with_cause(failure: Failure) -> Failure:
    """Return a failure that an engine found itself, with its cause by its text and code."""
    signal = _BY_SIGNAL.search(failure.text)
    if signal is not None:
        name = _of_signal(signal)
    else:
        name = next((it for start, it in _ENDS.items() if failure.text.startswith(start)), "")
        if not name and failure.text.startswith(_NO_ERROR):
            name = _of_exit(failure.exit_code, "\n".join(failure.last_lines))
        name = name or _of_error((failure.text, failure.exit_code), failure.last_lines)
    cause = CAUSES[name]
    can_pass = cause.can_pass is not False
    code = ExitCode.TRY_AGAIN if can_pass else cause.exit_code
    return replace(
        failure, cause=name, can_pass=can_pass, exit_code=int(code), advice=cause.advice
    )


def end_text(job: Job) -> str:
    """Return how a job ended, in words."""
    hold = job.last_hold
    if job.state == "removed":
        held = f"its job was held and then removed: {hold.reason}" if hold else ""
        return held or f"its job was removed: {job.reason}"
    if hold:
        return f"its job was held: {hold.reason}"
    if not job.has_end:
        return "its job has not ended"
    if job.signal is not None:
        return f"its job was killed by signal {job.signal}"
    return f"{_NO_ERROR} {job.exit_code}"


def _is_everywhere(evidence: Evidence) -> bool:
    starts = evidence.job.starts if evidence.job else []
    return evidence.is_everywhere or len({it.machine for it in starts if it.machine}) > 1


def _text(evidence: Evidence) -> str:
    """Return the error of the step; of a job that has none, how it ended and its last line."""
    if evidence.error is not None:
        return evidence.error[0]
    if evidence.job is None:
        return evidence.lines[-1] if evidence.lines else ""
    text = end_text(evidence.job)
    has_reason = evidence.job.has_end and evidence.lines
    return f"{text}: {evidence.lines[-1]}" if has_reason else text


def _cause(evidence: Evidence) -> str:
    job, error = evidence.job, evidence.error
    if error is not None:
        return _of_error(error, evidence.lines)
    if job is None:
        return "unknown"
    hold = job.last_hold
    if hold is not None:
        return _of_hold(hold.reason, *hold.code)
    if job.state == "removed":
        return "removed"
    if not job.has_end:
        return "not-ended"
    return _of_end(job, "\n".join(evidence.lines))


def _of_error(error: tuple[str, int | None], lines: tuple[str, ...]) -> str:
    text, code = error
    if _SAID_ABOVE.search(text) and (said := _said_above(text, lines)):
        return said
    by_text = _of_text(text)
    if code == ExitCode.BUG:
        return _of_text("\n".join((text, *lines))) or "bug"
    if code == ExitCode.INCOMPLETE:
        return "deadline" if "--deadline" in text else "limit"
    if code in (ExitCode.BAD_INPUT, ExitCode.WRONG_USAGE):
        return by_text if by_text in _OF_RUNTIME else "bad-input"
    is_ours = by_text == "no-file" and _WRITTEN.search(text)
    if is_ours or (not by_text and re.search("damaged|is missing|skyscan resume", text)):
        return "damaged-file"
    signal = _BY_SIGNAL.search(text)
    return by_text or ("try-again" if signal is None else _of_signal(signal))


def _said_above(text: str, lines: tuple[str, ...]) -> str:
    """Return the cause that the lines before an error name, or the signal in it."""
    before = [it for it in lines if text not in it]
    error = last_error_in("\n".join(before))
    if error is not None:
        return _of_error(error, tuple(before))
    if found := _of_text("\n".join(before)):
        return found
    signal = _BY_SIGNAL.search(text)
    return "" if signal is None else _of_signal(signal)


def _of_hold(reason: str, code: int, subcode: int) -> str:
    if code == JOB_POLICY:
        return "image" if NEVER_RAN in reason else "held"
    if code == _STARTD:
        if subcode in _MEMORY_SUBCODES or "memory" in reason.lower():
            return "memory"
        return "disk-full" if subcode in _DISK_SUBCODES or "disk" in reason.lower() else "time"
    known = _HOLDS.get(code)
    if known == "transfer" and _ABSENT.search(reason) and _PLANNED.search(reason):
        return "missing-input"
    by_text = _of_policy(reason) if code == _POOL_POLICY else _of_text(reason)
    if by_text in ("disk-full", "memory", "machine", "time"):
        return by_text
    return known or by_text or ("transfer" if code in PASSING else "held")


def _of_policy(reason: str) -> str:
    """Return the cause that a pool's own policy of holds names: what a job had too much of."""
    for resource, name in (("memory", "memory"), ("disk", "disk-full")):
        if resource in reason.lower():
            return name
    return "time" if _TIME.search(reason) else ""


def _of_end(job: Job, lines: str) -> str:
    if job.signal is None:
        return "unknown" if job.exit_code is None else _of_exit(job.exit_code, lines)
    used = job.memory_mb
    if (by_text := _of_text(lines)) in _OF_END:
        return by_text
    if used and used[1] and used[0] >= _NEARLY * used[1]:
        return "memory"
    return _SIGNALS.get(job.signal, "killed")


def _of_exit(code: int, lines: str) -> str:
    """Return the cause of an exit code, by the last lines of stderr if they tell it."""
    if found := _of_text(lines):
        return found
    of_code = _of_code(code)
    if _INTERRUPTED.search(lines):
        return "stopped"
    if of_code == "unknown" and "Traceback (most recent call last)" in lines:
        return "exception"
    return of_code


def _of_code(code: int) -> str:
    """Return the cause by an exit code; a shell whose program a signal killed has 128 more."""
    if code - 128 in _FATAL_SIGNALS:
        return _SIGNALS.get(code - 128, "killed")
    return _CODES.get(code, "unknown")


def _of_signal(found: re.Match[str]) -> str:
    return _SIGNALS.get(int(found[1]), "killed")


def _of_text(text: str) -> str:
    return next((name for name, rule in _TEXT_RULES if rule.search(text)), "")
