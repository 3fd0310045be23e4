"""Files of frames, in a format that only the stand-in reads."""

import pickle as _pickle
from pathlib import Path as _Path

from ._frame import I3Frame as _I3Frame


class I3File:
    Mode = str

    def __init__(self, path, mode="r"):
        self._path, self._mode, self._frames = _Path(path), mode, []
        if mode == "r":
            try:
                self._frames = _pickle.loads(self._path.read_bytes())  # noqa: S301
            except (OSError, EOFError, _pickle.UnpicklingError) as error:
                raise RuntimeError(f"{path} cannot be read") from error

    def more(self):
        return bool(self._frames)

    def pop_frame(self):
        frame = _I3Frame()
        frame.loads(self._frames.pop(0))
        return frame

    def push(self, frame):
        self._frames.append(frame.dumps())

    def close(self):
        if self._mode == "w":
            self._path.write_bytes(_pickle.dumps(self._frames))
