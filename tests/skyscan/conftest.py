"""For tests of single steps, which write hundreds of small files."""

import os
from collections.abc import Iterator

import pytest
from records_support import tables_by_bare_name
from stand_in_support import icetray_stand_in

__all__ = ["icetray_stand_in", "tables_by_bare_name", "without_waiting_for_the_disk"]


@pytest.fixture(scope="module", autouse=True)
def without_waiting_for_the_disk() -> Iterator[None]:
    """Do not sync: what a test writes need not outlive a power cut, and disks are slow."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield
