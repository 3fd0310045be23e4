"""What the schedd says when it is asked whether it would take jobs of ours."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condor.credentials import bearer_token, idtokens, token_folder
from condor.versions import Version, parse_version

if TYPE_CHECKING:
    from condor.contact import Pool
    from condor.credentials import Token

TIMEOUT = 60.0  # seconds, as for all questions to a schedd; a busy one may take its time
BEARER_METHODS = ("SCITOKENS", "SCITOKEN")
TOKEN_METHODS = ("IDTOKENS", "IDTOKEN", "TOKENS", "TOKEN")


@dataclass(frozen=True)
class Schedd:
    """An answer of the schedd.

    Attributes
    ----------
    version : tuple of int or None
        Its version, as in (23, 9, 6).
    method : str
        By what it knows us: ``FS``, ``IDTOKENS``, ``SCITOKENS``, ...
    user : str
        As whom.
    may_submit : bool
        It takes jobs of ours.
    """

    version: Version | None
    method: str
    user: str
    may_submit: bool


def ask_schedd(pool: Pool) -> Schedd | None:
    """Ask the schedd whether it would take jobs of ours; None when it does not answer."""
    command = ("condor_ping", "-type", "SCHEDD", "-verbose", "WRITE")
    try:
        asked = pool.run(*command, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (line.partition(":") for line in asked.stdout.splitlines())
    said = {key.strip().lower(): value.strip() for key, _, value in lines}
    if "authorized" not in said:
        return None
    return Schedd(
        version=parse_version(said.get("remote version", "").lstrip("$")),
        method=said.get("authenticated using", "").upper(),
        user=said.get("remote mapping", ""),
        may_submit=said["authorized"].upper() == "TRUE",
    )


def tokens_for(pool: Pool, method: str) -> list[Token]:
    """Return the user's tokens of the kind by which a schedd knows us; [] if it is no token.

    A personal pool's token is its own affair.
    """
    if not pool.is_users_own:
        return []
    if method in TOKEN_METHODS:
        return idtokens(token_folder(_setting(pool, "SEC_TOKEN_DIRECTORY")))
    if method in BEARER_METHODS:
        token = bearer_token(os.environ, os.geteuid())
        return [token] if token else []
    return []


def expired_tokens(pool: Pool) -> list[Token]:
    """Return the user's tokens that have ended: perhaps why a schedd does not answer."""
    known = (*tokens_for(pool, TOKEN_METHODS[0]), *tokens_for(pool, BEARER_METHODS[0]))
    return [it for it in known if it.expires is not None and it.expires <= time.time()]


def _setting(pool: Pool, name: str) -> str:
    try:
        asked = pool.run("condor_config_val", name, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
