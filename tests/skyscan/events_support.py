"""Shared by the tests of events: simulated events and hand-made envelopes."""

import base64
import json
import zlib

import numpy as np
from hypothesis import strategies as st

from skyscan.events.event import PULSE_DTYPE, Event, Particle, Vertex
from skyscan.events.formats import pulses_key_of
from skyscan.events.i3.archive import InArchive
from skyscan.events.i3.frame import Frame, write_frame
from skyscan.events.packing.envelope import pack_frame
from skyscan.events.raw import read_raw_packet
from skyscan.events.writer import write_event

TYPES = (None, "HESE", "EHE", "neutrino", "ESTRES")


def simulated_pulses(n=50, seed=1):
    """Return some pulses in single precision, ordered by DOM and time."""
    rng = np.random.default_rng(seed)
    pulses = np.zeros(n, PULSE_DTYPE)
    pulses["string"] = rng.integers(1, 87, n)
    pulses["om"] = rng.integers(1, 61, n)
    pulses["time"] = rng.uniform(9000, 14000, n)
    pulses["charge"] = np.float32(rng.exponential(1.5, n))
    pulses["width"] = np.float32(rng.uniform(1, 10, n))
    pulses["flags"] = rng.choice([4, 7], n)
    return pulses[np.lexsort([pulses[name] for name in ("time", "om", "string")])]


def simulated_event(**changes: object):
    """Return an event as a simulation makes it, with its truth."""
    made = {
        "run_id": 136662,
        "event_id": 35405932,
        "sub_event_id": 1,
        "mjd": 59723.3205,
        "event_type": "neutrino",
        "format_version": "2021a",
        "pulses_key": "SplitUncleanedInIcePulses",
        "pulses": simulated_pulses(),
        "seed": Vertex(1.0, -2.0, 300.5, 10_000.0),
        "fits": {"MCTruth": Particle(1.0, 2.0, 3.0, 10_000.0, 1.5, 0.6, 1e5, shape=40)},
        "scalars": {"MCTruthInfo": '{"seed": 1}', "Charge": 1.5, "IsSimulated": True},
    }
    return Event(**{**made, **changes})


def message(*frames: list, version="2021a"):
    """Return i3live JSON around [stop, blob] entries."""
    return json.dumps(
        {"value": {"data": {"frames": list(frames)}, "version": version}}
    ).encode()


def packed(stop, objects):
    """Return the [stop, blob] of a frame of {key: FrameObject}, with a valid checksum."""
    return [stop, pack_frame(write_frame(Frame(stop, objects)))]


def raw(stop, objects=None):
    """Return the bytes of a frame of {key: FrameObject}, with a valid checksum."""
    return write_frame(Frame(stop, objects or {}))


def raw_frames(path):
    """Return the bytes of the frames of an event file by stop, in order."""
    return {frame.stop: frame.raw for frame in read_raw_packet(path).frames}


def simulated_frames(folder, **changes: object):
    """Return the bytes of the frames of a simulated event by stop."""
    path = folder / "simulated.json"
    write_event(path, simulated_event(**changes))
    return raw_frames(path)


def blob_of(pickled):
    """Return a pickle in the form in which an envelope has it."""
    return base64.b64encode(zlib.compress(pickled)).decode()


reals = st.floats(allow_nan=False, width=64)
singles = st.floats(0, 1e6, width=32)


@st.composite
def pulse_arrays(draw):
    """Draw pulses of any DOMs, including IceTop's, ordered by DOM and time."""
    one = st.tuples(
        st.integers(1, 86),
        st.integers(1, 64),
        st.just(0),
        st.floats(0, 1e6),
        singles,
        singles,
        st.integers(0, 7),
    )
    pulses = np.array(draw(st.lists(one, min_size=1, max_size=30)), PULSE_DTYPE)
    return pulses[np.lexsort([pulses[name] for name in ("time", "pmt", "om", "string")])]


keys = st.text(min_size=1, max_size=20).map("My".__add__)
particles = st.builds(
    Particle,
    *([st.floats(-1000, 1000)] * 3),
    st.floats(0, 1e6),
    st.floats(0, np.pi),
    st.floats(0, 2 * np.pi),
    reals,
    reals,
    reals,
    st.integers(0, 90),
    st.integers(-1, 50),
)
scalars = st.one_of(reals, st.booleans(), st.text(max_size=50))


@st.composite
def events(draw):
    """Draw events that a file can represent."""
    names = draw(st.lists(keys, unique=True, max_size=6))
    cut = draw(st.integers(0, len(names)))
    number = st.integers(0, 2**32 - 1)
    version = draw(st.sampled_from(["", "2021a", "2023a", "2024a"]))
    return simulated_event(
        run_id=draw(number),
        event_id=draw(number),
        sub_event_id=draw(number),
        mjd=draw(st.floats(53400, 73000)),
        event_type=draw(st.sampled_from(TYPES)),
        format_version=version,
        pulses_key=pulses_key_of(version),
        pulses=draw(pulse_arrays()),
        seed=Vertex(*(draw(st.floats(-1e6, 1e6)) for _ in range(4))),
        fits={name: draw(particles) for name in names[:cut]},
        scalars={name: draw(scalars) for name in names[cut:]},
    )


def read_time_window(buffer):
    """Read an I3TimeWindow: start and end in ns."""
    archive = InArchive(buffer)
    archive.begin_object("I3TimeWindow", (1,))
    start, stop = archive.unpack("<dd")
    archive.end()
    return start, stop
