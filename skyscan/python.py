"""What a step of a scan needs of its Python, and which of it is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from skyscan.errors import BadInput, TryAgain

OLDEST_PYTHON = (3, 10)
OLDEST_NUMPY = (1, 23)
#: The modules that every step needs, and the distributions that bring them.
NEEDED = {"numpy": "numpy", "scipy": "scipy", "healpy": "healpy", "erfa": "pyerfa (of astropy)"}
ADVICE = (
    "Steps need Python 3.10 with numpy 1.23, scipy and healpy, or newer ones: install what is "
    "missing there, or choose another --runtime"
)


def check_python() -> None:
    """Refuse a Python or a numpy that is too old, or a Python without a module that is needed.

    Raises
    ------
    BadInput
        It is too old, or modules are missing.
    """
    if sys.version_info < OLDEST_PYTHON:
        raise BadInput(f"{_this()} is too old. {ADVICE}.")
    # Steps import some of them only when they first use them.
    missing = next((it for it in NEEDED if find_spec(it) is None), None)
    if missing is not None:
        raise _without(missing)
    import numpy as np

    version = np.__version__
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_NUMPY:
        raise BadInput(f"{_this()} has numpy {version}, which is too old. {ADVICE}.")


def import_failure(error: ImportError) -> BadInput | TryAgain | None:
    """Return the error for a module that cannot be imported; None if the module is ours.

    A module that is missing, or that is of another version than expected, is missing at each
    try. One that does not load, because of a shared library, may load on another machine.
    """
    name = (error.name or "").partition(".")[0]
    if name == __package__:
        return None
    if isinstance(error, ModuleNotFoundError):
        return _without(name)
    if str(error).startswith("cannot import name"):
        return BadInput(f"{_this()} has another version of {name}: {error}. {ADVICE}.")
    return TryAgain(f"{_this()} cannot load a module on this machine: {error}")


def _without(name: str) -> BadInput:
    also = (it for it in NEEDED if it != name and find_spec(it) is None)
    missing = ", ".join(NEEDED.get(it, it) for it in (name, *also))
    return BadInput(f"{_this()} has no {missing}. {ADVICE}.")


def _this() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    return f"The Python of the job ({sys.executable}, {version})"
