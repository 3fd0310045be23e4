import subprocess
import sys

import pytest

ALONE = """
import sys
from importlib.util import find_spec
from pathlib import Path
from skyscan import healpix
assert healpix.nside2npix(1) == 12
assert list(healpix.query_disc(1, (0, 0, 1), 3.2)) == list(range(12))
packages = {"healpy", "matplotlib"}
place = Path(find_spec("healpy").submodule_search_locations[0])
if (place / "utils" / "deprecation.py").exists():  # healpy 1.16 itself imports astropy's
    packages.add("astropy")
print(*(name for name in sys.modules if name.split(".")[0] in packages))
print(*(finder for finder in sys.meta_path if finder.__module__ == "skyscan.healpix"))
"""
WHOLE_AFTERWARDS = """
import healpy.rotator
import healpy, importlib
from healpy.sphtfunc import smoothing
from healpy import query_disc
assert healpy.__version__
assert healpy.__file__ == healpy.__spec__.origin
assert healpy.__path__
assert healpy.pixelfunc.pix2ang is healpy.pix2ang
assert healpy.query_disc is query_disc
assert healpy.pix2ang(8, 99) == healpix.pix2ang(8, 99)
assert list(healpy.query_disc(8, (0, 0, 1), 1)) == list(healpix.query_disc(8, (0, 0, 1), 1))
assert healpy.Rotator(coord="GC")(1.0, 1.0).shape == (2,)
assert importlib.import_module("healpy") is healpy
"""
WHOLE_BEFORE = """
import healpy
from skyscan import healpix
assert healpix.pix2ang is healpy.pix2ang
assert healpix.query_disc is healpy.query_disc
"""
OTHERWISE_MADE = """
import sys
from importlib import import_module
import importlib
def without(name, *others):
    if name == "healpy._query_disc" and "healpy.rotator" not in sys.modules:
        raise ImportError(name)
    return import_module(name, *others)
importlib.import_module = without
from skyscan import healpix
importlib.import_module = import_module
import healpy
assert healpix.pix2ang is healpy.pix2ang
assert healpix.query_disc is healpy.query_disc
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "cannot import" not in done.stderr  # about which healpy only warns
    return done.stdout


def test_the_functions_are_imported_without_the_rest():
    assert run(ALONE).split() == []


@pytest.mark.parametrize("program", [ALONE + WHOLE_AFTERWARDS, WHOLE_BEFORE, OTHERWISE_MADE])
def test_all_of_healpy_can_be_imported_too_and_gives_the_same(program):
    run(program)
