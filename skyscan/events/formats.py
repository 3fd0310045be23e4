"""The realtime formats, and the pulse series and the fit in the alerts of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

#: Pulse series by realtime format (icecube/skymap_scanner, config.py).
PULSES_BY_FORMAT = {
    "2021a": "SplitUncleanedInIcePulses",
    "2023a": "SplitInIcePulses",
    "2024a": "SplitInIcePulses",
}
#: The fit of the online level 2 filter by realtime format (same source).
L2_FIT_BY_FORMAT = {
    "2021a": "OnlineL2_SplineMPE",
    "2023a": "l2_online_SplineMPE",
    "2024a": "l2_online_SplineMPE",
}
DEFAULT_FORMAT = "2021a"


def pulses_key_of(format_version: str) -> str:
    """Return the frame key of the pulses in a format; an unknown format counts as 2021a."""
    return PULSES_BY_FORMAT.get(format_version, PULSES_BY_FORMAT[DEFAULT_FORMAT])


def l2_fit_of(format_version: str) -> str:
    """Return the frame key of the L2 fit in a format; an unknown format counts as 2021a."""
    return L2_FIT_BY_FORMAT.get(format_version, L2_FIT_BY_FORMAT[DEFAULT_FORMAT])


def format_of(keys: AbstractSet[str]) -> str:
    """Return the realtime format of an event whose file (``.i3``) does not name it.

    It is the oldest format whose pulse series is there: 2021a for SplitUncleanedInIcePulses,
    else 2023a for SplitInIcePulses (2024a has the same keys), else "".

    Parameters
    ----------
    keys : set of str
        The keys that the physics frame sees.
    """
    return next((name for name, key in PULSES_BY_FORMAT.items() if key in keys), "")
