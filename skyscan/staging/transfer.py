"""One file by HTTP: time-outs, bounded tries, and a broken transfer goes on where it broke."""

from __future__ import annotations

import http.client
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, TryAgain

if TYPE_CHECKING:
    from skyscan.staging.cache import Part

# Seconds, as upstream: icecube/skymap_scanner at f668802, skymap_scanner/config.py.
CONNECT_TIMEOUT = 15.0
READ_TIMEOUT = 60.0
QUESTION_TIMEOUT = 5.0
TRIES = 5
FIRST_PAUSE = 2.0  # seconds; each further one is twice as long
TELL_EVERY = 30.0  # seconds
BLOCK = 1 << 18  # bytes
GONE = {404, 410}
PASSING = {408, 425, 429, 500, 502, 503, 504}  # the same request may do later

sleep = time.sleep


class NotOffered(BadInput):
    """The server says that it has no such file."""


class Failed(TryAgain):
    """The server or the network fails, and did so at every try."""


class _Broken(OSError):
    """A transfer ended early, or brought what was not asked for."""


class _Connection(http.client.HTTPConnection):
    """Connects within the time-out of the request, then reads within another."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_TIMEOUT)


class _SecureConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_TIMEOUT)


class _Handler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)


def is_offered(url: str) -> bool | None:
    """Return whether the server has a file; None when it does not say within seconds."""
    question = urllib.request.Request(url, method="HEAD")  # noqa: S310  (Store.address: http)
    try:
        with urllib.request.urlopen(question, timeout=QUESTION_TIMEOUT):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        with error:
            return False if error.code in GONE else None
    except (OSError, http.client.HTTPException):
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
        It could not be had; the text says why.
    TryAgain
        The disk fails.
    """
    transfer = _Transfer(url, part, deadline)
    for tries in range(1, TRIES + 1):
        try:
            transfer.run()
        except urllib.error.HTTPError as error:
            with error:
                reason = f"HTTP {error.code} {error.reason}"
            if error.code in GONE:
                raise NotOffered(reason) from None
            if error.code not in PASSING:
                raise Failed(reason) from None
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        else:
            return
        pause = FIRST_PAUSE * 2 ** (tries - 1)
        if tries == TRIES or time.monotonic() + pause > deadline:
            break
        _tell(f"{url}: {reason}; try {tries + 1} of {TRIES} in {pause:.0f} s")
        sleep(pause)
    raise Failed(f"{reason} (tries: {tries})")


class _Transfer:
    """What is known of a file over all tries."""

    def __init__(self, url: str, part: Part, deadline: float) -> None:
        self._url, self._part, self._deadline = url, part, deadline
        self._size: int | None = None  # bytes
        self._version = ""  # the server's mark of this content
        self._told = time.monotonic()
        self._opener = urllib.request.build_opener(_Handler, _SecureHandler)

    def run(self) -> None:
        """Bring what is missing; raise OSError or HTTPException when that breaks off."""
        with self._opener.open(self._request(), timeout=CONNECT_TIMEOUT) as response:
            self._begin(response)
            # Not read(): it returns when the block is full, and a server that trickles
            # would keep it past every time-out.
            while block := response.read1(BLOCK):
                self._part.write(block)
                self._keep_time()
        if self._size is not None and self._part.size != self._size:
            raise _Broken(f"the transfer ended after {self._part.size} of {self._size} bytes")
        _tell(f"{self._part.path} is there ({_amount(self._part.size)})")

    def _request(self) -> urllib.request.Request:
        request = urllib.request.Request(self._url)  # noqa: S310  (Store.address: http)
        if self._part.size and self._version:
            request.add_header("Range", f"bytes={self._part.size}-")
            request.add_header("If-Range", self._version)
        return request

    def _begin(self, response: http.client.HTTPResponse) -> None:
        """Compare what comes with what is there; a file that changed begins anew."""
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            expected = f"bytes {self._part.size}-{(self._size or 0) - 1}/{self._size}"
            if response.headers.get("Content-Range") != expected:
                self._version = ""
                raise _Broken(f"the server does not go on where it broke off ({expected})")
            return
        self._part.restart()
        self._size, self._version = response.length, ""
        if not self._size and not response.chunked:
            raise _Broken("the file is empty, or the server does not say how long it is")
        if response.headers.get_content_type() == "text/html":
            raise _Broken("a web page came instead of the file")
        if self._size is not None:
            etag = response.headers.get("ETag", "")
            self._version = etag if etag.startswith('"') else ""  # W/"…" is of like contents
            self._part.reserve(self._size)
        size = "of unknown size" if self._size is None else _amount(self._size)
        _tell(f"Downloading {self._url} ({size}) to {self._part.path}")

    def _keep_time(self) -> None:
        now = time.monotonic()
        if now > self._deadline:
            raise Failed(f"too slow: {_amount(self._part.size)} when its time was over")
        if now - self._told > TELL_EVERY:
            self._told = now
            of = "" if self._size is None else f" of {_amount(self._size)}"
            _tell(f"{self._part.path.name}: {_amount(self._part.size)}{of}")


def _amount(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 10**9 else f"{size / 1e6:.2f} MB"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
