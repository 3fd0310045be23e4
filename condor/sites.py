"""Site profiles: what a pool wants in its submit files, as TOML in ``condor/sites/``.

A user's own profile is such a file too, given by its path. `docs/sites.md` explains the keys.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condor.site_keys import as_text, attribute_line, check_key, check_text, of_type
from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLES = ("attributes", "submit", "dagman")
#: Keys that hold what a user must give: {dotted key: what it is}.
REQUIRED = "required"


@dataclass(frozen=True)
class Site:
    """One pool that scans run on. A profile has these keys, but for the name; most may lack.

    A profile also may have the tables ``attributes``, which become ``+NAME`` in ``submit``,
    and ``required``.

    Attributes
    ----------
    name : str
        As in ``--site``; of a file, its name without ending.
    summary : str
        One line for people.
    this_machine : bool
        Jobs run on this machine, or on others that look the same to them.
    runtime : str
        Which Python jobs run in unless ``--runtime`` says (`condor.runtimes`).
    jobs_per_round : int
        Into how many jobs a round is dealt; 0 means one for each core of this machine.
    time_budget : int
        Seconds that a batch may take unless ``--time-budget`` says; 0: no limit.
    max_idle : int
        How many jobs of a scan may wait in the queue.
    request_memory, request_disk : int
        MB that a job asks for at its first try.
    release_after : int
        Seconds after which a job is released whose hold may pass; twice as long the second
        time, and so on.
    held_too_long : int
        Seconds after which a held job is removed, and submitted again.
    avoid_machines : int
        Seconds that a job which failed waits for other machines than those it was on; 0: it
        takes any, as it does where ``this_machine`` is true.
    urgent_priority : int
        Priority of the jobs of a scan with ``--urgent`` among those of the same user.
    urgent_claim : int
        Seconds that a machine is kept for the next job of such a scan.
    urgent_halvings : int
        How often batches of such a scan get half as large towards the end of a round.
    staging : str
        Where jobs of Pegasus find what they all read, ``osdf:///…``; else they get it by
        HTCondor's file transfer.
    submit : dict of str to str
        Further commands of every submit file that runs on the site's machines;
        ``requirements`` add to those of the runtime.
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
    staging: str = ""
    submit: dict[str, str] = field(default_factory=dict)
    dagman: dict[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return all but the name, for the record; `recorded_site` makes a site of it."""
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
    """Read a profile by its name, or by the path of a user's own file.

    Parameters
    ----------
    site : str
        With a slash, or ending in ``.toml``, it is a path.
    changes : sequence of str
        ``key=value``, the key with its table as in ``dagman.DAGMAN_MAX_JOB_HOLDS``.
    runtime : str, optional
        In place of the profile's.
    urgent : bool
        With what makes a scan sooner ready, but for values that ``changes`` give.

    Raises
    ------
    WrongUsage
        There is no such profile, a key means nothing, a value is of the wrong type or cannot
        be written to a submit file, or one is missing that only the user can give.
    """
    name, text = _profile(site)
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongUsage(f"Site {name}: {error}.") from error
    required = values.pop(REQUIRED, {})
    _check(name, values)
    for change in changes:
        values = _changed(name, values, change)
    if runtime is not None:
        values["runtime"] = runtime
    if urgent:
        values = _hurried(values, {change.partition("=")[0].strip() for change in changes})
    _check_required(name, values, required)
    return _site(name, values)


def recorded_site(name: str, values: Mapping[str, Any]) -> Site:
    """Return the site that a scan was planned for; its profile need not exist any more."""
    return Site(name=name, **values)


def _profile(site: str) -> tuple[str, str]:
    if site in site_names():
        text = resources.files("condor").joinpath("sites", f"{site}.toml").read_text("utf-8")
        return site, text
    known = f"There are: {', '.join(site_names())}; or give the path of a file of your own."
    if "/" not in site and not site.endswith(".toml"):
        raise WrongUsage(f"No site is called {site!r}. {known}")
    try:
        return Path(site).stem, Path(site).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"The site profile {site} cannot be read: {error}. {known}") from error


def _check(name: str, values: Mapping[str, Any]) -> None:
    """Refuse what means nothing, by its dotted key."""
    known = {"summary", *SCALARS, *TABLES}
    unknown = sorted(set(values) - known)
    if unknown:
        raise WrongUsage(
            f"Site {name}: unknown key {', '.join(unknown)}. "
            f"There are: {', '.join(sorted(known | {REQUIRED}))}."
        )
    for key in ("summary", *SCALARS):
        _check_type(name, key, values.get(key, SCALARS.get(key, "")), SCALARS.get(key, ""))
    for table in TABLES:
        if not isinstance(values.get(table, {}), dict):
            raise WrongUsage(f"Site {name}: {table} is no table, as in [{table}].")
        for key, value in values.get(table, {}).items():
            check_key(name, table, key)
            if not isinstance(value, str | int | float):
                raise WrongUsage(f"Site {name}: {table}.{key} is neither text nor a number.")


def _check_type(name: str, key: str, value: object, default: object) -> None:
    if type(value) is not type(default):
        wanted = {str: "text", bool: "true or false", int: "a whole number"}[type(default)]
        raise WrongUsage(f"Site {name}: {key} = {value!r} is not {wanted}.")
    if isinstance(value, int) and value < 0:
        raise WrongUsage(f"Site {name}: {key} = {value} is less than 0.")


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
        return {**values, table: {**entries, inner: value}}
    if key not in SCALARS:
        tables = (f"{it}.{entry}" for it in TABLES for entry in values.get(it, {"...": ""}))
        raise WrongUsage(
            f"--set {key}: unknown key. There are: {', '.join((*SCALARS, *tables))}."
        )
    value = of_type(f"--set {key}", text, SCALARS[key])
    _check_type(name, key, value, SCALARS[key])
    return {**values, key: value}


def _hurried(values: dict[str, Any], given: set[str]) -> dict[str, Any]:
    """Return the values with those of ``--urgent`` in their tables."""
    priority, claim = (
        values.get(key, SCALARS[key]) for key in ("urgent_priority", "urgent_claim")
    )
    wanted = {
        ("submit", "priority"): priority,
        ("submit", "keep_claim_idle"): claim,
        ("dagman", "DAGMAN_USER_LOG_SCAN_INTERVAL"): 1,
    }
    for (table, key), value in wanted.items():
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
    """Write attributes as commands and all values as text, where that can be."""
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
    check_text(f"Site {name}: runtime", plain.get("runtime", ""))
    return Site(name=name, **{"summary": "", **plain, **tables})
