"""The keys of a site profile's tables, and how their values become text for HTCondor."""

from __future__ import annotations

import re

from skyscan.errors import WrongUsage

#: Submit commands that a site may add (condor_submit's manual, and for want_* CHTC's guide
#: "Scale Beyond Local HTC Capacity"). What a scan writes itself, such as executable and
#: arguments, is not among them. A misspelt one would silently be a macro.
SUBMIT_COMMANDS = frozenset(
    {
        "accounting_group",
        "accounting_group_user",
        "allowed_execute_duration",
        "allowed_job_duration",
        "concurrency_limits",
        "gpus_minimum_capability",
        "gpus_minimum_memory",
        "gpus_minimum_runtime",
        "job_max_vacate_time",
        "keep_claim_idle",
        "max_transfer_input_mb",
        "max_transfer_output_mb",
        "nice_user",
        "notification",
        "priority",
        "rank",
        "request_cpus",
        "request_gpus",
        "require_gpus",
        "requirements",
        "stream_error",
        "stream_output",
        "use_oauth_services",
        "want_campus_pools",
        "want_ospool",
    }
)
# use_oauth_services takes these along, one for each service (and handle) that it names.
_OAUTH = re.compile(r"\w+_oauth_(permissions|resource|options)(_\w+)?", re.ASCII)
#: DAGMan's settings that change how jobs are submitted and watched (HTCondor's manual,
#: "Configuration File Entries for DAGMan"); what the scan relies on is not a site's to say.
DAGMAN_SETTINGS = frozenset(
    {
        "DAGMAN_AGGRESSIVE_SUBMIT",
        "DAGMAN_CHECK_QUEUE_INTERVAL",
        "DAGMAN_DEFAULT_PRIORITY",
        "DAGMAN_HOLD_CLAIM_TIME",
        "DAGMAN_MAX_JOB_HOLDS",
        "DAGMAN_MAX_JOBS_SUBMITTED",
        "DAGMAN_MAX_POST_SCRIPTS",
        "DAGMAN_MAX_PRE_SCRIPTS",
        "DAGMAN_MAX_SUBMIT_ATTEMPTS",
        "DAGMAN_MAX_SUBMITS_PER_INTERVAL",
        "DAGMAN_PENDING_REPORT_INTERVAL",
        "DAGMAN_PUT_FAILED_JOBS_ON_HOLD",
        "DAGMAN_SUBMIT_DELAY",
        "DAGMAN_USE_DIRECT_SUBMIT",
        "DAGMAN_USER_LOG_SCAN_INTERVAL",
        "DAGMAN_VERBOSITY",
    }
)
_ATTRIBUTE = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def check_key(site: str, table: str, key: str) -> None:
    """Refuse a key that means nothing in its table.

    Raises
    ------
    WrongUsage
        With the keys that there are.
    """
    if table == "attributes":
        if not _ATTRIBUTE.fullmatch(key):
            raise WrongUsage(
                f"Site {site}: attributes.{key} is no attribute's name (write it without +)."
            )
        return
    known = SUBMIT_COMMANDS if table == "submit" else DAGMAN_SETTINGS
    if key in known or (table == "submit" and _OAUTH.fullmatch(key)):
        return
    hint = f" Attributes of jobs go into attributes: {key[1:]}." if key.startswith("+") else ""
    raise WrongUsage(
        f"Site {site}: unknown key {table}.{key}.{hint} There are: {', '.join(sorted(known))}."
    )


def of_type(what: str, text: str, like: object) -> str | int | float | bool:
    """Read a value of the command line, of the type that the profile's own value has.

    Without one, whole numbers and true and false are read as such.

    Raises
    ------
    WrongUsage
        It is none of that type.
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
    """Return a value as submit files have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_text(what: str, text: str) -> str:
    """Return the text, if a line of a submit file can end in it.

    Raises
    ------
    WrongUsage
        A line break would begin another command, a backslash at the end swallow the next.
    """
    if not text.isprintable() or text.endswith("\\"):
        raise WrongUsage(
            f"{what} = {text!r} cannot go into a submit file: it has a line break or another "
            f"character that does not print, or ends in a backslash."
        )
    return text


def attribute_line(site: str, key: str, value: str | float) -> tuple[str, str]:
    """Return an attribute of jobs as a submit command; text becomes a ClassAd string.

    Raises
    ------
    WrongUsage
        The text holds what a submit file would change on the way.
    """
    what = f"Site {site}: attributes.{key}"
    if not isinstance(value, str):
        return f"+{key}", as_text(value)
    if "$" in check_text(what, value):
        raise WrongUsage(f"{what} = {value!r} has a $, which a submit file would expand.")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f"+{key}", f'"{quoted}"'
