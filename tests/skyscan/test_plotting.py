import sys

import pytest

from skyscan import plotting
from skyscan.plotting import leave_out_matplotlib


@pytest.mark.parametrize(
    ("needs", "left_out"),
    [
        (["numpy>=1.19", 'matplotlib; extra == "all"'], True),  # healpy 1.17 and later
        (["matplotlib", "numpy>=1.13"], False),  # healpy 1.16 does not import without it
        (None, False),  # a distribution's package that does not say
    ],
)
def test_matplotlib_is_left_out_only_where_healpy_can_do_without(monkeypatch, needs, left_out):
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    monkeypatch.setattr(plotting, "requires", lambda _name: needs)
    leave_out_matplotlib()
    assert ("matplotlib" in sys.modules) is left_out
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
