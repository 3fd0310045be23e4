"""icetray's stand-in for tests, and upstream's records for comparison."""

import importlib
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

TESTS = Path(__file__).parents[1]
STAND_IN = TESTS / "stand_in"
RECORDS = TESTS / "data" / "icetray_records"
NAMES = tuple(path.stem for path in STAND_IN.glob("*.py"))


@contextmanager
def stand_in() -> Iterator[SimpleNamespace]:
    """Replace icetray by a new stand-in, with nothing imported.

    The yielded object has the stand-in's modules, such as recording and tray_scenarios.
    """
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_of_stand_in(name)}
    sys.path.insert(0, str(STAND_IN))
    try:
        modules = {name: importlib.import_module(name) for name in NAMES}
        yield SimpleNamespace(**modules)
    finally:
        sys.path.remove(str(STAND_IN))
        for name in filter(_is_of_stand_in, list(sys.modules)):
            del sys.modules[name]
        sys.modules.update(kept)


@pytest.fixture
def icetray_stand_in() -> Iterator[SimpleNamespace]:
    """Yield the stand-in's modules while ``icecube`` is the stand-in."""
    with stand_in() as modules:
        yield modules


def _is_of_stand_in(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] == "icecube" or name in NAMES


def record(name: str) -> dict:
    """Return a file of upstream's records."""
    return json.loads((RECORDS / f"{name}.json").read_text())


def differences(ours: object, theirs: object, where: str = "") -> list[str]:
    """Describe the differences of two records; numbers may differ by 1e-9."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = [f"{where}: only ours has {key}" for key in ours.keys() - theirs.keys()]
        found += [f"{where}: only theirs has {key}" for key in theirs.keys() - ours.keys()]
        for key in ours.keys() & theirs.keys():
            found += differences(ours[key], theirs[key], f"{where}/{key}")
        return sorted(found)
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        found = []
        for i, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            found += differences(one, other, f"{where}/{i}")
        return found
    return [] if _same(ours, theirs) else [f"{where}: {ours!r} instead of {theirs!r}"]


def _same(ours: object, theirs: object) -> bool:
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return ours == theirs
