"""The protocol between a reco job's supervisor and its worker, over the worker's pipes.

It is binary, on stdin and stdout. A request is `REQUEST` followed by pixels (PIXEL_DTYPE). An
answer is `ANSWER` followed by records (RECORD_DTYPE, without checksums) or by the text of an
exception. A first answer without a request means that set-up is done.
"""

from __future__ import annotations

import struct

REQUEST = struct.Struct("<II")  # number of pixels, attempt
ANSWER = struct.Struct("<cI")  # kind, number of bytes that follow
READY, FITS, FAILED = b"R", b"F", b"E"
#: Comes before FITS if the scan keeps frames: entries of `skyscan.frames.packed`.
FRAMES = b"I"
