"""icetray's stand-in records the calls of trays, and behaves like the real one."""

# Modules of trays are functions without annotations.
# ruff: noqa: ANN202

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stand_in_support import (
    RECORDS,
    STAND_IN,
    TESTS,
    differences,
    record,
    stand_in,
)

FACTS = Path(__file__).with_name("icetray_facts.py")
MAKER = TESTS / "data" / "make_upstream_icetray_records.py"
UPSTREAM = "UPSTREAM_SKYMAP_SCANNER"


def facts(*folders: Path):
    path = os.pathsep.join([*map(str, folders), str(TESTS.parent), os.getenv("PYTHONPATH", "")])
    command = [sys.executable, str(FACTS)]
    environment = os.environ | {"PYTHONPATH": path}
    answer = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    return json.loads(answer.stdout)


@pytest.mark.icetray
@pytest.mark.skipif(
    importlib.util.find_spec("icecube") is None,
    reason="needs icetray: the icecube package does not import in this Python",
)
def test_the_stand_in_behaves_like_the_real_icetray():
    assert differences(facts(STAND_IN), facts()) == []


def test_the_stand_in_has_every_name_that_is_used():
    answers = facts(STAND_IN)
    assert answers["frames"]["put twice"] is True
    assert answers["masks"]["mask of mask"] == [[1, 2, [9.0]]]
    assert answers["windows"]["series"] == [[10.0, "25.0"], [30.0, "inf"]]


def test_the_stand_in_is_removed_completely():
    before = set(sys.modules), list(sys.path)
    with stand_in() as icetray:
        assert icetray.recording is sys.modules["recording"]
        import icecube

        assert STAND_IN in Path(icecube.__file__).parents
    left = {name for name in set(sys.modules) - before[0] if not name.startswith("skyscan")}
    assert not any(name.split(".")[0] in {"icecube", "recording"} for name in left)
    assert sys.path == before[1]


def test_calls_are_recorded_in_order_with_parameters(icetray_stand_in):
    from icecube import gulliver_modules, icetray, lilliput  # noqa: F401

    tray = icetray.I3Tray()
    tray.AddService("I3GSLSimplexFactory", "simplex", MaxIterations=3)
    tray.context["minuit"] = lilliput.IMinuitMinimizer(Tolerance=0.5)
    tray.Add("I3SimpleFitter", OutputName="fit", SeedService="seed", LogLikelihood="llh")
    tray.Add("I3BasicSeedServiceFactory", "seed", FirstGuesses=["one", "two"])
    assert icetray_stand_in.recording.record_of(tray, {}) == [
        {
            "service": "I3GSLSimplexFactory",
            "name": "simplex",
            "parameters": {"MaxIterations": 3},
        },
        {
            "context": "minuit",
            "object": {
                "made": "lilliput.IMinuitMinimizer",
                "arguments": [],
                "parameters": {"Tolerance": 0.5},
            },
        },
        {
            "module": "I3SimpleFitter",
            "parameters": {"OutputName": "fit", "SeedService": "seed", "LogLikelihood": "llh"},
        },
        {
            "service": "I3BasicSeedServiceFactory",
            "name": "seed",
            "parameters": {"FirstGuesses": ["one", "two"]},
        },
    ]


def test_late_calls_of_setters_of_a_service_are_recorded(icetray_stand_in):
    from icecube import millipede  # noqa: F401
    from icecube.icetray import I3Tray
    from icecube.photonics_service import I3PhotoSplineService

    recording = icetray_stand_in.recording
    with recording.recorded() as made:
        splines = I3PhotoSplineService("abs.fits", "prob.fits", timingSigma=0.0)
        tray = I3Tray()
        tray.AddService("MillipedeLikelihoodFactory", "llh", CascadePhotonicsService=splines)
        splines.SetEfficiencies(0.99)
    assert made.trays == [tray]
    assert made.services == [splines]
    (call,) = recording.record_of(tray, {})
    assert call["parameters"]["CascadePhotonicsService"] == {
        "made": "photonics_service.I3PhotoSplineService",
        "arguments": ["abs.fits", "prob.fits"],
        "parameters": {"timingSigma": 0.0},
        "then": [{"SetEfficiencies": [0.99]}],
    }


def test_a_segment_is_recorded_as_its_content_and_an_opaque_one_as_itself(icetray_stand_in):
    from icecube import icetray, millipede

    @icetray.traysegment
    def segment(tray, name, keys=()):
        tray.Add("Delete", name + "_delete", Keys=keys)
        return tray.AddSegment(millipede.HighEnergyExclusions, "exclude", Pulses="pulses")

    tray = icetray.I3Tray()
    excluded = tray.Add(segment, "segment", Keys=["a"])
    assert "BrightDOMs" in excluded
    assert icetray_stand_in.recording.record_of(tray, {}) == [
        {"module": "Delete", "name": "segment_delete", "parameters": {"Keys": ["a"]}},
        {
            "segment": "millipede.HighEnergyExclusions",
            "name": "exclude",
            "parameters": {"Pulses": "pulses"},
        },
    ]


def test_a_module_is_known_only_after_the_import_of_its_project(icetray_stand_in):
    from icecube.icetray import I3Tray

    tray = I3Tray()
    with pytest.raises(RuntimeError, match="muex"):
        tray.AddModule("muex", "muex")
    from icecube import mue  # noqa: F401

    tray.AddModule("muex", "muex")
    with pytest.raises(RuntimeError, match="muex already"):
        tray.AddModule("muex", "muex")
    assert len(icetray_stand_in.recording.record_of(tray, {})) == 1


def test_functions_that_icetray_cannot_call_are_refused(icetray_stand_in):
    from icecube.icetray import I3Tray

    class Holder:
        def method(self, frame):
            """icetray would take self for the frame."""

    assert icetray_stand_in
    with pytest.raises(RuntimeError, match="self"):
        I3Tray().AddModule(Holder().method)
    with pytest.raises(RuntimeError, match="keey"):
        I3Tray().AddModule(lambda frame, key: None, keey=1)  # noqa: ARG005


def scenarios_of(modules, **charges: float):
    frames = {name: modules.event_frames.I3Frame("P") for name in charges}
    for name, charge in charges.items():
        frames[name]["charge"] = modules.event_frames.dataclasses.I3Double(charge)
    return {name: modules.recording.Scenario(frame) for name, frame in frames.items()}


def test_a_function_is_recorded_by_its_effect_on_frames(icetray_stand_in):
    from icecube import icetray

    def judge(frame, threshold, key="bright"):
        charge = frame["charge"].value
        if charge < 0:
            raise ValueError(charge)
        if charge >= threshold:
            frame[key] = icetray.I3Bool(True)  # noqa: FBT003
            del frame["charge"]
        return charge != 1

    tray = icetray.I3Tray()
    tray.AddModule(judge, "judge", threshold=5, If=lambda frame: frame["charge"].value != 9)
    tray.AddModule(lambda frame: None)  # noqa: ARG005
    tray.AddModule("Delete", Keys=["charge"], If=lambda frame: "bright" in frame)
    scenarios = scenarios_of(
        icetray_stand_in, below=4, at=5, above=6, negative=-1, one=1, untouched=9
    )
    bright = {"set": {"bright": {"I3Bool": True}}, "removed": ["charge"]}
    assert icetray_stand_in.recording.record_of(tray, scenarios) == [
        {
            "function": "judge",
            "effects": [
                {"in": ["at", "above"], **bright},
                {"in": ["negative"], "raises": "ValueError"},
                {"in": ["one"], "dropped": True},
            ],
        },
        {
            "module": "Delete",
            "parameters": {"Keys": ["charge"]},
            "skipped": ["below", "untouched"],
        },
    ]
    assert "charge" in scenarios["at"].frame


def test_effects_count_and_not_their_split_over_functions(icetray_stand_in):
    from icecube import dataclasses, icetray, lilliput  # noqa: F401

    def put(frame, key):
        frame[key] = dataclasses.I3Double(1.0)

    def put_both(frame):
        put(frame, "a")
        put(frame, "b")

    def in_two_steps(tray):
        tray.AddModule(put, key="a")
        tray.AddService("I3GSLSimplexFactory", "simplex", MaxIterations=3)
        tray.AddModule(put, "second", key="b")
        tray.AddModule("Delete", Keys=["a"])

    def in_one_step(tray):
        tray.AddService("I3GSLSimplexFactory", "simplex", maxiterations=3)
        tray.AddModule(put_both, "both")
        tray.AddModule("Delete", keys=["a"])

    def otherwise(tray):
        in_one_step(tray)
        tray.AddModule(put, key="c")

    def effects_of(add):
        tray = icetray.I3Tray()
        add(tray)
        made = icetray_stand_in.recording.record_of(tray, scenarios_of(icetray_stand_in, one=1))
        return icetray_stand_in.recording.comparable(made)

    assert effects_of(in_two_steps) == effects_of(in_one_step) != effects_of(otherwise)


@pytest.mark.parametrize(
    "name", ["millipede_original", "millipede_wilks", "splinempe", "splinempe_pointed"]
)
def test_the_records_cover_both_formats_and_all_event_types(name):
    kept = record(name)
    for version, key in (("2021a", "SplitUncleanedInIcePulses"), ("2023a", "SplitInIcePulses")):
        one = kept["formats"][version]
        assert one["pulses"] == key
        assert {"whole GCD", "baseline GCD", "bad DOMs missing"} <= one["prepare"].keys()
        assert all(one["reconstruct"].values())


def test_the_records_are_those_of_upstream(tmp_path):
    clone = os.getenv(UPSTREAM)
    if not clone:
        pytest.skip(f"needs a clone of icecube/skymap_scanner: {UPSTREAM} names none")
    subprocess.run([sys.executable, str(MAKER), clone, str(tmp_path)], check=True)
    made = {path.name: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    kept = {path.name: json.loads(path.read_text()) for path in RECORDS.glob("*.json")}
    assert differences(made, kept) == []
