"""Suggest the name that a user may have meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean …?`` for the known names closest to a word, or an empty text.

    Names that begin with the word come first, as it may be an abbreviation.
    """
    names = {_plain(name): name for name in known}
    plain = _plain(word)
    begin = sorted(name for name in names if plain.strip("-") and name.startswith(plain))
    found = [names[name] for name in begin or get_close_matches(plain, names, n=2)]
    return f" Did you mean {' or '.join(found)}?" if found else ""


def _plain(name: str) -> str:
    # The dashes of options are kept: they are part of what makes two options similar.
    return name.lower().replace("_", "-")
