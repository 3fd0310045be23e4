"""Measure how often the regions of the open reconstructions contain the truth.

    python -m skyscan.coverage run FOLDER [--kind muon|shower] [--sample calibration] ...

simulates events, scans the surroundings of their true directions, and adds a row for each to a
table in FOLDER. Stop it at any time: the next run continues. Several may run at the same time,
`--part 1/2` and `--part 2/2`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m skyscan.coverage", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="simulate and scan events")
    run.add_argument("folder", type=Path, help="where the tables of events are kept")
    run.add_argument("--kind", choices=("muon", "shower"), required=True)
    run.add_argument("--sample", choices=("calibration", "validation"), required=True)
    run.add_argument(
        "--number", type=int, default=500, help="events of the sample (default: %(default)s)"
    )
    run.add_argument(
        "--part", type=_part, default=(1, 1), metavar="K/N", help="every Nth event only"
    )
    run.add_argument("--recos", nargs="+", help="default: track for muons, cascade for showers")
    run.set_defaults(run=_run)
    levels = commands.add_parser("levels", help="make the levels of the package from tables")
    levels.add_argument("folder", type=Path, help="where the tables of events are")
    levels.add_argument("--output", type=Path, required=True, help="levels.json")
    levels.set_defaults(run=_levels)
    check = commands.add_parser(
        "check", help="print how often the regions contain the true direction"
    )
    check.add_argument("folder", type=Path, help="where the tables of events are")
    check.set_defaults(run=_check)
    merge = commands.add_parser("merge", help="write one table for each sample and kind")
    merge.add_argument("folder", type=Path, help="where the tables of events are")
    merge.add_argument("output", type=Path, help="folder for the tables")
    merge.set_defaults(run=_merge)
    compare = commands.add_parser(
        "compare", help="scan the whole sky, too, and print whether the minimum is the same"
    )
    compare.add_argument("--kind", choices=("muon", "shower"), required=True)
    compare.add_argument("--number", type=int, default=20, help="(default: %(default)s)")
    compare.add_argument(
        "--first", type=int, default=50_000_000, help="first seed (default: %(default)s)"
    )
    compare.set_defaults(run=_compare)
    options = parser.parse_args(arguments)
    options.run(options)
    return 0


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not 1 <= int(part) <= int(parts):
        raise argparse.ArgumentTypeError(f"must be K/N with K from 1 to N, not {text}")
    return int(part), int(parts)


def _run(options: argparse.Namespace) -> None:
    from skyscan.coverage.sample import (
        FIRST_SEEDS,
        append_row,
        read_rows,
        rows_of,
    )

    recos = options.recos or (["track"] if options.kind == "muon" else ["cascade"])
    options.folder.mkdir(parents=True, exist_ok=True)
    name = f"{options.sample}-{options.kind}"
    known = {  # in either sample: none of the other's events
        (row.reco, row.seed)
        for path in options.folder.glob(f"*-{options.kind}*.csv")
        for row in read_rows(path)
    }
    part, parts = options.part
    first = FIRST_SEEDS[options.sample, options.kind]
    path = options.folder / f"{name}-{part}of{parts}.csv"
    for seed in range(first + part - 1, first + options.number, parts):
        missing = [reco for reco in recos if (reco, seed) not in known]
        for row in rows_of(options.kind, missing, seed) if missing else ():
            append_row(path, row)
            print(row, flush=True)


def _compare(options: argparse.Namespace) -> None:
    from skyscan.coverage.comparing import compared

    for seed in range(options.first, options.first + options.number):
        print(compared(options.kind, seed), flush=True)


def _levels(options: argparse.Namespace) -> None:
    from skyscan.coverage.calibrating import FORMAT, calibration_of
    from skyscan.coverage.sample import rows_by_reco
    from skyscan.storage import write_json

    rows = rows_by_reco(options.folder, "calibration")
    recos = {reco: calibration_of(reco, rows[reco]) for reco in sorted(rows)}
    write_json(options.output, {"format": FORMAT, "recos": recos})


def _check(options: argparse.Namespace) -> None:
    from skyscan.coverage.checking import coverage_lines
    from skyscan.coverage.sample import SAMPLES, rows_by_reco

    for sample in SAMPLES:
        for reco, rows in sorted(rows_by_reco(options.folder, sample).items()):
            print(*coverage_lines(reco, sample, rows), sep="\n")


def _merge(options: argparse.Namespace) -> None:
    from skyscan.coverage.sample import FIRST_SEEDS, read_folder, write_rows

    options.output.mkdir(parents=True, exist_ok=True)
    for sample, kind in FIRST_SEEDS:
        rows = read_folder(options.folder, sample, kind)
        path = options.output / f"{sample}-{kind}.csv"
        if rows:
            write_rows(path, rows)
        for part in options.output.glob(f"{sample}-{kind}-*of*.csv"):
            part.unlink()


if __name__ == "__main__":
    sys.exit(main())
