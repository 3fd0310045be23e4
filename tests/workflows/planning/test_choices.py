"""A scan of one event of a file, and campaigns of all its events."""

import json

import numpy as np
import pytest
from events_support import raw, simulated_pulses
from level2_support import KEY, frames_of, level2, null_split, physics
from plans_support import options

from skyscan.errors import BadInput, ExitCode, WrongUsage
from skyscan.events import sequence
from skyscan.events.choice import EventId
from skyscan.events.i3 import i3file
from skyscan.events.i3.frame import parse_frame
from skyscan.events.raw import read_raw_packet
from skyscan.events.reader import read_event
from skyscan.startup import read_startup
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.steps import prep_step


def with_second_series(folder):
    """Write a file of an event that has a second pulse series, Mine; return its path."""
    daq, split = frames_of(folder, 1)
    _, other = frames_of(folder, 2, pulses=simulated_pulses(30))
    objects = dict(parse_frame(split).objects)
    objects["Mine"] = parse_frame(other).objects[KEY]
    path = folder / "x.i3"
    path.write_bytes(daq + raw("P", objects))
    return path


def test_an_event_of_many_is_planned_in_a_small_file_of_its_own(tmp_path):
    path = level2(tmp_path)
    folder = plan(path, tmp_path / "scans", options(event_id="136662:2"))
    scan = read_planned(folder.scan_json)
    assert (scan.run_id, scan.event_id, scan.event_file) == (136662, 2, "event.i3")
    own = folder.event / scan.event_file
    assert own.stat().st_size < path.stat().st_size / 100
    assert [frame.stop for frame in read_raw_packet(own).frames] == ["Q", "P"]
    assert read_event(own).event_id == 2
    assert plan(path, tmp_path / "scans", options(frame=10)).path == folder.path


def test_an_error_in_the_event_names_the_file_that_the_user_gave(tmp_path):
    path = level2(tmp_path)
    with pytest.raises(BadInput, match=rf"^{path}: .* has no OnlineL2") as caught:
        plan(path, tmp_path / "scans", options(event_id="2", reco="splinempe_pointed"))
    assert "skyscan-" not in str(caught.value)


def test_chosen_pulses_are_in_scan_json_and_its_id_and_reach_prep(tmp_path):
    path = with_second_series(tmp_path)
    usual = read_planned(plan(path, tmp_path / "a", options()).scan_json)
    folder = plan(path, tmp_path / "b", options(pulses="Mine"))
    chosen = read_planned(folder.scan_json)
    assert (usual.pulses, chosen.pulses) == (None, "Mine")
    assert usual.id != chosen.id
    assert usual.event_sha256 == chosen.event_sha256
    assert prep_step(chosen).arguments[-2:] == ("--pulses", "Mine")
    assert "--pulses" not in prep_step(usual).arguments


def test_prep_uses_the_chosen_pulses(tmp_path, run_step):
    path = with_second_series(tmp_path)
    arguments = [
        "prep",
        "--event",
        path,
        "--reco",
        "dummy",
        "--scan-id",
        "x",
        "--pulses",
        "Mine",
    ]
    assert run_step([*arguments, "--startup", tmp_path / "startup"]) == ExitCode.DONE
    assert read_startup(tmp_path / "startup").pulses == "Mine"


@pytest.fixture
def run_step():
    from skyscan.__main__ import main as step

    return lambda words: step([str(word) for word in words])


@pytest.mark.parametrize("key", ["a b", "x;y", "$(z)", "", "k" * 300])
def test_a_key_that_no_submit_file_can_carry_is_wrong_usage(tmp_path, key, capsys):
    words = ["plan", str(level2(tmp_path)), "--simulated-event", "--pulses", key]
    assert main(words) == ExitCode.WRONG_USAGE
    assert "is not a frame key" in capsys.readouterr().err


def test_a_campaign_of_a_file_scans_all_of_its_events(tmp_path):
    path = level2(tmp_path)
    folder, campaign = plan_campaign([path], tmp_path / "many", options())
    assert [it.name for it in campaign.entries] == [
        f"run00136662.evt00000000000{i}.neutrino" for i in (1, 2, 3)
    ]
    assert [it.frame for it in campaign.entries] == [7, 10, 13]
    for entry, scan in zip(campaign.entries, map(folder.scan, campaign.entries), strict=True):
        own = scan.event / "event.i3"
        assert read_event(own).name == entry.name
        assert own.stat().st_size < 20_000
    _, again = plan_campaign([path], tmp_path / "many", options())
    assert again == campaign


def test_a_campaign_has_all_sub_events_and_names_them(tmp_path):
    daq, split = frames_of(tmp_path, 1)
    path = tmp_path / "x.i3"
    path.write_bytes(daq + null_split(split) + split + physics(split, sub_event_id=1))
    _, campaign = plan_campaign([path], tmp_path / "many", options())
    name = "run00136662.evt000000000001"
    assert [it.name for it in campaign.entries] == [
        f"{name}.neutrino",
        f"{name}.sub001.neutrino",
    ]


def test_a_campaign_of_named_events_has_only_these(tmp_path):
    path, events = level2(tmp_path), [EventId(3), EventId(1, 136662), EventId(9)]
    _, campaign = plan_campaign([path], tmp_path / "many", options(), events=events)
    assert [it.event for it in campaign.entries] == ["136662:3:0", "136662:1:0", "9"]
    assert [it.exit_code for it in campaign.entries] == [0, 0, ExitCode.BAD_INPUT]
    assert "has no event 9" in campaign.entries[2].why


def test_an_event_without_the_pulses_is_refused_and_the_others_are_scanned(tmp_path):
    (first, second), (daq, split) = frames_of(tmp_path, 1), frames_of(tmp_path, 2)
    path = tmp_path / "x.i3"
    path.write_bytes(first + second + daq + null_split(split))
    _, campaign = plan_campaign([path], tmp_path / "many", options())
    assert [it.exit_code for it in campaign.entries] == [0, ExitCode.BAD_INPUT]
    assert f"{path}, frame 4: " in campaign.entries[1].why
    assert f"no event with {KEY}" in campaign.entries[1].why


def test_events_before_damage_are_scanned_and_the_damage_is_reported(tmp_path):
    path = level2(tmp_path)
    path.write_bytes(path.read_bytes()[:-1000])
    _, campaign = plan_campaign([path], tmp_path / "many", options())
    assert [it.exit_code for it in campaign.entries] == [0, 0, ExitCode.BAD_INPUT]
    assert "frame number 13 ends early" in campaign.entries[2].why
    level2(tmp_path)  # repaired
    _, campaign = plan_campaign([path], tmp_path / "many", options())
    assert campaign.entries[3].name == "run00136662.evt000000000003.neutrino"


def test_a_file_is_read_once_to_list_and_once_to_take_all_of_its_events(tmp_path, monkeypatch):
    path, read = level2(tmp_path), []
    real = i3file.all_frames
    monkeypatch.setattr(
        sequence, "all_frames", lambda *given: read.append(given) or real(*given)
    )
    plan_campaign([path], tmp_path / "many", options())
    assert len(read) == 2


def test_events_are_listed_for_people_and_for_programs(tmp_path, capsys):
    path = level2(tmp_path)
    assert main(["events", str(path)]) == ExitCode.DONE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(path)
    assert lines[2].split() == [
        "6",
        "136662:1:0",
        "2022-05-24T07:41:31.200Z",
        "NullSplit",
        "neutrino",
        "none",
    ]
    assert lines[3].split()[-2:] == [f"{KEY}*", "50"]
    assert lines[-1] == "3 events in 6 physics frames, 3 can be scanned"
    assert main(["events", "--json", str(path)]) == ExitCode.DONE
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [it["can_be_scanned"] for it in listed] == [False, True] * 3
    assert listed[1]["pulses"] == {KEY: 50}
    assert listed[1]["id"] == "136662:1:0"


def test_a_listing_without_the_usual_pulses_says_what_to_choose(tmp_path, capsys):
    assert main(["events", str(level2(tmp_path)), "--pulses", "Other"]) == ExitCode.DONE
    assert capsys.readouterr().out.endswith(
        "3 events in 6 physics frames, 0 can be scanned\n"
        "None has Other; choose other pulses with --pulses.\n"
    )
    (tmp_path / "bad.i3").write_bytes(b"hello")
    assert main(["events", str(tmp_path / "bad.i3")]) == ExitCode.BAD_INPUT
    assert not capsys.readouterr().out


def test_a_campaign_never_guesses_the_stream_of_an_event(tmp_path):
    frames = []
    for event_id in (1, 2):
        daq, split = frames_of(tmp_path, event_id)
        frames += [daq, split]
        if event_id == 1:
            frames += [physics(split, sub_event_stream="Final")]
            frames += [physics(split, sub_event_id=1)]
    path = tmp_path / "x.i3"
    path.write_bytes(b"".join(frames))
    _, campaign = plan_campaign([path], tmp_path / "many", options())
    first, *others = campaign.entries
    assert first.exit_code == ExitCode.BAD_INPUT
    assert (
        "stream InIceSplit), 136662:1:0 (frame 3, stream Final); choose one with --stream."
        in (first.problem or "")
    )
    assert [it.folder is not None for it in others] == [True, True]
    _, chosen = plan_campaign([path], tmp_path / "final", options(stream="Final"))
    assert [it.exit_code for it in chosen.entries] == [ExitCode.DONE]
    events = [EventId(1, 136662), EventId(2, 136662)]
    _, named = plan_campaign([path], tmp_path / "named", options(), events=events)
    assert [it.exit_code for it in named.entries] == [it.exit_code for it in campaign.entries]


def test_frame_and_event_choose_in_the_command_line(tmp_path, capsys):
    words = ["plan", str(level2(tmp_path)), "--simulated-event", "--reco-algo", "dummy"]
    words += ["--output-dir", str(tmp_path / "scans")]
    assert main(words) == ExitCode.BAD_INPUT
    assert "choose one with --event" in capsys.readouterr().err
    for more in (["--event", "136662:2:0"], ["--frame", "13"]):
        assert main([*words, *more]) == ExitCode.DONE
    assert sorted(it.name for it in (tmp_path / "scans").iterdir()) == [
        f"run00136662.evt00000000000{i}.neutrino" for i in (2, 3)
    ]


def test_a_reconstruction_with_pulses_of_its_own_refuses_others():
    from skyscan.recos.dummy import Dummy

    class Fixed(Dummy):
        pulses_key = "Own"

    assert Fixed().using("Own").pulses_key == "Own"
    with pytest.raises(WrongUsage, match="--pulses Mine: Fixed always uses Own"):
        Fixed().using("Mine")


def test_pulses_of_strings_that_the_geometry_lacks_are_left_out_with_a_notice(tmp_path, capsys):
    pulses = simulated_pulses()
    pulses["string"][:7] = 88
    daq, split = frames_of(tmp_path, 1, pulses=np.sort(pulses, order=["string", "om", "time"]))
    (tmp_path / "x.i3").write_bytes(daq + split)
    plan(tmp_path / "x.i3", tmp_path / "scans", options())
    assert "7 of 50 pulses are left out" in capsys.readouterr().err
    plan(level2(tmp_path), tmp_path / "scans", options(frame=10))
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("n", "charge", "is_said"), [(1, 0.7, True), (1, 1, False), (3, 1, True)]
)
def test_copies_of_pulses_are_counted_with_a_notice(tmp_path, capsys, n, charge, is_said):
    pulses = simulated_pulses(200)
    pulses["charge"] = charge  # of photons: 1, and by chance two are equal
    pulses = np.concatenate([pulses, pulses[:n]])
    daq, split = frames_of(tmp_path, 1, pulses=np.sort(pulses, order=["string", "om", "time"]))
    (tmp_path / "x.i3").write_bytes(daq + split)
    plan(tmp_path / "x.i3", tmp_path / "scans", options())
    notice = f"{n} of {200 + n} pulses are exact copies of others"
    assert (notice in capsys.readouterr().err) == is_said


def test_sub_events_are_counted_apart_from_events(tmp_path, capsys):
    daq, split = frames_of(tmp_path, 1)
    other = physics(split, sub_event_id=1)
    (tmp_path / "x.i3").write_bytes(daq + null_split(split) + split + other)
    assert main(["events", str(tmp_path / "x.i3")]) == ExitCode.DONE
    assert capsys.readouterr().out.endswith(
        "2 sub-events of 1 event in 3 physics frames, 2 can be scanned\n"
    )


def test_a_damaged_file_does_not_stop_the_listing_of_others(tmp_path, capsys):
    path = level2(tmp_path)
    (tmp_path / "bad.i3").write_bytes(b"hello")
    assert main(["events", str(tmp_path / "bad.i3"), str(path)]) == ExitCode.BAD_INPUT
    printed = capsys.readouterr()
    assert printed.out.endswith("3 events in 6 physics frames, 3 can be scanned\n")
    assert "bad.i3: it is not an event file" in printed.err


def test_the_last_event_before_the_damage_of_a_file_is_planned_too(tmp_path):
    path = level2(tmp_path, (1, 2))
    path.write_bytes(path.read_bytes()[:-100])
    for events in ((), (EventId(1), EventId(2))):
        _, campaign = plan_campaign(
            [path], tmp_path / f"{len(events)}", options(), events=events
        )
        assert [it.name for it in campaign.entries] == [
            "run00136662.evt000000000001.neutrino",
            None,
        ]
        assert "ends early" in (campaign.entries[1].problem or "")


def test_named_events_may_be_in_any_of_the_files(tmp_path):
    files = []
    for folder, events in (("a", (1, 2)), ("b", (3, 4))):
        (tmp_path / folder).mkdir()
        files.append(level2(tmp_path / folder, events))
    named = [EventId(4), EventId(1, 136662), EventId(9)]
    _, campaign = plan_campaign(files, tmp_path / "many", options(), events=named)
    assert [it.event for it in campaign.entries] == ["136662:4:0", "136662:1:0", "9"]
    assert [it.file for it in campaign.entries[:2]] == [str(files[1]), str(files[0])]
    assert campaign.entries[2].problem == "None of the 2 files has event 9."


def test_other_content_of_an_event_that_has_a_scan_is_said_to_be_that(tmp_path):
    plan(level2(tmp_path, (1,)), tmp_path / "scans", options())
    daq, split = frames_of(tmp_path, 1, pulses=simulated_pulses(30))
    (tmp_path / "x.i3").write_bytes(daq + split)
    with pytest.raises(WrongUsage, match=r"from a file with other content\. Choose another"):
        plan(tmp_path / "x.i3", tmp_path / "scans", options())
