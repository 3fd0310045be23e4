import subprocess
import sys

import pytest

from skyscan import plotting

IMPORT = """
import sys
from skyscan.plotting import import_healpy_alone
import_healpy_alone()
import healpy
assert healpy.nside2npix(1) == 12
print("matplotlib" in sys.modules)
import matplotlib
"""


def test_healpy_is_imported_alone_and_matplotlib_can_follow():
    pytest.importorskip("matplotlib")
    if not plotting._is_optional():
        pytest.skip("this healpy does not import without matplotlib")
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=False
    )
    assert done.stdout == "False\n", done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("needs", "optional"),
    [
        (["numpy>=1.19", 'matplotlib; extra == "all"'], True),  # healpy 1.17 and later
        (["matplotlib", "numpy>=1.13"], False),  # healpy 1.16 does not import without it
        (None, False),  # a distribution's package that does not say
    ],
)
def test_matplotlib_is_optional_only_where_healpy_says_so(monkeypatch, needs, optional):
    monkeypatch.setattr(plotting, "requires", lambda _name: needs)
    assert plotting._is_optional() is optional
