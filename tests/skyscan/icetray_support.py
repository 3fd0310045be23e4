"""The reason to skip tests that need the real icetray, if it is missing."""

import importlib.util

import pytest

REASON = "needs icetray: the icecube package does not import in this Python"

#: The public icetray is sufficient: projects icetray, dataclasses, dataio (and astro).
needs_icetray = [
    pytest.mark.icetray,
    pytest.mark.skipif(importlib.util.find_spec("icecube") is None, reason=REASON),
]
