"""Importing icetray's projects, with an error that says what to do when one is missing."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, TryAgain

if TYPE_CHECKING:
    from collections.abc import Iterable

ADVICE = (
    "run it where icetray has it: --runtime container:IMAGE or cvmfs:VERSION (`skyscan plan"
    " --help`), or plan with an open reconstruction (`skyscan recos`)"
)


def import_projects(names: Iterable[str]) -> None:
    """Import projects of icetray, so that their modules and services are known to trays.

    Parameters
    ----------
    names : iterable of str
        Such as ``millipede`` for ``icecube.millipede``.

    Raises
    ------
    BadInput
        This icetray does not have one.
    TryAgain
        The project is installed but does not load on this machine.
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
    """Refuse to plan for this Python when it has no icetray at all.

    Raises
    ------
    BadInput
        There is no ``icecube`` package.
    """
    if importlib.util.find_spec("icecube") is None:
        raise BadInput(f"{reco}: {missing('icecube')}")


def missing(module: str) -> str:
    """Return the sentence for a module that is not there."""
    return f"this Python ({sys.executable}) has no module {module}; {ADVICE}."
