"""The `skyscan` program: it runs the command line of this project's `workflows`.

Other distributions may also install packages named ``condor`` or ``workflows``.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from skyscan.errors import ExitCode, error_line

SIBLINGS = ("condor", "workflows")


def main() -> int:
    """Run the command line, or report that another project's package would be used."""
    place = Path(__file__).parents[1]
    for name in SIBLINGS:
        found = _folders(name)
        if (place / name).resolve() not in (it.resolve() for it in found):
            where = f"is {found[0]}" if found else "is missing"
            print(
                error_line(
                    f"the package {name!r} {where}, not {place / name}, which belongs to "
                    f"skyscan. Install skyscan in a virtual environment of its own, or take "
                    f"the other one off PYTHONPATH.",
                    ExitCode.WRONG_USAGE,
                ),
                file=sys.stderr,
            )
            return ExitCode.WRONG_USAGE
    # Not an import statement, because skyscan does not depend on workflows.
    return int(import_module("workflows.cli").main())


def _folders(package: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(place) for place in spec.submodule_search_locations]
    return [Path(spec.origin or package)]  # a module, not a package
