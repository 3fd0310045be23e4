"""The token that identifies the user to the personal pool; renewed when it has expired."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from condor.credentials import idtokens
from condor.errors import PoolDoesNotStart

if TYPE_CHECKING:
    from pathlib import Path

    from condor.contact import Pool

FOLDER, TOKEN = "tokens.d", "skyscan"
KEYS = "passwords.d"
SIGNED_BY = "POOL"


def renew(pool: Pool, folder: Path, identity: str) -> bool:
    """Renew the user's token of a pool if it has expired; return whether it was renewed.

    The pool's own tokens do not expire, but one that a user put there may.

    Raises
    ------
    PoolDoesNotStart
        HTCondor cannot create a token.
    """
    place = folder / FOLDER / TOKEN
    ends = [it.expires for it in idtokens(place.parent) if it.place == str(place)]
    if not any(end is not None and end <= time.time() for end in ends):
        return False
    made = pool.run("condor_token_create", "-identity", identity, "-key", SIGNED_BY)
    if made.returncode or not made.stdout.startswith("ey"):
        raise PoolDoesNotStart(
            f"The token {place} has expired and cannot be renewed: {made.stderr.strip()}"
        )
    write_private(place, made.stdout)
    return True


def keep_private(folder: Path) -> None:
    """Take the keys and tokens of a pool from the sight of others.

    HTCondor uses none that others may read, and says so in its logs only: after a
    ``chmod -R`` of the home folder, a pool did not answer.
    """
    for place in (folder / KEYS, folder / FOLDER):
        with suppress(OSError):  # none yet, or of another user: HTCondor decides
            place.chmod(0o700)
            for file in place.iterdir():
                if file.is_file() and not file.is_symlink():
                    file.chmod(0o600)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, completely or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.rename(path)
