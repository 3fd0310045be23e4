"""JSON web tokens: what they say of themselves, read and not verified.

Only those who issued a token can tell whether it is good. When it ends, it says itself.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

LATEST = 1e12  # seconds since 1970: no date, and so none to be warned of


def claims(token: str) -> dict[str, Any] | None:
    """Return what a token claims; None when it is no JSON web token.

    Parameters
    ----------
    token : str
        ``HEADER.PAYLOAD.SIGNATURE``, each in base64 for URLs.
    """
    parts = token.strip().split(".")
    if len(parts) != 3:  # noqa: PLR2004
        return None
    payload = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        value = json.loads(base64.b64decode(payload, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    return value if isinstance(value, dict) else None


def expiry(token: str) -> float | None:
    """Return when a token ends, seconds since 1970; None when it does not, or is no token."""
    value = (claims(token) or {}).get("exp")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < LATEST else None
