"""Ask the schedd whether it accepts the user's jobs."""

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

TIMEOUT = 60.0  # seconds, as for all queries of a schedd, which may be busy
BEARER_METHODS = ("SCITOKENS", "SCITOKEN")
TOKEN_METHODS = ("IDTOKENS", "IDTOKEN", "TOKENS", "TOKEN")


@dataclass(frozen=True)
class Schedd:
    """An answer of the schedd.

    Attributes
    ----------
    version : tuple of int or None
        Its version, such as (23, 9, 6).
    method : str
        The authentication method: ``FS``, ``IDTOKENS``, ``SCITOKENS``, ...
    user : str
        The user that it authenticated.
    may_submit : bool
        Whether it accepts jobs of that user.
    """

    version: Version | None
    method: str
    user: str
    may_submit: bool


def ask_schedd(pool: Pool) -> Schedd | None:
    """Ask the schedd whether it accepts the user's jobs; return None if it does not answer."""
    command = ("condor_ping", "-type", "SCHEDD", "-verbose", "WRITE")
    try:
        done = pool.run(*command, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (line.partition(":") for line in done.stdout.splitlines())
    answer = {key.strip().lower(): value.strip() for key, _, value in lines}
    if "authorized" not in answer:
        return None
    return Schedd(
        version=parse_version(answer.get("remote version", "").lstrip("$")),
        method=answer.get("authenticated using", "").upper(),
        user=answer.get("remote mapping", ""),
        may_submit=answer["authorized"].upper() == "TRUE",
    )


def tokens_for(pool: Pool, method: str) -> list[Token]:
    """Return the user's tokens for an authentication method; empty if it uses no tokens.

    The token of a personal pool is not reported.
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
    """Return the user's expired tokens, a possible reason why a schedd does not answer."""
    known = (*tokens_for(pool, TOKEN_METHODS[0]), *tokens_for(pool, BEARER_METHODS[0]))
    return [it for it in known if it.expires is not None and it.expires <= time.time()]


def _setting(pool: Pool, name: str) -> str:
    try:
        answer = pool.run("condor_config_val", name, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
