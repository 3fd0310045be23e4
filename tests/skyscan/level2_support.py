"""Files of many events, as IceCube's Level 2 has them, made from simulated events."""

from dataclasses import replace

from events_support import raw, raw_frames, simulated_event, simulated_pulses

from skyscan.events.i3.frame import FrameObject, parse_frame
from skyscan.events.i3.objects import read_header, write_header
from skyscan.events.writer import write_event

KEY = "SplitUncleanedInIcePulses"


def frames_of(folder, event_id, **changes: object):
    """Return the Q and the P frame of a simulated event, as bytes."""
    path = folder / f"{event_id}.json"
    pulses = simulated_pulses(seed=event_id)
    made = {"event_id": event_id, "sub_event_id": 0, "pulses": pulses, **changes}
    write_event(path, simulated_event(**made))
    frames = raw_frames(path)
    path.unlink()
    header = parse_frame(frames["P"]).objects["I3EventHeader"]
    return raw("Q", {"I3EventHeader": header}), frames["P"]


def physics(frame, *, without=(), **changes: object):
    """Return a physics frame with another header, or without some of its keys."""
    objects = {k: v for k, v in parse_frame(frame).objects.items() if k not in without}
    header = read_header(objects["I3EventHeader"].buffer)
    objects["I3EventHeader"] = write_header(replace(header, **changes))
    return raw("P", objects)


def null_split(frame):
    """Return the physics frame without pulses that Level 2 has for the whole event."""
    return physics(frame, without=(KEY,), sub_event_stream="NullSplit")


def level2(folder, events=(1, 2, 3)):
    """Write a file of GCD and events, each with a NullSplit and an InIceSplit frame."""
    keys = {"G": "I3Geometry", "C": "I3Calibration", "D": "I3DetectorStatus"}
    bulky = FrameObject("I3Bulky", bytes(2_000_000))
    detector = [raw(stop, {key: bulky}) for stop, key in keys.items()]
    parts = [raw("I"), *detector]
    for event_id in events:
        daq, split = frames_of(folder, event_id)
        parts += [daq, null_split(split), split]
    path = folder / "level2.i3"
    path.write_bytes(b"".join(parts))
    return path
