"""Run a step of a scan in a job: `python -m skyscan prep|next-round|reco|merge`."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from skyscan.errors import ExitCode, SkyscanError, WrongUsage, error_line
from skyscan.python import check_python, import_failure

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one step; return its exit code. Errors are one line on stderr."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        check_python()
        return int(options.step(options))
    except Exception as error:  # noqa: BLE001  each has its exit code
        return _fail(*_outcome(error))


def _outcome(error: Exception) -> tuple[object, ExitCode]:
    """Return the message and the exit code for an error; print a traceback if it may help."""
    if isinstance(error, ImportError):
        error = import_failure(error) or error
    if isinstance(error, WrongUsage):
        # No user types this command: the plan of the scan is wrong, and trying again does not
        # help. DAGMan's RETRY can exclude only one exit code.
        return error, ExitCode.BAD_INPUT
    if isinstance(error, SkyscanError):
        return error, error.exit_code
    if isinstance(error, MemoryError):
        text = "out of memory; request more with --request-memory."
        return text, ExitCode.TRY_AGAIN
    if isinstance(error, OSError):
        return error, ExitCode.TRY_AGAIN
    traceback.print_exception(error)  # a bug: this is what the developers need
    return "this is a bug in skyscan; please report the lines above.", ExitCode.BUG


def _fail(message: object, code: ExitCode) -> int:
    with suppress(OSError):  # the disk of stderr may be full
        print(error_line(message, code), file=sys.stderr)
    return int(code)


def exit_with(code: int) -> NoReturn:
    """End the process with ``code``, even if the disk of its output is full."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        os._exit(code or ExitCode.TRY_AGAIN)  # Python itself would end with 120
    sys.exit(code)


def _prep(options: argparse.Namespace) -> ExitCode:
    from skyscan.events.source import Source
    from skyscan.prep import check_planned, prepare

    source = Source(
        options.event,
        not options.simulated_event,
        options.gcd_dir,
        options.pulses,
        options.gcd,
        options.ice_model,
        options.kernel,
    )
    check_planned(source, options.event_sha256, options.kernel_sha256)
    prepare(options.scan_id, options.reco, source, options.startup)
    return ExitCode.DONE


def _next_round(options: argparse.Namespace) -> ExitCode:
    from skyscan.layout import ScanFolder
    from skyscan.rounds.next_round import open_round
    from skyscan.scan import read_scan

    folder = ScanFolder(options.folder)
    batches = open_round(folder, read_scan(folder.scan_json), options.round)
    left = sum(batch.n_missing for batch in batches)
    print(f"round {options.round}: {left} remaining fits in {len(batches)} batches")
    return ExitCode.DONE if left else ExitCode.NOTHING_TO_DO


def _reco(options: argparse.Namespace) -> ExitCode:
    from skyscan.job.limits import Limits
    from skyscan.job.reco_job import run_batch

    run_batch(
        options.startup,
        options.batch,
        options.result,
        options.max_pixel_time,
        number=options.number,
        limits=Limits(options.until, options.checkpoint_interval, options.time_budget),
        earlier_path=options.earlier,
        frames_path=options.frames,
        earlier_frames=options.earlier_frames,
    )
    return ExitCode.DONE


def _worker(options: argparse.Namespace) -> ExitCode:
    from skyscan.job.worker import serve

    serve(options.startup)
    return ExitCode.DONE


def _merge(options: argparse.Namespace) -> ExitCode:
    from skyscan.layout import ScanFolder
    from skyscan.merge import merge
    from skyscan.scan import read_scan

    folder = ScanFolder(options.folder)
    skymap = merge(folder, read_scan(folder.scan_json))
    print(f"{folder.path / skymap.name}.npz")
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m skyscan", description=__doc__)
    steps = parser.add_subparsers(required=True, metavar="STEP")

    prep = steps.add_parser("prep", help="read the event and run the preparation of the reco")
    prep.add_argument("--event", type=Path, required=True)
    prep.add_argument("--event-sha256", help="SHA-256 of the planned event file")
    prep.add_argument("--reco", required=True)
    prep.add_argument("--scan-id", required=True)
    prep.add_argument("--startup", type=Path, required=True)
    prep.add_argument("--simulated-event", action="store_true")
    prep.add_argument("--gcd-dir", type=Path, help="folder to search first for baseline GCDs")
    prep.add_argument("--gcd", type=Path, help="file with the detector's G, C and D frames")
    prep.add_argument("--pulses", help="frame key of the pulse series")
    prep.add_argument("--ice-model", type=Path, help="file of the ice model")
    prep.add_argument("--kernel", type=Path, help="file of the compiled kernel")
    prep.add_argument("--kernel-sha256", help="SHA-256 of the planned kernel")
    prep.set_defaults(step=_prep)

    following = steps.add_parser("next-round", help="choose the next pixels and write batches")
    following.add_argument("folder", type=Path)
    following.add_argument("round", type=int)
    following.set_defaults(step=_next_round)

    reco = steps.add_parser("reco", help="reconstruct the pixels of one batch")
    reco.add_argument("--startup", type=Path, required=True)
    reco.add_argument("--batch", type=Path, required=True, help="the file that has the batch")
    reco.add_argument("--number", type=int, help="the batch, if the file has several")
    reco.add_argument("--result", type=Path, required=True)
    reco.add_argument("--earlier", type=Path, help="results of an earlier start of the job")
    reco.add_argument("--frames", type=Path, help="file of the fitted frames")
    reco.add_argument("--earlier-frames", type=Path, help="that of an earlier start of the job")
    reco.add_argument("--max-pixel-time", type=float, required=True)
    reco.add_argument("--checkpoint-interval", type=float, help="seconds")
    reco.add_argument("--time-budget", type=float, default=0.0, help="seconds")
    reco.add_argument("--until", type=float, help="deadline, seconds since 1970")
    reco.set_defaults(step=_reco)

    worker = steps.add_parser("worker", help="fit the pixels that a supervising `reco` sends")
    worker.add_argument("startup", type=Path)
    worker.set_defaults(step=_worker)

    merging = steps.add_parser("merge", help="write the result files of a scan")
    merging.add_argument("folder", type=Path)
    merging.set_defaults(step=_merge)
    return parser


if __name__ == "__main__":
    exit_with(main())
