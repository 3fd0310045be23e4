"""The first step of a scan: read the event and write the startup folder."""

from __future__ import annotations

from dataclasses import asdict
from math import isinf, radians
from typing import TYPE_CHECKING, NamedTuple

from skyscan.coordinates import local_to_equatorial
from skyscan.errors import BadInput
from skyscan.events.reader import read_event
from skyscan.layout import KERNEL_SO, LIGHT_JSON, LIKELIHOOD_JSON, STARTUP_JSON
from skyscan.recos import Reco, reco_class
from skyscan.scan import PLAN_AGAIN
from skyscan.startup import Startup
from skyscan.storage import copy_file, sha256_of, write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from skyscan.events.event import Event
    from skyscan.events.source import Source


class Reading(NamedTuple):
    """A reconstruction, and an event with the pulses that it uses."""

    event: Event
    reco: Reco


def read_for(
    reco_name: str, source: Source, read: Callable[[Path, str | None], Event] = read_event
) -> Reading:
    """Read an event with the pulses that a reconstruction uses.

    Parameters
    ----------
    reco_name : str
        The name of the reconstruction.
    source : Source
        The event file.
    read : callable
        Reads an event file with a given pulse series (None: the default of its format).

    Raises
    ------
    BadInput
        The reconstruction does not exist, or the event cannot be read.
    """
    chosen = reco_class(reco_name)
    event = read(source.path, source.pulses)
    reco = chosen(event.format_version).using(source.pulses)
    if reco.pulses_key != event.pulses_key:
        event = read(source.path, reco.pulses_key)
    return Reading(event, reco)


def check_planned(source: Source, event_sha256: str | None, kernel_sha256: str | None) -> None:
    """Refuse an event or a compiled kernel that is not the one that was planned.

    Raises
    ------
    BadInput
        Its SHA-256 is another one.
    """
    planned = {
        "event": (source.path, event_sha256),
        "compiled kernel": (source.kernel, kernel_sha256),
    }
    for what, (path, expected) in planned.items():
        if expected and path is not None and path.exists() and sha256_of(path) != expected:
            raise BadInput(f"{path} is not the {what} that was planned. {PLAN_AGAIN}")


def prepare(
    scan_id: str,
    reco_name: str,
    source: Source,
    folder: Path,
    read: Callable[[Path, str | None], Event] = read_event,
) -> Startup:
    """Run the reconstruction's own preparation and write the startup folder.

    Parameters
    ----------
    scan_id : str
        The id of the scan.
    reco_name : str
        The name of the reconstruction.
    source : Source
        The event file.
    folder : Path
        The folder to write. ``startup.json`` is written last, so a folder with it is complete.
    read : callable
        As for `read_for`.

    Raises
    ------
    BadInput
        A key that the reconstruction needs is missing from the event, or its seed is infinite.
        Or the file of the ice model is missing or damaged.
    """
    event, reco = read_for(reco_name, source, read)
    _choose_ice(reco, source)
    reco.check(source, event)
    folder.mkdir(parents=True, exist_ok=True)
    _place_kernel(source, folder)
    seed = reco.prepare_from(source, event, folder)
    if any(isinf(value) for value in asdict(seed).values()):
        raise BadInput(f"{event.name}: {reco_name} found the seed vertex {seed}: not finite.")
    _write_light(reco, folder)
    _write_likelihood(reco, event, folder)
    startup = Startup(
        scan_id=scan_id,
        reco=reco_name,
        format_version=event.format_version,
        mjd=event.mjd,
        seed=seed,
        n_variations=len(reco.variations()),
        pointing=_pointing(event, reco),
        files={
            path.name: sha256_of(path)
            for path in sorted(folder.iterdir())
            if path.is_file() and path.name != STARTUP_JSON
        },
        pulses=source.pulses,
    )
    startup.write(folder)
    return startup


def _choose_ice(reco: Reco, source: Source) -> None:
    if source.ice is not None:
        from skyscan.light.ice_json import read_ice

        reco.chosen_ice = read_ice(source.ice)


def _place_kernel(source: Source, folder: Path) -> None:
    """Copy the compiled kernel to the startup folder, with which jobs get it."""
    (folder / KERNEL_SO).unlink(missing_ok=True)
    if source.kernel is not None:
        if not source.kernel.is_file():
            raise BadInput(f"{source.kernel}, the compiled kernel, is missing. {PLAN_AGAIN}")
        copy_file(source.kernel, folder / KERNEL_SO)


def _write_light(reco: Reco, folder: Path) -> None:
    """Write which ice and tables of light the fits use, for people to read."""
    if reco.light_tables:
        from skyscan.light.ice_json import provenance

        write_json(folder / LIGHT_JSON, provenance(reco.chosen_ice, reco.light_tables))


def _write_likelihood(reco: Reco, event: Event, folder: Path) -> None:
    """Write which likelihood the fits have, by which the levels of regions are chosen."""
    likelihood = reco.likelihood(event)
    if likelihood is not None:
        write_json(folder / LIKELIHOOD_JSON, likelihood.as_dict())


def _pointing(event: Event, reco: Reco) -> tuple[float, float, float] | None:
    key = reco.pointing_key
    if key is None:
        return None
    fit = event.fits[key]
    ra, dec = local_to_equatorial(fit.zenith, fit.azimuth, event.mjd)
    return float(ra), float(dec), radians(reco.angular_distance)
