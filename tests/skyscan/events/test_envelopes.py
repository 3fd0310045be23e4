"""Events in any envelope: compressed, in archives, and named like something else."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import tarfile
from shutil import which

import pytest
from events_support import raw_frames, simulated_event
from level2_support import frames_of, level2

from skyscan.errors import BadInput
from skyscan.events.choice import Choice, EventId
from skyscan.events.files import list_events, take_event
from skyscan.events.packing import tar
from skyscan.events.packing.decompression import ZSTD
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from skyscan.track.simulation import truth_of

PACKERS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.fixture
def alert(tmp_path):
    path = tmp_path / "alert.json"
    write_event(path, simulated_event())
    return path


def archive(path, *members: object, mode="w"):
    """Write a tar archive of {name: content} entries; return its path."""
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_json_in_an_archive_that_is_no_alert_is_passed_over(tmp_path):
    write_event(tmp_path / "event.json", simulated_event())
    alert = (tmp_path / "event.json").read_bytes()
    meta = b'{"source": "an alert", "runs": [1, 2]}'
    for entries in (
        [("a.json", meta), ("b.json", alert)],
        [("b.json", alert), ("a.json", meta)],
    ):
        found = list_events(archive(tmp_path / "events.tar", *entries))
        assert len(list(found)) == 1


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("name", ["x.json.gz", "x.i3", "no-suffix"])
def test_compressed_alerts_are_read_whatever_their_name(tmp_path, alert, pack, name):
    path = tmp_path / name
    path.write_bytes(PACKERS[pack](alert.read_bytes()))
    assert read_event(path).pulses.tobytes() == read_event(alert).pulses.tobytes()
    taken = take_event(path)
    assert (taken.name, taken.content) == ("event.json", alert.read_bytes())


@pytest.mark.parametrize("pack", PACKERS)
def test_compressed_frames_are_read(tmp_path, alert, pack):
    path = tmp_path / "x.json"
    path.write_bytes(PACKERS[pack](b"".join(raw_frames(alert).values())))
    assert read_event(path).name == simulated_event().name
    assert take_event(path).name == f"event.i3.{pack}"


def test_truncated_xz_is_an_error(tmp_path, alert):
    path = tmp_path / "x.i3.xz"
    path.write_bytes(lzma.compress(b"".join(raw_frames(alert).values()))[:-50])
    with pytest.raises(BadInput, match=r"cannot be decompressed|ends early|no physics frame"):
        read_event(path)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_all_events_of_an_archive_are_found(tmp_path, alert, mode):
    file = level2(tmp_path)
    path = archive(
        tmp_path / "events.tar",
        ("README", b"These are events."),
        ("a/alert.json", alert.read_bytes()),
        ("a/level2.i3.bz2", bz2.compress(file.read_bytes())),
        ("b/alert.json.gz", gzip.compress(b"".join(frames_of(tmp_path, 7)))),
        mode=mode,
    )
    entries = list(list_events(path))
    assert [it.event_id for it in entries] == [35405932, 1, 1, 2, 2, 3, 3, 7]
    assert [it.frame for it in entries] == [5, 11, 12, 14, 15, 17, 18, 20]
    for event_id, frame in ((35405932, 5), (2, 15), (7, 20)):
        by_id = take_event(path, Choice(EventId(event_id)))
        assert by_id == take_event(path, Choice(frame=frame))
        assert read_event(path, event=str(event_id)).event_id == event_id
    with pytest.raises(BadInput, match=r"several events .*--event"):
        read_event(path)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_archives_in_an_archive_are_read_as_folders(tmp_path, mode):
    content = b"".join(b"".join(frames_of(tmp_path, i)) for i in (1, 2))
    path = tmp_path / "0.tar"
    archive(path, ("README", b"x"), ("a.i3", content), ("b.i3.xz", lzma.compress(content)))
    for depth in (1, 2):
        inside = path.read_bytes()
        path = tmp_path / f"{depth}.tar"
        archive(path, (f"{depth - 1}.tar", inside), ("c.i3", content), mode=mode)
        assert [it.event_id for it in list_events(path)] == [1, 2] * (2 + depth)
    assert read_event(path, frame=4).event_id == 2
    content = content[:-1] + bytes([content[-1] ^ 1])
    broken = archive(tmp_path / "broken.tar", ("a.i3", content)).read_bytes()
    archive(path, ("in.tar", broken), mode=mode)
    with pytest.raises(BadInput, match=r"2.tar \(in.tar/a.i3\): frame number 4"):
        take_event(path, Choice(frame=4))
    for _ in range(3):
        archive(path, ("x.tar", path.read_bytes()), mode=mode)
    with pytest.raises(BadInput, match=r"2.tar.*archive of archives, more than 3 deep.*unpack"):
        list(list_events(path))


def test_a_large_file_in_zstandard_in_an_archive_does_not_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(tar, "MAX_ZSTD_BYTES", 2 * tar.CHUNK)
    large = ZSTD + bytes(4 * tar.CHUNK)
    path = archive(tmp_path / "events.tar", ("a.zst", large))
    with pytest.raises(BadInput, match=r"more than 2097152 bytes of Zstandard.*unpack"):
        list(list_events(path))


@pytest.mark.skipif(which("zstd") is None, reason="needs the program zstd")
def test_files_in_zstandard_in_an_archive_are_read(tmp_path, alert):
    packed = subprocess.run(["zstd", "-qc", alert], capture_output=True, check=True).stdout
    path = archive(tmp_path / "events.tar", ("a.zst", packed), ("b.i3", alert.read_bytes()))
    assert [it.event_id for it in list_events(path)] == [35405932] * 2
    archive(path, ("a.zst", packed[:-50]))
    with pytest.raises(BadInput, match=r"events.tar.*cannot be decompressed"):
        list(list_events(path))


def test_damage_in_an_archive_names_the_file_inside(tmp_path, alert):
    content = bytearray(b"".join(raw_frames(alert).values()))
    content[-1] ^= 1
    path = archive(tmp_path / "events.tar", ("inner.i3", bytes(content)))
    with pytest.raises(BadInput, match=r"events.tar \(inner.i3\): frame number 5 .*checksum"):
        take_event(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(BadInput, match=r"events.tar.*(ends early|damaged tar archive)"):
        list(list_events(path))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (b"root" + bytes(100), "a ROOT file"),
        (b"<!DOCTYPE html><html>", "a page of a web server"),
        (b"hello, world\n" * 10, "text"),
        (b"{'a': 1}", "JSON that is damaged"),
        (bytes(range(256)), "is not an event file; give"),
    ],
)
def test_an_error_says_what_the_file_looks_like_and_what_is_read(tmp_path, content, kind):
    path = tmp_path / "x.i3"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=rf"{kind}.*an \.i3 file, or a tar archive"):
        read_event(path)


def test_the_truth_in_an_alert_of_skywriter_is_kept(alert):
    message = json.loads(alert.read_text())
    message["true"] = {"ra": 1.25, "dec": -0.5, "eprim": 1e5, "emuhi": None, "emuin": "x"}
    alert.write_text(json.dumps(message))
    assert truth_of(read_event(alert)) == (1.25, -0.5)


@pytest.mark.parametrize(("key", "value"), [("ra", 68.8), ("dec", -28.6)])
def test_a_truth_of_skywriter_in_degrees_is_refused(alert, key, value):
    message = json.loads(alert.read_text())
    message["true"] = {"ra": 1.25, "dec": -0.5, key: value}
    alert.write_text(json.dumps(message))
    with pytest.raises(BadInput, match=rf"it has a true direction with {key} {value}, which"):
        read_event(alert)


@pytest.mark.parametrize("block", [None, [], {"ra": "1.2"}, {"ra": float("nan")}, 3])
def test_a_truth_that_is_none_is_passed_over(alert, block):
    message = json.loads(alert.read_text())
    message["true"] = block
    alert.write_text(json.dumps(message))
    assert truth_of(read_event(alert)) is None


def test_one_event_of_many_is_read_by_its_numbers(tmp_path):
    path = level2(tmp_path)
    for chosen in ({"event": "136662:2"}, {"event": "2"}, {"frame": 10}):
        assert read_event(path, **chosen).event_id == 2
    daq, split = frames_of(tmp_path, 5)
    path.write_bytes(daq + split)
    assert read_event(path, stream="InIceSplit").event_id == 5
