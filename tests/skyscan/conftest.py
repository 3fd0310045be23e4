"""For tests of single steps, which write hundreds of small files."""

import os
from collections.abc import Iterator

import pytest
from records_support import tables_by_bare_name
from stand_in_support import icetray_stand_in

from skyscan.recos import ATTEMPT_VARIABLE

__all__ = ["icetray_stand_in", "tables_by_bare_name", "without_waiting_for_the_disk"]


@pytest.fixture(scope="module", autouse=True)
def without_waiting_for_the_disk() -> Iterator[None]:
    """Do not sync: what a test writes need not outlive a power cut, and disks are slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="module", autouse=True)
def attempt_left_as_it_was() -> Iterator[None]:
    """Undo what fits in this process set; it would go into scans that later tests plan."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ATTEMPT_VARIABLE, "1")
        yield
