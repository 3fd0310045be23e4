"""Fixtures that many tests share, and the folder of a test session.

Tests run in one process or in several (`make test`). Several share the folder and the pool in
it, which belong to the first process; it removes them at the end. A module runs in one process.

Tests of tests/skyscan also run in images without HTCondor and pytest-xdist. `condor` is
therefore imported where it is needed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import uuid
from contextlib import ExitStack, suppress
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condor.pool import Pool

# Not below /tmp, where DAGMan refuses to keep the logs of nodes.
RUNS = Path(__file__).parents[1] / ".runs"
SHARED_EVENTS = Path(__file__).parents[2] / "shared" / "events"
# Not below /tmp either, where commands refuse to plan scans.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/var/tmp")  # noqa: S108

# Machines are shared, and HTCondor's log reader sometimes waits for a second.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

FOLDER = pytest.StashKey[Path]()
IN_USE = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """Choose the folder of the session, which is created when a test needs it."""
    chosen = getattr(config, "workerinput", {}).get("session_folder")
    config.stash[FOLDER] = Path(chosen or RUNS / f"test-{uuid.uuid4().hex[:8]}")
    config.stash[IN_USE] = ExitStack()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    """Share the session's folder with a worker; it is in use while this process lives."""
    node.workerinput["session_folder"] = str(_take_into_use(node.config))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run modules that compute beside those that wait, and the long ones first.

    Tests marked `truth` run only if they are asked for.
    """
    if "truth" not in (config.option.markexpr or ""):
        for item in items:
            if item.get_closest_marker("truth"):
                item.add_marker(pytest.mark.skip(reason="runs with `-m truth` only"))
    if not hasattr(config, "workerinput"):
        return
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    wait, compute = [], []
    for tests in modules.values():
        is_on_pool = any(test.get_closest_marker("pool") for test in tests)
        (wait if is_on_pool else compute).append(tests)
    wait.sort(key=lambda tests: not any(it.get_closest_marker("long") for it in tests))
    pairs = zip_longest(wait, compute, fillvalue=())
    items[:] = [test for pair in pairs for tests in pair for test in tests]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the pools of the session, and remove its folder if no test failed."""
    folder = session.config.stash[FOLDER]
    with session.config.stash[IN_USE]:
        if hasattr(session.config, "workerinput") or not folder.exists():
            return
        _stop_pools(folder)
        if not session.testsfailed:
            shutil.rmtree(folder)


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Print the folder that was kept because of a failure."""
    if config.stash[FOLDER].exists():
        terminalreporter.write_line(f"The runs are kept in {config.stash[FOLDER]}")


def _take_into_use(config: pytest.Config) -> Path:
    """Create the session's folder, and keep other sessions from removing it."""
    folder = config.stash[FOLDER]
    RUNS.mkdir(exist_ok=True)
    with (RUNS / "lock").open("w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        _remove_dead_sessions()
        folder.mkdir(exist_ok=True)
        lock = config.stash[IN_USE].enter_context((folder / "lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_SH)
    return folder


def _remove_dead_sessions() -> None:
    """Stop the pools of sessions that were killed, and remove their folders."""
    for lock in RUNS.glob("test-*/lock"):
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # another session is running
            _stop_pools(lock.parent)
            shutil.rmtree(lock.parent)


def _stop_pools(folder: Path) -> None:
    from condor.personal.daemons import stop_personal

    for config in folder.glob("**/condor_config"):
        stop_personal(config.parent, patience=1)


@pytest.fixture(scope="session")
def shared_events() -> Path:
    """Return the folder of real alerts, which the repository does not contain."""
    if not SHARED_EVENTS.is_dir():
        pytest.skip(f"needs the public IceCube alert events in {SHARED_EVENTS}")
    return SHARED_EVENTS


@pytest.fixture(scope="session")
def session_folder(request: pytest.FixtureRequest) -> Path:
    """Return the folder of this test session, which is kept if a test fails."""
    return _take_into_use(request.config)


@pytest.fixture
def run_folder(session_folder: Path) -> Path:
    """Return a new folder in which a DAG can run."""
    return Path(tempfile.mkdtemp(dir=session_folder, prefix="run-"))


@pytest.fixture(scope="session")
def pool(session_folder: Path) -> Iterator[Pool]:
    """Return a real personal pool of this test session.

    All workers of the session share it. SKYSCAN_POOL_DIR names its folder for commands that
    tests run. It runs images if the machine can.
    """
    from condor.errors import NoApptainer
    from condor.personal.daemons import FOLDER_VARIABLE
    from condor.personal.settings import CPUS_VARIABLE
    from condor.pool import start
    from condor.software.apptainer import have_apptainer, namespace_trouble

    if not namespace_trouble():
        with suppress(NoApptainer):  # tests that need images report what is missing
            have_apptainer()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CONDOR_CONFIG", raising=False)
        patch.setenv(FOLDER_VARIABLE, str(session_folder / "pool"))
        patch.setenv(CPUS_VARIABLE, "16")  # many scans at once, which mostly wait
        yield start()  # by the first worker; pytest_sessionfinish stops it
