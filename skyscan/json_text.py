"""JSON from files that may be damaged or hostile.

A little JSON can cost much: `[[]],` takes 35 times its size in memory, the time to read an
integer is quadratic in its number of digits, and deep nesting exceeds Python's recursion limit,
here or where the value is used. All of this is limited, and is the same kind of error.
"""

from __future__ import annotations

import json
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 256 * 1024**2
#: Brackets, commas and colons. A round of 100,000 batches has a million.
MAX_MARKS = 5_000_000
MAX_DEPTH = 50  #: files of skyscan and i3live have less than 10
MAX_DIGITS = 100  #: of an integer
MAX_NUMBER = 1e300  #: numbers beyond it overflow in arithmetic


def parse_json(text: str | bytes, most_marks: int = MAX_MARKS) -> object:
    """Return a JSON value.

    Parameters
    ----------
    text : str or bytes
    most_marks : int
        The number of brackets, commas and colons that is accepted, those in strings included.

    Raises
    ------
    ValueError
        The text is not JSON, or is larger, more deeply nested or has longer integers than any
        file that is read here.
    """
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES // 1024**2} MB of JSON")
    brackets = _count(text, "[{")
    if brackets + _count(text, ",:") > most_marks:
        raise ValueError(f"more than {most_marks} brackets, commas and colons")
    try:
        value: object = json.loads(text, parse_int=_integer)
    except RecursionError:
        raise ValueError("too deeply nested") from None
    if brackets > MAX_DEPTH and is_deep(value):
        raise ValueError("too deeply nested")
    return value


def _count(text: str | bytes, marks: str) -> int:
    if isinstance(text, str):
        return sum(text.count(mark) for mark in marks)
    # UTF-16 and UTF-32 contain these bytes too, so that this is never too few.
    return sum(text.count(mark.encode()) for mark in marks)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def is_deep(value: object) -> bool:
    """Return whether a value is more deeply nested than any that is read here."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for it in level
            if isinstance(it, (dict, list))
            for inner in (it.values() if isinstance(it, dict) else it)
        ]
        if not level:
            return False
    return True


def is_of(value: object, hint: Any) -> bool:  # noqa: ANN401  (an annotation)
    """Return whether a JSON value is of a type, in the form of an annotation.

    Lists may stand for tuples, and integers for floats; a float must be finite.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(is_of(value, one) for one in inner)
    if origin is dict:
        return isinstance(value, dict) and all(
            is_of(key, inner[0]) and is_of(item, inner[1]) for key, item in value.items()
        )
    if origin in (list, tuple):
        return isinstance(value, (list, tuple)) and _are_of(value, inner)
    return hint is Any or _is_plain(value, hint)


def _are_of(items: Sequence[object], inner: tuple[Any, ...]) -> bool:
    if len(inner) == 1 or inner[-1] is Ellipsis:
        return all(is_of(item, inner[0]) for item in items)
    return len(items) == len(inner) and all(map(is_of, items, inner))


def _is_plain(value: object, hint: type | None) -> bool:
    if hint in (float, int):
        is_number = type(value) is int or (hint is float and type(value) is float)
        return is_number and abs(value) < MAX_NUMBER  # type: ignore[arg-type]
    return isinstance(value, hint or type(None))
