"""No pool of the machine answers for scans that were never in a queue."""

import pytest

from condor.contact import CONFIG_VARIABLE
from condor.personal.daemons import FOLDER_VARIABLE


@pytest.fixture(autouse=True)
def no_pool(tmp_path, monkeypatch):
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "no-pool"))
