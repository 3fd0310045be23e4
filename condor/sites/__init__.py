"""Site profiles: what submit files need at a pool, as TOML in ``condor/sites/``.

Users can give the path of a profile of their own. `docs/sites.md` explains the keys.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condor.sites.keys import MOST, as_text, attribute_line, check_key, check_text, of_type
from condor.sites.values import check_value
from skyscan.errors import WrongUsage
from skyscan.json_text import MAX_DEPTH, is_deep, is_of
from skyscan.regular import open_regular
from skyscan.scan import MAX_HALVINGS
from skyscan.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_BYTES = 64 * 1024  #: of a profile; those of the package have 2 KB
TABLES = ("attributes", "submit", "dagman")
#: The table of keys that the user must set: {dotted key: what it is}.
REQUIRED = "required"


@dataclass(frozen=True)
class Site:
    """One pool that scans run on. A profile has these keys except the name; all are optional.

    A profile may also have the table ``attributes``, whose keys become ``+NAME`` in ``submit``,
    and the table ``required``.

    Attributes
    ----------
    name : str
        The value of ``--site``; for a file, its name without suffix.
    summary : str
        A description of one line.
    this_machine : bool
        Whether jobs run on this machine, or on machines that share its files.
    runtime : str
        The Python that jobs run in, unless ``--runtime`` is given (`condor.runtimes`).
    jobs_per_round : int
        The number of jobs of a round for each variation of a pixel that is fitted; 0 means one
        job for each core of this machine.
    time_budget : int
        Seconds that a batch may take, unless ``--time-budget`` is given; 0 means no limit.
    max_idle : int
        How many jobs of a scan may wait in the queue.
    request_memory, request_disk : int
        MB that a job requests at its first try.
    release_after : int
        Seconds after which a held job is released if its failure may be temporary; twice as
        long the second time, and so on.
    held_too_long : int
        Seconds after which a held job is removed and submitted again.
    avoid_machines : int
        Seconds for which a failed job avoids the machines that it was on; 0 means that it
        accepts any machine, which is always so if ``this_machine`` is true.
    urgent_priority : int
        Priority of the jobs of a scan with ``--urgent`` among those of the same user.
    urgent_claim : int
        Seconds for which a machine is kept for the next job of such a scan.
    urgent_halvings : int
        How often the batches of such a scan are halved towards the end of a round.
    avx2_kernels : bool
        Whether numpy and OpenBLAS use their kernels for AVX2 on all machines, which must have
        AVX2: kernels differ in the last digits. A profile without this key has it unless
        ``this_machine`` is true; scans of versions that did not know it have it off.
    dagman_guard : bool
        Whether ``dagman.sh`` works around faults of DAGMan (docs/htcondor-faults.md).
    staging : str
        Where Pegasus puts the files that all its jobs read, ``osdf:///…``; by default
        HTCondor transfers them.
    submit : dict of str to str
        Further commands of every submit file whose jobs run on the site's machines;
        ``requirements`` are added to those of the runtime.
    dagman : dict of str to str
        Further settings of DAGMan.
    """

    name: str
    summary: str = ""
    this_machine: bool = False
    runtime: str = "host"
    jobs_per_round: int = 0
    time_budget: int = 0
    max_idle: int = 1000
    request_memory: int = 1000
    request_disk: int = 500
    release_after: int = 60
    held_too_long: int = 1800
    avoid_machines: int = 900
    urgent_priority: int = 1000
    urgent_claim: int = 60
    urgent_halvings: int = 2
    avx2_kernels: bool = False
    dagman_guard: bool = True
    staging: str = ""
    submit: dict[str, str] = field(default_factory=dict)
    dagman: dict[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return all values except the name, for `recorded_site`."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


SCALARS = {
    key.name: key.default
    for key in fields(Site)
    if key.name not in ("name", "summary", "submit", "dagman")
}


def site_names() -> list[str]:
    """Return the names of the profiles that come with the package."""
    files = resources.files("condor").joinpath("sites").iterdir()
    return sorted(
        file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")
    )


def read_site(
    site: str,
    changes: Sequence[str] = (),
    runtime: str | None = None,
    *,
    urgent: bool = False,
) -> Site:
    """Read a profile by its name or by the path of a user's own file.

    Parameters
    ----------
    site : str
        A name, or a path, which has a slash or ends in ``.toml``.
    changes : sequence of str
        ``key=value``, the key with its table, such as ``dagman.DAGMAN_MAX_JOB_HOLDS``.
    runtime : str, optional
        Replaces the profile's runtime.
    urgent : bool
        Whether to add the settings of an urgent scan, except those that ``changes`` give.

    Raises
    ------
    WrongUsage
        The profile does not exist, a key is unknown, a value is of the wrong type or cannot be
        written to a submit file, or a required value is missing.
    """
    name, text = _profile(site)
    values = _parsed(name, text)
    required = values.pop(REQUIRED, {})
    if not is_of(required, dict[str, str]):
        raise WrongUsage(
            f"Site {name}: {REQUIRED} is not a table of strings; write [{REQUIRED}] and lines "
            f'such as runtime = "the image of the jobs".'
        )
    _check(name, values)
    for change in changes:
        values = _changed(name, values, change)
    if runtime is not None:
        values["runtime"] = runtime
    if urgent:
        given = {change.partition("=")[0].strip() for change in changes}
        values = _with_urgent(values, given)
    _check_required(name, values, required)
    values.setdefault("avx2_kernels", not values.get("this_machine", False))
    return _site(name, values)


def recorded_site(name: str, values: Mapping[str, Any]) -> Site:
    """Return the site that a scan was planned for; its profile need not exist anymore."""
    return Site(name=name, **values)


def _profile(site: str) -> tuple[str, str]:
    if site in site_names():
        text = resources.files("condor").joinpath("sites", f"{site}.toml").read_text("utf-8")
        return site, text
    known = f"Known sites: {', '.join(site_names())}; or give the path of a file of your own."
    if "/" not in site and not site.endswith(".toml"):
        raise WrongUsage(
            f"The site {site!r} is unknown.{did_you_mean(site, site_names())} {known}"
        )
    try:
        with open_regular(site) as file:
            return Path(site).stem, file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise WrongUsage(f"The site profile {site} cannot be read: {error}. {known}") from error


def _parsed(name: str, text: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise WrongUsage(f"Site {name}: the profile is larger than {MAX_BYTES} bytes.")
    if any(map(_is_deep_key, text.splitlines())):  # tomllib needs gigabytes for such a key
        raise WrongUsage(f"Site {name}: it is too deeply nested.")
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # an integer may have too many digits
        what = "it is too deeply nested" if isinstance(error, RecursionError) else error
        raise WrongUsage(f"Site {name}: {what}.") from error
    if is_deep(values):
        raise WrongUsage(f"Site {name}: it is too deeply nested.")
    return values


def _is_deep_key(line: str) -> bool:
    """Return whether a line has a key of very many parts, as `[a.b.c]` and `a.b.c = 1`."""
    *keys, rest = line.split("#", maxsplit=1)[0].split("=")
    return any(it.count(".") > MAX_DEPTH for it in keys or [rest])


def _check(name: str, values: Mapping[str, Any]) -> None:
    """Refuse unknown keys and values of the wrong type."""
    known = {"summary", *SCALARS, *TABLES}
    unknown = sorted(set(values) - known)
    if unknown:
        raise WrongUsage(
            f"Site {name}: unknown key {', '.join(unknown)}."
            f"{did_you_mean(unknown[0], known | {REQUIRED})} "
            f"Known keys: {', '.join(sorted(known | {REQUIRED}))}."
        )
    for key in ("summary", *SCALARS):
        _check_type(name, key, values.get(key, SCALARS.get(key, "")), SCALARS.get(key, ""))
    for table in TABLES:
        if not isinstance(values.get(table, {}), dict):
            raise WrongUsage(f"Site {name}: {table} is not a table; write [{table}].")
        for key, value in values.get(table, {}).items():
            check_key(name, table, key)
            if not isinstance(value, str | int | float):
                raise WrongUsage(f"Site {name}: {table}.{key} is neither text nor a number.")
            check_value(f"Site {name}: {table}.{key}", table, key, value)


def _check_type(name: str, key: str, value: object, default: object) -> None:
    if type(value) is not type(default):
        expected = {str: "text", bool: "true or false", int: "a whole number"}[type(default)]
        raise WrongUsage(f"Site {name}: {key} = {value!r} is not {expected}.")
    if isinstance(value, str):
        check_text(f"Site {name}: {key}", value)
        return
    if value < 0:  # type: ignore[operator]
        raise WrongUsage(f"Site {name}: {key} = {value} is less than 0.")
    most = MAX_HALVINGS if key == "urgent_halvings" else MOST
    if value > most:  # type: ignore[operator]
        raise WrongUsage(f"Site {name}: {key} = {value} is more than {most}.")


def _changed(name: str, values: dict[str, Any], change: str) -> dict[str, Any]:
    """Return the values with one ``key=value`` of the command line applied."""
    key, equals, text = change.partition("=")
    key, text = key.strip(), text.strip()
    table, dot, inner = key.partition(".")
    if not equals:
        raise WrongUsage(f"--set {change!r} is not of the form KEY=VALUE.")
    if dot and table in TABLES:
        check_key(name, table, inner)
        entries = values.get(table, {})
        value = of_type(f"--set {key}", text, entries.get(inner))
        check_value(f"--set {key}", table, inner, value)
        return {**values, table: {**entries, inner: value}}
    if key not in SCALARS:
        tables = (f"{it}.{entry}" for it in TABLES for entry in values.get(it, {"NAME": ""}))
        every = (*SCALARS, *tables)
        raise WrongUsage(
            f"--set {key}: unknown key.{did_you_mean(key, every)} "
            f"Known keys: {', '.join(every)}."
        )
    value = of_type(f"--set {key}", text, SCALARS[key])
    _check_type(name, key, value, SCALARS[key])
    return {**values, key: value}


def _with_urgent(values: dict[str, Any], given: set[str]) -> dict[str, Any]:
    """Return the values with the settings of ``--urgent`` in their tables."""
    priority, claim = (
        values.get(key, SCALARS[key]) for key in ("urgent_priority", "urgent_claim")
    )
    settings = {
        ("submit", "priority"): priority,
        ("submit", "keep_claim_idle"): claim,
        ("dagman", "DAGMAN_USER_LOG_SCAN_INTERVAL"): 1,
    }
    for (table, key), value in settings.items():
        if f"{table}.{key}" not in given:
            values = {**values, table: {**values.get(table, {}), key: value}}
    return values


def _check_required(name: str, values: Mapping[str, Any], required: Mapping[str, str]) -> None:
    for key, what in required.items():
        table, _, inner = key.rpartition(".")
        given = values.get(table, {}).get(inner) if table else values.get(inner)
        if given in (None, ""):
            or_option = " (or --runtime VALUE)" if key == "runtime" else ""
            raise WrongUsage(
                f"Site {name} needs {key}: {what}. Give it with --set {key}=VALUE{or_option}."
            )


def _site(name: str, values: Mapping[str, Any]) -> Site:
    """Return the site, with attributes as commands and all values as text."""
    attributes = [
        attribute_line(name, key, value) for key, value in values.get("attributes", {}).items()
    ]
    tables = {
        table: {
            key: check_text(f"Site {name}: {table}.{key}", as_text(value))
            for key, value in values.get(table, {}).items()
        }
        for table in ("submit", "dagman")
    }
    tables["submit"] |= dict(attributes)
    if "max_idle" in values:
        tables["dagman"]["DAGMAN_MAX_JOBS_IDLE"] = str(values["max_idle"])
    plain = {key: value for key, value in values.items() if key not in TABLES}
    check_text(f"Site {name}: runtime", plain.get("runtime", ""))  # of --runtime
    return Site(name=name, **{"summary": "", **plain, **tables})
