"""How a reco job's supervisor and its worker process talk, over the worker's stdin and stdout.

In binary: a request is `REQUEST` followed by pixels (PIXEL_DTYPE); an answer is `ANSWER`
followed by records (RECORD_DTYPE, unsigned) or by the text of an exception. The first
answer, unasked, says that set-up is done.
"""

from __future__ import annotations

import struct

REQUEST = struct.Struct("<II")  # number of pixels, attempt
ANSWER = struct.Struct("<cI")  # kind, number of bytes that follow
READY, FITS, FAILED = b"R", b"F", b"E"
