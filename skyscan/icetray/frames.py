"""Reading, writing and processing the frames of one event with icetray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput
from skyscan.events.raw import read_raw_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import TypeAlias

#: icetray has no type stubs.
Frame: TypeAlias = Any
Tray: TypeAlias = Any

#: The stops of a packet, in the order in which a tray must see them.
PACKET = "GCDQP"


def read_packet(path: Path) -> list[Frame]:
    """Read an event file of any kind as five frames: G, C, D, Q and P.

    The frames are those of the file, byte for byte; a missing G, C, D or Q frame is empty.
    The physics frame is on the stream P, even if the file has it on p.

    Raises
    ------
    BadInput
        The file does not contain an event, or is damaged.
    """
    from icecube import icetray

    found: dict[str, Frame] = {}
    for raw in read_raw_packet(path).frames:
        frame = icetray.I3Frame()
        frame.loads(raw.raw)
        found[raw.stop] = frame
    if "p" in found:
        found["P"] = on_stream(found["p"], "P")
    return [found.get(stop) or icetray.I3Frame(icetray.I3Frame.Stream(stop)) for stop in PACKET]


def read_frames(path: Path) -> list[Frame]:
    """Read all frames of an ``.i3`` file, each with its own objects only.

    Raises
    ------
    BadInput
        icetray cannot read the file.
    """
    from icecube import dataio

    frames = []
    try:
        file = dataio.I3File(str(path), "r")
        while file.more():
            frame = file.pop_frame()
            frame.purge()
            frames.append(frame)
        file.close()
    except RuntimeError as error:
        raise BadInput(f"{path} cannot be read by icetray ({error}).") from error
    return frames


def write_frames(path: Path, frames: Sequence[Frame]) -> None:
    """Write frames as an ``.i3`` file."""
    from icecube import dataio

    file = dataio.I3File(str(path), "w")
    for frame in frames:
        file.push(frame)
    file.close()


def bytes_of(frame: Frame) -> bytes:
    """Return the bytes of a frame in an ``.i3`` file, with only what it holds itself."""
    from icecube import icetray

    own = icetray.I3Frame(frame)
    own.purge()
    dumped: bytes = own.dumps()
    return dumped


def on_stream(frame: Frame, stop: str) -> Frame:
    """Return a new frame on another stream with the objects of ``frame`` itself."""
    from icecube import icetray

    stream = icetray.I3Frame.Stream(stop)
    source = icetray.I3Frame(frame)
    source.purge()  # drops the objects of earlier frames
    for key in list(source.keys()):
        source.change_stream(key, stream)
    moved = icetray.I3Frame(stream)
    moved.merge(source)
    return moved


def run_tray(frames: Sequence[Frame], add_modules: Callable[[Tray], None]) -> list[Frame]:
    """Send frames through a tray; return those that come out, without TrayInfo frames.

    Parameters
    ----------
    frames : sequence of frames
        The tray gets copies, which share the objects in the frames.
    add_modules : callable
        Adds the modules to the tray.
    """
    from icecube import icetray

    collected: list[Frame] = []
    waiting = [icetray.I3Frame(frame) for frame in frames]
    tray = icetray.I3Tray()
    tray.AddModule(driver(), "frames", Next=lambda: waiting.pop(0) if waiting else None)
    add_modules(tray)
    tray.AddModule(collector(), "collected", Take=collected.append)
    tray.AddModule("TrashCan", "trash")
    tray.Execute()
    return collected


def driver() -> type:
    """Return the module class that pushes frames; it needs icetray as its base class."""
    from icecube import icetray

    class FrameDriver(icetray.I3Module):  # type: ignore[misc]
        """Push the frames that ``Next`` returns, until it returns None."""

        def __init__(self, context: object) -> None:
            icetray.I3Module.__init__(self, context)
            self.AddParameter("Next", "returns the next frame, or None", None)
            self.AddOutBox("OutBox")

        def Configure(self) -> None:  # noqa: N802  (icetray's name)
            self.next = self.GetParameter("Next")

        def Process(self) -> None:  # noqa: N802
            frame = self.next()
            if frame is None:
                self.RequestSuspension()
            else:
                self.PushFrame(frame)

    return FrameDriver


def collector() -> type:
    """Return the module class that collects frames; it needs icetray as its base class."""
    from icecube import icetray

    class FrameCollector(icetray.I3Module):  # type: ignore[misc]
        """Pass every frame except TrayInfo to ``Take``."""

        def __init__(self, context: object) -> None:
            icetray.I3Module.__init__(self, context)
            self.AddParameter("Take", "is called with every frame", None)
            self.AddOutBox("OutBox")

        def Configure(self) -> None:  # noqa: N802
            self.take = self.GetParameter("Take")

        def Process(self) -> None:  # noqa: N802
            frame = self.PopFrame()
            if frame is None:
                return
            if frame.Stop != icetray.I3Frame.TrayInfo:
                self.take(frame)
            self.PushFrame(frame)

    return FrameCollector
