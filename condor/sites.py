"""Site profiles: what a pool wants in its submit files, as TOML in ``condor/sites/``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from importlib import resources
from typing import Any

from skyscan.errors import WrongUsage


@dataclass(frozen=True)
class Site:
    """One pool that scans run on. A profile has these keys, but for the name; most may lack.

    Attributes
    ----------
    name : str
        As in ``--site``.
    summary : str
        One line for people.
    this_machine : bool
        Jobs run on this machine, or on others that look the same to them.
    runtime : str
        Which Python jobs run in unless ``--runtime`` says (`condor.runtimes`).
    jobs_per_round : int
        Into how many jobs a round is dealt; 0 means one for each core of this machine.
    request_memory, request_disk : int
        MB that a job asks for at its first try.
    submit : dict of str to str
        Further commands of every submit file that runs on the site's machines;
        ``requirements`` add to those of the runtime.
    dagman : dict of str to str
        Further settings of DAGMan.
    """

    name: str
    summary: str
    this_machine: bool = False
    runtime: str = "host"
    jobs_per_round: int = 0
    request_memory: int = 1000
    request_disk: int = 500
    submit: dict[str, str] = field(default_factory=dict)
    dagman: dict[str, str] = field(default_factory=dict)


def site_names() -> list[str]:
    """Return the names of the profiles that come with the package."""
    files = resources.files("condor").joinpath("sites").iterdir()
    return sorted(
        file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")
    )


def read_site(name: str) -> Site:
    """Read a profile by name.

    Raises
    ------
    WrongUsage
        There is none of that name, or it has a key that means nothing.
    """
    if name not in site_names():
        raise WrongUsage(f"No site is called {name!r}. There are: {', '.join(site_names())}.")
    text = resources.files("condor").joinpath("sites", f"{name}.toml").read_text("utf-8")
    values: dict[str, Any] = tomllib.loads(text)
    unknown = set(values) - {key.name for key in fields(Site)[1:]}
    if unknown:
        raise WrongUsage(f"Site {name}: unknown key {', '.join(sorted(unknown))}.")
    return Site(name=name, **values)
