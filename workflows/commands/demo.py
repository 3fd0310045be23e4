"""`skyscan demo`: scan a simulated muon that is part of the project."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.commands.scan import follow, submit_scan
from workflows.options import Options
from workflows.plan import plan

if TYPE_CHECKING:
    import argparse

    from skyscan.errors import ExitCode
    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    demo = commands.add_parser("demo", help="scan a simulated muon that is part of skyscan")
    demo.add_argument(
        "--output-dir",
        type=Path,
        default=Path("scans"),
        metavar="DIR",
        help="where to create the scan folder (default: %(default)s)",
    )
    demo.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> ExitCode:
    packed = resources.files("skyscan").joinpath("data", "simulated_muon.json")
    with resources.as_file(packed) as path:
        how = Options(is_real_event=False)
        folder = plan(path, options.output_dir, how, check_place=True)
    print(f"Scanning a simulated muon in {folder.path}", flush=True)
    submit_scan(folder)
    return follow(folder)
