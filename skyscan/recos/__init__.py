"""Reconstructions: the interface that every one fills, and how they are found by name.

A module in this package, or an entry point in the group ``skyscan.recos`` of any
installed package, is one more reconstruction. The module (or what the entry point
loads, a module or the class itself) has the class as ``RECO_CLASS``. Modules whose name
begins with an underscore are shared pieces, not reconstructions.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.errors import WrongUsage
from skyscan.events.formats import pulses_key_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.events.event import Event, Vertex

ENTRY_POINT_GROUP = "skyscan.recos"
#: Environment variable that tells a reconstruction which attempt at its pixels this is.
ATTEMPT_VARIABLE = "SKYSCAN_ATTEMPT"


class Reco(ABC):
    """One way to ask how well a neutrino from a pixel explains the event.

    The life of a reconstruction: ``prepare`` once per scan (in the prep job), ``setup``
    once per reco job, then ``reconstruct`` for one chunk of pixels after another. An
    answer depends on the pixel's own input only: the same pixel gives the same bytes in
    any chunk, batch and order.
    """

    #: One line for ``skyscan recos``.
    summary: ClassVar[str]
    #: Rotate the vertex variations into the plane across the pixel's direction.
    rotate_vertex: ClassVar[bool] = False
    #: Set the seed's time from the closest hit DOM.
    refine_time: ClassVar[bool] = False
    #: Offer the event's own seed vertex as a second first guess.
    add_fallback_position: ClassVar[bool] = False
    #: Radius of a pointed scan, degrees.
    angular_distance: ClassVar[float] = 3.5
    #: How many pixels ``reconstruct`` is given at a time. One unless the fit is vectorised.
    chunk_size: ClassVar[int] = 1

    def __init__(self, format_version: str = "") -> None:
        self.format_version = format_version

    @property
    def pulses_key(self) -> str:
        """Frame key of the pulse series that the fit uses."""
        return pulses_key_of(self.format_version)

    @property
    def pointing_key(self) -> str | None:
        """Frame key of the fit that a pointed scan is centred on; None scans the whole sky."""
        return None

    @abstractmethod
    def prepare(self, event: Event, folder: Path) -> Vertex:
        """Write into ``folder`` what ``setup`` will read; return the event's seed vertex.

        Raises
        ------
        BadInput
            The event lacks what the reconstruction needs.
        """

    def variations(self) -> NDArray[np.float64]:
        """Return the offsets from the seed vertex to start from, shape (n, 3), metres."""
        return np.zeros((1, 3))

    @abstractmethod
    def setup(self, folder: Path) -> None:
        """Read the prepared folder: all that is costly and the same for every pixel."""

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


def available_recos() -> dict[str, str]:
    """Return {name: where it comes from} of every reconstruction that can be asked for."""
    found = {
        module.name: f"{__name__}.{module.name}"
        for module in pkgutil.iter_modules(__path__)
        if not module.name.startswith("_")
    }
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        found.setdefault(entry.name, entry.value)
    return dict(sorted(found.items()))


def reco_class(name: str) -> type[Reco]:
    """Return the class of a reconstruction; ``-`` and ``_`` in the name are the same.

    Raises
    ------
    WrongUsage
        There is no reconstruction of that name.
    """
    wanted = name.lower().replace("-", "_")
    if any(module.name == wanted for module in pkgutil.iter_modules(__path__)):
        loaded: object = importlib.import_module(f"{__name__}.{wanted}")
    else:
        matching = [
            entry
            for entry in entry_points(group=ENTRY_POINT_GROUP)
            if entry.name.lower().replace("-", "_") == wanted
        ]
        if not matching:
            known = ", ".join(available_recos())
            raise WrongUsage(f"No reconstruction is called {name!r}. There are: {known}.")
        loaded = matching[0].load()
    found = getattr(loaded, "RECO_CLASS", loaded)
    if not (isinstance(found, type) and issubclass(found, Reco)):
        raise WrongUsage(f"The reconstruction {name!r} does not offer a Reco class.")
    return found
