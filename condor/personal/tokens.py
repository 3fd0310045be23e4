"""The token by which a personal pool knows its user; made anew when it has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from condor.credentials import idtokens
from condor.errors import PoolDoesNotStart

if TYPE_CHECKING:
    from pathlib import Path

    from condor.contact import Pool

FOLDER, TOKEN = "tokens.d", "skyscan"
SIGNED_BY = "POOL"


def renew(pool: Pool, folder: Path, identity: str) -> bool:
    """Make the user's token of the pool in a folder anew if it has ended; say whether it had.

    The pool's own tokens do not end; one that a user put there may.

    Raises
    ------
    PoolDoesNotStart
        HTCondor makes none.
    """
    place = folder / FOLDER / TOKEN
    ends = [it.expires for it in idtokens(place.parent) if it.place == str(place)]
    if not any(end is not None and end <= time.time() for end in ends):
        return False
    made = pool.run("condor_token_create", "-identity", identity, "-key", SIGNED_BY)
    if made.returncode or not made.stdout.startswith("ey"):
        raise PoolDoesNotStart(f"The token {place} has expired: {made.stderr.strip()}")
    write_private(place, made.stdout)
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.rename(path)
