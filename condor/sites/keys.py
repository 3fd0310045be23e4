"""The keys of a site profile's tables, and the text of their values for HTCondor."""

from __future__ import annotations

import re
from math import isfinite

from skyscan.errors import WrongUsage
from skyscan.suggestions import did_you_mean

MOST = 2**31 - 1  #: the largest number in most of HTCondor's settings

#: The commands that a scan sets itself or relies on, without underscores: HTCondor also accepts
#: a command by the name of its attribute (PeriodicRemove). A site may set all others.
OWN_COMMANDS = frozenset(
    name.replace("_", "")
    for name in (
        # program, place and files
        *("arguments", "arguments2", "cmd", "container_image", "docker_image", "executable"),
        *("job_universe", "shell", "transfer_container", "transfer_executable", "universe"),
        *("env", "environment", "environment2", "get_env", "getenv"),
        *("in", "input", "stdin", "out", "output", "stdout", "err", "stderr"),
        *("initial_dir", "iwd", "job_iwd", "remote_initial_dir"),
        *("dagman_job_id", "dagman_log", "log", "log_xml", "user_log"),
        # files and checkpoints
        *("checkpoint_destination", "checkpoint_exit_code", "file_remaps"),
        *("output_destination", "preserve_relative_paths", "should_transfer_files"),
        *("transfer_checkpoint_files", "transfer_error", "transfer_in", "transfer_input"),
        *("transfer_input_files", "transfer_out", "transfer_output"),
        *("transfer_output_files", "transfer_output_remaps", "when_to_transfer_output"),
        # tries, holds and requests (`condor.policy`)
        *("hold", "job_machine_attrs", "job_machine_attrs_history_length"),
        *("job_max_retries", "leave_in_queue", "max_idle", "max_materialize", "max_retries"),
        *("noop_job", "on_exit_hold", "on_exit_remove", "periodic_hold"),
        *("periodic_hold_reason", "periodic_release", "periodic_remove", "request_disk"),
        *("request_memory", "retry_request_disk", "retry_request_memory", "retry_until"),
        *("skip_if_dataflow", "success_exit_code"),
        # the macros of its nodes
        *("batch", "batches", "budget", "deadline", "dollar", "retry", "round"),
        # keywords of submit files that are not commands
        *("elif", "else", "endif", "error", "if", "include", "queue", "use", "warning"),
    )
)
#: Commands as HTCondor's manual spells them: with two spellings one could be set twice.
_COMMAND = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
# The companions of use_oauth_services, one for each service (and handle) that it names.
_OAUTH = re.compile(r"\w+_oauth_(permissions|resource|options)(_\w+)?", re.ASCII)
#: DAGMan's settings that change how jobs are submitted and watched (HTCondor's manual,
#: "Configuration File Entries for DAGMan"), except those that a scan relies on: the smallest
#: and the largest value, or None for true and false. DAGMan does not start with another value.
DAGMAN_SETTINGS: dict[str, tuple[int, int] | None] = {
    "DAGMAN_AGGRESSIVE_SUBMIT": None,
    "DAGMAN_CHECK_QUEUE_INTERVAL": (1, MOST),
    "DAGMAN_DEFAULT_PRIORITY": (-MOST, MOST),
    "DAGMAN_HOLD_CLAIM_TIME": (0, 3600),
    "DAGMAN_MAX_JOB_HOLDS": (0, MOST),
    "DAGMAN_MAX_JOBS_SUBMITTED": (0, MOST),
    "DAGMAN_MAX_POST_SCRIPTS": (0, MOST),
    "DAGMAN_MAX_PRE_SCRIPTS": (0, MOST),
    "DAGMAN_MAX_SUBMIT_ATTEMPTS": (1, 16),
    "DAGMAN_MAX_SUBMITS_PER_INTERVAL": (1, 1000),
    "DAGMAN_PENDING_REPORT_INTERVAL": (0, MOST),
    "DAGMAN_PUT_FAILED_JOBS_ON_HOLD": None,
    "DAGMAN_SUBMIT_DELAY": (0, 60),
    "DAGMAN_USE_DIRECT_SUBMIT": None,
    "DAGMAN_USER_LOG_SCAN_INTERVAL": (1, MOST),
    "DAGMAN_VERBOSITY": (0, 7),
}
#: Attributes that HTCondor or the commands of a scan set: with another value, a job is refused,
#: belongs to someone else or never ends. (Those of a submit file of 23.9.6, and the schedd's.)
OWN_ATTRIBUTES = frozenset(
    name.lower()
    for line in (
        "Args Arguments AutoClusterAttrs AutoClusterId ClusterId Cmd",
        "CommittedSlotTime CommittedSuspensionTime CommittedTime CompletionDate",
        "CondorPlatform CondorVersion ContainerImage ContainerImageSource",
        "CumulativeRemoteSysCpu CumulativeRemoteUserCpu CumulativeSlotTime",
        "CumulativeSuspensionTime CurrentHosts DAGManJobId DAGManNodesLog",
        "DAGManNodesMask DAGNodeName DAGParentNodeNames DiskUsage DockerImage",
        "EnteredCurrentStatus Env Environment Err ExecutableSize ExitBySignal",
        "ExitStatus FileSystemDomain GlobalJobId HoldReason HoldReasonCode",
        "HoldReasonSubCode ImageSize In Iwd JobCurrentStartDate JobLeaseDuration",
        "JobMachineAttrs JobMachineAttrsHistoryLength JobMaxRetries JobNotification",
        "JobPrio JobStartDate JobStatus JobSubmitFile JobSubmitMethod JobUniverse",
        "KeepClaimIdle KillSig LastHoldReason LastJobStatus LastSuspensionTime",
        "LeaveJobInQueue MaxHosts MinHosts MyType NiceUser NumCkpts NumHolds",
        "NumHoldsByReason NumJobCompletions NumJobStarts NumRestarts NumShadowStarts",
        "NumSystemHolds OnExitHold OnExitRemove OsUser Out Owner PeriodicHold",
        "PeriodicHoldReason PeriodicRelease PeriodicRemove ProcId QDate Rank",
        "ReleaseReason RemoteHost RemoteSysCpu RemoteUser RemoteUserCpu",
        "RemoteWallClockTime RemoveReason RequestCpus RequestDisk RequestMemory",
        "Requirements ServerTime ShouldTransferFiles StreamErr StreamOut",
        "SuccessCheckpointExitCode TargetType TimerRemove TotalSuspensions",
        "TransferCheckpoint TransferContainer TransferIn TransferInput",
        "TransferInputSizeMB TransferOutput TransferOutputRemaps User UserLog",
        "WantContainer WantDocker WantFTOnCheckpoint WantSandboxImage WantSIF",
        "WhenToTransferOutput x509userproxy",
    )
    for name in line.split()
)
_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def check_key(site: str, table: str, key: str) -> None:
    """Check that a site may set a key of a table.

    Raises
    ------
    WrongUsage
        It may not; the message says which keys it may set.
    """
    where = f"Site {site}: {table}.{key}"
    if table == "attributes":
        if not _ATTRIBUTE.fullmatch(key):
            raise WrongUsage(f"{where} is not the name of an attribute (write it without +).")
        if key.lower() in OWN_ATTRIBUTES:
            raise WrongUsage(
                f"{where}: HTCondor or the scan sets {key} itself; remove it from the site. A "
                f"few can be set by their submit command, such as submit.priority."
            )
    elif table == "submit":
        if key.startswith("+"):
            raise WrongUsage(
                f"{where}: job attributes belong in the table attributes, as {key[1:]}."
            )
        if not _COMMAND.fullmatch(key) and not _OAUTH.fullmatch(key):
            raise WrongUsage(
                f"{where} is not the name of a submit command (lower-case letters, digits, _)."
            )
        if key.replace("_", "") in OWN_COMMANDS:
            raise WrongUsage(f"{where}: a scan sets {key} itself; remove it from the site.")
    elif key not in DAGMAN_SETTINGS:
        known = ", ".join(sorted(DAGMAN_SETTINGS))
        raise WrongUsage(
            f"Site {site}: unknown key {table}.{key}.{did_you_mean(key, DAGMAN_SETTINGS)} "
            f"Known keys: {known}."
        )


def of_type(what: str, text: str, like: object) -> str | int | float | bool:
    """Parse a value of the command line as the type of the profile's own value.

    If the profile has none, integers and true and false are parsed as such.

    Raises
    ------
    WrongUsage
        The value is not of that type.
    """
    truth = {"true": True, "false": False}.get(text.lower())
    if isinstance(like, bool) or (like is None and truth is not None):
        if truth is None:
            raise WrongUsage(f"{what}={text} is neither true nor false.")
        return truth
    if isinstance(like, str):
        return text
    is_whole = re.fullmatch(r"-?\d{1,18}", text, re.ASCII) is not None
    if is_whole:
        return int(text)
    if like is None:
        return text
    raise WrongUsage(f"{what}={text} is not a whole number.")


def as_text(value: str | float) -> str:
    """Return a value as submit files write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_text(what: str, text: str) -> str:
    """Return the text if it can end a line of a submit file.

    Raises
    ------
    WrongUsage
        It cannot: a line break would begin another command, and a backslash at the end would
        continue the line.
    """
    if not text.isprintable() or text.endswith("\\"):
        raise WrongUsage(
            f"{what} = {text!r} cannot be written to a submit file: it has a line break or "
            f"another unprintable character, or ends in a backslash."
        )
    return text


def check_number(what: str, value: object) -> None:
    """Refuse a number that HTCondor cannot hold.

    Raises
    ------
    WrongUsage
        It is not finite (HTCondor would take nan for the name of an attribute), or an integer
        of more than 64 bits.
    """
    is_large = isinstance(value, int) and not -(2**63) <= value < 2**63
    if is_large or (isinstance(value, float) and not isfinite(value)):
        raise WrongUsage(f"{what} is a number that HTCondor cannot hold.")


def attribute_line(site: str, key: str, value: str | float) -> tuple[str, str]:
    """Return a job attribute as a submit command; text becomes a ClassAd string.

    Raises
    ------
    WrongUsage
        The text contains characters that a submit file would change.
    """
    what = f"Site {site}: attributes.{key}"
    if not isinstance(value, str):
        check_number(what, value)
        return f"+{key}", as_text(value)
    if "$" in check_text(what, value):
        raise WrongUsage(f"{what} = {value!r} has a $, which a submit file would expand.")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f"+{key}", f'"{quoted}"'
