"""The `skyscan` program: it runs the command line of this project's `workflows`.

Other distributions may also install packages named ``condor`` or ``workflows``.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as typing's, which would have to be imported
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIBLINGS = ("condor", "workflows")


#: ``ExitCode.WRONG_USAGE``, ``TRY_AGAIN`` and ``INTERRUPTED``, needed when nothing can be
#: imported.
WRONG_USAGE = 64
TRY_AGAIN = 75
INTERRUPTED = 130
#: Commands: folders in which Python looks for modules first. Error messages name it if a module
#: cannot be imported.
PYTHON_PATH_VARIABLE = "PYTHONPATH"


def main() -> int:
    """Run the command line, or report that another project's package would be used.

    The modules of the command are imported here, so that a broken module on PYTHONPATH, too,
    gives one of the documented exit codes.
    """
    try:
        command_line = _command_line()
    except KeyboardInterrupt:
        print("\nskyscan: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except MemoryError:
        print(
            "skyscan: error: out of memory: free some, or raise the limit of this shell "
            f"(ulimit -v). (exit {TRY_AGAIN})",
            file=sys.stderr,
        )
        return TRY_AGAIN
    except Exception as error:  # noqa: BLE001  a module may raise anything when it is imported
        where = os.environ.get(PYTHON_PATH_VARIABLE)
        of = f"PYTHONPATH is {where}: unset it" if where else "Install skyscan again"
        print(
            f"skyscan: error: Python cannot import what skyscan needs "
            f"({type(error).__name__}: {' '.join(str(error).split())}). {of}. "
            f"(exit {WRONG_USAGE})",
            file=sys.stderr,
        )
        return WRONG_USAGE
    return WRONG_USAGE if command_line is None else int(command_line())


def _command_line() -> Callable[[], int] | None:
    """Return the main function of `workflows`; None if another project's would be used."""
    from importlib import import_module

    from skyscan.errors import ExitCode, error_line

    if message := foreign_package():
        print(error_line(message, ExitCode.WRONG_USAGE), file=sys.stderr)
        return None
    # Not an import statement, because skyscan does not depend on workflows.
    cli = import_module("workflows.cli")
    cli.load(sys.argv[1:])
    found_main: Callable[[], int] = cli.main
    return found_main


def foreign_package() -> str | None:
    """Return a message if another project's package would be imported; None if none would."""
    from pathlib import Path

    place = Path(__file__).parents[1]
    for name in SIBLINGS:
        found = _folders(name)
        if (place / name).resolve() not in (it.resolve() for it in found):
            where = f"is {found[0]}" if found else "is missing"
            return (
                f"the package {name!r} {where}, not {place / name}, which belongs to "
                f"skyscan. Install skyscan in a virtual environment of its own, or take "
                f"the other one off PYTHONPATH."
            )
    return None


def _folders(package: str) -> list[Path]:
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec(package)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(place) for place in spec.submodule_search_locations]
    return [Path(spec.origin or package)]  # a module, not a package
