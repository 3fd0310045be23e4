"""Plan a scan: make a scan folder for DAGMan or Pegasus from an event and options."""

from __future__ import annotations

import errno
import os
import platform
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cache
from importlib import import_module
from importlib.metadata import version
from math import isfinite
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from condor.runtimes import parse_runtime
from condor.site_values import check_with_condor_submit
from condor.sites import Site, read_site, recorded_site, site_names
from skyscan import __version__
from skyscan.errors import BadInput, SkyscanError, TryAgain, WrongUsage, printable
from skyscan.events.source import Source
from skyscan.frames import KEEP_VARIABLE
from skyscan.geometry import is_of_icecube86
from skyscan.job.kernels import AVX2, KERNELS_VARIABLE
from skyscan.layout import DAGMAN_SH, JOB_SH, ScanFolder
from skyscan.prep import Reading, read_for
from skyscan.recos import reco_class
from skyscan.rounds.description import read_description
from skyscan.scan import MAX_ROUNDS, check_values
from skyscan.storage import copy_file, sha256_of, write_bytes
from workflows import history
from workflows.catalogue import catalogue_for, place_catalogue
from workflows.checks import preflight
from workflows.checks.digests import check_plan, damaged_files, digests_of
from workflows.choices import chosen_event
from workflows.code import code_zip
from workflows.detector import Detector, detector_for, place_detector
from workflows.engines import ENGINES
from workflows.engines.scripts import write_scripts
from workflows.ice import check_cover, ice_for, note_ice, place_ice
from workflows.kernel import check_kernel, kernel_for
from workflows.levels import check_calibrated_for, levels_for, name_of
from workflows.ownership import check_own, make_own
from workflows.planned import Planned, read_planned
from workflows.variables import declared_by, job_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skyscan.events.chosen import ChosenEvent
    from skyscan.events.event import Event
    from skyscan.light.ice_model import IceModel
    from skyscan.progression import Progression
    from skyscan.recos import Reco
    from workflows.options import Options

#: Run numbers that real events have (skyreader.event_metadata).
REAL_RUNS = range(100_000, 1_000_000)
#: Errors of a disk or a machine that may be gone at the next try.
_PASSING = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ENOMEM),
    *(errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EINTR),
)
MAX_STRINGS = 10  #: in a notice
ROUNDS_BEYOND_LEVELS = 6
#: Each in a row has twice the time; those that are not needed are skipped.
ROUNDS_OF_LEFTOVERS = 12
#: With less than all in, the best pixel is another one more often, and each time is a round.
ROUNDS_AHEAD = 2
_NOT_AN_OPTION = ("versions", "code_sha256", "files")


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
        Folder in which scans share the file of a detector (`workflows.detector`).
    """
    detector = _detector(replace(options, gcd=chosen.gcd or options.gcd), gcd_store)
    sources = catalogue_for(options.catalogue)
    ice = ice_for(options)
    site = site_of(options)
    source = source_of(chosen, options)
    reading = reading or read_for(options.reco, source)
    scan = _resolve(source, chosen.name, options, site, reading)
    check_calibrated_for(scan.reco, reading.event, ice, options.levels)
    if ice is not None:
        check_cover(ice, reading.event.detector)
    kernel = kernel_for(options, ScanFolder(output_dir.absolute() / scan.name))
    scan = replace(
        scan,
        kernel=kernel.name,
        kernel_sha256=kernel.sha256,
        gcd_sha256=None if detector is None else detector.sha256,
        ice_sha256=None if ice is None else ice.digest,
    )
    folder = ScanFolder(output_dir.absolute() / scan.name)
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
    if not _is_planned(folder, scan):
        _refuse_foreign(folder, scan)
        ENGINES[scan.engine].check(folder.path, scan, site)
        _write(
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
    folder = ScanFolder(output_dir.absolute() / scan.name)
    preflight.require([preflight.place(folder.path)])
    check_own(folder.path)
    values: dict[str, Any] = {"versions": versions(), "code_sha256": "", "files": {}, **changes}
    made = replace(scan, **values)
    if _is_planned(folder, made):
        return folder
    site = recorded_site(scan.site, scan.site_values)
    ENGINES[made.engine].check(folder.path, made, site)
    gcd = made.gcd_sha256
    _write(
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
        _on_a_submit_line(options.gcd_dir.absolute())
        _check_gcd_dir(options.gcd_dir, site)
    _max_rounds(site, options)
    _environment(site, options, reco)
    levels_for(options)


def notices(event: Event) -> Iterator[str]:
    """Yield what the user should know about an event that is scanned nevertheless."""
    of, known = "the geometry of IceCube-86", is_of_icecube86
    if event.detector is not None:
        of, known = "--geometry", event.detector.has
    pulses = event.pulses[~known(event.pulses["string"], event.pulses["om"])]
    if len(pulses):
        strings = ", ".join(map(str, np.unique(pulses["string"])[:MAX_STRINGS]))
        yield (
            f"{event.name}: {len(pulses)} of {len(event.pulses)} pulses are left out, because "
            f"their DOMs are not in {of} (string {strings})."
        )


def source_of(chosen: ChosenEvent, options: Options) -> Source:
    """Return an event file with the options that describe it."""
    gcd_dir = options.gcd_dir and options.gcd_dir.absolute()
    gcd = chosen.gcd or options.gcd
    return Source(chosen.path, options.is_real_event, gcd_dir, options.pulses, gcd)


def site_of(options: Options) -> Site:
    """Return the site that options choose.

    Raises
    ------
    WrongUsage
        The site does not exist, or its values are invalid.
    """
    changes, runtime = options.site_changes, options.runtime
    return read_site(options.site, changes, runtime, urgent=options.urgent)


def _detector(options: Options, store: Path | None) -> Detector | None:
    detector = detector_for(options, store)
    if detector is not None and not ENGINES[options.engine].has_campaigns:
        raise WrongUsage(f"--gcd needs --engine dagman, not {options.engine}.")
    return detector


def _max_rounds(site: Site, options: Options) -> int:
    threshold = options.predictive_scanning_threshold
    usual = usual_rounds(options.progression, _time_budget(site, options), threshold)
    max_rounds = options.max_rounds or usual
    if max_rounds > MAX_ROUNDS:
        raise WrongUsage(f"--max-rounds {max_rounds}: the maximum is {MAX_ROUNDS}.")
    return max_rounds


def _time_budget(site: Site, options: Options) -> float:
    return site.time_budget if options.time_budget is None else options.time_budget


def _resolve(
    source: Source, event_file: str, options: Options, site: Site, reading: Reading
) -> Planned:
    runtime = parse_runtime(site.runtime)
    max_rounds = _max_rounds(site, options)
    event = reading.event
    _check(reading, source, site)
    n_variations = len(reading.reco.variations())
    return Planned(
        name=event.name,
        event_file=event_file,
        event_sha256=sha256_of(source.path),
        run_id=event.run_id,
        event_id=event.event_id,
        mjd=event.mjd if isfinite(event.mjd) else None,
        event_type=event.event_type,
        is_real_event=options.is_real_event,
        reco=name_of(options.reco),
        runtime=str(runtime),
        environment=_environment(site, options, type(reading.reco)),
        progression=options.progression,
        batch_size=options.batch_size,
        jobs_per_round=jobs_of(site, options, n_variations),
        halvings=site.urgent_halvings if options.urgent else 0,
        max_rounds=max_rounds,
        predictive_scanning_threshold=options.predictive_scanning_threshold,
        time_budget=float(_time_budget(site, options)),
        max_failed_pixels=options.max_failed_pixels,
        levels=levels_for(options),
        max_pixel_time=options.max_pixel_time,
        checkpoint_interval=options.checkpoint_interval,
        max_retries=options.max_retries,
        deadline=options.deadline,
        request_memory=options.request_memory or site.request_memory,
        request_disk=options.request_disk or site.request_disk,
        site=site.name,
        urgent=options.urgent,
        engine=options.engine,
        gcd_dir=None if source.gcd_dir is None else _on_a_submit_line(source.gcd_dir),
        versions=versions(),
        code_sha256="",
        site_values=site.values(),
        notify=options.notify,
        pulses=options.pulses,
    )


def jobs_of(site: Site, options: Options, n_variations: int) -> int | None:
    """Return the number of jobs of a round; None if batches have a size.

    A site's number is for one fit per pixel. With several variations there are as many times
    more jobs, so that a job takes as long (docs/estimate.md, "The defaults of the sites").
    """
    if options.batch_size:
        return None
    return options.jobs_per_round or site.jobs_per_round * n_variations or os.cpu_count() or 1


def usual_rounds(progression: Progression, time_budget: float, threshold: float) -> int:
    """Return how many rounds a scan may have without ``--max-rounds``."""
    leftover = ROUNDS_OF_LEFTOVERS if time_budget else 0
    levels = len(progression) + ROUNDS_BEYOND_LEVELS
    return levels * (ROUNDS_AHEAD if threshold < 1 else 1) + leftover


def is_like_data(run_id: int) -> bool:
    """Return whether a run number is one that real events have."""
    return run_id in REAL_RUNS


def _check(reading: Reading, source: Source, site: Site) -> None:
    """Refuse an event that would fail only in prep."""
    event, reco = reading
    _check_run(event.run_id, source.path, is_real=source.is_real_event)
    reco.check(source, event)
    if source.gcd_dir is not None:
        _check_gcd_dir(source.gcd_dir, site)
    if _is_here(site):
        reco.check_files(source, event)


def _check_gcd_dir(gcd_dir: Path, site: Site) -> None:
    # Path.is_dir raises an error for a name that is too long.
    if _is_here(site) and not os.path.isdir(gcd_dir):  # noqa: PTH112
        raise WrongUsage(f"--gcd-dir {gcd_dir} is not a folder.")


def _is_here(site: Site) -> bool:
    """Return whether jobs have the modules and files that this process has."""
    return site.this_machine and parse_runtime(site.runtime).is_this_python


def _on_a_submit_line(path: Path) -> str:
    text = str(path)
    if "$" in text or not text.isprintable():
        raise WrongUsage(
            f"--gcd-dir {text!r} has characters that no submit file can carry; "
            f"make a link to it with a simpler name."
        )
    return text


def _environment(site: Site, options: Options, reco: type[Reco]) -> dict[str, str]:
    """Return the variables that a scan's jobs see: the user's, the site's and the options'.

    Raises
    ------
    WrongUsage
        The reconstruction has no frames to keep.
    """
    variables = job_environment(os.environ, declared_by(options.reco), options.variables)
    if site.avx2_kernels:
        variables[KERNELS_VARIABLE] = AVX2
    if options.keep_frames is not None:
        if not reco.offers_frames:
            raise WrongUsage(
                f"--keep-frames: {options.reco} fits no frames; only reconstructions in "
                f"icetray do (skyscan recos)."
            )
        variables[KEEP_VARIABLE] = str(options.keep_frames)
    return variables


def versions() -> dict[str, str]:
    """Return the versions of Python, skyscan and the packages that plan the scan."""
    packages = ("numpy", "scipy", "healpy", "htcondor")
    of_packages = {name: _version(name) for name in packages}
    return {"python": platform.python_version(), "skyscan": __version__, **of_packages}


@cache  # a campaign plans many events, and 4 ms are a tenth of one
def _version(package: str) -> str:
    return version(package)


def _check_run(run_id: int, path: Path, *, is_real: bool) -> None:
    if is_real and run_id not in REAL_RUNS:
        raise WrongUsage(
            f"{path} is of run {run_id}, but runs of real events are {REAL_RUNS.start} to "
            f"{REAL_RUNS.stop - 1}; use --simulated-event."
        )


def _refuse_other_options(planned: Planned, scan: Planned, folder: ScanFolder) -> None:
    old, new = _flat(asdict(planned)), _flat(asdict(scan))
    names = [name for name in {**old, **new} if name.partition(".")[0] not in _NOT_AN_OPTION]
    differing = [name for name in names if old.get(name) != new.get(name)]
    if differing == ["event_sha256"]:
        raise WrongUsage(
            f"{folder.path} already holds a scan of this event from a file with other content. "
            f"Choose another --output-dir."
        )
    if differing:
        changes = ", ".join(
            f"{name} {old.get(name)!r} -> {new.get(name)!r}" for name in differing
        )
        raise WrongUsage(
            f"{folder.path} already holds a scan of this event with other options ({changes}). "
            f"Choose another --output-dir, or the same options to continue it."
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted name, to name the smallest value that differs."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _is_planned(folder: ScanFolder, scan: Planned) -> bool:
    """Return whether the folder has everything that planning writes."""
    if not folder.scan_json.exists():
        return False
    try:
        planned = read_planned(folder.scan_json)
    except BadInput:
        return False
    _refuse_other_options(planned, scan, folder)
    return not damaged_files(folder, planned)


def _refuse_foreign(folder: ScanFolder, scan: Planned) -> None:
    """Raise an error if the folder is not one of this scan, which may have results."""
    path = folder.path
    for number in folder.chosen_rounds():
        with suppress(BadInput):
            if read_description(folder.round(number))["scan_id"] == scan.id:
                return
    if any(path.glob("rounds/*")):  # an interrupted plan leaves the empty folder
        raise BadInput(
            f"{path} has rounds of a scan with other options, and its scan.json is damaged or "
            f"missing. Plan with the same options, or choose another --output-dir."
        )


def _write(
    folder: ScanFolder,
    scan: Planned,
    site: Site,
    event_path: Path,
    *,
    detector: Detector | None,
    ice: IceModel | None,
    kernel: bytes | None,
) -> None:
    try:
        make_own(folder.path)
        for path in (folder.event, folder.logs, folder.rounds, folder.workflow):
            path.mkdir(exist_ok=True)
        copy_file(event_path, folder.event / scan.event_file)
        if detector is not None:
            place_detector(detector, folder.gcd)
        if ice is not None:
            place_ice(ice, folder.ice)
        if kernel is not None:
            write_bytes(folder.kernel, kernel)
        write_bytes(folder.code, code_zip())
        write_scripts(folder.workflow, JOB_SH, DAGMAN_SH)
        planned = replace(scan, code_sha256=sha256_of(folder.code))
        engine = ENGINES[scan.engine]
        engine.write(folder, planned, site, sys.executable)
        written = [folder.workflow / name for name in (JOB_SH, DAGMAN_SH)]
        written += [] if ice is None else [folder.ice]
        written += [] if kernel is None else [folder.kernel]
        files = digests_of(folder, [*written, *engine.planned_files(folder)])
        replace(planned, files=files).write(folder.scan_json)
    except OSError as error:
        raise cannot_write("The scan folder", error) from error


def cannot_write(what: str, error: OSError) -> SkyscanError:
    """Return the error for a folder that cannot be planned in: 75 if it may pass, else 64."""
    if error.errno in _PASSING:
        return TryAgain(
            f"{what} cannot be written: {error}. Free some space, or choose another "
            f"--output-dir, and plan again."
        )
    return WrongUsage(f"{what} cannot be written: {error}. Choose another --output-dir.")


class _Callable(ModuleType):
    """A module that is called if someone imports it as ``from workflows import plan``."""

    def __call__(self, *arguments: Any, **options: Any) -> ScanFolder:  # noqa: ANN401
        """Do what `workflows.notebook.plan` does."""
        made: ScanFolder = import_module("workflows.notebook").plan(*arguments, **options)
        return made


sys.modules[__name__].__class__ = _Callable
