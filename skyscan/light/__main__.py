"""Make the tables of scattered light of the package."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import SkyscanError
from skyscan.light.ice_model import shipped_ice
from skyscan.light.making import KINDS, N_BLOCKS, make_table
from skyscan.light.tables import FILES, bytes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

PHOTONS = 20_000_000
SEED = 1


def make(options: argparse.Namespace) -> None:
    """Make the tables and write them."""
    ice = shipped_ice()
    for kind in options.kinds or KINDS:
        table = make_table(
            kind,
            options.photons,
            options.seed,
            sam_share=ice.sam_share if options.sam_share is None else options.sam_share,
            g=ice.g,
            n_processes=options.processes,
        )
        path = options.folder / FILES[kind]
        path.write_bytes(bytes_of(table, kind))
        errors: NDArray[np.float64] = table.provenance["survival_error"]
        print(f"{path}: error of S {min(errors):.5f} to {max(errors):.5f} by radius")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m skyscan.light", description=__doc__)
    commands = parser.add_subparsers(required=True)
    maker = commands.add_parser("make", help="follow photons and write the tables")
    maker.add_argument(
        "--photons", type=int, default=PHOTONS, help="number of photons for each table"
    )
    maker.add_argument(
        "--seed", type=int, default=SEED, help="the same seed gives the same tables"
    )
    maker.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    maker.add_argument("--sam-share", type=float, help="of the scattering function")
    maker.add_argument(
        "--folder",
        type=Path,
        default=Path(__file__).parents[1] / "data",
        help="folder of the tables",
    )
    maker.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    maker.set_defaults(run=make)
    options = parser.parse_args(arguments)
    if unknown := set(options.kinds) - set(KINDS):
        parser.error(f"no table is called {', '.join(sorted(unknown))}")
    if options.photons < N_BLOCKS or not 0 <= options.seed < 2**32:
        parser.error(f"--photons must be at least {N_BLOCKS}, --seed from 0 to 2**32 - 1")
    try:
        options.run(options)
    except SkyscanError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main())
