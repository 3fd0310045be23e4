"""Site profiles: what a pool wants in its submit files, as TOML in ``condor/sites/``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from skyscan.errors import WrongUsage

KEYS = ("summary", "jobs_per_round", "python", "submit", "dagman")


@dataclass(frozen=True)
class Site:
    """One pool that scans run on.

    Attributes
    ----------
    name : str
        As in ``--site``.
    summary : str
        One line for people.
    jobs_per_round : int
        Into how many jobs a round is dealt; 0 means one for each core of this machine.
    python : str
        The interpreter of the jobs; ``here`` is the one that plans the scan.
    submit : dict of str to str
        Further commands of every submit file that runs on the site's machines.
    dagman : dict of str to str
        Further settings of DAGMan.
    """

    name: str
    summary: str
    jobs_per_round: int
    python: str
    submit: dict[str, str]
    dagman: dict[str, str]


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
    unknown = set(values) - set(KEYS)
    if unknown:
        raise WrongUsage(f"Site {name}: unknown key {', '.join(sorted(unknown))}.")
    return Site(name=name, **values)
