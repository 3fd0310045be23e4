"""The buffer of a frame object, in the format of icetray's portable binary archive.

It is little-endian. Before the first use of a class come a flag, whether its instances are
tracked, and its version. Before each tracked instance comes its number, counted from 0.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.events.place import MalformedError, UnknownClassError, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"\x00\x01\x02\x00"
BASE_CLASS = "I3FrameObject"


def class_name(buffer: bytes) -> str | None:
    """Return the class of the object in a buffer, such as I3Double; None if it has none.

    The name in the buffer is the same for every compiler, unlike the frame's type name.
    """
    try:
        archive = InArchive(buffer)
        return archive.string()
    except MalformedError:
        return None


class InArchive:
    """Read a buffer from its beginning to its end."""

    def __init__(self, buffer: bytes) -> None:
        if buffer[: len(MAGIC)] != MAGIC:
            raise MalformedError("does not hold an icetray object")
        self._buffer = buffer
        self._at = len(MAGIC)
        self._classes: dict[str, tuple[bool, int]] = {}
        self._instances = 0

    def begin_object(self, name: str, versions: tuple[int, ...]) -> int:
        """Read the beginning of the outermost object; return its class's version."""
        found = self.string()
        if found != name:
            raise MalformedError(f"is {shown(found)}, not {name}")
        version = self.begin(name, versions)
        self.begin_base()
        return version

    def begin(self, name: str, versions: tuple[int, ...]) -> int:
        """Read what precedes an instance of a class; return the class's version."""
        version = self.begin_class(name, versions)
        if self.are_tracked(name):
            self.count_instances(np.array([self.integer("<I")]))
        return version

    def begin_class(self, name: str, versions: tuple[int, ...]) -> int:
        """Read what precedes the first instance of a class; return the class's version."""
        if name not in self._classes:
            tracked, version = self.integer("<B"), self.integer("<B")
            if tracked > 1 or version not in versions:
                known = " or ".join(map(str, versions))
                raise UnknownClassError(
                    f"holds version {version} of {name}, but only {known} can be read",
                    "if icetray can open the file, report this to the authors of skyscan",
                )
            self._classes[name] = bool(tracked), version
        return self._classes[name][1]

    def begin_base(self) -> None:
        """Read the (empty) I3FrameObject that a frame object begins with."""
        self.begin(BASE_CLASS, (0,))

    def are_tracked(self, name: str) -> bool:
        """Return whether instances of a class that was read before have numbers."""
        return self._classes[name][0]

    def count_instances(self, numbers: NDArray[Any]) -> None:
        """Check the numbers of the next tracked instances.

        A repeated number would refer to an object that is stored only once, but values are
        always stored.
        """
        expected = np.arange(self._instances, self._instances + numbers.size)
        if not np.array_equal(numbers, expected):
            raise MalformedError("has wrong instance numbers")
        self._instances += numbers.size

    def unpack(self, layout: str) -> tuple[int | float, ...]:
        """Read numbers in the format of `struct`."""
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def integer(self, layout: str) -> int:
        """Read an integer."""
        return int(self.unpack(layout)[0])

    def real(self) -> float:
        """Read a double."""
        return float(self.unpack("<d")[0])

    def string(self) -> str:
        """Read a string."""
        return self.take(self.integer("<I")).decode("utf-8", "replace")

    def take(self, n: int) -> bytes:
        """Read bytes."""
        if n > len(self._buffer) - self._at:
            raise MalformedError("ends in the middle of a value")
        self._at += n
        return self._buffer[self._at - n : self._at]

    def end(self) -> None:
        """Check that nothing is left."""
        if self._at != len(self._buffer):
            left = len(self._buffer) - self._at
            raise MalformedError(f"has {left} bytes more than its class")


class OutArchive:
    """Write a buffer that `InArchive` and icetray can read."""

    def __init__(self, name: str, version: int) -> None:
        self._parts = [MAGIC]
        self._classes: set[str] = set()
        self._instances = 0
        self.string(name)
        self.begin(name, version)
        self.begin(BASE_CLASS, 0)

    def begin(self, name: str, version: int, *, tracked: bool = True) -> None:
        """Write what precedes an instance of a class."""
        if name not in self._classes:
            self._classes.add(name)
            self.pack("<BB", tracked, version)
        if tracked:
            self.pack("<I", self._instances)
            self._instances += 1

    def begin_base(self) -> None:
        """Write the (empty) I3FrameObject that a frame object begins with."""
        self.begin(BASE_CLASS, 0)

    def pack(self, layout: str, *values: float) -> None:
        """Write numbers in the format of `struct`."""
        self._parts.append(struct.pack(layout, *values))

    def string(self, text: str) -> None:
        """Write a string."""
        raw = text.encode()
        self._parts.append(struct.pack("<I", len(raw)) + raw)

    def buffer(self) -> bytes:
        """Return the content."""
        return b"".join(self._parts)
