"""Run upstream's icetray reconstructions with a stand-in for icetray, and record their calls.

Usage: make_upstream_icetray_records.py CLONE_OF_SKYMAP_SCANNER [OUTPUT_FOLDER]

The clone must have COMMIT; it may be bare. Needs numpy and healpy, no icetray and no network.
"""

from __future__ import annotations

import ast
import collections
import importlib
import io
import logging
import os
import subprocess
import sys
import tarfile
import tempfile
import types
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "stand_in"), str(HERE.parents[1])]

import pixel_scenarios  # noqa: E402
import recording  # noqa: E402
import tray_scenarios  # noqa: E402
from icecube import dataclasses, dataio, icetray  # noqa: E402
from readable_json import readable  # noqa: E402

COMMIT = "f668802696b26ebb5e0849f3cc1146ddbdf05f5f"
RECOS = ("millipede_original", "millipede_wilks", "splinempe", "splinempe_pointed")
FORMATS = {"2021a": "SplitUncleanedInIcePulses", "2023a": "SplitInIcePulses"}
#: Directions of the pixel of a fit, (zenith, azimuth); None: upstream without a seed.
SEEDS = {"seed from above": (0.3, 1.2), "seed from below": (2.2, 4.5), "no seed": None}
BASELINE = "/gcd/2016_01_08_Run127381.i3"

EventMetadata = collections.namedtuple(  # noqa: PYI024
    "EventMetadata", "run_id event_id event_type mjd is_real_event version"
)


class Fake(types.ModuleType):
    """A module whose content the recorded code does not use."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return mock.MagicMock()


def import_upstream(clone, folder):
    """Import upstream's package from a clone, with fakes of its other dependencies."""
    command = ["git", "-C", clone, "archive", COMMIT, "skymap_scanner"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    for name in ("mqclient", "requests", "rest_tools", "rest_tools.client", "skyreader"):
        sys.modules[name] = Fake(name)
    for name in ("wipac_dev_tools", "wipac_dev_tools.timing_tools"):
        sys.modules[name] = Fake(name)
    sys.modules["skyreader"].EventMetadata = EventMetadata
    np.NaN = np.nan  # noqa: NPY201  (upstream requires a numpy before 2)
    sys.path.insert(0, str(folder))
    return lambda name: importlib.import_module(f"skymap_scanner.{name}")


@contextmanager
def without_staging(upstream):
    """Let upstream find every data file by its bare name."""
    stager = upstream("utils.data_handling").DataStager
    with (
        mock.patch.object(stager, "__init__", return_value=None),
        mock.patch.object(stager, "stage_files", return_value=None),
        mock.patch.object(stager, "get_filepath", lambda _, name: name),
    ):
        yield


def projects_of(name):
    """Return the modules of icecube that a module of upstream imports itself."""
    found = set()
    tree = ast.parse(Path(sys.modules[f"skymap_scanner.{name}"].__file__).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "icecube":
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("icecube."):
            found.add(node.module.removeprefix("icecube."))
    return sorted(found)


def recorded_tray(build):
    """Return the tray that a call creates, without running it."""
    with (
        recording.recorded() as made,
        mock.patch.object(icetray.I3Tray, "Execute", return_value=None),
    ):
        build()
    return made.trays[-1]


def prepare_records(upstream, name, version, key):
    """Return the records of the preparation of an event, by kind of event."""
    prepare = upstream("utils.prepare_frames").prepare_frames

    def tray(
        baseline: str | None, *, is_real: bool = True, has_bad_doms: bool = True
    ) -> icetray.I3Tray:
        frames = [icetray.I3Frame(stop) for stop in "GCDQP"]
        if has_bad_doms:
            frames[2]["BadDomsList"] = dataclasses.I3VectorOMKey()
        metadata = EventMetadata(131577, 4242, "HESE", 60000.5, is_real, 1)
        return recorded_tray(lambda: prepare(frames, metadata, baseline, name, version))

    trays = {
        "whole GCD": tray(None),
        "baseline GCD": tray(BASELINE),
        "bad DOMs missing": tray(None, has_bad_doms=False),
        "bad DOMs missing, simulation": tray(None, is_real=False, has_bad_doms=False),
        "baseline GCD, bad DOMs missing": tray(BASELINE, has_bad_doms=False),
    }
    frames = tray_scenarios.prepare(key)
    compressed = {name: one for name, one in frames.items() if "differences" in name}
    return {
        kind: recording.record_of(tray, frames if kind == "whole GCD" else compressed)
        for kind, tray in trays.items()
    }


def seed_particle(direction):
    seed = dataclasses.I3Particle()
    seed.pos = dataclasses.I3Position(1.0, 2.0, 3.0)
    seed.dir = dataclasses.I3Direction(*direction)
    return seed


def set_up(upstream, name, version):
    """Return a reconstruction that is ready to make trays, and its services."""
    reco = upstream(f"recos.{name}").RECO_CLASS(version)
    with recording.recorded() as made, without_staging(upstream):
        reco.setup_reco()
    return reco, [recording.plain(service) for service in made.services]


def reconstruct_records(reco, name, key):
    """Return the records of the fit of a pixel, by the direction of its seed."""
    frames = getattr(tray_scenarios, name.split("_")[0])(key)
    records = {}
    for kind, direction in SEEDS.items():
        seed = None if direction is None else seed_particle(direction)
        tray = icetray.I3Tray()
        tray.AddSegment(
            reco.traysegment, f"{name}_traysegment", logger=logging.getLogger(), seed=seed
        )
        records[kind] = recording.record_of(tray, frames)
        if name == "millipede_wilks":
            frames = {}  # the functions are the same for every seed
    if all(record == records["no seed"] for record in records.values()):
        return {"any seed": records["no seed"]}
    return records


def uncompress_record(upstream, name, version):
    """Return how the GCD is completed before a fit."""
    client = upstream("client.reco_icetray")
    pixel = pixel_scenarios.fitted_pixel(MillipedeSeedParticle=seed_particle((0.3, 1.2)))
    packet = pixel_scenarios.prepared_packet(FORMATS[version])

    def build() -> None:
        with mock.patch.object(client.os.path, "isfile", return_value=True):
            try:
                client.reco_pixel(name, pixel, packet, BASELINE, Path("none"), version)
            except FileNotFoundError:
                return  # the tray did not run

    with without_staging(upstream):
        record = recording.record_of(recorded_tray(build), {})
    return [one for one in record if one.get("segment", "").endswith("uncompress")]


def result_records(upstream, name):
    """Return upstream's result for a fitted frame, by scenario."""
    reco = upstream(f"recos.{name}").RECO_CLASS
    cases = getattr(pixel_scenarios, name.split("_")[0] + "_results")()
    return {
        case: recording.outcome(lambda f=frames: plain_result(reco.to_recopixelvariation(*f)))
        for case, frames in cases.items()
    }


def plain_result(result):
    names = ("nside", "pixel_id", "posvar_id", "llh", "reco_losses_inside")
    names += ("reco_losses_total", "position", "time", "energy")
    return {name: recording.bare(getattr(result, name)) for name in names}


def seed_records(upstream, name, version, key):
    """Return the frames of pixels, each of a new PixelsToReco, since its rotation compounds."""
    records = {}
    for case, (nside, pixel, light, finished) in pixel_scenarios.PIXELS.items():
        packet = pixel_scenarios.prepared_packet(key, light=light)
        header = packet[-1]["I3EventHeader"]
        mjd = header.start_time.mod_julian_day_double
        pixels = collections.defaultdict(dict)
        for coarse, number, llh, x, y, z, time, energy in finished:
            pixels[coarse][number] = types.SimpleNamespace(
                llh=llh, position=dataclasses.I3Position(x, y, z), time=time, energy=energy
            )
        to_reco = upstream("server.start_scan").PixelsToReco(
            nsides_dict=pixels,
            GCDQp_packet=packet,
            baseline_GCD=None,
            min_nside=8,
            input_time_name="SeedVertexTime",
            input_pos_name="SeedVertexPos",
            output_particle_name="MillipedeSeedParticle",
            reco_algo=name,
            event_metadata=EventMetadata(header.run_id, header.event_id, "HESE", mjd, 1, 1),
            realtime_format_version=version,
        )
        frames = to_reco._gen_pframes(nside, pixel)
        records[case] = [recording.contents(frame) for frame in frames]
        records["pointing"] = to_reco.pointing_ra_dec
    return records


def reco_record(upstream, name):
    """Return everything that is recorded about one of upstream's reconstructions."""
    formats = {}
    for version, key in FORMATS.items():
        reco, services = set_up(upstream, name, version)
        formats[version] = {
            "pulses": reco.get_input_pulses(version),
            "pointing_dir_name": reco.pointing_dir_name,
            "prepare": prepare_records(upstream, name, version, key),
            "reconstruct": reconstruct_records(reco, name, key),
        }
    flags = ("rotate_vertex", "refine_time", "add_fallback_position", "ang_dist")
    return {
        "upstream": f"icecube/skymap_scanner at {COMMIT}",
        "reco": name,
        **{flag: getattr(reco, flag) for flag in flags},
        "projects": projects_of(f"recos.{name}") or projects_of("recos.splinempe"),
        "splines": reco.SPLINE_REQUIREMENTS,
        "variations": recording.bare(reco.get_vertex_variations()),
        "services": services,
        "uncompress": uncompress_record(upstream, name, version),
        "formats": formats,
        "results": result_records(upstream, name),
        "seeds": seed_records(upstream, name, "2021a", FORMATS["2021a"]),
    }


def gcd_records(upstream):
    """Return the baseline GCD that upstream uses, by content of the packet and by run."""
    module = upstream("utils.extract_json_message")
    named = {
        case: recording.outcome(
            module.extract_GCD_diff_base_filename, pixel_scenarios.gcd_packet(*differences)
        )
        for case, differences in pixel_scenarios.PACKETS.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in pixel_scenarios.GCD_FILES:
            write_gcd(Path(folder, name))
        by_run = {str(run): gcd_of_run(module, run, folder) for run in pixel_scenarios.RUNS}
    return {"base_filename": named, "files": pixel_scenarios.GCD_FILES, "by_run": by_run}


def write_gcd(path):
    """Write a GCD whose frames contain the name of their file."""
    file = dataio.I3File(path, "w")
    for stop in "GCD":
        frame = icetray.I3Frame(stop)
        frame["from"] = dataclasses.I3String(path.name)
        file.push(frame)
    file.close()


def gcd_of_run(module, run, folder):
    """Return the file from which upstream fills empty GCD frames."""
    packet = [icetray.I3Frame(stop) for stop in "GCDQP"]
    header = dataclasses.I3EventHeader()
    header.run_id, header.start_time = run, dataclasses.I3Time(2016, 1)
    packet[-1]["I3EventHeader"] = header
    packet[-1]["HESE_llhratio"] = dataclasses.I3Double(0.0)
    seen = []

    def prepare(frames: list, *_: object, **__: object) -> list:
        seen.append({frame["from"].value for frame in frames[:3]})
        return frames

    with (
        tempfile.TemporaryDirectory() as cache,
        mock.patch.object(module, "prepare_frames", prepare),
    ):
        module.prepare_frame_packet(
            packet,
            reco_algo="dummy",
            is_real_event=True,
            realtime_format_version="2021a",
            cache_dir=cache,
            GCD_dir=folder,
        )
    (name,) = seen[0]
    return name


def vertex_records(upstream):
    """Return upstream's geometries of seed vertices."""
    generator = upstream("recos").VertexGenerator
    shapes = {
        "point": generator.point(),
        "octahedron 20": generator.octahedron(20.0),
        "octahedron 7.5": generator.octahedron(7.5),
        "cylinder": generator.cylinder(),
        "cylinder (-10, 0, 30) (50, 80) 4": generator.cylinder(
            (-10.0, 0.0, 30.0), (50.0, 80.0), 4
        ),
        "mini test 20": generator.mini_test(20.0),
    }
    return {name: recording.bare(shape) for name, shape in shapes.items()}


def records(clone, folder):
    """Return all records by file name."""
    upstream = import_upstream(clone, folder)
    made = {name: reco_record(upstream, name) for name in RECOS}
    made["vertices"] = vertex_records(upstream)
    made["gcd"] = gcd_records(upstream)
    return made


def main():
    """Write the records."""
    clone, output = (*sys.argv[1:], HERE / "icetray_records")[:2]
    for name in ("I3_BUILD", "_SKYSCAN_CI_MINI_TEST"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        made = records(clone, Path(folder))
    Path(output).mkdir(exist_ok=True)
    for name, record in made.items():
        Path(output, f"{name}.json").write_text(readable(record) + "\n")


if __name__ == "__main__":
    main()
