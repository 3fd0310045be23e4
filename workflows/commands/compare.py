"""`skyscan compare`: compare two results pixel by pixel and as answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.answer.levels import LEVELS_HELP
from skyscan.errors import ExitCode
from workflows.commands.plot import map_at

if TYPE_CHECKING:
    import argparse

    from workflows.commands.plan import Commands

#: Exit code when the results differ, as of `diff`.
DIFFERENT = 1


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    compare = commands.add_parser(
        "compare", help="compare two results by upstream's tolerances; exit 1 if they differ"
    )
    for name in ("a", "b"):
        compare.add_argument(
            name, type=Path, metavar=name.upper(), help="scan folder or map file"
        )
    compare.add_argument("--levels", metavar="LEVELS", help=LEVELS_HELP)
    compare.add_argument(
        "--diff", type=Path, metavar="FILE", help="write the comparison as JSON"
    )
    compare.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the comparison."""
    from skyscan.answer.compare import compare
    from skyscan.answer.read import read_map
    from skyscan.storage import write_json

    a, b = (read_map(map_at(path)) for path in (options.a, options.b))
    found = compare(a, b, options.levels)
    if options.diff:
        write_json(options.diff, found.as_dict())
    print("\n".join(found.lines()))
    return int(ExitCode.DONE) if found.is_same else DIFFERENT
