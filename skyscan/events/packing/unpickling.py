"""Read the pickles of the i3live envelope without Python's unpickler.

A pickle is a program, and Python's unpickler runs it. The envelope needs only plain containers,
strings and numbers, and one icetray frame whose state is its bytes. This module therefore knows
only the instructions for these and never looks up a name from a pickle, so that a malicious
pickle cannot call anything.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from skyscan.events.place import MalformedError, shown

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME_CLASSES = {("icecube.icetray", "I3Frame"), ("icecube._icetray", "I3Frame")}
#: Python 3 writes bytes into a pickle that Python 2 can read as text to be encoded.
ENCODERS = {("_codecs", "encode"), ("codecs", "encode")}

REFUSED = "do not trust this file"
NEWEST_PROTOCOL = 5
MAX_INSTRUCTIONS = 20_000  # the pickle of an alert has a few hundred


@dataclass
class PickledFrame:
    """An icetray frame in a pickle, with its pickled ``state``."""

    state: object = None


@dataclass(frozen=True)
class _Name:
    """A class or function that a pickle names; nothing is imported for it."""

    module: str
    name: str


class _Mark:
    """The place on the stack where the items of a container begin."""


MARK: Final = _Mark()


def unpickle(data: bytes, *, text: bool) -> object:
    """Return the content of a pickle of plain containers and icetray frames.

    Parameters
    ----------
    data : bytes
        A pickle of protocol 2 to 5.
    text : bool
        Whether strings of Python 2 are text (latin-1) rather than bytes.

    Raises
    ------
    MalformedError
        It is damaged or has other contents; none of it was run.
    """
    return _Machine(data, text=text).run()


@dataclass
class _Machine:
    """The stack, the memo and the place in the pickle."""

    data: bytes
    text: bool
    at: int = 0
    stack: list[object] = field(default_factory=list)
    memo: dict[int, object] = field(default_factory=dict)
    encoded: int = 0

    def run(self) -> object:
        for _ in range(MAX_INSTRUCTIONS):
            code = self.take(1)
            if code == b".":
                return self.pop()
            instruction = INSTRUCTIONS.get(code)
            if instruction is None:
                raise MalformedError(
                    f"is a pickle that does more than an event needs (code {code[0]:#04x})",
                    REFUSED,
                )
            instruction(self)
        raise MalformedError("is a pickle with too many instructions", REFUSED)

    def take(self, n: int) -> bytes:
        if n < 0 or n > len(self.data) - self.at:
            raise MalformedError("is a pickle that ends early")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, layout: str) -> int:
        return int(struct.unpack(layout, self.take(struct.calcsize(layout)))[0])

    def line(self) -> str:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise MalformedError("is a pickle that ends early")
        line = self.take(end - self.at)
        self.take(1)
        return line.decode("ascii", "backslashreplace")

    def push(self, item: object) -> None:
        self.stack.append(item)

    def pop(self) -> object:
        if not self.stack or self.stack[-1] is MARK:
            raise MalformedError("is a damaged pickle (nothing on its stack)")
        return self.stack.pop()

    def top(self) -> object:
        item = self.pop()
        self.push(item)
        return item

    def pop_to_mark(self) -> list[object]:
        for depth in range(len(self.stack) - 1, -1, -1):
            if self.stack[depth] is MARK:
                items = self.stack[depth + 1 :]
                del self.stack[depth:]
                return items
        raise MalformedError("is a damaged pickle (no mark on its stack)")

    def utf8(self, n: int) -> None:
        try:
            self.push(self.take(n).decode("utf-8", "surrogatepass"))
        except UnicodeDecodeError as error:
            raise MalformedError("is a damaged pickle (text that is not UTF-8)") from error

    def python2_string(self, n: int) -> None:
        raw = self.take(n)
        self.push(raw.decode("latin-1") if self.text else raw)

    def pack(self, n: int) -> None:
        items = [self.pop() for _ in range(n)]
        self.push(tuple(reversed(items)))

    def extend(self, items: list[object]) -> None:
        target = self.top()
        if not isinstance(target, list):
            raise MalformedError("is a damaged pickle (items for something other than a list)")
        target.extend(items)

    def update(self, items: list[object]) -> None:
        target = self.top()
        if not isinstance(target, dict) or len(items) % 2:
            raise MalformedError("is a damaged pickle (items for something not a dictionary)")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, (str, bytes, int, float)):
                raise MalformedError("is a damaged pickle (an impossible key)")
            target[key] = value

    def two(self) -> list[object]:
        value, key = self.pop(), self.pop()
        return [key, value]

    def remember(self, index: int) -> None:
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise MalformedError("is a damaged pickle (it recalls an item it never stored)")
        self.push(self.memo[index])

    def name(self, module: object, name: object) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise MalformedError("is a damaged pickle (a name that is not text)")
        if (module, name) not in FRAME_CLASSES | ENCODERS:
            raise MalformedError(
                f"is a pickle that names {shown(f'{module}.{name}')},"
                " which no event needs; none of it was run",
                REFUSED,
            )
        self.push(_Name(module, name))

    def stack_name(self) -> None:
        name, module = self.pop(), self.pop()
        self.name(module, name)

    def call(self) -> None:
        arguments, called = self.pop(), self.pop()
        if isinstance(called, _Name) and isinstance(arguments, tuple):
            if (called.module, called.name) in FRAME_CLASSES and arguments == ():
                self.push(PickledFrame())
                return
            if (called.module, called.name) in ENCODERS:
                self.push(self.encode(arguments))
                return
        raise MalformedError("is a pickle that makes a call no event needs", REFUSED)

    def encode(self, arguments: tuple[object, ...]) -> bytes:
        text, *encoding = arguments or (None,)
        if not isinstance(text, str) or encoding != ["latin1"]:
            raise MalformedError("is a pickle that makes a call no event needs", REFUSED)
        # one long text that is recalled and encoded again and again would fill the memory
        self.encoded += len(text)
        if self.encoded > len(self.data):
            raise MalformedError("is a pickle whose content is larger than itself", REFUSED)
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError as error:
            raise MalformedError("is a damaged pickle (text that is not bytes)") from error

    def build(self) -> None:
        state, target = self.pop(), self.top()
        if not isinstance(target, PickledFrame):
            raise MalformedError("is a pickle that sets a state of something else", REFUSED)
        target.state = state


def _protocol(machine: _Machine) -> None:
    protocol = machine.number("<B")
    if protocol > NEWEST_PROTOCOL:
        raise MalformedError(f"is a pickle of protocol {protocol}, newer than Python's 5")


def _long(machine: _Machine) -> None:
    machine.push(int.from_bytes(machine.take(machine.number("<B")), "little", signed=True))


def _float(machine: _Machine) -> None:
    machine.push(float(struct.unpack(">d", machine.take(8))[0]))


#: The known instructions by their code (Python's Lib/pickletools.py).
INSTRUCTIONS: Final[dict[bytes, Callable[[_Machine], object]]] = {
    b"\x80": _protocol,
    b"\x95": lambda m: m.number("<Q"),  # length of a chunk of the file, not needed
    b"(": lambda m: m.push(MARK),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(item=True),
    b"\x89": lambda m: m.push(item=False),
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": _long,
    b"G": _float,
    b"X": lambda m: m.utf8(m.number("<I")),
    b"\x8c": lambda m: m.utf8(m.number("<B")),
    b"\x8d": lambda m: m.utf8(m.number("<Q")),
    b"T": lambda m: m.python2_string(m.number("<i")),
    b"U": lambda m: m.python2_string(m.number("<B")),
    b"B": lambda m: m.push(m.take(m.number("<I"))),
    b"C": lambda m: m.push(m.take(m.number("<B"))),
    b"\x8e": lambda m: m.push(m.take(m.number("<Q"))),
    b"}": lambda m: m.push({}),
    b"]": lambda m: m.push([]),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.pop_to_mark())),
    b"\x85": lambda m: m.pack(1),
    b"\x86": lambda m: m.pack(2),
    b"\x87": lambda m: m.pack(3),
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.pop_to_mark()),
    b"s": lambda m: m.update(m.two()),
    b"u": lambda m: m.update(m.pop_to_mark()),
    b"q": lambda m: m.remember(m.number("<B")),
    b"r": lambda m: m.remember(m.number("<I")),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"h": lambda m: m.recall(m.number("<B")),
    b"j": lambda m: m.recall(m.number("<I")),
    b"c": lambda m: m.name(m.line(), m.line()),
    b"\x93": lambda m: m.stack_name(),
    b"R": lambda m: m.call(),
    b"\x81": lambda m: m.call(),
    b"b": lambda m: m.build(),
}
