"""Real alerts are read like in icetray."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest
from events_support import (
    message,
    packed,
    raw,
    read_time_window,
    simulated_event,
    simulated_frames,
)
from shipped_events import BY_FILE

import skyscan
from skyscan.errors import BadInput, ExitCode
from skyscan.events import reader
from skyscan.events.assembly import type_of_event
from skyscan.events.event import Vertex
from skyscan.events.i3.archive import OutArchive
from skyscan.events.i3.frame import FrameObject, parse_frame
from skyscan.events.i3.objects import write_scalar
from skyscan.events.packet import open_packet
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from skyscan.geometry import positions

ALERTS = {
    "hese_event_00.json": ("run00127907.evt000016605651.HESE", ""),
    "hese_event_01.json": ("run00127907.evt000020178442.HESE", ""),
    "run00136662-evt000035405932-BRONZE.pkl": (
        "run00136662.evt000035405932.sub001.neutrino",
        "2021a",
    ),
}
FIT_FIELDS = ("x", "y", "z", "time", "zenith", "azimuth", "energy")


@pytest.fixture(scope="module", params=sorted(ALERTS))
def alert(request, shared_events):
    return shared_events / request.param


@pytest.fixture(scope="module")
def meta(alert):
    return json.loads(alert.with_suffix(".meta.json").read_text())


def test_pulses_are_those_of_icetray(alert):
    pulses = read_event(alert).pulses
    expected = np.load(alert.with_suffix(".pulses.npz"))["pulses"]
    assert pulses.dtype == expected.dtype
    for name in ("string", "om", "pmt", "flags"):
        assert (pulses[name] == expected[name]).all(), name
    assert np.abs(pulses["time"] - expected["time"]).max() < 0.01
    assert np.abs(pulses["charge"] - expected["charge"]).max() < 1e-4
    assert np.abs(pulses["width"] - expected["width"]).max() < 1e-3


def test_header_is_that_of_icetray(alert, meta):
    event = read_event(alert)
    name, version = ALERTS[alert.name]
    assert (event.run_id, event.event_id) == (meta["run_id"], meta["event_id"])
    assert event.mjd == meta["mjd"]
    assert event.start_time.mjd == event.mjd
    assert event.name == name
    assert event.format_version == version
    assert event.pulses_key == meta["pulses"]


def test_fits_and_scalars_are_those_of_icetray(alert, meta):
    event = read_event(alert)
    fits = {key: value for key, value in meta["particles"].items() if len(value) == 7}
    assert set(event.fits) == set(fits)
    for key, values in fits.items():
        found = [getattr(event.fits[key], name) for name in FIT_FIELDS]
        assert found == pytest.approx(values, nan_ok=True, rel=1e-15), key
        assert event.fits[key].fit_status == 0
    for key, values in meta["particles"].items():
        if len(values) == 1:
            assert event.scalars[key] == values[0], key


def test_directions_of_fits_are_those_of_astro(alert, meta):
    event = read_event(alert)
    for key, expected in meta["particle_ra_dec_rad"].items():
        fit = event.fits[key]
        found = skyscan.local_to_equatorial(fit.zenith, fit.azimuth, event.mjd)
        assert found == pytest.approx(expected, abs=1 / 206265), key


def test_an_event_is_read_in_far_less_than_a_second(event_file):
    read_event(event_file)
    start = time.process_time()
    read_event(event_file)
    assert time.process_time() - start < 0.5


def test_seed_is_the_vertex_of_the_veto_or_the_l2_fit(shared_events):
    hese = read_event(shared_events / "hese_event_01.json")
    meta = json.loads((shared_events / "hese_event_01.meta.json").read_text())["particles"]
    position, time_ns = meta["HESE_VHESelfVetoVertexPos"], meta["HESE_VHESelfVetoVertexTime"]
    assert [hese.seed.x, hese.seed.y, hese.seed.z, hese.seed.time] == [*position, *time_ns]
    bronze = read_event(shared_events / "run00136662-evt000035405932-BRONZE.pkl")
    fit = bronze.fits["OnlineL2_SplineMPE"]
    seed = bronze.seed
    assert (seed.x, seed.y, seed.z, seed.time) == (fit.x, fit.y, fit.z, fit.time)


def test_other_pulses_of_an_alert_can_be_selected(shared_events):
    path = shared_events / "run00136662-evt000035405932-BRONZE.pkl"
    split = read_event(path).pulses
    in_ice = read_event(path, pulses_key="InIceDSTPulses").pulses
    everything = read_event(path, pulses_key="I3SuperDST").pulses
    assert split.size < in_ice.size <= everything.size
    assert np.isin(split["time"], in_ice["time"]).all()
    hese = read_event(shared_events / "hese_event_01.json", pulses_key="UncleanedInIcePulses")
    assert hese.pulses.size > 400


def test_both_ways_of_storing_pulses_give_the_same_light(shared_events):
    # the pulses of the waveforms, and what the satellite sent of them (charges in 0.05 PE)
    path = shared_events / "hese_event_00.json"
    own = read_event(path, pulses_key="UncleanedInIcePulses").pulses
    sent = read_event(path, pulses_key="InIceDSTPulses").pulses
    assert sent["charge"].sum() == pytest.approx(own["charge"].sum(), rel=0.02)
    assert set(sent["string"].tolist()) == set(own["string"].tolist())


def test_the_time_window_of_the_split_contains_its_pulses(event_file):
    packet, event = open_packet(event_file), read_event(event_file)
    start, stop = packet.read(f"{event.pulses_key}TimeRange", read_time_window)
    times = event.pulses["time"]
    assert start - 1 <= times.min()
    assert times.max() <= stop + 1


def test_the_package_offers_reading_and_coordinates():
    assert skyscan.read_event is read_event
    assert {"Event", "local_to_equatorial", "equatorial_to_local"} <= set(skyscan.__all__)


@pytest.mark.parametrize(
    ("followup", "keys", "expected"),
    [
        ({"hese": {}, "ehe": {}}, set(), "HESE"),
        ({"neutrino": {}, "ehe": {}}, set(), "EHE"),
        ({"estres": {}, "neutrino": {}}, set(), "neutrino"),
        ({"estres": {}}, set(), "ESTRES"),
        ({"nch": 3}, {"HESE_llhratio"}, None),  # only the message matters
        (None, {"HESE_llhratio", "Estres_p_miss"}, "HESE"),
        (None, {"Estres_p_miss", "PoleEHEOphelia_ImpLF"}, "ESTRES"),
        (None, {"PoleEHEOphelia_ImpLF"}, "EHE"),
        (None, {"OnlineL2_SplineMPE"}, None),
    ],
)
def test_the_type_of_an_event_is_that_of_upstream(followup, keys, expected):
    assert type_of_event(followup, keys) == expected


@pytest.mark.parametrize(
    ("version", "key"),
    [
        ("", "SplitUncleanedInIcePulses"),
        ("2021a", "SplitUncleanedInIcePulses"),
        ("2023a", "SplitInIcePulses"),
        ("2024a", "SplitInIcePulses"),
        ("2031x", "SplitUncleanedInIcePulses"),
    ],
)
def test_the_format_selects_the_pulses(tmp_path, version, key):
    path = tmp_path / "event.json"
    write_event(path, simulated_event(format_version=version, pulses_key=key))
    assert read_event(path).pulses_key == key


def test_without_a_vertex_the_seed_is_the_centre_of_the_light(tmp_path):
    path = tmp_path / "event.json"
    event = simulated_event(seed=Vertex(np.nan, 0, 0, 0))
    write_event(path, event)
    seed, pulses = read_event(path).seed, event.pulses
    places, charge = positions(pulses["string"], pulses["om"]), pulses["charge"]
    centre = (places * charge[:, None]).sum(0) / charge.sum()
    assert [seed.x, seed.y, seed.z] == pytest.approx(centre)
    assert seed.time == pytest.approx((pulses["time"] * charge).sum() / charge.sum())


def test_a_failed_fit_is_not_a_seed(tmp_path):
    path = tmp_path / "event.json"
    event = simulated_event(seed=Vertex(np.nan, 0, 0, 0))
    bad = {
        "OnlineL2_SplineMPE": event.fits["MCTruth"].__class__(
            9, 9, 9, 9, 1, 1, 1, fit_status=30
        )
    }
    write_event(path, simulated_event(seed=event.seed, fits=bad))
    assert read_event(path).seed.x != 9


def test_pulses_of_icetop_alone_give_no_seed(tmp_path):
    path = tmp_path / "event.json"
    pulses = simulated_event().pulses.copy()
    pulses["om"] = 61
    write_event(path, simulated_event(pulses=pulses, seed=Vertex(np.nan, 0, 0, 0)))
    with pytest.raises(BadInput, match="no pulse of a DOM in the ice"):
        read_event(path)


def test_missing_pulses_are_named_and_the_present_ones_are_listed():
    path = BY_FILE["list.json"].path
    with pytest.raises(BadInput) as caught:
        read_event(path, pulses_key="Nonsense")
    text = str(caught.value)
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert text.startswith(f"{path}: key Nonsense of the Physics frame (5 of 5) is missing")
    assert "choose one of SplitUncleanedInIcePulses, UncleanedInIcePulses" in text
    assert "\n" not in text


def test_a_key_without_pulses_is_refused():
    with pytest.raises(
        BadInput, match=r"key HESE_SPEFit2 of the Physics frame \(5 of 5\) holds no"
    ):
        read_event(BY_FILE["list.json"].path, pulses_key="HESE_SPEFit2")


@pytest.mark.parametrize("icetray", [None, "/bin/false"])
def test_pulses_that_no_reader_supports_are_refused(tmp_path, monkeypatch, icetray):
    # a process that crashes while it reads them in icetray must leave nothing else
    monkeypatch.setattr(reader, "find_spec", lambda _: icetray)
    monkeypatch.setattr(sys, "executable", icetray)
    path = tmp_path / "event.i3"
    union = FrameObject("I3PulsesOfOthers", OutArchive("I3PulsesOfOthers", 0).buffer())
    physics = parse_frame(simulated_frames(tmp_path)["P"]).objects
    path.write_bytes(raw("P", {**physics, "Mine": union}))
    with pytest.raises(BadInput, match=r"key Mine of .* no pulses that .*I3PulsesOfOthers"):
        read_event(path, "Mine")


def test_an_event_without_header_is_refused(tmp_path):
    path = tmp_path / "event.json"
    path.write_bytes(message(*(packed(stop, {}) for stop in "GCDQP")))
    with pytest.raises(
        BadInput, match=r"key I3EventHeader of the Physics frame \(5 of 5\) is missing"
    ):
        read_event(path)


def test_an_object_of_another_class_is_refused(tmp_path):
    path = tmp_path / "event.json"
    wrong = {"I3EventHeader": write_scalar(1.5)}
    path.write_bytes(message(*(packed(stop, {}) for stop in "GCDQ"), packed("P", wrong)))
    with pytest.raises(BadInput, match="is I3Double, not I3EventHeader"):
        read_event(path)


@pytest.mark.parametrize("stops", ["GCDQ", "PGCDQ", "GCDQPP", "GGCDQP", "GCDXP", "GCDPp"])
def test_frames_without_an_event_are_refused(tmp_path, stops):
    path = tmp_path / "event.json"
    path.write_bytes(message(*(packed(stop, {}) for stop in stops)))
    with pytest.raises(BadInput, match="instead of G, C, D, Q and one P"):
        read_event(path)


def test_missing_files_and_folders_are_bad_input(tmp_path):
    for path in (tmp_path / "none.json", tmp_path, tmp_path / "a\0b", "/dev/zero"):
        with pytest.raises(BadInput):
            read_event(path)


def test_reading_needs_no_icetray_and_no_unpickler(event_file):
    code = (
        "import sys, skyscan;"
        "skyscan.read_event(sys.argv[1]);"
        "found = {'icecube', 'htcondor2', 'astropy'} & set(sys.modules);"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code, str(event_file)], check=True)
