"""JSON web tokens: read their claims without verifying them.

Only the issuer can verify a token, but anyone can read when it expires.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from skyscan.json_text import parse_json

LATEST = 1e12  # seconds since 1970; a larger value is no date


def claims(token: str) -> dict[str, Any] | None:
    """Return the claims of a token; None if it is not a JSON web token.

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
        value = parse_json(base64.b64decode(payload, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    return value if isinstance(value, dict) else None


def expiry(token: str) -> float | None:
    """Return when a token expires, seconds since 1970; None if it does not, or is no token."""
    value = (claims(token) or {}).get("exp")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < LATEST else None
