"""Trays that fit pixels: a new one for each pixel, or one for a whole job."""

from __future__ import annotations

import atexit
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

from skyscan.icetray.frames import collector, driver, run_tray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skyscan.icetray.frames import Frame, Tray

END_TIMEOUT = 10.0  # seconds to wait for the end of a tray


class NoFrame(Exception):
    """A module dropped the pixel's frame, so that it did not come out of the tray."""


def fit_in_new_tray(
    packet: Sequence[Frame], pixel: Frame, add_fit: Callable[[Tray], None]
) -> Frame:
    """Send the event's frames and one pixel's frame through a new tray."""
    return _physics(run_tray([*packet, pixel], add_fit))


class LastingTray:
    """A tray that fits one pixel after another.

    icetray runs a tray once, from its first frame to its last. This one runs in a thread that
    waits for pixels. After an error in the tray, the next pixel starts a new tray.

    Parameters
    ----------
    packet : sequence of frames
        The frames of the event, which come first.
    add_fit : callable
        Adds the modules to the tray.
    """

    def __init__(self, packet: Sequence[Frame], add_fit: Callable[[Tray], None]) -> None:
        self._packet = packet
        self._add_fit = add_fit
        self._thread: threading.Thread | None = None
        self._pixels: SimpleQueue[Frame | None]
        self._answers: SimpleQueue[list[Frame] | BaseException]
        # The interpreter must not exit while a thread is inside icetray.
        atexit.register(self.close)

    def fit(self, pixel: Frame) -> Frame:
        """Send one pixel's frame through the tray."""
        if self._thread is None:
            self._start()
        self._pixels.put(pixel)
        answer = self._answers.get()
        if isinstance(answer, BaseException):
            self._thread = None
            raise answer
        return _physics(answer)

    def close(self) -> None:
        """End the tray."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._pixels.put(None)
            thread.join(END_TIMEOUT)

    def _start(self) -> None:
        self._pixels, self._answers = SimpleQueue(), SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="tray", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        from icecube import icetray

        answers, collected = self._answers, list[object]()
        frames = self._frames(collected)
        try:
            tray = icetray.I3Tray()
            tray.AddModule(driver(), "frames", Next=lambda: next(frames))
            self._add_fit(tray)
            tray.AddModule(collector(), "collected", Take=collected.append)
            tray.AddModule("TrashCan", "trash")
            tray.Execute()
        except BaseException as error:  # noqa: BLE001  `fit` raises it in its own thread
            answers.put(error)

    def _frames(self, collected: list[object]) -> Iterator[Frame]:
        """Yield frames to the tray, which asks for the next one when it is done with one."""
        from icecube import icetray

        pixels, answers = self._pixels, self._answers
        for frame in self._packet:
            yield icetray.I3Frame(frame)
        while (pixel := pixels.get()) is not None:
            collected.clear()
            yield pixel
            answers.put(list(collected))
        yield None


def _physics(frames: Sequence[Frame]) -> Frame:
    for frame in reversed(frames):
        if frame.Stop.id == "P":
            return frame
    raise NoFrame("the pixel's frame did not come out of the tray")
