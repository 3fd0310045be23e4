"""Check a VOTable before astropy reads it.

astropy fetches the data that a table names by an address, from this machine's files or from the
network, and takes time that grows with the square of the number of columns.
"""

from __future__ import annotations

import re
from math import prod
from xml.parsers import expat

MAX_DEPTH = 50  #: of elements; a table is 6 deep
MAX_COLUMNS = 1000
MAX_SIZE = 10_000  #: values or characters of a cell; each row takes as much memory


def check_votable(content: bytes) -> None:
    """Check the elements of a VOTable.

    Raises
    ------
    ValueError
        It defines entities, names data elsewhere, has compressed data inside, is too deep or
        has too many columns, or is not XML.
    """
    elements = _Elements(len(content))
    parser = expat.ParserCreate()
    parser.StartElementHandler = elements.begin
    parser.EndElementHandler = elements.end
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(content, True)  # noqa: FBT003  (expat's own)
    except expat.ExpatError as error:
        raise ValueError(f"it is not XML: {error}") from error


class _Elements:
    """Count elements while they are met."""

    def __init__(self, most_rows: int) -> None:
        self._depth = self._n_columns = 0
        self._most_rows = most_rows

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2].upper()
        self._depth += 1
        self._n_columns += name == "FIELD"
        if self._depth > MAX_DEPTH:
            raise ValueError(f"its elements are more than {MAX_DEPTH} deep")
        if self._n_columns > MAX_COLUMNS:
            raise ValueError(f"it has more than {MAX_COLUMNS} columns")
        if name == "TABLE" and _number(attributes.get("nrows", "0")) > self._most_rows:
            raise ValueError("it claims more rows than it has bytes")
        if name == "FIELD" and _size(attributes.get("arraysize", "1")) > MAX_SIZE:
            raise ValueError(f"a cell has more than {MAX_SIZE} values")
        if name == "STREAM" and any(it.rpartition(":")[2] == "href" for it in attributes):
            raise ValueError(
                "its data are elsewhere (STREAM href); save the table with its data"
            )
        if name == "STREAM" and attributes.get("encoding") in ("gzip", "dynamic"):
            raise ValueError("its data are compressed; save the table as text")

    def end(self, _name: str) -> None:
        self._depth -= 1


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,18}", text.strip(), re.ASCII):
        raise ValueError(f"{text[:40]!r} is not a number of rows or values")
    return int(text)


def _size(text: str) -> int:
    """Return the number of values in a cell, such as of 2x3; 0 if that varies."""
    return 0 if text.endswith("*") else prod(map(_number, text.split("x")))


def _refuse_entity(*_declaration: object) -> None:
    raise ValueError("it defines entities")
