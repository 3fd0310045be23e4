"""The end of a program by a signal: in order, and never unnoticed.

C code that imports a module, or a destructor, may swallow the exception that a signal raises:
therefore the signal is also remembered. Only modules that are part of Python itself are
imported, because others may be broken.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # what `signal` is made of
import os

TYPE_CHECKING = False  # as typing's, which would have to be imported
if TYPE_CHECKING:
    from types import FrameType

#: Of a service, ``timeout`` or a batch system; of a terminal that is closed.
OF_OTHERS = (_signal.SIGTERM, _signal.SIGHUP)
#: Seconds after which the program is killed, if its end takes longer or was not noticed.
GRACE = 20.0


class Ended(BaseException):
    """SIGTERM or SIGHUP has arrived."""


class EndingInOrder:
    """A block that SIGTERM and SIGHUP end as Ctrl-C does, and then the process, as usual.

    Unfinished files are removed, and children that the block waits for are ended. A signal that
    is ignored, or has a handler, is left alone.

    Attributes
    ----------
    arrived : int
        The first signal that has arrived; 0 if none has.
    """

    def __init__(self) -> None:
        self.arrived = 0
        self._pid = os.getpid()
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        for number in (*OF_OTHERS, _signal.SIGINT):
            before = _signal.getsignal(number)
            if before in (_signal.SIG_DFL, _signal.default_int_handler):
                try:
                    _signal.signal(number, self._end)
                except ValueError:  # only the main thread can have handlers
                    break
                self._before[number] = before

    def __exit__(self, *_error: object) -> None:
        self._restore()
        if self.arrived in OF_OTHERS:
            os.kill(self._pid, self.arrived)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._restore()
        if os.getpid() != self._pid:  # a fork, which has only inherited the handler
            os.kill(os.getpid(), number)
            return
        self.arrived = number
        if number == _signal.SIGINT:
            raise KeyboardInterrupt
        _signal.setitimer(_signal.ITIMER_REAL, GRACE)
        raise Ended

    def _restore(self) -> None:
        for number, before in self._before.items():
            _signal.signal(number, before)
        self._before = {}
