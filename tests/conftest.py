"""Fixtures that many tests share."""

from pathlib import Path

import pytest

SHARED_EVENTS = Path(__file__).parents[2] / "shared" / "events"


@pytest.fixture(scope="session")
def shared_events() -> Path:
    """Return the folder of real alerts, which the project itself does not ship."""
    if not SHARED_EVENTS.is_dir():
        pytest.skip(f"needs the public IceCube alert events in {SHARED_EVENTS}")
    return SHARED_EVENTS
