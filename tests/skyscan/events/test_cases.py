"""The shared event files that a reader must get right, if they are there."""

import numpy as np
import pytest

from skyscan.errors import BadInput
from skyscan.events.choice import Choice, EventId
from skyscan.events.event import Vertex
from skyscan.events.files import list_events, take_event
from skyscan.events.reader import read_event
from skyscan.events.source import Source
from skyscan.recos import reco_class
from skyscan.track.simulation import truth_of


@pytest.fixture(scope="module")
def cases(shared_events):
    folder = shared_events / "cases"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder


@pytest.fixture
def prepared(tmp_path):
    """Return a function that prepares an event for the track fit; the content of its files."""

    def files_of(path) -> tuple[Vertex, list[bytes]]:
        event, reco = read_event(path), reco_class("track")()
        reco.check(Source(path, is_real_event=True), event)
        folder = tmp_path / path.name
        folder.mkdir()
        seed = reco.prepare(event, folder)
        return seed, [file.read_bytes() for file in sorted(folder.iterdir())]

    return files_of


def test_the_frame_with_pulses_is_the_event(cases):
    assert take_event(cases / "null_plus_inice.i3").content == (cases / "base.i3").read_bytes()
    expected = read_event(cases / "base.i3")
    for name in ("null_plus_inice.i3", "base.i3.xz"):
        assert read_event(cases / name).pulses.tobytes() == expected.pulses.tobytes()


def test_two_sub_events_are_asked_for_and_both_can_be_read(cases):
    path = cases / "two_subevents.i3"
    with pytest.raises(BadInput, match=r"136662:35405932:0.*136662:35405932:1.*--sub-event"):
        read_event(path)
    assert [read_event(path, sub_event=i).sub_event_id for i in (0, 1)] == [0, 1]
    names = [read_event(cases / f"subevent{i}.i3").name for i in (0, 1)]
    assert names == [
        "run00021220.evt000000000007.unknown",
        "run00021220.evt000000000007.sub001.unknown",
    ]


def test_strings_of_the_upgrade_change_nothing(cases, prepared):
    assert prepared(cases / "upgrade_mixed.i3") == prepared(cases / "base.i3")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("zero_charge.i3", "have no charge"),
        ("deepcore_only.i3", "0 DOMs of SplitUncleanedInIcePulses are left"),
        ("one_pulse.i3", "0 DOMs of SplitUncleanedInIcePulses are left"),
        ("no_lc_flags.i3", "0 DOMs of SplitUncleanedInIcePulses are left"),
    ],
)
def test_events_that_cannot_be_fitted_are_refused(cases, prepared, name, why):
    with pytest.raises(BadInput, match=rf"{name}: .*{why}"):
        prepared(cases / name)


def test_an_alert_of_skywriter_keeps_its_truth_and_passes_over_its_dummies(cases):
    path = cases / "run00021220.evt000000000008.sub000.json"
    event = read_event(path)
    assert truth_of(event) == (1.2, 0.1)
    assert np.isnan(event.fits["OnlineL2_SplineMPE"].zenith)
    pointed = reco_class("splinempe_pointed")("2021a")
    with pytest.raises(BadInput, match="has no OnlineL2_SplineMPE"):
        pointed.check(Source(path, is_real_event=False), event)


@pytest.mark.parametrize("reader", [read_event, lambda path: list(list_events(path))])
def test_a_bomb_of_empty_frames_is_refused(cases, reader):
    with pytest.raises(BadInput, match=r"more than \d+ frames"):
        reader(cases / "tiny100k.i3.gz")


def test_the_events_of_a_public_file_are_listed_and_taken(shared_events):
    paths = list((shared_events.parent / "truth").glob("wBDT*first_5_frames.i3.gz"))
    if not paths:
        pytest.skip("needs shared/truth")
    entries = list(list_events(paths[0]))
    assert [str(it.id) for it in entries] == [f"21220:{i}:0" for i in (8, 9, 11, 17, 27)]
    assert [it.pulses["HVInIcePulses"] for it in entries] == [628, 4642, 210, 333, 3137]
    taken = take_event(paths[0], Choice(EventId(11), pulses="HVInIcePulses"))
    assert len(taken.content) < 300_000
    event = read_event(paths[0], "HVInIcePulses", event="11")
    assert (event.event_id, len(event.pulses)) == (11, 210)
