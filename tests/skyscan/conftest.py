"""Fixtures for tests of single steps, which write hundreds of small files."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from records_support import tables_by_bare_name
from shipped_events import BY_FILE, EVENT_FILES
from stand_in_support import icetray_stand_in

from skyscan.recos import ATTEMPT_VARIABLE

__all__ = [
    "event_file",
    "icetray_stand_in",
    "tables_by_bare_name",
    "without_waiting_for_the_disk",
]

# For tests with other versions of Python and libraries than those of this machine.
hypothesis.settings.register_profile("few", max_examples=10)


@pytest.fixture(scope="module", params=EVENT_FILES)
def event_file(request) -> Path:
    """Return an event as i3live sends it: all shipped ones, and real ones if present."""
    if request.param in BY_FILE:
        return BY_FILE[request.param].path
    return request.getfixturevalue("shared_events") / request.param


@pytest.fixture(scope="module", autouse=True)
def without_waiting_for_the_disk() -> Iterator[None]:
    """Do not sync files, because disks are slow and tests need not survive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def attempt_left_as_it_was() -> Iterator[None]:
    """Undo the variable that fits in this process set, since later tests record it in plans."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ATTEMPT_VARIABLE, "1")
        yield
