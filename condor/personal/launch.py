"""Start the daemons of a personal pool, as a separate process of `condor.pool`.

It is a separate process because the bindings read HTCondor's configuration when they are
imported, and because it may have to run in a user namespace. It reads the settings from
standard input.
"""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from htcondor2.personal import PersonalPool

from condor.personal.tokens import SIGNED_BY, TOKEN, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping


def launch(folder: Path, settings: Mapping[str, str], identity: str) -> None:
    """Write a pool's configuration, key and token, start it, and wait until it is ready."""
    pool = PersonalPool(folder, config=settings, detach=True)
    _make_key(pool.passwords_dir / "POOL")
    _make_token(pool, identity)
    pool.start()


def _make_key(path: Path) -> None:
    if not path.exists():
        # Printable text: HTCondor may take a zero byte for the end of a key.
        write_private(path, secrets.token_urlsafe(64))


def _make_token(pool: PersonalPool, identity: str) -> None:
    path = pool.tokens_dir / TOKEN
    if not path.exists():
        made = pool.run_command(
            ["condor_token_create", "-identity", identity, "-key", SIGNED_BY], timeout=20
        )
        if made.returncode or not made.stdout.startswith("ey"):
            sys.exit(f"condor_token_create: {made.stderr}")
        write_private(path, made.stdout + "\n")


if __name__ == "__main__":
    request = json.load(sys.stdin)
    launch(Path(request["folder"]), request["settings"], request["identity"])
