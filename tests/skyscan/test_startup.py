"""The startup folder, and the seeds that jobs derive from it."""

import json
import math
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from events_support import simulated_event
from scans_support import MJD, SCAN_ID, a_startup, pixel_rows

from skyscan import local_to_equatorial, prep
from skyscan.coordinates import equatorial_to_local
from skyscan.errors import BadInput
from skyscan.events.event import Event, Vertex
from skyscan.events.source import Source
from skyscan.job.worker import reconstruct, seeded
from skyscan.pixels import directions
from skyscan.prep import prepare
from skyscan.recos.dummy import Dummy
from skyscan.startup import is_whole, read_startup

SOURCE = Source(Path("event.json"), is_real_event=False)

PIXELS = pixel_rows(8, range(50, 80), n_variations=4)


class Around(Dummy):
    """Four variations, rotated with the pixel; the fits are the seeds."""

    rotate_vertex: ClassVar[bool] = True

    def variations(self):
        return np.array([[0.0, 0, 0], [100, 0, 0], [0, 100, 0], [0, 0, 100]])


class Still(Around):
    rotate_vertex: ClassVar[bool] = False


class Pointed(Dummy):
    pulses_key = "OtherPulses"
    pointing_key = "MCTruth"
    angular_distance: ClassVar[float] = 5.0

    def prepare(self, event, folder):
        (folder / "table.bin").write_bytes(b"prepared")
        return super().prepare(event, folder)


@pytest.mark.parametrize(
    "made",
    [
        a_startup(),
        a_startup(pointing=(1.0, -0.5, 0.06), n_variations=7, files={"a": "0" * 64}),
        a_startup(seed=Vertex(1.0, 2.0, math.nan, 4.0, 5.0)),
    ],
)
def test_written_values_are_read_back(tmp_path, made):
    made.write(tmp_path)
    assert repr(read_startup(tmp_path)) == repr(made)
    json.loads((tmp_path / "startup.json").read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    "change", [{"seed": [1]}, {"seed": {}}, {"extra": 1}, {"pointing": 3}, {"seed": {"x": "y"}}]
)
def test_a_damaged_file_is_bad_input(tmp_path, change):
    a_startup().write(tmp_path)
    path = tmp_path / "startup.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BadInput, match=r"startup\.json is damaged"):
        read_startup(tmp_path)
    assert not is_whole(tmp_path, SCAN_ID)


def local(pixels):
    return equatorial_to_local(*directions(pixels["nside"], pixels["pixel"]), MJD)


def vertices(pixels):
    return np.stack([pixels[axis] for axis in "xyz"], axis=1)


def test_variations_are_added_to_the_seed_unchanged(tmp_path):
    assert not list(tmp_path.iterdir())
    moved = seeded(PIXELS, Still(), *local(PIXELS))
    offsets = vertices(moved) - vertices(PIXELS)
    assert np.allclose(offsets, np.tile(Still().variations(), (30, 1)))
    assert (moved["time"] == PIXELS["time"]).all()


def test_rotated_variations_are_along_and_across_the_direction_of_the_pixel():
    zenith, azimuth = local(PIXELS)
    offsets = vertices(seeded(PIXELS, Around(), zenith, azimuth)) - vertices(PIXELS)
    travel = -np.stack(
        [
            np.sin(zenith) * np.cos(azimuth),
            np.sin(zenith) * np.sin(azimuth),
            np.cos(zenith),
        ],
        axis=1,
    )
    along = (offsets * travel).sum(axis=1).reshape(-1, 4)
    assert np.allclose(along, [0, 0, 0, 100])
    assert np.allclose(np.linalg.norm(offsets, axis=1).reshape(-1, 4), [0, 100, 100, 100])
    first, second = offsets.reshape(-1, 4, 3)[:, 1], offsets.reshape(-1, 4, 3)[:, 2]
    assert np.allclose((first * second).sum(axis=1), 0)


def test_seeds_depend_on_their_own_pixel_only_and_the_argument_is_not_changed():
    before = PIXELS.tobytes()
    whole = seeded(PIXELS, Around(), *local(PIXELS))
    order = np.random.default_rng(3).permutation(len(PIXELS))
    for part in np.array_split(order, 7):
        assert seeded(PIXELS[part], Around(), *local(PIXELS[part])).tobytes() == (
            whole[part].tobytes()
        )
    assert PIXELS.tobytes() == before


def test_records_depend_on_their_own_pixel_only():
    whole = reconstruct(PIXELS, 1, Around(), a_startup())
    order = np.random.default_rng(4).permutation(len(PIXELS))
    names = [name for name in whole.dtype.names if name != "run_time"]
    for part in np.array_split(order, 5):
        some = reconstruct(PIXELS[part], 1, Around(), a_startup())
        assert [some[n].tobytes() for n in names] == [whole[part][n].tobytes() for n in names]


@pytest.fixture
def pointed(monkeypatch):
    monkeypatch.setattr(prep, "reco_class", lambda _: Pointed)


def read_with(read):
    """Return a reader of the simulated event that records the requested pulses."""

    def reader(_path, key) -> Event:
        read.append(key)
        return simulated_event(pulses_key=key or "SplitUncleanedInIcePulses")

    return reader


@pytest.mark.usefixtures("pointed")
def test_prep_reads_the_pulses_that_the_reconstruction_uses(tmp_path):
    read = []
    made = prepare(SCAN_ID, "pointed", SOURCE, tmp_path / "startup", read_with(read))
    assert read == [None, "OtherPulses"]
    assert repr(read_startup(tmp_path / "startup")) == repr(made)
    assert is_whole(tmp_path / "startup", SCAN_ID)
    assert not is_whole(tmp_path / "startup", "f" * 32)


@pytest.mark.usefixtures("pointed")
@pytest.mark.parametrize("damage", ["change", "remove"])
def test_prep_is_not_complete_after_a_prepared_file_was_damaged(tmp_path, damage):
    prepare(SCAN_ID, "pointed", SOURCE, tmp_path, read_with([]))
    table = tmp_path / "table.bin"
    table.write_bytes(b"changed") if damage == "change" else table.unlink()
    assert not is_whole(tmp_path, SCAN_ID)


@pytest.mark.usefixtures("pointed")
def test_a_pointed_scan_is_centred_on_the_fit_of_the_event(tmp_path):
    event = simulated_event()
    made = prepare(SCAN_ID, "pointed", SOURCE, tmp_path, read_with([]))
    fit = event.fits["MCTruth"]
    ra, dec = local_to_equatorial(fit.zenith, fit.azimuth, event.mjd)
    assert made.pointing == (float(ra), float(dec), math.radians(5.0))


@pytest.mark.usefixtures("pointed")
def test_a_pointed_scan_of_an_event_without_that_fit_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="has no MCTruth"):
        prepare(
            SCAN_ID,
            "pointed",
            SOURCE,
            tmp_path,
            lambda _path, _key: simulated_event(fits={}, scalars={}),
        )
    assert not (tmp_path / "startup.json").exists()
