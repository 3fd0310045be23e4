"""The first line of a CSV file: the names of its columns."""

from __future__ import annotations

import csv

DELIMITERS = ",;\t|"
SPACE = " "  #: separates names where nothing else does


def delimiter_of(line: str) -> str:
    """Return what separates the names in a line: that which makes the most of them."""
    best = max(DELIMITERS, key=lambda it: len(cells(line, it)))
    return best if len(cells(line, best)) > 1 else SPACE


def names_in(line: str) -> list[str]:
    """Return the names of columns; pandas leaves that of its index empty.

    Raises
    ------
    csv.Error
        A name is longer than the module csv allows.
    """
    return [it.strip() for it in cells(line, delimiter_of(line))]


def cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, of which those in quotation marks may have delimiters."""
    line = line.strip(SPACE)
    rows = csv.reader([line], delimiter=delimiter, skipinitialspace=True)
    return next(rows, [])
