"""Plan, run and look at scans from Python, in notebooks and scripts on the access point."""

from __future__ import annotations

from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skyscan.errors import ExitCode, SkyscanError, TryAgain, WrongUsage
from skyscan.suggestions import did_you_mean
from workflows.options import ARGUMENT, Options

if TYPE_CHECKING:
    from os import PathLike

    from skyscan.layout import ScanFolder
    from workflows.model.scan import ScanModel
    from workflows.reports.value import Report

    PathOrText = str | PathLike[str]


class NotComplete(SkyscanError):
    """A scan has ended without a whole map; ``report`` says why.

    Attributes
    ----------
    report : Report
        Its report; its text is the message.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report.text)
        self.report = report
        self.exit_code = ExitCode(report.exit_code)


def plan(
    event: PathOrText,
    output_dir: PathOrText = "scans",
    *,
    is_real_event: bool,
    **options: Any,  # noqa: ANN401  (as the fields of Options)
) -> ScanFolder:
    """Write the scan folder of an event; one that is there with the same options is kept.

    Parameters
    ----------
    event : str or path
        Event file: i3live JSON or pickle, or ``.i3``.
    output_dir : str or path
        Where the folder is made, by the event's name.
    is_real_event : bool
        False for a simulated event.
    **options
        Fields of `workflows.options.Options`, such as ``reco="track"`` or
        ``progression=((8, 0), (64, 12))``. Text is read as on the command line:
        ``time_budget="30m"``.

    Returns
    -------
    ScanFolder
        Its ``path`` is the folder.

    Raises
    ------
    WrongUsage
        An option or the place is invalid, or the folder holds a scan with other options.
    BadInput
        The event cannot be read, or lacks what the reconstruction needs.
    """
    from workflows.plan import plan as write_plan

    known = {it.name: it for it in fields(Options)}
    for name in options:
        if name not in known:
            raise WrongUsage(f"There is no option {name!r}.{did_you_mean(name, list(known))}")
    given = {name: _value(known[name], value) for name, value in options.items()}
    of_scan = Options(is_real_event=is_real_event, **given)
    return write_plan(Path(event), Path(output_dir), of_scan, check_place=True)


def _value(field: Field[Any], value: Any) -> Any:  # noqa: ANN401  (of any option)
    """Return an option's value; a text is read as on the command line, such as ``30m``."""
    argument = field.metadata.get(ARGUMENT)
    if not isinstance(value, str) or argument is None:
        return value
    if "Path" in str(field.type):
        return Path(value)
    if argument.read is None or "nargs" in argument.keywords:
        return value
    return argument.read(value, argument.flag)


def scan(
    event: PathOrText,
    output_dir: PathOrText = "scans",
    *,
    is_real_event: bool,
    **options: Any,  # noqa: ANN401  (as the fields of Options)
) -> Report:
    """Plan, submit and watch the scan of one event; a scan that has ended is not run again.

    A scan that is in the queue is watched. Progress is printed. An interrupt ends the watch,
    not the scan.

    Parameters
    ----------
    event, output_dir, is_real_event, **options
        As `plan`.

    Returns
    -------
    Report
        Of a complete scan. ``skyscan.read_map(report.map)`` is its map.

    Raises
    ------
    NotComplete
        The scan failed, was removed, or a limit ended it.
    TryAgain
        The queue has lost the scan, or HTCondor does not answer.
    WrongUsage, BadInput
        As `plan`.
    """
    from condor import pool as pools
    from workflows.reports.writing import last_report
    from workflows.submission import AlreadyRuns, submit
    from workflows.watch import is_over, watch

    folder = plan(event, output_dir, is_real_event=is_real_event, **options)
    done = last_report(folder) if is_over(folder) else None
    if done is not None and done.outcome == "complete":
        return done
    pool = pools.start()
    pool.use()
    try:
        submit(folder, pool)
    except AlreadyRuns:
        print("The scan is already in the queue; watching it.", flush=True)
    report = watch(folder)
    if report is None:
        raise TryAgain(
            f"The scan in {folder.path} is no longer in the queue; its results are kept."
        )
    if report.outcome != "complete":
        raise NotComplete(report)
    return report


def status(folder: PathOrText | ScanFolder) -> ScanModel:
    """Return all that is known of a scan, whatever its state.

    Parameters
    ----------
    folder : str, path or ScanFolder
        A scan folder, or the folder above a single one.

    Returns
    -------
    ScanModel
        As ``skyscan status --json`` prints it.

    Raises
    ------
    WrongUsage
        There is no scan.
    BadInput
        ``scan.json`` is damaged.
    """
    from skyscan.layout import ScanFolder
    from workflows.model.reading import read_model
    from workflows.submission import open_scan

    place = folder.path if isinstance(folder, ScanFolder) else Path(folder)
    return read_model(open_scan(place))
