"""Read HTCondor's job event logs as text: quickly, and whatever state they are in.

The bindings' reader takes longer for each event, waits for a log that is being written, and
drops the event after a truncated one. This one reads the forms of all versions from 23.9 to
25.14, never fails on bytes that are not UTF-8, and continues where it stopped.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = re.compile(
    r"(\d{3}) \((\d+)\.\d+\.\d+\) "
    r"(?:(\d{4}-\d\d-\d\d[ T]\d\d:\d\d):(\d\d)(?:\.\d+)?(Z?)|(\d\d/\d\d \d\d:\d\d):(\d\d)) "
)
_OF_HEADER = ".000) "
_END = "\n...\n"
_NODE = re.compile(r'DAG Node: *(\S+)|DAGNodeName = "((?:[^"\\]|\\.)*)"')
_SLOT = re.compile(r"^\s*SlotName: *(.+)$", re.MULTILINE)
_ALIAS = re.compile(r"[?&]alias=([^&>]+)")
_EXIT = re.compile(r"Normal termination \(return value (-?\d+)\)")
_SIGNAL = re.compile(r"Abnormal termination \(signal (\d+)\)")
_REQUEUED = "terminated and was requeued"
_HOLD_CODE = re.compile(r"^\s*Code (\d+) Subcode (-?\d+)\s*$", re.MULTILINE)
_MEMORY = re.compile(r"^\s*Memory \(MB\) +: +(\d+) +(\d+)", re.MULTILINE)


class Kind(IntEnum):
    """Numbers of the events that are of use here (HTCondor's manual, "Job Event Log Codes")."""

    SUBMIT = 0
    EXECUTE = 1
    CHECKPOINTED = 3
    EVICTED = 4
    TERMINATED = 5
    SHADOW_EXCEPTION = 7
    ABORTED = 9
    SUSPENDED = 10
    HELD = 12
    RELEASED = 13
    POST_SCRIPT = 16
    DISCONNECTED = 22
    RECONNECTED = 23
    RECONNECT_FAILED = 24
    PRE_SKIP = 34


class LogEvent(NamedTuple):
    """One event of a job log.

    Attributes
    ----------
    kind : int
        The number of its type, such as one of `Kind`.
    cluster : int
        Id of the job.
    time : float
        When it was written, seconds since 1970.
    text : str
        Everything after the time.
    """

    kind: int
    cluster: int
    time: float
    text: str

    @property
    def node(self) -> str:
        """Return the name of the job's node in its DAG; empty if the event has none."""
        found = _NODE.search(self.text)
        return "" if found is None else found[1] or found[2]

    @property
    def slot(self) -> str:
        """Return the slot of a job that starts; empty for a job of the access point."""
        found = _SLOT.search(self.text)
        return "" if found is None else found[1].strip()

    @property
    def machine(self) -> str:
        """Return the machine of a job that starts; empty if the log has no name of it."""
        name = self.slot.rpartition("@")[2]
        if name:
            return name
        found = _ALIAS.search(self.text)
        return "" if found is None else found[1]

    @property
    def has_ended(self) -> bool:
        """Whether the job's program ended by itself, for good or to be started again."""
        return self.kind == Kind.TERMINATED or (
            self.kind == Kind.EVICTED and _REQUEUED in self.text
        )

    @property
    def exit_code(self) -> int | None:
        """Return the exit code of a program that ended; None if it was killed by a signal."""
        found = _EXIT.search(self.text)
        return None if found is None else int(found[1])

    @property
    def signal(self) -> int | None:
        """Return the signal that killed the program; None if none did."""
        found = _SIGNAL.search(self.text)
        return None if found is None else int(found[1])

    @property
    def hold_code(self) -> tuple[int, int]:
        """Return the code and the subcode of a hold; zeros if the event has none."""
        found = _HOLD_CODE.search(self.text)
        return (0, 0) if found is None else (int(found[1]), int(found[2]))

    @property
    def reason(self) -> str:
        """Return the reason of a hold, a removal or a release; empty if there is none."""
        lines = [line.strip() for line in self.text.splitlines()[1:]]
        words = (line for line in lines if line and not _HOLD_CODE.fullmatch(line))
        return " ".join(words)

    @property
    def memory_mb(self) -> tuple[int, int] | None:
        """Return the used and the requested memory of a job that ended, in MB."""
        found = _MEMORY.search(self.text)
        return None if found is None else (int(found[1]), int(found[2]))


@dataclass
class LogReader:
    """Reads what was added to a log since the last time.

    Attributes
    ----------
    path : Path
        The log, which need not exist yet.
    """

    path: Path
    _offset: int = 0
    _rest: bytes = b""
    _minutes: dict[str, float] = field(default_factory=dict)

    def read(self) -> list[LogEvent]:
        """Return the new events in the order of the log; an unfinished one comes later."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < self._offset:  # written again: DAGMan's log was repaired
                    self._offset, self._rest = 0, b""
                file.seek(self._offset)
                content = file.read()
        except OSError:
            return []
        self._offset += len(content)
        whole, end, rest = (self._rest + content).rpartition(_END.encode())
        self._rest = rest
        if not end:
            return []
        chunks = whole.decode("utf-8", "replace").split(_END)
        return [event for event in map(self._event, chunks) if event is not None]

    def _event(self, chunk: str) -> LogEvent | None:
        last = _HEADER.match(chunk)
        if last is None or chunk.count(_OF_HEADER) > 1:
            # A truncated event is followed by the next one, perhaps in the same line.
            for last in _HEADER.finditer(chunk):  # noqa: B007
                pass
        if last is None:
            return None
        kind, cluster, minute, second, utc, day, day_second = last.groups()
        if minute is not None:
            when = self._time(minute + utc) + int(second)
        else:
            when = self._time(day) + int(day_second)
        return LogEvent(int(kind), int(cluster), when, chunk[last.end() :])

    def _time(self, minute: str) -> float:
        known = self._minutes.get(minute)
        if known is None:
            known = self._minutes[minute] = _seconds(minute)
        return known


def read_log(path: Path) -> list[LogEvent]:
    """Return the events of a log so far; none if there is no log yet."""
    return LogReader(path).read()


def _seconds(minute: str) -> float:
    """Return a minute of a log, in local time unless it says otherwise, in seconds."""
    try:
        if "/" not in minute:
            return datetime.fromisoformat(minute).timestamp()
        # Older logs have no year.
        now = time.time()
        year = datetime.fromtimestamp(now).year  # noqa: DTZ006  local, as the log
        when = datetime.strptime(f"{year}/{minute}", "%Y/%m/%d %H:%M").timestamp()  # noqa: DTZ007
        a_day = 86400.0
        if when > now + a_day:
            last = f"{year - 1}/{minute}"
            when = datetime.strptime(last, "%Y/%m/%d %H:%M").timestamp()  # noqa: DTZ007
    except ValueError:  # not a date, in a damaged log
        return 0.0
    else:
        return when
