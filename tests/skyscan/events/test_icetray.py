"""The real icetray reads the same data from an event as the reader without it."""

from pathlib import Path

import numpy as np
import pytest
from events_support import raw, raw_frames, simulated_frames
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shipped_events import ALERTS, BY_FILE, EVENT_FILES, FORMATS_BY_KEYS

import skyscan
from skyscan.errors import BadInput
from skyscan.events.i3.frame import parse_frame
from skyscan.events.i3.objects import read_double, write_scalar
from skyscan.events.packet import open_packet
from skyscan.events.reader import read_event

REASON = "needs icetray: icecube does not import here"
dataio = pytest.importorskip("icecube.dataio", reason=REASON)
dataclasses = pytest.importorskip("icecube.dataclasses", reason=REASON)
icetray = pytest.importorskip("icecube.icetray", reason=REASON)

from icetray_event_support import read_event_in_icetray  # noqa: E402

pytestmark = pytest.mark.icetray

SIMULATED = Path(skyscan.__file__).parent / "data" / "simulated_track.json"
quick = settings(
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(params=("simulated", *EVENT_FILES))
def path(request):
    if request.param == "simulated":
        return SIMULATED
    if request.param in BY_FILE:
        return BY_FILE[request.param].path
    return request.getfixturevalue("shared_events") / request.param


def check_same(found, expected):
    """Compare two events by their text, in which NaN equals NaN."""
    assert found.pulses.tobytes() == expected.pulses.tobytes()
    for name in ("fits", "scalars"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        assert sorted(map(repr, ours.items())) == sorted(map(repr, theirs.items()))
    rest = {"pulses", "fits", "scalars"}
    for name in set(vars(found)) - rest:
        assert repr_of(getattr(found, name)) == repr_of(getattr(expected, name)), name


def repr_of(value):
    return repr(sorted(value) if isinstance(value, frozenset) else value)


def test_both_readers_give_the_same_event(path):
    check_same(read_event(path), read_event_in_icetray(path))


@pytest.mark.parametrize("pulses_key", BY_FILE["2021a.json"].pulses)
def test_both_readers_give_the_same_for_shipped_superdst(pulses_key):
    path = BY_FILE["2021a.json"].path
    check_same(read_event(path, pulses_key), read_event_in_icetray(path, pulses_key))


@pytest.mark.parametrize("name", ALERTS)
@pytest.mark.parametrize("pulses_key", ["I3SuperDST", "InIceDSTPulses"])
def test_both_readers_give_the_same_for_other_pulses(shared_events, name, pulses_key):
    path = shared_events / name
    check_same(read_event(path, pulses_key), read_event_in_icetray(path, pulses_key))


def test_mjd_is_that_of_icetray(path):
    header = physics_frame(path)["I3EventHeader"]
    assert read_event(path).mjd == header.start_time.mod_julian_day_double


def physics_frame(path):
    frame = icetray.I3Frame()
    frame.loads(raw_frames(path)["P"])
    return frame


@pytest.mark.parametrize("ending", ["i3", "i3.gz", "i3.bz2", "i3.zst"])
def test_an_i3_file_written_by_icetray_gives_the_event(path, tmp_path, ending):
    copy = tmp_path / f"event.{ending}"
    file = dataio.I3File(str(copy), "w")
    for content in raw_frames(path).values():
        frame = icetray.I3Frame()
        frame.loads(content)
        file.push(frame)
    file.close()
    found = read_event(copy)
    assert found.pulses.tobytes() == read_event(path).pulses.tobytes()
    version = read_event(path).format_version
    assert found.format_version == FORMATS_BY_KEYS.get(version, version)
    check_same(found, read_event_in_icetray(copy))


def particle():
    made = dataclasses.I3Particle()
    made.pos = dataclasses.I3Position(1.0, 2.0, 3.0)
    made.dir = dataclasses.I3Direction(0.5, 1.5)
    made.time, made.energy, made.length, made.speed = 9_000.0, 1e5, 3.5, 0.29
    made.shape = dataclasses.I3Particle.ParticleShape.StartingTrack
    made.type = dataclasses.I3Particle.ParticleType.MuMinus
    made.fit_status = dataclasses.I3Particle.FitStatus.FailedToConverge
    return made


def pulses(n=3):
    made = dataclasses.I3RecoPulseSeriesMap()
    for string, om in ((36, 22), (2, 60), (81, 1)):
        series = dataclasses.I3RecoPulseSeries()
        for i in range(n):
            pulse = dataclasses.I3RecoPulse()
            pulse.time, pulse.charge, pulse.width, pulse.flags = 9_000.0 - i, 0.7 + i, 3.0, i
            series.append(pulse)
        made[icetray.OMKey(string, om, 0)] = series
    return made


def new_event(path, **objects: object):
    """Write an event with objects of the current icetray."""
    header = dataclasses.I3EventHeader()
    header.run_id, header.event_id, header.sub_event_id = 7, 9, 1
    header.start_time = dataclasses.I3Time(2020, 123456789)
    header.end_time = dataclasses.I3Time(2020, 123556789)
    geometry = icetray.I3Frame(icetray.I3Frame.Geometry)
    geometry["I3Geometry"] = dataclasses.I3Geometry()
    daq, physics = (
        icetray.I3Frame(icetray.I3Frame.DAQ),
        icetray.I3Frame(icetray.I3Frame.Physics),
    )
    daq["Pulses"], daq["Others"] = pulses(), pulses(1)
    physics["I3EventHeader"] = header
    for key, item in objects.items():
        physics[key] = item
    file = dataio.I3File(str(path), "w")
    for frame in (geometry, daq, physics):
        file.push(frame)
    file.close()


def test_pulses_written_by_the_current_icetray_are_read(tmp_path):
    path = tmp_path / "event.i3"
    new_event(
        path,
        Fit=particle(),
        Number=dataclasses.I3Double(2.5),
        Flag=icetray.I3Bool(True),  # noqa: FBT003 - it is the value
        Text=dataclasses.I3String("abc"),
        Whole=icetray.I3Int(3),
        HESE_VHESelfVetoVertexPos=dataclasses.I3Position(4.0, 5.0, 6.0),
        HESE_VHESelfVetoVertexTime=dataclasses.I3Double(9_100.0),
        SplitInIcePulses=pulses(),
    )
    found = read_event(path)
    check_same(found, read_event_in_icetray(path))
    assert found.format_version == "2023a"
    assert found.pulses.size == 9
    assert found.fits["Fit"].shape == 50
    assert found.scalars["Text"] == "abc"
    assert found.seed.z == 6.0


def test_masks_written_by_the_current_icetray_are_read(tmp_path):
    path = tmp_path / "event.i3"
    frame = icetray.I3Frame(icetray.I3Frame.Physics)
    frame["Pulses"] = pulses()
    late = dataclasses.I3RecoPulseSeriesMapMask(
        frame, "Pulses", lambda _key, _index, pulse: pulse.charge > 1
    )
    new_event(path, SplitInIcePulses=late)
    found = read_event(path)
    check_same(found, read_event_in_icetray(path))
    assert found.pulses.size == 6


def test_pulses_of_an_unknown_class_are_read_through_icetray(tmp_path):
    path = tmp_path / "event.i3"
    frame = icetray.I3Frame(icetray.I3Frame.Physics)
    union = dataclasses.I3RecoPulseSeriesMapUnion(frame, ["Pulses", "Others"])
    new_event(path, SplitInIcePulses=union)
    found = read_event(path, "SplitInIcePulses")
    assert found.pulses.size == 12
    check_same(found, read_event_in_icetray(path, "SplitInIcePulses"))


@pytest.mark.parametrize("key", ["Number", "Nonsense", "I3Geometry"])
@pytest.mark.parametrize("read", [read_event, read_event_in_icetray])
def test_a_key_without_pulses_is_refused_and_those_with_pulses_are_listed(tmp_path, key, read):
    path = tmp_path / "event.i3"
    new_event(path, Number=dataclasses.I3Double(2.5))
    with pytest.raises(BadInput, match=rf"event.i3: key {key} .* choose one of .*Pulses"):
        read(path, key)


def test_an_event_without_header_is_refused_through_icetray_too(tmp_path):
    path = tmp_path / "event.i3"
    path.write_bytes(raw("P", {"X": write_scalar(1.5)}))
    with pytest.raises(BadInput, match=r"key I3EventHeader .* is missing; the frames hold X"):
        read_event_in_icetray(path)


KEYS = st.dictionaries(st.sampled_from("ABCD"), st.floats(allow_nan=False), max_size=3)


@quick
@given(
    before=st.lists(st.tuples(st.sampled_from("GCDQSMI"), KEYS), max_size=6),
    own=KEYS,
    stop=st.sampled_from("Pp"),
)
def test_the_objects_visible_in_the_physics_frame_are_those_of_icetray(
    tmp_path, before, own, stop
):
    path = tmp_path / "event.i3"
    listed = [*before, (stop, own)]
    path.write_bytes(
        b"".join(
            raw(name, {key: write_scalar(value) for key, value in held.items()})
            for name, held in listed
        )
    )
    frames = list(dataio.I3File(str(path)))
    packet = open_packet(path)
    assert sorted(packet.keys()) == sorted(frames[-1].keys())
    stops = [name for name, _ in before if name != "I"]
    if len(set(stops)) == len(stops):  # the order of two repeated frames does not matter
        for key in sorted(packet.keys()):
            assert packet.read(key, read_double) == frames[-1][key].value


@pytest.mark.parametrize("mjd", [55000.0, 57517.123, 59723.32051, 60900.5, 61400.999])
def test_directions_are_those_of_astro(mjd):
    astro = pytest.importorskip("icecube.astro", reason="needs icetray's astro")
    rng = np.random.default_rng(3)
    zenith, azimuth = np.arccos(rng.uniform(-1, 1, 200)), rng.uniform(0, 2 * np.pi, 200)
    ra, dec = skyscan.local_to_equatorial(zenith, azimuth, mjd)
    expected_ra, expected_dec = astro.dir_to_equa(zenith, azimuth, np.full(200, mjd))
    apart = astro.angular_distance(ra, dec, expected_ra, expected_dec)
    assert np.degrees(apart).max() * 3600 < 1
    back = skyscan.equatorial_to_local(expected_ra, expected_dec, mjd)
    expected = astro.equa_to_dir(expected_ra, expected_dec, np.full(200, mjd))
    apart = astro.angular_distance(
        back[1], np.pi / 2 - back[0], expected[1], np.pi / 2 - expected[0]
    )
    assert np.degrees(apart).max() * 3600 < 1


def test_the_directions_of_fits_are_those_of_astro(path):
    astro = pytest.importorskip("icecube.astro", reason="needs icetray's astro")
    event = read_event(path)
    for fit in event.fits.values():
        found = skyscan.local_to_equatorial(fit.zenith, fit.azimuth, event.mjd)
        expected = astro.dir_to_equa(fit.zenith, fit.azimuth, event.mjd)
        apart = astro.angular_distance(*found, *expected)
        assert np.degrees(apart) * 3600 < 1


def test_simulated_events_are_written_as_icetray_reads_them(tmp_path):
    frames = simulated_frames(tmp_path)
    again = {}
    for stop, content in frames.items():
        frame = icetray.I3Frame()
        frame.loads(content)
        again[stop] = parse_frame(frame.dumps())
    for stop, frame in again.items():
        assert dict(frame.objects) == dict(parse_frame(frames[stop]).objects)
