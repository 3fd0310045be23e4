"""The ice model that a user chose, as a small file of a scan, and what fits were made with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput, in_words
from skyscan.light.ice_model import from_numbers, shipped_ice, to_numbers
from skyscan.light.tables import shipped_table
from skyscan.storage import read_sealed, write_sealed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from skyscan.light.ice_model import IceModel


def write_ice(path: Path, ice: IceModel) -> None:
    """Write an ice model as JSON; `read_ice` gives the same numbers, bit by bit."""
    write_sealed(path, to_numbers(ice))


def read_ice(path: Path) -> IceModel:
    """Read an ice model that `write_ice` wrote.

    Raises
    ------
    BadInput
        The file is missing or damaged.
    """
    numbers = read_sealed(path)
    try:
        return from_numbers(numbers)
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise BadInput(f"{path} is not an ice model of skyscan ({in_words(error)}).") from error


def provenance(ice: IceModel | None, tables: Iterable[str]) -> dict[str, Any]:
    """Return which ice and which tables of light a fit uses, for JSON.

    Parameters
    ----------
    ice : IceModel or None
        None means the ice of the package.
    tables : iterable of str
        Names of tables of the package.

    Returns
    -------
    dict
        ``ice`` (str), ``ice_sha256`` (`IceModel.digest`), and ``tables_sha256``, the SHA-256
        of the file of each table.
    """
    used = ice or shipped_ice()
    return {
        "ice": used.name,
        "ice_sha256": used.digest,
        "tables_sha256": {name: shipped_table(name).digest for name in tables},
    }
