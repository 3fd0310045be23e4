"""Conversion of pulses whose class only icetray can read, in a separate process.

Run as a program (``python -m skyscan.icetray.pulses PATH KEY OUTPUT``), this module writes a
frame with the pulses of a key, of whatever class, as an I3RecoPulseSeriesMap.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from skyscan.events.i3.frame import parse_frame
from skyscan.events.i3.pulsemap import read_pulse_map
from skyscan.events.raw import read_raw_packet

if TYPE_CHECKING:
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from skyscan.events.raw import RawPacket

CONVERSION_TIMEOUT = 300  #: seconds; it takes one or two


def pulses_through_icetray(path: str | PathLike[str], key: str) -> NDArray[np.void] | None:
    """Read pulses whose class only icetray can read, in a separate process.

    icetray does not check the files that it reads: a damaged object may crash its process,
    which must not be the one that reads the event.

    Returns
    -------
    ndarray, shape (n_pulses,), dtype PULSE_DTYPE, or None
        None if there is no icetray, or if icetray cannot read the pulses.
    """
    with TemporaryDirectory(prefix="skyscan-") as folder:
        output = Path(folder, "pulses.i3")
        command = [sys.executable, "-m", __name__, str(path), key, str(output)]
        path_entries = [entry or os.getcwd() for entry in sys.path]  # noqa: PTH109 - a string
        try:
            subprocess.run(
                command,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path_entries)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=CONVERSION_TIMEOUT,
                check=True,
            )
        except subprocess.SubprocessError:
            return None
        return read_pulse_map(parse_frame(output.read_bytes()).objects[key].buffer).pulses


def _convert(path: str, key: str, output: str) -> None:
    from icecube import dataclasses, icetray

    pulses = dataclasses.I3RecoPulseSeriesMap.from_frame(
        physics_frame(read_raw_packet(path)), key
    )
    frame = icetray.I3Frame(icetray.I3Frame.Physics)
    frame[key] = pulses
    Path(output).write_bytes(frame.dumps())


def physics_frame(packet: RawPacket) -> Any:  # noqa: ANN401 - icetray has no types
    """Return the physics frame of a packet and the frames it sees, as icetray reads them."""
    from icecube import dataio

    with TemporaryDirectory(prefix="skyscan-") as folder:
        path = Path(folder, "event.i3")
        path.write_bytes(b"".join(frame.raw for frame in packet.frames))
        file = dataio.I3File(str(path), "r")
        try:
            for _ in packet.frames:
                frame = file.pop_frame()
        finally:
            file.close()
    return frame


if __name__ == "__main__":
    _convert(*sys.argv[1:])
