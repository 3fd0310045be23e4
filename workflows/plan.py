"""Plan a scan: make a scan folder for DAGMan or Pegasus from an event and options."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from condor.sites import recorded_site, site_names
from condor.sites.values import check_with_condor_submit
from skyscan.errors import WrongUsage, printable
from skyscan.layout import ScanFolder, fixed
from skyscan.prep import Reading, read_for
from skyscan.recos import reco_class
from skyscan.scan import check_values
from workflows import history
from workflows.catalogue import catalogue_for, place_catalogue
from workflows.checks import preflight
from workflows.checks.digests import check_plan
from workflows.engines import ENGINES
from workflows.planned import Planned, read_planned
from workflows.planning.choices import chosen_event
from workflows.planning.detector import Detector, detector_for
from workflows.planning.event import check_gcd_dir, notices
from workflows.planning.folder import is_planned, refuse_foreign, write_folder
from workflows.planning.ice import check_cover, ice_for, note_ice
from workflows.planning.kernel import check_kernel, kernel_for
from workflows.planning.levels import check_calibrated_for, levels_for
from workflows.planning.ownership import check_own
from workflows.planning.values import (
    environment_of,
    max_rounds_of,
    on_a_submit_line,
    site_of,
    source_of,
    values_of,
    versions,
)

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.events.chosen import ChosenEvent
    from skyscan.light.ice_model import IceModel
    from workflows.options import Options


def plan(
    event_path: Path,
    output_dir: Path,
    options: Options,
    *,
    check_place: bool = False,
) -> ScanFolder:
    """Write the scan folder of an event; one that is there with the same options is kept.

    Parameters
    ----------
    event_path : Path
        The file of the event, or of many of which the options choose one.
    output_dir : Path
        Where the scan folder is made, by the event's name.
    options : Options
        The options of the scan.
    check_place : bool
        Whether to refuse a folder in which DAGMan would not run.

    Raises
    ------
    BadInput
        The event or the ice model cannot be read, keys or files that the reconstruction needs
        are missing, or the reconstruction does not exist.
    WrongUsage
        An option or the place is invalid, or the folder holds a scan of the event with other
        options.
    """
    if "\0" in f"{event_path}{output_dir}{options.gcd_dir}":
        raise WrongUsage("A path has a NUL character, which no file name can have.")
    note_ice(options)
    with chosen_event(event_path, options) as event:
        return plan_chosen(event, output_dir, options, check_place=check_place)


def plan_chosen(
    chosen: ChosenEvent,
    output_dir: Path,
    options: Options,
    reading: Reading | None = None,
    *,
    check_place: bool = False,
    gcd_store: Path | None = None,
) -> ScanFolder:
    """Write the scan folder of an event that has been taken from its file, as `plan`.

    Parameters
    ----------
    chosen : ChosenEvent
        The event, in a file of its own.
    output_dir, options, check_place
        As for `plan`.
    reading : Reading, optional
        The event, if it has been read already.
    gcd_store : Path, optional
        Folder in which scans share the file of a detector (`workflows.planning.detector`).
    """
    detector = _detector(replace(options, gcd=chosen.gcd or options.gcd), gcd_store)
    sources = catalogue_for(options.catalogue)
    ice = ice_for(options)
    site = site_of(options)
    source = source_of(chosen, options)
    reading = reading or read_for(options.reco, source)
    scan = values_of(source, chosen.name, options, site, reading)
    check_calibrated_for(scan.reco, reading.event, ice, options.levels)
    if ice is not None:
        check_cover(ice, reading.event.detector)
    kernel = kernel_for(options, ScanFolder(fixed(output_dir) / scan.name))
    scan = replace(
        scan,
        kernel=kernel.name,
        kernel_sha256=kernel.sha256,
        gcd_sha256=None if detector is None else detector.sha256,
        ice_sha256=None if ice is None else ice.digest,
    )
    folder = ScanFolder(fixed(output_dir) / scan.name)
    if check_place:
        preflight.require([preflight.place(folder.path)])
    try:
        check_values(Planned, asdict(scan))
    except ValueError as error:
        raise WrongUsage(f"Options that no scan can have: {error}.") from error
    check_own(folder.path)
    if options.site_changes or options.site not in site_names():
        check_with_condor_submit(site.name, site.submit)
    for text in notices(reading.event):
        print(printable(f"skyscan: note: {text}"), file=sys.stderr)
    if not is_planned(folder, scan):
        refuse_foreign(folder, scan)
        ENGINES[scan.engine].check(folder.path, scan, site)
        write_folder(
            folder, scan, site, chosen.path, detector=detector, ice=ice, kernel=kernel.content
        )
        history.record(folder)
    if sources is not None and options.catalogue is not None:
        place_catalogue(sources, options.catalogue.name, folder)
    return folder


def plan_like(model: ScanFolder, output_dir: Path, **changes: object) -> ScanFolder:
    """Write the folder of another scan of a planned one's event, with changed values.

    Parameters
    ----------
    model : ScanFolder
        The planned scan.
    output_dir : Path
        Where the folder is made, by the event's name.
    **changes
        Values of `Planned`.

    Raises
    ------
    SkyscanError
        The planned scan is damaged, or the new one cannot be written (as `plan`).
    """
    scan = read_planned(model.scan_json)
    check_plan(model, scan)
    folder = ScanFolder(fixed(output_dir) / scan.name)
    preflight.require([preflight.place(folder.path)])
    check_own(folder.path)
    values: dict[str, Any] = {"versions": versions(), "code_sha256": "", "files": {}, **changes}
    made = replace(scan, **values)
    if is_planned(folder, made):
        return folder
    site = recorded_site(scan.site, scan.site_values)
    ENGINES[made.engine].check(folder.path, made, site)
    gcd = made.gcd_sha256
    write_folder(
        folder,
        made,
        site,
        model.event / scan.event_file,
        detector=None if gcd is None else Detector(model.gcd.read_bytes(), gcd),
        ice=None if made.ice_sha256 is None else _read_ice(model.ice),
        kernel=None if made.kernel_sha256 is None else model.kernel.read_bytes(),
    )
    history.record(folder)
    return folder


def _read_ice(path: Path) -> IceModel:
    from skyscan.light.ice_json import read_ice

    return read_ice(path)


def check_options(options: Options) -> None:
    """Refuse options with which no event can be planned, before there is an event.

    Raises
    ------
    WrongUsage, BadInput
        As `plan`, for all that does not depend on the event.
    """
    for flag, path in (("--truth", options.truth), ("--geometry", options.geometry)):
        if path is not None and not os.path.isfile(path):  # noqa: PTH113  (as for --gcd-dir)
            raise WrongUsage(f"{flag} {path} is not a file.")
    reco = reco_class(options.reco)
    _detector(options, None)
    catalogue_for(options.catalogue)
    ice_for(options)
    check_kernel(options)
    site = site_of(options)
    if options.site_changes or options.site not in site_names():
        check_with_condor_submit(site.name, site.submit)
    if options.gcd_dir is not None:
        on_a_submit_line(options.gcd_dir.absolute())
        check_gcd_dir(options.gcd_dir, site)
    max_rounds_of(site, options)
    environment_of(site, options, reco)
    levels_for(options)


def _detector(options: Options, store: Path | None) -> Detector | None:
    detector = detector_for(options, store)
    if detector is not None and not ENGINES[options.engine].has_campaigns:
        raise WrongUsage(f"--gcd needs --engine dagman, not {options.engine}.")
    return detector


class _Callable(ModuleType):
    """A module that is called if someone imports it as ``from workflows import plan``."""

    def __call__(self, *arguments: Any, **options: Any) -> ScanFolder:  # noqa: ANN401
        """Do what `workflows.notebook.plan` does."""
        made: ScanFolder = import_module("workflows.notebook").plan(*arguments, **options)
        return made


sys.modules[__name__].__class__ = _Callable
