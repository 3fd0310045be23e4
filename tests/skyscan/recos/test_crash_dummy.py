import multiprocessing
import signal

import numpy as np
import pytest

from skyscan.errors import WrongUsage
from skyscan.records import PIXEL_DTYPE
from skyscan.recos import reco_class
from skyscan.recos.crash_dummy import CrashDummy, MeantToFail, failure_of
from skyscan.recos.dummy import Dummy


@pytest.fixture
def pixels():
    rows = np.zeros(768, PIXEL_DTYPE)
    rows["nside"], rows["pixel"] = 8, np.arange(len(rows))
    return rows


def fit(reco, rows):
    return reco.reconstruct(rows, np.zeros(len(rows)), np.zeros(len(rows)))


def failures(rows, attempt=1):
    return [failure_of(row, attempt) for row in rows]


def test_is_found_by_both_spellings():
    assert reco_class("crash-dummy") is reco_class("crash_dummy") is CrashDummy


@pytest.mark.parametrize("probability", [0.05, 0.3, 0.9])
def test_the_requested_fraction_fails(monkeypatch, pixels, probability):
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_PROBABILITY", str(probability))
    failed = sum(mode is not None for mode in failures(pixels))
    assert failed / len(pixels) == pytest.approx(probability, abs=0.04)


def test_at_probability_zero_all_fits_are_those_of_the_dummy(monkeypatch, pixels):
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_PROBABILITY", "0")
    assert fit(CrashDummy(), pixels).tobytes() == fit(Dummy(), pixels).tobytes()


def test_the_second_attempt_succeeds_unless_it_always_fails(monkeypatch, pixels):
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_PROBABILITY", "1")
    with pytest.raises(MeantToFail):
        fit(CrashDummy(), pixels[:1])
    monkeypatch.setenv("SKYSCAN_ATTEMPT", "2")
    assert np.isfinite(fit(CrashDummy(), pixels[:1])["llh"]).all()
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_WHEN", "always")
    with pytest.raises(MeantToFail, match="nside 8 pixel 0"):
        fit(CrashDummy(), pixels[:1])


def test_all_modes_of_a_list_occur(monkeypatch, pixels):
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_PROBABILITY", "1")
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_MODE", "raise, hang,signal")
    modes = failures(pixels)
    assert all(modes.count(mode) > 200 for mode in ("raise", "hang", "signal"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SKYSCAN_CRASH_DUMMY_MODE", "explode"),
        ("SKYSCAN_CRASH_DUMMY_WHEN", "second"),
        ("SKYSCAN_CRASH_DUMMY_PROBABILITY", "1.5"),
    ],
)
def test_invalid_settings_are_refused(monkeypatch, pixels, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongUsage, match=variable):
        failures(pixels[:1])


def fit_in_a_process(monkeypatch, pixels, mode):
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_PROBABILITY", "1")
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_MODE", mode)
    process = multiprocessing.get_context("spawn").Process(
        target=fit, args=(CrashDummy(), pixels[:1])
    )
    process.start()
    return process


def test_dies_by_a_signal(monkeypatch, pixels):
    process = fit_in_a_process(monkeypatch, pixels, "signal")
    process.join(30)
    assert process.exitcode == -signal.SIGKILL


def test_hangs(monkeypatch, pixels):
    process = fit_in_a_process(monkeypatch, pixels, "hang")
    process.join(3)
    still_there = process.is_alive()
    process.kill()
    process.join()
    assert still_there
