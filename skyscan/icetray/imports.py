"""Importing icetray's projects, with an error that says what to do if one is missing."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, TryAgain

if TYPE_CHECKING:
    from collections.abc import Iterable

ADVICE = (
    "choose an icetray that has it, with --runtime container:IMAGE or cvmfs:VERSION"
    " (`skyscan plan --help`), or a reconstruction without icetray (`skyscan recos`)"
)


def import_projects(names: Iterable[str]) -> None:
    """Import projects of icetray, so that trays can use their modules and services.

    Parameters
    ----------
    names : iterable of str
        Names such as ``millipede`` for ``icecube.millipede``.

    Raises
    ------
    BadInput
        A project is not installed.
    TryAgain
        A project is installed but does not load on this machine.
    """
    for name in names:
        _import(f"icecube.{name}")


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise BadInput(missing(error.name or module)) from error
    except ImportError as error:
        raise TryAgain(f"{module} does not load on this machine: {error}") from error


def check_icetray(reco: str) -> None:
    """Raise an error if this Python has no icetray.

    Raises
    ------
    BadInput
        The package ``icecube`` is not installed.
    """
    if importlib.util.find_spec("icecube") is None:
        raise BadInput(f"{reco}: {missing('icecube')}")


def missing(module: str) -> str:
    """Return the message about a missing module."""
    return f"this Python ({sys.executable}) has no module {module}; {ADVICE}."
