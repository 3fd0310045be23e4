import numpy as np
import pytest

from skyscan.events.event import LC_FLAG
from skyscan.geometry import N_OMS
from skyscan.simulation import detector
from skyscan.simulation.detector import (
    TRIGGER_LAUNCHES,
    TRIGGER_NS,
    Launches,
    are_coincident,
    detector_response,
    is_triggered,
    launches_of,
    photoelectrons,
    pulses_of,
    read_out,
    saturated,
)


def read(dom, time, charge):
    dom, time, charge = np.array(dom), np.array(time, float), np.array(charge, float)
    dom, time, charge = pulses_of(dom, time, charge)
    return read_out(dom, time, charge, *launches_of(dom, time, charge))


def test_near_doms_of_a_string_within_a_microsecond_are_locally_coincident():
    dom = np.array([10, 12, 13, 30, 31, 32])
    time = np.array([5000.0, 5900.0, 7000.0, 5000.0, 6001.0, 8000.0])
    assert are_coincident(dom, time).tolist() == [True, True, False, False, False, False]
    ends = np.array([N_OMS - 1, N_OMS])  # the last DOM of a string, the first of the next
    assert not are_coincident(ends, np.array([5000.0, 5000.0])).any()


def test_a_dom_without_coincidence_keeps_one_pulse_of_its_beginning():
    pulses = read([10] * 4, [5000, 5050, 5200, 9000], [1.0, 2.0, 3.0, 1.0])
    assert pulses["charge"].tolist() == [3.0]
    assert not (pulses["flags"] & LC_FLAG).any()


def test_a_coincident_dom_keeps_all_pulses():
    pulses = read([10] * 4 + [11], [5000, 5004, 5200, 9000, 5100], [1.0, 2.0, 3.0, 1.0, 1.0])
    assert pulses["charge"].tolist() == [3.0, 3.0, 1.0, 1.0]
    assert (pulses["flags"] & LC_FLAG).all()


def test_a_small_pulse_alone_starts_no_launch():
    assert len(read([10], [5000], [0.1])) == 0


def test_the_pmt_saturates():
    assert saturated(np.array([5.0]))[0] == pytest.approx(5.0, rel=1e-3)
    assert saturated(np.array([31.0 * 8]))[0] == pytest.approx(31.0 * 8, rel=0.07)
    assert saturated(np.array([1e6]))[0] < 93.0 * 8 * 1.01


def test_a_photoelectron_has_a_mean_charge_of_one_and_the_jitter_of_the_pmt(monkeypatch):
    monkeypatch.setattr(detector, "NOISE_RATE_PER_NS", 0.0)
    n = 20_000
    dom, time, charge = photoelectrons(
        np.zeros(n, int), np.full(n, 10_000.0), np.random.Generator(np.random.PCG64(1))
    )
    assert charge.mean() == pytest.approx(1.0, abs=0.02)
    assert np.std(time[np.abs(time - 10_000) < 15]) == pytest.approx(3.0, abs=0.2)
    assert len(dom) == pytest.approx(1.06 * n, rel=0.02)  # after pulses


def test_noise_alone_does_not_trigger():
    random = np.random.Generator(np.random.PCG64(3))
    pulses, is_triggered = detector_response(np.empty(0, np.int32), np.empty(0), random)
    assert 20 < len(pulses) < 80  # 5083 living DOMs, 14 us, 560 Hz
    assert not is_triggered


@pytest.mark.parametrize("n", range(2 * TRIGGER_LAUNCHES))
def test_any_number_of_launches_triggers_or_does_not(n):
    launches = Launches(np.arange(n), np.full(n, 5000.0), np.ones(n, bool))
    assert is_triggered(launches) == (n >= TRIGGER_LAUNCHES)
    apart = launches._replace(time=np.arange(n) * TRIGGER_NS)
    assert not is_triggered(apart)
