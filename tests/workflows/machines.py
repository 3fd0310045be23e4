"""A second machine in the tests' pool, on which every job fails at once."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scans import wait_until

from condor.personal.account import pool_account
from condor.personal.processes import DAEMON_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condor.contact import Pool

BLACK_HOLE = "black-hole.localhost"
#: Only jobs with this attribute go there, because other tests use the pool, too.
WILLING = "GoesIntoBlackHoles"
CONFIG = """include : {pool}
LOG = {folder}/log
LOCK = {folder}/log
EXECUTE = {folder}/execute
COLLECTOR_ADDRESS_FILE = {pool_log}/.collector_address
NETWORK_HOSTNAME = {name}
STARTD_NAME = {name}
START = TARGET.{willing} =?= True
USER_JOB_WRAPPER = {folder}/wrapper
SEC_USE_FAMILY_SESSION = False
JAVA =
"""


@contextmanager
def black_hole(pool: Pool) -> Iterator[None]:
    """Add such a machine to the pool while the context lasts."""
    assert pool.config is not None
    folder = pool.config.parent / "black-hole"
    for path in (folder / "log", folder / "execute"):
        path.mkdir(parents=True)
    (folder / "wrapper").write_text("#!/bin/sh\nexit 75\n")
    (folder / "wrapper").chmod(0o755)
    config = folder / "condor_config"
    config.write_text(
        CONFIG.format(
            pool=pool.config,
            pool_log=pool.config.parent / "log",
            folder=folder,
            name=BLACK_HOLE,
            willing=WILLING,
        )
    )
    environment = {**os.environ, **pool.environment(), "CONDOR_CONFIG": str(config)}
    startd = subprocess.Popen(
        [*pool_account().prefix, str(pool.sbin / "condor_startd"), "-f"],
        env={**environment, DAEMON_VARIABLE: str(pool.config.parent)},
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: BLACK_HOLE in machines(pool), "the second machine")
        yield
    finally:
        startd.terminate()
        startd.wait(60)


def machines(pool: Pool) -> list[str]:
    return pool.run("condor_status", "-af", "Machine").stdout.split()
