"""Small events of each envelope that i3live sends, for tests without real alerts.

They are simulated tracks that contain their truth (`skyscan.track.simulation`), in the format
of the project's writer, except that their pulses are stored as in real alerts. Run ``python
tests/skyscan/shipped_events.py`` to write them into ``tests/data/events`` again.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pulse_buffers import mask_of, superdst_of

from skyscan.events.event import PULSE_DTYPE, Event, Particle, Vertex
from skyscan.events.formats import l2_fit_of, pulses_key_of
from skyscan.events.i3.frame import Frame, FrameObject, parse_frame, write_frame
from skyscan.events.i3.pulsemap import write_pulse_map
from skyscan.events.packing.envelope import PackedFrame, pack_frame, seal_envelope
from skyscan.events.raw import read_raw_packet
from skyscan.events.truth import TRUTH_KEY
from skyscan.events.writer import write_event
from skyscan.track.simulation import simulate

FOLDER = Path(__file__).parents[1] / "data" / "events"
UNKNOWN = Vertex(np.nan, np.nan, np.nan, np.nan)
#: The split has what came in this time (ns); the track passes at 10,000.
SPLIT_NS = (8_000.0, 13_000.0)
#: IceTop has pulses, too, which I3SuperDST stores differently.
ON_ICE = [(30, 61, 0, 9_100.0, 1.5, 8.0, 0), (30, 62, 0, 9_104.0, 40.0, 16.0, 1)]


@dataclass(frozen=True)
class Shipped:
    """How one of the events is stored.

    Attributes
    ----------
    file : str
        Its name in ``tests/data/events``.
    seed : int
        The seed of the simulation, and the event's id.
    event_type, format_version : str
        The version "" means the old envelope, whose data is the list of frames.
    pulses : tuple of str
        Frame keys in the Q frame, from the first series to the one that the split masks. If
        there are none, the split has the pulses.
    """

    file: str
    seed: int
    event_type: str
    format_version: str
    pulses: tuple[str, ...]

    @property
    def path(self) -> Path:
        return FOLDER / self.file

    @property
    def is_superdst(self) -> bool:
        return self.pulses[:1] == ("I3SuperDST",)

    def simulated(self) -> Event:
        """Return the simulated event, with all pulses in the split."""
        event = simulate(self.seed)
        # Rounded, because the last bit of a cosine differs between machines.
        track = {name: round(getattr(event.fits[TRUTH_KEY], name), 6) for name in TRACK}
        truth = replace(event.fits[TRUTH_KEY], **track)
        fit = Particle(**{**track, "x": track["x"] + 5.0}, energy=1e4, shape=truth.shape)
        is_old = not self.format_version
        return replace(
            event,
            event_type=self.event_type,
            format_version=self.format_version,
            pulses_key=pulses_key_of(self.format_version),
            # the veto's vertex, or that of the L2 fit
            seed=event.seed if is_old else UNKNOWN,
            fits={
                TRUTH_KEY: truth,
                "HESE_SPEFit2" if is_old else l2_fit_of(self.format_version): fit,
            },
            scalars={**event.scalars, **({"HESE_llhratio": -30.5} if is_old else {})},
        )

    def message(self) -> dict[str, object]:
        """Return the content of the file."""
        event = self.simulated()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "event.json"
            write_event(path, event)
            details = json.loads(path.read_text())["value"]["data"]
            frames = [parse_frame(frame.raw) for frame in read_raw_packet(path).frames]
        del details["frames"]
        if self.pulses:
            objects = self._pulse_objects(event)
            frames = [
                Frame(it.stop, {**it.objects, **objects.get(it.stop, {})}) for it in frames
            ]
        blobs = [PackedFrame(frame.stop, pack_frame(write_frame(frame))) for frame in frames]
        message = seal_envelope(self.format_version, blobs, details)
        if not self.format_version:
            message["value"]["data"] = message["value"]["data"]["frames"]
        return message

    def _pulse_objects(self, event: Event) -> dict[str, dict[str, FrameObject]]:
        """Return the pulses as {stop: {key: object}}: a map in Q, and a mask of it in P."""
        pulses, key = event.pulses, self.pulses[0]
        if self.is_superdst:
            pulses = np.sort(np.array([*pulses.tolist(), *ON_ICE], PULSE_DTYPE))
            in_q = {key: superdst_of(pulses)}
            in_ice = pulses["om"] <= 60
            in_q[self.pulses[1]] = mask_of(key, pulses, in_ice)
            key, pulses = self.pulses[1], pulses[in_ice]
        else:
            in_q = {key: write_pulse_map(pulses)}
        return {"Q": in_q, "P": {event.pulses_key: mask_of(key, pulses, in_split(pulses))}}


def in_split(pulses):
    """Return which pulses are in the split."""
    return (pulses["time"] > SPLIT_NS[0]) & (pulses["time"] < SPLIT_NS[1])


TRACK = ("x", "y", "z", "time", "zenith", "azimuth")
#: Files in ``shared/events``, which the repository does not contain.
ALERTS = (
    "hese_event_00.json",
    "hese_event_01.json",
    "run00136662-evt000035405932-BRONZE.pkl",
)
SHIPPED = (
    Shipped("list.json", 11, "HESE", "", ("UncleanedInIcePulses",)),
    Shipped("2021a.json", 12, "neutrino", "2021a", ("I3SuperDST", "InIceDSTPulses")),
    Shipped("2023a.json", 13, "EHE", "2023a", ("InIcePulses",)),
    Shipped("2024a.json", 14, "ESTRES", "2024a", ()),
)


BY_FILE = {shipped.file: shipped for shipped in SHIPPED}
#: Cases of tests of every kind of event file; `event_file` finds each.
EVENT_FILES = (*BY_FILE, *ALERTS)
#: The realtime format according to the keys of the frames, if it differs: `format_of`.
FORMATS_BY_KEYS = {"": "2021a", "2024a": "2023a"}


def main() -> None:
    """Write the events."""
    for event in SHIPPED:
        event.path.write_text(json.dumps(event.message()) + "\n")


if __name__ == "__main__":
    main()
