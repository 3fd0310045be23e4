"""skyscan's icetray reconstructions give the same results for pixels as upstream's.

The tests compare seeds, results and complete events, with the stand-in for icetray. Upstream's
are recorded in ``tests/data/icetray_records``.
"""

import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from records_support import FORMATS, RECOS, prepared_folder, ready
from stand_in_support import differences, record

from skyscan.events.source import Source
from skyscan.icetray import reco
from skyscan.icetray.frames import write_frames
from skyscan.icetray.imports import import_projects
from skyscan.icetray.prepared import Prepared, seed_in
from skyscan.job.worker import seeded
from skyscan.pixels import directions
from skyscan.prep import _pointing
from skyscan.records import FIT_DTYPE, PIXEL_DTYPE, RECORD_DTYPE
from skyscan.recos import reco_class
from skyscan.rounds.collect import best_of
from skyscan.rounds.next_round import seed_pixels
from skyscan.startup import Startup

pytestmark = pytest.mark.usefixtures("tables_by_bare_name")

EVENT = SimpleNamespace(run_id=131577)


@pytest.mark.parametrize("name", RECOS)
def test_a_fitted_frame_gives_upstreams_result(name, icetray_stand_in, tmp_path):
    ours, _ = ready(icetray_stand_in, name, "2021a", tmp_path)
    cases = getattr(icetray_stand_in.pixel_scenarios, name.split("_")[0] + "_results")()
    for case, theirs in record(name)["results"].items():
        if "returns" in theirs:
            fit = icetray_stand_in.recording.bare(list(ours.fit_of(*cases[case])))
            assert differences(fit, as_fit(theirs["returns"])) == [], case


def as_fit(result):
    """Return upstream's result in the order of FIT_DTYPE."""
    names = {"E_in": "reco_losses_inside", "E_tot": "reco_losses_total"}
    whole = dict(result, **dict(zip("xyz", result["position"], strict=True)))
    return [whole[names.get(name, name)] for name in FIT_DTYPE.names]


GIVEN_UP = [
    (name, case)
    for name in RECOS
    for case, theirs in record(name)["results"].items()
    if "raises" in theirs
]


@pytest.mark.parametrize(("name", "case"), GIVEN_UP)
def test_a_frame_without_fit_gives_no_result(name, case, icetray_stand_in, tmp_path):
    """Upstream raises in both cases; in skyscan, too, an error is a pixel without fit."""
    ours, _ = ready(icetray_stand_in, name, "2021a", tmp_path)
    cases = getattr(icetray_stand_in.pixel_scenarios, name.split("_")[0] + "_results")()
    try:
        llh = ours.fit_of(*cases[case])[0]
    except KeyError:
        llh = math.nan
    assert math.isnan(llh) is (case != "track touches the volume")


@pytest.mark.parametrize("case", sorted(record("splinempe")["seeds"].keys() - {"pointing"}))
@pytest.mark.parametrize("name", RECOS)
def test_a_pixel_starts_from_the_seed_of_upstream(name, case, icetray_stand_in, tmp_path):
    nside, pixel, light, finished = icetray_stand_in.pixel_scenarios.PIXELS[case]
    ours = reco_class(name)("2021a")
    physics = prepared_folder(icetray_stand_in, tmp_path, FORMATS["2021a"], light=light)
    ours.setup(tmp_path)
    startup = Startup(
        scan_id="0" * 32,
        reco=name,
        format_version="2021a",
        mjd=physics["I3EventHeader"].start_time.mod_julian_day_double,
        seed=ours._prepared.vertex,
        n_variations=len(ours.variations()),
        pointing=None,
        files={},
    )
    progression = ((8, 0), (64, 12), (512, 24))
    pixels = seed_pixels({nside: np.array([pixel])}, found(finished), startup, progression)
    ra, dec = directions(pixels["nside"], pixels["pixel"])
    zenith, azimuth = ours.local_directions(ra, dec, startup.mjd)
    offsets = ours.offsets(pixels, zenith, azimuth)
    rows = zip(seeded(pixels, ours, zenith, azimuth), zenith, azimuth, offsets, strict=True)
    frames = [ours.frame_of(row, float(z), float(a), offset) for row, z, a, offset in rows]
    listed = [icetray_stand_in.recording.contents(frame) for frame in frames]
    assert differences(json.loads(json.dumps(listed)), record(name)["seeds"][case]) == []


def test_a_pointed_scan_has_the_centre_of_upstream(icetray_stand_in):
    ours = reco_class("splinempe_pointed")("2021a")
    physics = icetray_stand_in.pixel_scenarios.prepared_packet(FORMATS["2021a"])[-1]
    mjd = physics["I3EventHeader"].start_time.mod_julian_day_double
    event = SimpleNamespace(fits={ours.pointing_key: physics[ours.pointing_key].dir}, mjd=mjd)
    *centre, radius = _pointing(event, ours)
    theirs = record("splinempe_pointed")
    assert differences(centre, theirs["seeds"]["pointing"]) == []
    assert math.degrees(radius) == pytest.approx(theirs["ang_dist"])


def found(finished):
    """Return the results of finished pixels."""
    records = np.zeros(len(finished), RECORD_DTYPE)
    names = ("nside", "pixel", "llh", "x", "y", "z", "time", "energy")
    for row, values in zip(records, finished, strict=True):
        for name, value in zip(names, values, strict=True):
            row[name] = value
    return best_of(records)


@pytest.mark.parametrize("name", RECOS)
def test_a_raw_event_passes_all_trays_and_the_order_of_pixels_does_not_matter(
    name, icetray_stand_in, tmp_path
):
    """The stand-in's fitter returns the seed, so the test can compare that."""
    ours = reco_class(name)("2021a")
    import_projects((*reco.BASIC_PROJECTS, *ours.projects))
    source = Source(Path("event.json"), is_real_event=True)
    raw = raw_packet(icetray_stand_in, ours.pulses_key)
    *others, physics = ours._sent_through(raw, None, source, EVENT)
    seed = seed_in(physics, source)
    write_frames(tmp_path / reco.PACKET_FILE, [*others, reco.on_stream(physics, "p")])
    Prepared(baseline=None, gcd_dir=None, seed=seed).write(tmp_path)
    ours.setup(tmp_path)
    pixels = np.zeros(6, PIXEL_DTYPE)
    pixels["nside"], pixels["pixel"], pixels["time"] = 8, [5, 5, 5, 300, 300, 700], 9999.0
    pixels["variation"] = np.array([0, 1, 2, 0, 1, 2]) % len(ours.variations())
    ra, dec = directions(pixels["nside"], pixels["pixel"])
    zenith, azimuth = ours.local_directions(ra, dec, 60000.0)
    fits = ours.reconstruct(pixels, zenith, azimuth)
    assert (fits["llh"] == 1.0).all()
    order = [3, 0, 5, 4, 1, 2]
    again = ours.reconstruct(pixels[order], zenith[order], azimuth[order])
    assert again.tobytes() == fits[order].tobytes()
    alone = ours.reconstruct(pixels[2:3], zenith[2:3], azimuth[2:3])
    assert alone.tobytes() == fits[2:3].tobytes()


def raw_packet(stand_in, key):
    """Return the five frames of an event before any preparation."""
    from icecube import icetray

    whole = stand_in.tray_scenarios.prepare(key)["bright"].frame
    frames = {stop: icetray.I3Frame(stop) for stop in "GCDQP"}
    for held in whole.keys():  # noqa: SIM118  (a frame is not a dictionary)
        frames[whole.get_stop(held).id][held] = whole[held]
    return list(frames.values())
