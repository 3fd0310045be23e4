"""skyscan's icetray reconstructions make the same calls to icetray as upstream's.

Both run with the stand-in for icetray. Upstream's calls are recorded in
``tests/data/icetray_records``. The tests name intended differences.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from records_support import FORMATS, RECOS, ready
from stand_in_support import differences, record

from skyscan.errors import BadInput
from skyscan.events.source import Source
from skyscan.icetray import gcd, reco
from skyscan.icetray.imports import import_projects
from skyscan.icetray.seeding import travel_direction
from skyscan.recos import reco_class
from skyscan.recos._variations import cylinder, mini_test, octahedron, point

pytestmark = pytest.mark.usefixtures("tables_by_bare_name")

BASELINE = Path("/gcd/2016_01_08_Run127381.i3")
RANDOM_SEED = 4711
#: Directions of the seeds of the records, (zenith, azimuth).
SEEDS = {"seed from above": (0.3, 1.2), "seed from below": (2.2, 4.5), "any seed": (0.3, 1.2)}
EVENT = SimpleNamespace(run_id=131577)


def tray_without_running(stand_in, build):
    """Return the tray that ``build`` makes."""
    with stand_in.recording.recorded() as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr("icecube.icetray.I3Tray.Execute", lambda _tray: None)
        build()
    (tray,) = made.trays
    return tray


def relevant(calls, stand_in):
    """Return the relevant part of a record, without how a tray gets and returns frames."""
    without_end = [call for call in calls if call.get("module") != "TrashCan"]
    return json.loads(json.dumps(stand_in.recording.comparable(without_end)))


def without_random_seed(services):
    """Remove the seed of the random service, which upstream leaves to chance."""
    for service in services:
        if service.get("service") == "I3GSLRandomServiceFactory":
            assert service["parameters"].pop("seed") == RANDOM_SEED
    return services


@pytest.mark.parametrize("name", RECOS)
def test_the_properties_of_a_reco_are_those_of_upstream(name):
    theirs, ours = record(name), reco_class(name)("2021a")
    assert ours.rotate_vertex is theirs["rotate_vertex"]
    assert ours.refine_time is theirs["refine_time"]
    assert ours.add_fallback_position is theirs["add_fallback_position"]
    assert ours.angular_distance == theirs["ang_dist"]
    assert sorted(ours.splines) == sorted(theirs["splines"])
    assert differences(ours.variations().tolist(), theirs["variations"]) == []
    for version in FORMATS:
        ours, of_format = reco_class(name)(version), theirs["formats"][version]
        assert ours.pulses_key == of_format["pulses"]
        assert ours.pointing_key == of_format["pointing_dir_name"]


@pytest.mark.parametrize("name", RECOS)
def test_a_reco_imports_every_project_that_upstreams_does(name):
    modules = {"STTools.seededRT.configuration_services"}  # imported at first use
    ours = {*reco.BASIC_PROJECTS, *reco_class(name).projects} | modules
    assert set(record(name)["projects"]) <= ours


def test_the_seed_variations_are_those_of_upstream():
    ours = {
        "point": point(),
        "octahedron 20": octahedron(20.0),
        "octahedron 7.5": octahedron(7.5),
        "cylinder": cylinder(),
        "cylinder (-10, 0, 30) (50, 80) 4": cylinder((-10.0, 0.0, 30.0), (50.0, 80.0), 4),
        "mini test 20": mini_test(20.0),
    }
    listed = {name: shape.tolist() for name, shape in ours.items()}
    assert differences(listed, record("vertices")) == []


@pytest.mark.parametrize("name", RECOS)
def test_services_are_created_like_in_upstream(name, icetray_stand_in, tmp_path):
    _, services = ready(icetray_stand_in, name, "2023a", tmp_path)
    assert differences(services, record(name)["services"]) == []


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("name", RECOS)
def test_an_event_is_prepared_like_in_upstream(name, version, icetray_stand_in):
    from icecube import dataclasses, icetray

    ours = reco_class(name)(version)
    import_projects((*reco.BASIC_PROJECTS, *ours.projects))
    for kind, theirs in record(name)["formats"][version]["prepare"].items():
        frames = [icetray.I3Frame(stop) for stop in "GCDQP"]
        if "bad DOMs missing" not in kind:
            frames[2]["BadDomsList"] = dataclasses.I3VectorOMKey()
        baseline = BASELINE if "baseline GCD" in kind else None
        source = Source(Path("event.json"), is_real_event="simulation" not in kind)
        tray = tray_without_running(
            icetray_stand_in,
            lambda: ours._sent_through(frames, baseline, source, EVENT),  # noqa: B023
        )
        scenarios = icetray_stand_in.tray_scenarios.prepare(FORMATS[version])
        if kind != "whole GCD":
            scenarios = {k: one for k, one in scenarios.items() if "differences" in k}
        calls = icetray_stand_in.recording.record_of(tray, scenarios)
        assert (
            differences(relevant(calls, icetray_stand_in), relevant(theirs, icetray_stand_in))
            == []
        )


@pytest.mark.parametrize("version", FORMATS)
@pytest.mark.parametrize("name", RECOS)
def test_a_pixel_is_fitted_like_in_upstream(name, version, icetray_stand_in, tmp_path):
    from icecube import icetray

    ours, _ = ready(icetray_stand_in, name, version, tmp_path)
    records = record(name)["formats"][version]["reconstruct"]
    scenarios = getattr(icetray_stand_in.tray_scenarios, name.split("_")[0])(FORMATS[version])
    for kind, theirs in records.items():
        if kind == "no seed":
            continue  # this does not happen in a scan, where the pixel's frame always has one
        fit = reco.Fit(travel_direction(*SEEDS[kind]), RANDOM_SEED)
        tray = icetray.I3Tray()
        ours.add_fit(tray, fit)
        has_effects = any("function" in call for call in theirs)
        calls = icetray_stand_in.recording.record_of(tray, scenarios if has_effects else {})
        mine, upstreams = relevant(calls, icetray_stand_in), relevant(theirs, icetray_stand_in)
        mine["services"] = without_random_seed(mine["services"])
        assert differences(mine, upstreams) == []


@pytest.mark.parametrize("name", RECOS)
def test_a_gcd_is_completed_for_the_fits_like_in_upstream(name, icetray_stand_in):
    theirs = record(name)["uncompress"]
    tray = tray_without_running(icetray_stand_in, lambda: gcd.uncompressed([], BASELINE))
    calls = icetray_stand_in.recording.record_of(tray, {})
    assert (
        differences(relevant(calls, icetray_stand_in), relevant(theirs, icetray_stand_in)) == []
    )


def test_a_packet_uses_the_baseline_gcd_of_upstream(icetray_stand_in):
    scenarios = icetray_stand_in.pixel_scenarios
    for case, theirs in record("gcd")["base_filename"].items():
        packet = scenarios.gcd_packet(*scenarios.PACKETS[case])
        if "raises" in theirs:
            with pytest.raises(BadInput):
                gcd.baseline_of(packet)
        else:
            assert gcd.baseline_of(packet) == theirs["returns"], case


def test_a_run_without_gcd_uses_the_baseline_gcd_of_upstream(tmp_path):
    theirs = record("gcd")
    for name in theirs["files"]:
        (tmp_path / name).touch()
    chosen = {run: gcd.baseline_for_run(int(run), tmp_path).name for run in theirs["by_run"]}
    assert chosen == theirs["by_run"]
