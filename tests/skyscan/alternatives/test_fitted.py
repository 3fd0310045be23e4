"""What the fits of `track` see, as prep wrote it."""

import numpy as np
from alternatives_support import simulated

from skyscan.alternatives.fitted import read_fitted
from skyscan.layout import TRACK_NPZ
from skyscan.light.ice_model import shipped_ice
from skyscan.recos import reco_class


def test_hits_and_ice_are_those_that_prep_wrote(tmp_path):
    event, fitted, _ = simulated("muon", 3000.0)
    reco_class("track")(event.format_version).prepare(event, tmp_path)
    found = read_fitted(tmp_path / TRACK_NPZ, event.pulses)
    assert np.array_equal(found.hits, fitted.hits)
    assert found.ice.digest == shipped_ice().without_tilt().digest


def test_what_is_missing_damaged_or_of_other_ice_is_left_out(tmp_path):
    event, _, _ = simulated("muon", 3000.0)
    assert read_fitted(tmp_path / TRACK_NPZ, event.pulses) is None
    reco_class("track_bulk")(event.format_version).prepare(event, tmp_path)
    assert read_fitted(tmp_path / TRACK_NPZ, event.pulses) is None
    (tmp_path / TRACK_NPZ).write_bytes(b"PK\x03\x04 torn")
    assert read_fitted(tmp_path / TRACK_NPZ, event.pulses) is None
