"""A real HTTP server of data files, which can also fail in several ways."""

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 300.0  # seconds; a limit, not a measurement
NAME = "base.i3.gz"
CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
GOOD, BUSY = 200, 503


class Answer:
    """How the server answers one request.

    ``cut`` ends the body early, ``hold`` (an event) keeps the connection open after it,
    ``trickle`` is a pause (seconds) after every 100 bytes, ``endless`` sends the body again and
    again; a header that is "" is left out.
    """

    def __init__(
        self,
        status: int = GOOD,
        *,
        content: bytes = CONTENT,
        cut: int | None = None,
        hold: threading.Event | None = None,
        trickle: float = 0.0,
        endless: bool = False,
        **headers: str,
    ) -> None:
        self.status, self.content = status, content
        self.cut, self.hold, self.trickle = cut, hold, trickle
        self.endless = endless
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        answer = self.server.files.get(self.path)
        if self.begins(answer):
            self.send_head(answer)

    def do_GET(self):
        self.server.requests.append(self.path)
        answers = self.server.answers
        answer = answers.pop(0) if answers else self.server.files.get(self.path)
        if not self.begins(answer):
            return
        self.send_head(answer)
        self.send_body(answer)

    def begins(self, answer):
        self.close_connection = True
        if answer is not None and (answer.status == GOOD or answer.endless):
            return True
        self.send_error(404 if answer is None else answer.status)
        return False

    def send_head(self, answer):
        self.send_response(answer.status)
        headers = {"Content-Length": str(len(answer.content))}
        for name, value in (headers | answer.headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()

    def send_body(self, answer):
        if answer.endless:  # until the client hangs up
            while True:
                self.wfile.write(answer.content)
        body = answer.content[: answer.cut]
        step = 100 if answer.trickle else len(body) or 1
        for at in range(0, len(body), step):
            self.wfile.write(body[at : at + step])
            time.sleep(answer.trickle)
        if answer.hold is not None:
            answer.hold.wait(PATIENCE)

    def log_message(self, *_: object):
        pass


class DataServer(ThreadingHTTPServer):
    """A server of ``files``; ``answers`` replace its answers to the first GETs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.answers = [], []
        self.files = {f"/baseline_gcds/{NAME}": Answer()}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object):
        pass  # clients disconnect, and are killed
