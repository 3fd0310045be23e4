"""The events that `physics.py` scans, and what their scans are compared with."""

from __future__ import annotations

import gzip
import tempfile
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan import read_event, read_map
from skyscan.coordinates import local_to_equatorial
from skyscan.coverage.sample import simulated
from skyscan.events.chosen import alone
from skyscan.events.files import take_event
from skyscan.events.i3.frame import COUNT_BYTES, HEAD, parse_frame
from skyscan.events.i3.objects import read_particle
from skyscan.events.truth import truth_of as truth_with
from skyscan.track.simulation import simulate, truth_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from skyscan.answer.maps import SkyMap
    from skyscan.events.event import Event

BRONZE = "run00136662-evt000035405932-BRONZE"
NUMU = "wBDT_wDNN_L345_IC86-2016_NuMu-021220-009993_first_5_frames.i3.gz"
N_NUE, NUE_MJD = 10, 60310.25  # they have no time
N_SIMULATED = 5
DIRECTION_NSIDE = 64  # a map of coarser pixels is no reference for a direction


class Target(NamedTuple):
    """An event, and what its scan is compared with.

    ``place`` is a unit vector (J2000) or None, ``energy`` in GeV, ``official`` a map of
    another reconstruction, ``also`` what else is known.
    """

    label: str
    event: Event
    reference: str
    place: NDArray[np.float64] | None
    energy: float = nan
    official: SkyMap | None = None
    also: str = ""


def vector(ra: float, dec: float) -> NDArray[np.float64]:
    """Return a unit vector; radians."""
    return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def degrees_between(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.degrees(2 * np.arcsin(min(1.0, float(np.linalg.norm(a - b)) / 2))))


def bronze(shared: Path) -> Iterator[Target]:
    official = shared / "events" / "official" / f"{BRONZE}-8_64_512.npz"
    if official.exists():
        event = read_event(shared / "events" / f"{BRONZE}.pkl")
        yield with_official("BRONZE 136662/35405932", event, official)


def hese(shared: Path) -> Iterator[Target]:
    name = "millipede_original.run00127907.evt000020178442.HESE_1.json"
    official = shared / "events" / "official" / name
    if official.exists():
        event = read_event(shared / "events" / "hese_event_01.json")
        yield with_official("HESE 127907/20178442", event, official)


def with_official(label: str, event: Event, path: Path) -> Target:
    skymap = read_map(path)
    found = skymap.best()
    assert found is not None  # noqa: S101  (it is a map with fits)
    (nside, pixel), *place, _ = found
    is_fine = nside >= DIRECTION_NSIDE
    rows = skymap.pixels[nside]
    energy = float(rows["E_tot"][rows["index"] == pixel][0])
    reference = f"official scan, nside {nside}"
    return Target(label, event, reference, vector(*place) if is_fine else None, energy, skymap)


def numu(shared: Path) -> Iterator[Target]:
    path = shared / "truth" / NUMU
    if not path.exists():
        return
    for number, (event, truth, others) in enumerate(numu_events(path)):
        also = ", ".join(f"{key} {error:.2f} deg" for key, error in others.items())
        yield Target(f"IceCube \u03bd\u03bc {number}", event, "truth", truth, also=also)


def nue(shared: Path) -> Iterator[Target]:
    from skyscan.events.choice import Choice, parse_event_id

    path = shared / "truth" / "example_photons.parquet"
    for number in range(N_NUE if path.exists() else 0):
        choice = Choice(event=parse_event_id(str(number)), run_id=1, mjd=NUE_MJD)
        with alone(path, take_event(path, choice)) as chosen:
            event = read_event(chosen.path)
        truth = truth_with(event)
        assert truth is not None  # noqa: S101  (the file has it)
        place = local_to_equatorial(truth.zenith, truth.azimuth, event.mjd)
        here = vector(*map(float, place))
        yield Target(f"Prometheus \u03bde {number}", event, "truth", here, truth.energy)


def own(kind: str) -> Callable[[Path], Iterator[Target]]:
    def events(shared: Path) -> Iterator[Target]:  # noqa: ARG001
        for seed in range(1, N_SIMULATED + 1):
            event, truth, energy = simulated(kind, seed)
            known = energy if kind == "shower" else nan
            yield Target(f"own {kind}, seed {seed}", event, "truth", vector(*truth), known)

    return events


def bulk(shared: Path) -> Iterator[Target]:  # noqa: ARG001
    for seed in range(1, N_SIMULATED + 1):
        event = simulate(seed)
        place = vector(*(truth_of(event) or (nan, nan)))
        yield Target(f"track in bulk ice, seed {seed}", event, "truth", place)


#: The events of a name, and the reconstructions that they are for.
SETS: dict[str, tuple[Callable[[Path], Iterator[Target]], tuple[str, ...]]] = {
    "bronze": (bronze, ("track", "track_bulk")),
    "hese": (hese, ("cascade",)),
    "numu": (numu, ("track", "track_bulk")),
    "nue": (nue, ("cascade",)),
    "muons": (own("muon"), ("track", "track_bulk")),
    "showers": (own("shower"), ("cascade",)),
    "bulk": (bulk, ("track_bulk",)),
}


def numu_events(path: Path) -> Iterator[tuple[Event, NDArray[np.float64], dict[str, float]]]:
    """Yield IceCube's simulated events, their true directions, and errors of IceCube's fits."""
    data = gzip.decompress(path.read_bytes())
    before: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        while data:
            length = frame_length(data)
            raw, data = data[:length], data[length:]
            stop = chr(raw[len(HEAD)])
            if stop != "P":
                before[stop] = raw
                continue
            file = Path(folder, "event.i3")
            file.write_bytes(b"".join(before[key] for key in "GCDQ" if key in before) + raw)
            event = read_event(file, "InIcePulses")
            objects = {**parse_frame(before["Q"]).objects, **parse_frame(raw).objects}
            truth = of_particle(objects["MCMostEnergeticTrack"].buffer, event)
            others: dict[str, float] = {
                key: degrees_between(of_particle(objects[key].buffer, event), truth)
                for key in ("SplineMPE", "MPEFit_HV")
                if key in objects
            }
            yield event, truth, others


def frame_length(data: bytes) -> int:
    """Return the length of the frame that begins here."""
    at = len(HEAD) + 1
    n_keys = int.from_bytes(data[at : at + COUNT_BYTES], "little")
    at += COUNT_BYTES
    for _ in range(3 * n_keys):
        at += 4 + int.from_bytes(data[at : at + 4], "little")
    return at + 4  # a checksum


def of_particle(buffer: bytes, event: Event) -> NDArray[np.float64]:
    particle = read_particle(buffer)
    ra, dec = local_to_equatorial(particle.zenith, particle.azimuth, event.mjd)
    return vector(float(ra), float(dec))
