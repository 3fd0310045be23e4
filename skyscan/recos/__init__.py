"""Reconstructions: their common interface, and how to find them by name.

Each module in this package, and each entry point in the group ``skyscan.recos`` of an installed
package, is a reconstruction. The module has the class as ``RECO_CLASS``; an entry point loads
such a module or the class itself. Modules whose names begin with an underscore are shared
pieces, not reconstructions.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from math import isfinite
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.coordinates import equatorial_to_local
from skyscan.errors import BadInput, WrongUsage
from skyscan.events.assembly import impossible_span
from skyscan.events.formats import pulses_key_of
from skyscan.recos._variations import across, point

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.events.event import Event, Vertex
    from skyscan.events.source import Source
    from skyscan.light.ice_model import IceModel
    from skyscan.likelihood import Likelihood

#: A readout lasts some 10 us, and the longest exotic one less than a second.
MAX_MEDIAN_TIME_NS = 1e9
ENTRY_POINT_GROUP = "skyscan.recos"
#: Internal: number of the attempt at a fit, from 1; set by the worker process.
ATTEMPT_VARIABLE = "SKYSCAN_ATTEMPT"


class Reco(ABC):
    """A likelihood fit of the event for the direction of each pixel.

    The methods are called in this order: ``prepare`` once per scan (in the prep job), ``setup``
    once per reco job, then ``reconstruct`` for one chunk of pixels after another. A result must
    depend only on the pixel's own input: the same pixel gives the same bytes in any chunk,
    batch and order.
    """

    #: One line for ``skyscan recos``.
    summary: ClassVar[str]
    #: Rotate the vertex variations into the plane across the pixel's direction.
    rotate_vertex: ClassVar[bool] = False
    #: Radius of a pointed scan, degrees.
    angular_distance: ClassVar[float] = 3.5
    #: Whether the fit reads the detector's G, C and D frames from the event's file.
    needs_detector: ClassVar[bool] = False
    #: Whether ``frames`` returns the fitted frames (``--keep-frames``).
    offers_frames: ClassVar[bool] = False
    #: Number of pixels that ``reconstruct`` gets at a time: one unless the fit is vectorised.
    chunk_size: ClassVar[int] = 1
    #: Environment variables that the fit reads in jobs; others are not sent to them.
    variables: ClassVar[tuple[str, ...]] = ()

    #: Whether ``prepare`` takes no more than a second or two and little memory: where jobs run
    #: on the access point in the Python that plans, the scan is then prepared without a job.
    is_prepared_quickly: ClassVar[bool] = False

    #: Whether the fit knows no detector: it takes the DOMs' positions from the event.
    any_detector: ClassVar[bool] = False

    #: The tables of light that the fit uses (`skyscan.light.tables`); its ice can be chosen
    #: (``--ice-model``) if there are any.
    light_tables: ClassVar[tuple[str, ...]] = ()

    #: Whether the fit can use the compiled kernel (`skyscan.compiled`), which is then in the
    #: folder that ``setup`` reads.
    has_kernel: ClassVar[bool] = False

    #: The ice model that the user chose, in ``prepare``; None means the reconstruction's own.
    chosen_ice: IceModel | None = None

    #: Frame key of the pulse series that the user chose (``--pulses``).
    chosen_pulses: str | None = None

    def __init__(self, format_version: str = "") -> None:
        self.format_version = format_version

    @property
    def pulses_key(self) -> str:
        """Frame key of the pulse series that the fit uses."""
        return self.chosen_pulses or pulses_key_of(self.format_version)

    def using(self, pulses: str | None) -> Reco:
        """Return the reconstruction, for a pulse series that the user chose (None: for none).

        Raises
        ------
        WrongUsage
            It always uses the same pulses.
        """
        self.chosen_pulses = pulses
        if pulses not in (None, self.pulses_key):
            raise WrongUsage(
                f"--pulses {pulses}: {type(self).__name__} always uses {self.pulses_key}; "
                f"leave the option out, or choose another reconstruction (skyscan recos)."
            )
        return self

    @property
    def pointing_key(self) -> str | None:
        """Frame key of the fit that a pointed scan is centred on; None scans the whole sky."""
        return None

    @classmethod  # noqa: B027  (few have any)
    def check_variables(cls) -> None:
        """Refuse values of ``variables`` that no fit can use; runs where the scan is planned.

        Raises
        ------
        WrongUsage
            A value is not what the fit expects; the message names the variable.
        """

    def check(self, source: Source, event: Event) -> None:
        """Refuse an event that this reconstruction cannot fit; runs where the scan is planned.

        Raises
        ------
        BadInput
            The event's pulses cannot be those of an event, or a key is missing in it; the
            message names it. Or the event is of another detector.
        """
        check_pulses(source, event)
        if event.detector is not None and not self.any_detector:
            raise BadInput(
                f"{source.path}: {event.name} is of another detector than IceCube-86 "
                f"(--geometry), which this reconstruction cannot fit; `track` can."
            )
        key = self.pointing_key
        if key is None:
            return
        fit = event.fits.get(key)
        if fit is None or not (isfinite(fit.zenith) and isfinite(fit.azimuth)):
            raise BadInput(
                f"{source.path}: {event.name} has no {key}, the fit that this pointed "
                f"reconstruction is centred on; choose one that scans the whole sky "
                f"(skyscan recos)."
            )

    def check_files(self, source: Source, event: Event) -> None:  # noqa: B027  (few need any)
        """Refuse a scan if large data files are missing here and cannot be downloaded.

        Runs where the scan is planned, and only if its jobs run on the same machine.

        Raises
        ------
        BadInput
            A file is missing; the message names it.
        """

    def prepare_from(self, source: Source, event: Event, folder: Path) -> Vertex:
        """Prepare from the event file; by default, from the event that was read from it."""
        del source
        return self.prepare(event, folder)

    @abstractmethod
    def prepare(self, event: Event, folder: Path) -> Vertex:
        """Write the files for ``setup`` to ``folder``; return the event's seed vertex.

        Raises
        ------
        BadInput
            Data that the reconstruction needs are missing in the event.
        """

    def fetch(self, folder: Path) -> None:  # noqa: B027  (few need any)
        """Download the large data files that ``setup`` needs to this machine.

        Runs in every reco job before ``setup``, and may take a long time.

        Parameters
        ----------
        folder : Path
            The folder that ``prepare`` wrote.

        Raises
        ------
        BadInput
            A file cannot be found; the message names it.
        TryAgain
            A file cannot be downloaded at present.
        """

    def local_directions(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64], mjd: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return zenith and azimuth of directions on the sky, radians, both shape (n,).

        Parameters
        ----------
        ra, dec : ndarray, shape (n,), radians, J2000
        mjd : float
            Time of the event, days UTC; NaN if it has none. ``ra`` and ``dec`` are then
            azimuth and elevation.
        """
        return equatorial_to_local(ra, dec, mjd)

    def variations(self) -> NDArray[np.float64]:
        """Return the offsets from the seed vertex to start from, shape (n, 3), metres."""
        return point()

    def offsets(
        self,
        pixels: NDArray[np.void],
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the offset of each pixel's variation from its seed, shape (n, 3), metres.

        Upstream rotates a shared list of variations in place, so that its seeds depend on
        how many pixels came before; here each pixel starts from the reco's own list.

        Parameters
        ----------
        pixels : ndarray, shape (n,), dtype PIXEL_DTYPE
        zenith, azimuth : ndarray, shape (n,), radians
            The pixels' directions in IceCube's local frame.
        """
        chosen = self.variations()[pixels["variation"]]
        return across(chosen, zenith, azimuth) if self.rotate_vertex else chosen

    @abstractmethod
    def setup(self, folder: Path) -> None:
        """Read the prepared folder and do all costly work that is the same for every pixel."""

    @abstractmethod
    def reconstruct(
        self,
        pixels: NDArray[np.void],
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
    ) -> NDArray[np.void]:
        """Fit the event with the direction of each pixel.

        Parameters
        ----------
        pixels : ndarray, shape (n,), dtype PIXEL_DTYPE
            n is at most ``chunk_size``; the seed vertex has the variation added.
        zenith, azimuth : ndarray, shape (n,), radians
            The pixels' centres in IceCube's local frame at the time of the event: where
            the particle comes from.

        Returns
        -------
        ndarray, shape (n,), dtype FIT_DTYPE
        """

    def likelihood(self, event: Event) -> Likelihood | None:  # noqa: ARG002
        """Return the likelihood that an event is fitted with, after ``prepare``.

        The levels of the package hold for the likelihood that they were measured with. None
        means that there are no such levels.
        """
        return None

    def llh_at(
        self,
        vertex: NDArray[np.float64],
        time: NDArray[np.float64],
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return -ln L of hypotheses without fitting, shape (n,); after ``setup``.

        Parameters
        ----------
        vertex : ndarray, shape (n, 3), m
        time : ndarray, shape (n,), ns
            The time at which the particle is there.
        zenith, azimuth : ndarray, shape (n,), radians
            Where the particle comes from.
        """
        raise NotImplementedError(f"{type(self).__name__} has no likelihood without a fit.")

    def frames(self) -> tuple[bytes, ...]:
        """Return the fitted frames of the last call of ``reconstruct``, one for each pixel.

        They are kept only if ``offers_frames`` is true, and only needed if
        `skyscan.frames.are_kept`.
        """
        return ()


def check_pulses(source: Source, event: Event) -> None:
    """Refuse pulses that no fit can use.

    Raises
    ------
    BadInput
        No pulse has a charge, or their times are far from the event or all the same.
    """
    what = f"{source.path}: {event.name}: the pulses of {event.pulses_key}"
    if not (event.pulses["charge"] > 0).any():
        raise BadInput(f"{what} have no charge; choose other pulses with --pulses.")
    away = float(np.median(np.abs(event.pulses["time"])))
    if away > MAX_MEDIAN_TIME_NS:
        raise BadInput(
            f"{what} are some {away:g} ns away from the start of the event, which no readout "
            f"covers; are their times in ns since the start?"
        )
    found = impossible_span(event.pulses, event.detector)
    if found is not None:
        n, span = found
        raise BadInput(
            f"{what} on {n} strings are all within {span:.2g} ns, as in no real event; are "
            f"their times in ns?"
        )


def available_recos() -> dict[str, str]:
    """Return {name: origin} of all available reconstructions."""
    found = {
        module.name: f"{__name__}.{module.name}"
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    }
    for entry in _plugins():
        found.setdefault(entry.name, entry.value)
    return dict(sorted(found.items()))


def _plugins() -> EntryPoints:
    """Return the entry points of reconstructions of other packages."""
    # The import takes a tenth of the start of a job, and few have a plug-in.
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINT_GROUP)


def reco_class(name: str) -> type[Reco]:
    """Return the class of a reconstruction; ``-`` and ``_`` in the name are the same.

    Raises
    ------
    BadInput
        The name is unknown.
    WrongUsage
        The object of that name is not a reconstruction.
    """
    module_name = name.lower().replace("-", "_")
    if any(module.name == module_name for module in pkgutil.iter_modules(__path__)):
        loaded: object = importlib.import_module(f"{__name__}.{module_name}")
    else:
        matching = [
            entry for entry in _plugins() if entry.name.lower().replace("-", "_") == module_name
        ]
        if not matching:
            from skyscan.suggestions import did_you_mean

            known = ", ".join(available_recos())
            raise BadInput(
                f"No reconstruction is called {name!r}.{did_you_mean(name, available_recos())} "
                f"There are: {known}."
            )
        loaded = matching[0].load()
    found = getattr(loaded, "RECO_CLASS", loaded)
    if not (isinstance(found, type) and issubclass(found, Reco)):
        raise WrongUsage(f"The reconstruction {name!r} does not offer a Reco class.")
    return found
