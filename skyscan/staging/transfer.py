"""Download one file by HTTP, with time-outs and a limited number of tries."""

from __future__ import annotations

import http.client
import io
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from skyscan.errors import BadInput, TryAgain

if TYPE_CHECKING:
    from skyscan.staging.cache import Part

TIMEOUT = 30.0  # seconds for the head of an answer, or without a further byte
QUESTION_TIMEOUT = 5.0  # seconds
TRIES = 5
FIRST_PAUSE = 2.0  # seconds; each further one is twice as long
BLOCK = 1 << 18  # bytes
MAX_SIZE = 200 * 10**9  # bytes; the largest tables have some 10 GB
GONE = {404, 410}
PASSING = {408, 425, 429, 500, 502, 503, 504}  # the same request may succeed later

sleep = time.sleep


class NotOffered(BadInput):
    """The server does not have the file."""


class Failed(TryAgain):
    """The server or the network failed at every try."""


class _Broken(OSError):
    """A transfer ended early, or its content was not the file."""


class _Connection(http.client.HTTPConnection):
    """A connection on which the head of an answer has an end: "100 Continue" may repeat."""

    def getresponse(self) -> http.client.HTTPResponse:
        """Wait for the head of the answer."""
        limit = threading.Timer(self.timeout or TIMEOUT, self._hang_up)
        limit.daemon = True
        limit.start()
        try:
            return super().getresponse()
        finally:
            limit.cancel()

    def _hang_up(self) -> None:
        with suppress(OSError, AttributeError):  # closed meanwhile
            self.sock.shutdown(socket.SHUT_RDWR)


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    """The same with TLS."""


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects without reading their bodies, which may have no end."""

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
    ) -> Any:  # noqa: ANN401  (as urllib has it)
        """Follow a redirect, of whatever kind."""
        fp.close()
        if "location" not in headers and "uri" not in headers:
            raise _Broken(f"HTTP {code} does not say where the file is")
        return super().http_error_302(req, io.BytesIO(), code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


_open = urllib.request.build_opener(_Http, _Https, _Redirects).open
#: What a transfer raises: addresses in redirects may be malformed (ValueError).
_ERRORS = (OSError, http.client.HTTPException, ValueError)


def is_offered(url: str) -> bool | None:
    """Return whether the server has a file; None if it does not answer within seconds."""
    question = urllib.request.Request(url, method="HEAD")  # noqa: S310  (Store.address: http)
    try:
        with _open(question, timeout=QUESTION_TIMEOUT):
            return True
    except urllib.error.HTTPError as error:
        with error:
            return False if error.code in GONE else None
    except _ERRORS:
        return None


def download(url: str, part: Part, deadline: float) -> None:
    """Write the whole file at ``url`` to ``part``.

    Parameters
    ----------
    url : str
    part : Part
    deadline : float, seconds
        On the clock of `time.monotonic`.

    Raises
    ------
    NotOffered
        The server has no such file.
    Failed
        It could not be downloaded; the message says why.
    TryAgain
        The disk fails.
    """
    for tries in range(1, TRIES + 1):
        try:
            _transfer(url, part, deadline)
        except urllib.error.HTTPError as error:
            with error:
                reason = _printable(f"HTTP {error.code} {error.reason}")
            if error.code in GONE:
                raise NotOffered(reason) from None
            if error.code not in PASSING:
                raise Failed(reason) from None
        except _ERRORS as error:
            reason = _printable(str(getattr(error, "reason", error))) or type(error).__name__
        else:
            return
        pause = FIRST_PAUSE * 2 ** (tries - 1)
        if tries == TRIES or time.monotonic() + pause > deadline:
            break
        _report(f"{url}: {reason}; try {tries + 1} of {TRIES} in {pause:.0f} s")
        sleep(pause)
    raise Failed(f"{reason} (tries: {tries})")


def _transfer(url: str, part: Part, deadline: float) -> None:
    """Download the file once; raise one of ``_ERRORS`` if the transfer fails."""
    with _open(url, timeout=TIMEOUT) as response:
        if not isinstance(response, http.client.HTTPResponse):
            raise _Broken("the server redirects to an address that is not HTTP")
        size = response.length
        # Without a length, a part looks like the whole file, and the file may fill the disk.
        if not size:
            raise _Broken("the file is empty, or the server does not give its length")
        if response.headers.get_content_type() == "text/html":
            raise _Broken("the server sent a web page instead of the file")
        if size > MAX_SIZE:
            raise Failed(f"the file would have {_amount(size)}, more than any data file")
        part.begin(size)
        _report(f"Downloading {url} ({_amount(size)}) to {part.path}")
        # Not read(): it returns only when the block is full, so a very slow server would
        # keep it past every time-out.
        while block := response.read1(BLOCK):
            part.write(block)
            if time.monotonic() > deadline:
                raise Failed(f"too slow: only {_amount(part.size)} before the time limit")
    if part.size != size:
        raise _Broken(f"the transfer ended after {part.size} of {size} bytes")


def _amount(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 10**9 else f"{size / 1e6:.2f} MB"


def _printable(text: str) -> str:
    """Return what a server says as one printable line."""
    return text.strip() if text.strip().isprintable() else ascii(text.strip())[1:-1]


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
