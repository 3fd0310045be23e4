"""The pool that scans run on: the user's own pool if there is one, else a personal pool.

To submit a DAG, run ``condor_submit_dag`` with ``pool.whole_environment()``.
The bindings read the configuration when they are imported; to use them in this process::

    pool = start()
    pool.use()
    import htcondor2          # and htcondor2.reload_config() if it was imported before
    htcondor2.Schedd().query()
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from condor.contact import CONFIG_VARIABLE, Pool
from condor.errors import PoolDoesNotAnswer
from condor.find import search_path, tools_version
from condor.personal.daemons import (
    FOLDER_VARIABLE,
    default_folder,
    is_whole,
    personal_pool,
    silence,
    start_personal,
    stop_personal,
)
from condor.personal.place import CONFIG, is_configured
from condor.personal.processes import pool_processes
from condor.personal.removal import Removable, remove_personal
from condor.schedd import expired_tokens
from condor.software.install import chosen_suite
from condor.versions import version_text

__all__ = ["Pool", "PoolStatus", "pool_folder", "start", "status", "stop", "users_own_pool"]

SYSTEM_CONFIGS = ("/etc/condor/condor_config", "/usr/local/etc/condor_config")
# The bindings set the first value when they are imported and find no configuration.
NO_CONFIG = ("/dev/null", "ONLY_ENV", "")


@dataclass(frozen=True)
class PoolStatus:
    """The result of `status`; `text` is one line for the user."""

    pool: Pool | None
    is_running: bool
    text: str


def start() -> Pool:
    """Return a pool that answers: the user's own, or the personal one, started if necessary.

    It is safe to call at any time, also from two processes at once. A personal pool that was
    killed is started again, and the jobs in its queue continue.

    Raises
    ------
    CondorError
        No pool answers and none can be started; the message says what to do.
    """
    own = users_own_pool()
    if own:
        if not own.answers():
            raise PoolDoesNotAnswer(
                f"CONDOR_CONFIG is {own.config}, but no schedd answers there. "
                f"{_advice(own)}, or unset CONDOR_CONFIG to use a personal pool."
            )
        return own
    folder = pool_folder()
    pool = personal_pool(folder)
    return pool if pool and is_whole(pool, folder) else start_personal(folder)


def stop(patience: float = 45.0) -> bool:
    """Stop the personal pool; the jobs in its queue continue at the next start.

    Parameters
    ----------
    patience : float
        Seconds that running jobs and daemons have to end by themselves.

    Returns
    -------
    bool
        Whether a pool was running. The user's own pool is never stopped.
    """
    return stop_personal(pool_folder(), patience)


def remove(patience: float = 45.0) -> Removable:
    """Stop the personal pool; remove its folder, and HTCondor and images from the cache.

    The user's own pool is never touched. The next scan sets all of it up again.

    Raises
    ------
    PoolIsInUse
        There are jobs in its queue, or another pool runs from the same programs.
    """
    return remove_personal(pool_folder(), patience)


def status() -> PoolStatus:
    """Return which pool is used and whether it answers, without starting one."""
    own = users_own_pool()
    if own:
        does = "answers" if own.answers() else "does not answer"
        text = f"your own HTCondor {own.version} {does} ({own.config or SYSTEM_CONFIGS[0]})"
        return PoolStatus(own, does == "answers", text)
    folder = pool_folder()
    pool = personal_pool(folder)
    if pool and is_whole(pool, folder):
        text = f"personal pool, HTCondor {pool.version}, runs in {folder}"
        return PoolStatus(pool, is_running=True, text=text)
    if why := silence(folder):
        return PoolStatus(pool, is_running=False, text=why)
    rest = ", although some of its processes do" if pool_processes(folder) else ""
    text = f"no pool runs in {folder}{rest}; `skyscan pool start` starts it"
    return PoolStatus(pool, is_running=False, text=text)


def pool_folder() -> Path:
    """Return the folder of the personal pool that start, stop and status use."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).resolve()
    config = _chosen_config()
    return config.parent.resolve() if config and _is_ours(config) else default_folder()


def users_own_pool() -> Pool | None:
    """Return the user's own pool, or None.

    A CONDOR_CONFIG that the user set always counts. The system's configuration counts if its
    schedd answers and the user has named neither the folder of a personal pool nor a suite.
    """
    config = _chosen_config()
    if config:
        return None if _is_ours(config) else _pool_of_path(config)
    has_system = any(Path(path).is_file() for path in SYSTEM_CONFIGS)
    if os.environ.get(FOLDER_VARIABLE) or chosen_suite() or not has_system:
        return None
    try:
        pool = _pool_of_path(None)
    except PoolDoesNotAnswer:
        return None
    return pool if pool.answers() else None


def _advice(pool: Pool) -> str:
    """Return what to do about a schedd that does not answer."""
    places = [token.place for token in expired_tokens(pool)]
    if places:
        return f"A token of yours has expired ({', '.join(places)}): get a new one"
    return "Start that pool"


def _chosen_config() -> Path | None:
    chosen = os.environ.get(CONFIG_VARIABLE, "")
    return None if chosen in NO_CONFIG else Path(chosen).absolute()


def _is_ours(config: Path) -> bool:
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen and config.resolve() == Path(chosen).resolve() / CONFIG:
        return True
    return is_configured(config)


def _pool_of_path(config: Path | None) -> Pool:
    submit = shutil.which("condor_submit_dag", path=search_path())
    version = tools_version(Path(submit).parent) if submit else None
    if submit is None or version is None:
        raise PoolDoesNotAnswer(
            f"HTCondor is configured ({config or SYSTEM_CONFIGS[0]}), but condor_submit_dag "
            "is not on PATH. Add its folder to PATH."
        )
    tools = Path(submit).parent
    return Pool(config, tools, tools, version_text(version), is_users_own=True)
