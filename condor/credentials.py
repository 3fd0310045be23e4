"""The tokens that identify a user to HTCondor: where they are and when they expire.

No token leaves this module.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condor.jwt import claims, expiry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Commands: your bearer token. Only its expiry time is read.
TOKEN_VARIABLE = "BEARER_TOKEN"  # noqa: S105  (a name)
#: Commands: the file that holds your bearer token.
TOKEN_FILE_VARIABLE = "BEARER_TOKEN_FILE"  # noqa: S105  (a name)
#: Commands: folder in which your bearer token may be, in a file named ``bt_uUID``.
RUNTIME_DIR_VARIABLE = "XDG_RUNTIME_DIR"
#: Permission bits that let others than the owner read a file.
OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True)
class Token:
    """What is known of a token.

    Attributes
    ----------
    place : str
        Where it is: a file, or the variable that holds it.
    expires : float or None
        When it expires, seconds since 1970; None if it does not.
    is_open : bool
        Whether others may read its file.
    """

    place: str
    expires: float | None
    is_open: bool = False


def bearer_token(
    environment: Mapping[str, str],
    user: int,
    tmp: Path = Path("/tmp"),  # noqa: S108
) -> Token | None:
    """Return the user's bearer token (SciTokens, WLCG), or None.

    The places and their order are those of the WLCG's "Bearer Token Discovery" (Zenodo
    3937438): the first token found counts, valid or not.
    """
    inline = environment.get(TOKEN_VARIABLE, "").strip()
    if inline:
        return Token(f"the variable {TOKEN_VARIABLE}", expiry(inline))
    files = [environment.get(TOKEN_FILE_VARIABLE, "")]
    if environment.get(RUNTIME_DIR_VARIABLE):
        files.append(f"{environment[RUNTIME_DIR_VARIABLE]}/bt_u{user}")
    files.append(f"{tmp}/bt_u{user}")
    found = (token for file in files if file for token in _tokens(Path(file)))
    return next(found, None)


def idtokens(folder: Path) -> list[Token]:
    """Return HTCondor's own tokens (IDTOKENS) in a folder such as ``~/.condor/tokens.d``."""
    try:
        files = sorted(folder.iterdir())
    except OSError:
        return []
    return [token for file in files if file.is_file() for token in _tokens(file)]


def token_folder(configured: str) -> Path:
    """Return the folder of the user's IDTOKENS, from the setting SEC_TOKEN_DIRECTORY."""
    if configured and not configured.startswith("~"):
        return Path(configured)
    if not configured and os.geteuid() == 0:
        return Path("/etc/condor/tokens.d")
    return Path(configured or "~/.condor/tokens.d").expanduser()


def _tokens(file: Path) -> Iterator[Token]:
    """Yield the tokens of a file, one per line as HTCondor reads them."""
    try:
        is_open = bool(file.stat().st_mode & OTHERS)
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        if claims(line) is not None:
            yield Token(str(file), expiry(line), is_open)
