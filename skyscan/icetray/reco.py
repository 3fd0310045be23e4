"""Base class of the reconstructions that run in icetray."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.errors import BadInput, TryAgain, WrongUsage
from skyscan.frames import are_kept
from skyscan.icetray import gcd, keys
from skyscan.icetray.frames import (
    bytes_of,
    on_stream,
    read_frames,
    read_packet,
    run_tray,
    write_frames,
)
from skyscan.icetray.imports import check_icetray, import_projects
from skyscan.icetray.kept import PACKET_FILE
from skyscan.icetray.preparation import (
    HLC,
    add_bad_doms,
    add_coincidence_split,
    add_recompression,
    add_uncompression,
    needs_bad_doms,
)
from skyscan.icetray.prepared import Prepared, read_prepared, seed_in
from skyscan.icetray.seeding import (
    closest_dom_time,
    fallback_vertex,
    pixel_frame,
    random_seed,
    seed_particle,
    travel_direction,
)
from skyscan.icetray.trays import LastingTray, fit_in_new_tray
from skyscan.records import empty_fits
from skyscan.recos import Reco
from skyscan.staging import BASELINE_GCDS, SPLINES, Store, find, is_offered, stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.events.event import Event, Vertex
    from skyscan.events.source import Source
    from skyscan.icetray.frames import Frame, Tray

#: Projects that every tray of a scan needs.
BASIC_PROJECTS = ("icetray", "dataclasses", "dataio")


@dataclass(frozen=True)
class Fit:
    """The pixel's data that a tray depends on, besides the frame.

    Attributes
    ----------
    direction : ndarray, shape (3,)
        Unit vector of travel.
    random_seed : int
        Seed of random services, a function of the pixel's ids.
    """

    direction: NDArray[np.float64]
    random_seed: int


class IceTrayReco(Reco):
    """A reconstruction that fits pixels with a tray.

    A subclass names the projects and tables that it needs, and adds to trays the modules that
    prepare the event and those that fit a pixel.
    """

    offers_frames: ClassVar[bool] = True
    needs_detector: ClassVar[bool] = True
    #: Projects of icetray that the trays need, such as ``millipede`` for ``icecube.millipede``.
    projects: ClassVar[tuple[str, ...]] = ()
    #: File names of the spline tables.
    splines: ClassVar[tuple[str, ...]] = ()
    #: Whether the fit needs geometry, calibration and detector status.
    uses_gcd: ClassVar[bool] = True
    #: Whether the fit or its preparation needs the pulses split by local coincidence.
    uses_coincidences: ClassVar[bool] = True
    #: Whether to set the seed's time from the closest hit DOM.
    refine_time: ClassVar[bool] = False
    #: Whether the event's own seed vertex is a second first guess.
    add_fallback_position: ClassVar[bool] = False
    #: Whether the tray depends on the pixel, besides its frame.
    tray_per_pixel: ClassVar[bool] = False

    _packet: list[Frame]
    _prepared: Prepared
    _geometry: Frame
    _hits: tuple[NDArray[np.float64], NDArray[np.float64]]
    _tray: LastingTray | None = None
    _frames: tuple[bytes, ...] = ()

    @abstractmethod
    def add_preparation(self, tray: Tray) -> None:
        """Add modules that put the seed vertex and the other inputs of fits into the frames."""

    @abstractmethod
    def load(self, tables: Mapping[str, str]) -> None:
        """Load the tables, which are the same for every pixel.

        Parameters
        ----------
        tables : mapping of str to str
            The path of each of ``splines``.
        """

    @abstractmethod
    def add_fit(self, tray: Tray, fit: Fit) -> None:
        """Add the modules that fit a pixel to a tray."""

    @abstractmethod
    def fit_of(self, frame: Frame, geometry: Frame) -> tuple[float, ...]:
        """Return the fields of FIT_DTYPE from a fitted frame.

        ``geometry`` is the frame with the geometry, or None without ``uses_gcd``.
        """

    def needed_keys(self, event: Event) -> tuple[tuple[str, ...], ...]:
        """Return the frame keys that the fit needs: at least one of each tuple."""
        del event
        return ((self.pulses_key,),)

    def check(self, source: Source, event: Event) -> None:
        """Raise an error if the event does not have the keys that the fit needs."""
        super().check(source, event)
        if not event.has_frames:
            raise BadInput(
                f"{source.path}: {event.name} comes from a table, without the frames that "
                f"reconstructions in icetray need; choose one of the others (skyscan recos)."
            )
        for alternatives in self.needed_keys(event):
            if not event.keys.intersection(alternatives):
                raise BadInput(
                    f"{source.path}: {event.name} has no {' or '.join(alternatives)} in its"
                    f" frames, which this reconstruction needs; choose another one"
                    f" (skyscan recos)."
                )

    def check_files(self, source: Source, event: Event) -> None:
        """Raise an error if icetray, a table or the baseline GCD file is missing here."""
        check_icetray(type(self).__name__)
        for name in self.splines:
            _check_file(SPLINES, name, None)
        if not self.uses_gcd or source.gcd is not None:
            return
        if event.baseline_gcd:
            _check_file(BASELINE_GCDS, event.baseline_gcd, source.gcd_dir)
        elif not event.keys & {keys.GEOMETRY, keys.GEOMETRY + gcd.DIFF}:
            gcd.baseline_for_run(event.run_id, source.gcd_dir)

    def prepare(self, event: Event, folder: Path) -> Vertex:
        """Raise an error, because icetray needs the frames of the event file."""
        raise WrongUsage(
            f"{type(self).__name__} prepares {event.name} from its file, not into {folder}."
        )

    def prepare_from(self, source: Source, event: Event, folder: Path) -> Vertex:
        """Send the event's frames through the preparation, and write them for the jobs."""
        import_projects((*BASIC_PROJECTS, *self.projects))
        frames, baseline = self._with_gcd(read_packet(source.path), source, event)
        prepared = self._sent_through(frames, baseline, source, event)
        seed = seed_in(prepared[-1], source)
        write_frames(folder / PACKET_FILE, [*prepared[:-1], on_stream(prepared[-1], "p")])
        data = Prepared(
            baseline=gcd.baseline_at(baseline) if baseline else None,
            gcd_dir=str(source.gcd_dir) if source.gcd_dir else None,
            seed=seed,
        )
        data.write(folder)
        return data.vertex

    def fetch(self, folder: Path) -> None:
        """Stage the tables and the baseline GCD file on this machine."""
        for name in self.splines:
            stage(SPLINES, name)
        read_prepared(folder).stage_baseline()

    def setup(self, folder: Path) -> None:
        """Uncompress the GCD and load the tables."""
        import_projects((*BASIC_PROJECTS, *self.projects))
        self._prepared = read_prepared(folder)
        baseline = self._prepared.stage_baseline()
        packet = read_frames(folder / PACKET_FILE)
        self._packet = gcd.uncompressed(packet, baseline)
        self._geometry = gcd.geometry_frame(self._packet, baseline) if self.uses_gcd else None
        self._hits = self._first_hits() if self.refine_time else (np.empty((0, 3)), np.empty(0))
        self.load({name: str(stage(SPLINES, name)) for name in self.splines})

    def local_directions(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64], mjd: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return zenith and azimuth, radians; from icetray's ``astro`` if it is a project."""
        if "astro" not in self.projects:
            return super().local_directions(ra, dec, mjd)
        from icecube import astro

        zenith, azimuth = astro.equa_to_dir(ra, dec, mjd)
        return np.asarray(zenith, float), np.asarray(azimuth, float)

    def reconstruct(
        self,
        pixels: NDArray[np.void],
        zenith: NDArray[np.float64],
        azimuth: NDArray[np.float64],
    ) -> NDArray[np.void]:
        """Fit the pixels one after another."""
        offsets = self.offsets(pixels, zenith, azimuth)
        fits = empty_fits(len(pixels))
        frames = []
        for row, pixel in enumerate(pixels):
            frame = self.frame_of(pixel, float(zenith[row]), float(azimuth[row]), offsets[row])
            direction = travel_direction(float(zenith[row]), float(azimuth[row]))
            fit = Fit(direction=direction, random_seed=random_seed(pixel))
            fitted = self._fitted(frame, fit)
            fits[row] = self.fit_of(fitted, self._geometry)
            if are_kept():
                frames.append(bytes_of(fitted))
        self._frames = tuple(frames)
        return fits

    def frames(self) -> tuple[bytes, ...]:
        """Return the physics frames from the tray, with only what they hold themselves."""
        return self._frames

    def frame_of(
        self, pixel: np.void, zenith: float, azimuth: float, offset: NDArray[np.float64]
    ) -> Frame:
        """Return the physics frame from which one pixel is fitted.

        Parameters
        ----------
        pixel : row of PIXEL_DTYPE
            The pixel; its seed vertex includes the variation.
        zenith, azimuth : float, radians
            The direction that the particle comes from.
        offset : ndarray, shape (3,), metres
            The offset of the variation from the seed vertex.
        """
        own = self._prepared.vertex
        vertex = (float(pixel["x"]), float(pixel["y"]), float(pixel["z"]))
        other = fallback_vertex(own, offset)
        fallback = None
        if self.add_fallback_position and other != vertex:
            fallback = self._particle(other, own.time, math.nan, zenith, azimuth)
        energy = float(pixel["energy"])
        particle = self._particle(vertex, float(pixel["time"]), energy, zenith, azimuth)
        return pixel_frame(pixel, self._packet[-1][keys.HEADER], particle, fallback)

    def _particle(
        self,
        vertex: tuple[float, ...],
        time: float,
        energy: float,
        zenith: float,
        azimuth: float,
    ) -> object:
        if self.refine_time:
            direction = travel_direction(zenith, azimuth)
            time = closest_dom_time(np.array(vertex), time, direction, *self._hits)
        return seed_particle(vertex, time, energy, zenith, azimuth)

    def _fitted(self, frame: Frame, fit: Fit) -> Frame:
        if self.tray_per_pixel:
            return fit_in_new_tray(self._packet, frame, lambda tray: self.add_fit(tray, fit))
        if self._tray is None:
            self._tray = LastingTray(self._packet, lambda tray: self.add_fit(tray, fit))
        return self._tray.fit(frame)

    def _with_gcd(
        self, frames: list[Frame], source: Source, event: Event
    ) -> tuple[list[Frame], Path | None]:
        """Return the packet with GCD, and the baseline that its GCD refers to, if any."""
        if not self.uses_gcd:
            return frames, None
        if source.gcd is not None:
            detector = read_frames(source.gcd)
            frames = [*detector[: len(gcd.GCD_STOPS)], *frames[len(gcd.GCD_STOPS) :]]
        import_projects(("frame_object_diff",))
        name = gcd.baseline_of(frames)
        if name is not None:
            return frames, gcd.stage_baseline(name, source.gcd_dir)
        if not gcd.has_geometry(frames):
            baseline = read_frames(gcd.baseline_for_run(event.run_id, source.gcd_dir))
            frames = [*baseline[: len(gcd.GCD_STOPS)], *frames[len(gcd.GCD_STOPS) :]]
        return frames, None

    def _sent_through(
        self, frames: list[Frame], baseline: Path | None, source: Source, event: Event
    ) -> list[Frame]:
        def add_steps(tray: Tray) -> None:
            if baseline is not None:
                add_uncompression(tray, baseline)
            if self.uses_gcd and needs_bad_doms(frames):
                add_bad_doms(tray, event.run_id, is_real_event=source.is_real_event)
            if self.uses_coincidences:
                add_coincidence_split(tray, self.pulses_key)
            self.add_preparation(tray)
            if baseline is not None:
                add_recompression(tray)

        return run_tray(frames, add_steps)

    def _first_hits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return position (m) and first time (ns) of each DOM with coincident pulses."""
        from icecube import dataclasses

        doms = self._geometry[keys.GEOMETRY].omgeo
        pulses = dataclasses.I3RecoPulseSeriesMap.from_frame(
            self._packet[-1], self.pulses_key + HLC
        )
        hits = [(doms[dom].position, series[0].time) for dom, series in pulses.items()]
        positions = np.array(
            [[position.x, position.y, position.z] for position, _ in hits], float
        )
        return positions.reshape(-1, 3), np.array([time for _, time in hits], float)


def _check_file(store: Store, name: str, folder: Path | None) -> None:
    extra = (folder,) if folder else ()
    if find(store, name, extra) is not None:
        return
    offered = is_offered(store, name)
    if offered is None:
        raise TryAgain(
            f"{name} ({store.name}) is not on this machine, and {store.address(name)} does not "
            f"answer; try again, or add the folder that has it to SKYSCAN_DATA_DIRS."
        )
    if not offered:
        raise BadInput(
            f"{name} ({store.name}) is neither on this machine nor at {store.address(name)}; "
            f"add the folder that has it to SKYSCAN_DATA_DIRS."
        )
