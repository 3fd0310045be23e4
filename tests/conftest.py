"""Fixtures that many tests share.

Those of tests/skyscan run in images without HTCondor too: only fixtures import `condor`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condor.pool import Pool

# Not below /tmp: DAGMan refuses to keep the logs of nodes there.
RUNS = Path(__file__).parents[1] / ".runs"
SHARED_EVENTS = Path(__file__).parents[2] / "shared" / "events"


@pytest.fixture(scope="session")
def shared_events() -> Path:
    """Return the folder of real alerts, which the project itself does not ship."""
    if not SHARED_EVENTS.is_dir():
        pytest.skip(f"needs the public IceCube alert events in {SHARED_EVENTS}")
    return SHARED_EVENTS


@pytest.fixture(scope="session")
def session_folder(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Return a folder of this test session; it is kept when a test fails."""
    RUNS.mkdir(exist_ok=True)
    _remove_dead_sessions()
    folder = Path(tempfile.mkdtemp(dir=RUNS, prefix="test-"))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    if not request.session.testsfailed:
        shutil.rmtree(folder)


def _remove_dead_sessions() -> None:
    """Stop the pools of sessions that were killed, and remove their folders."""
    from condor.personal import stop_personal

    for lock in RUNS.glob("test-*/lock"):
        with lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue  # another session, at work
            for config in lock.parent.glob("*/condor_config"):
                stop_personal(config.parent, patience=1)
            shutil.rmtree(lock.parent)


@pytest.fixture
def run_folder(session_folder: Path) -> Path:
    """Return a new folder in which a DAG may run."""
    return Path(tempfile.mkdtemp(dir=session_folder, prefix="run-"))


@pytest.fixture(scope="session")
def pool(session_folder: Path) -> Iterator[Pool]:
    """Return a real personal pool of this test session.

    SKYSCAN_POOL_DIR says where it is, so that commands run by tests find it. It runs images
    where that can be.
    """
    from condor.apptainer import have_apptainer, namespace_trouble
    from condor.errors import NoApptainer
    from condor.personal import FOLDER_VARIABLE
    from condor.pool import start, stop
    from condor.settings import CPUS_VARIABLE

    if not namespace_trouble():
        with suppress(NoApptainer):  # tests that need it say what is missing
            have_apptainer()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CONDOR_CONFIG", raising=False)
        patch.setenv(FOLDER_VARIABLE, str(session_folder / "pool"))
        patch.setenv(CPUS_VARIABLE, "12")  # many scans at once: they mostly wait
        try:
            yield start()
        finally:
            os.environ.pop("CONDOR_CONFIG", None)
            os.environ[FOLDER_VARIABLE] = str(session_folder / "pool")
            stop(patience=2)
