"""Small files that ask for hours or gigabytes are refused within seconds, in little memory."""

import bz2
import gzip
import io
import struct
import subprocess
import sys
import tarfile

import pytest
from events_support import blob_of, message, packed, raw, simulated_frames

from skyscan.errors import BadInput
from skyscan.events.files import find_events
from skyscan.events.i3.archive import OutArchive
from skyscan.events.i3.frame import Frame, FrameObject, parse_frame, write_frame
from skyscan.events.packing.decompression import GZIP, inflated
from skyscan.events.raw import read_raw_packet

MAP = "I3Map<OMKey, vector<I3RecoPulse> >"
KEY = "SplitUncleanedInIcePulses"
#: Reads a file with little CPU time and memory; a machine that is busy takes longer, not more.
READER = """
import resource, sys
from skyscan.errors import BadInput
from skyscan.events import reader
reader.read_event(sys.argv[1])  # imports what is needed
megabytes = int(sys.argv[3]) + resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20,) * 2)
seconds = int(resource.getrusage(resource.RUSAGE_SELF).ru_utime) + 1 + int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
try:
    reader.read_event(sys.argv[2])
except BadInput as error:
    sys.exit(f"refused: {error}")
"""


def superdst(stamps, headers, widths):
    """Return an I3SuperDST whose streams are as long as four bytes can say."""
    archive = OutArchive("I3SuperDST", 1)
    streams = [("stamps", stamps, 2), ("headers", headers, 2)]
    streams += [("bytes", part, 1) for part in (widths, b"", b"", b"", b"")]
    for kind, content, size in streams:
        archive.begin(kind, 0, tracked=False)
        archive.begin("size", 0, tracked=False)
        archive.pack("<BI", 0xFF - 4, len(content) // size)
        archive._parts.append(content)
    return FrameObject("I3SuperDST", archive.buffer())


def map_of_doms(n):
    """Return a pulse map of DOMs without pulses, 13 bytes each."""
    archive = OutArchive("I3RecoPulseSeriesMap", 0)
    for kind, version in (("map", 0), ("pair", 0), ("OMKey", 2), ("vector", 0)):
        if kind == "pair":
            archive.pack("<I", n)
        if kind == "vector":
            archive.pack("<iIB", 0, 1, 0)
        archive.begin(kind, version, tracked=False)
    archive._parts.append(b"\0\0\0\0")
    archive._parts += [struct.pack("<iIBI", i, 1, 0, 0) for i in range(1, n)]
    return FrameObject(MAP, archive.buffer())


def masks(n):
    """Return a chain of masks, each of the next."""
    objects = {}
    for i in range(n):
        archive = OutArchive("I3RecoPulseSeriesMapMask", 2)
        archive.string(f"mask{i + 1}")
        archive.begin("bitmask", 0, tracked=False)
        archive.pack("<HB", 0, 0)
        archive.begin("vector", 0, tracked=False)
        archive.pack("<I", 0)
        objects[f"mask{i}"] = FrameObject("I3RecoPulseSeriesMapMask", archive.buffer())
    return {KEY: objects["mask0"], **objects}


def keys(n):
    return write_frame(Frame("Q", {f"{i:x}": FrameObject("", b"") for i in range(n)}))


def with_pulses(objects, folder):
    """Return an .i3 file of the simulated event with other pulses."""
    frames = simulated_frames(folder)
    of_physics = {**parse_frame(frames["P"]).objects, **objects}
    return frames["Q"] + raw("P", of_physics)


EMPTY = raw("Q")
NOTHING = gzip.compress(b"")
BOMBS = {
    "empty frames": (lambda _: gzip.compress(EMPTY * 100_000, 9), "more than 256 frames"),
    "frames of keys": (lambda _: gzip.compress(keys(4000) * 50), "4000 keys, more than any"),
    "empty gzip members": (lambda _: NOTHING * 400_000, "pieces that hold almost nothing"),
    "tiny gzip members": (
        lambda _: b"".join(gzip.compress(bytes([byte])) for byte in EMPTY * 4000),
        "pieces that hold almost nothing",
    ),
    "empty bzip2 members": (
        lambda _: bz2.compress(EMPTY) + bz2.compress(b"") * 400_000,
        "pieces that hold almost nothing",
    ),
    "deflate blocks of nothing": (
        lambda _: NOTHING[:10] + b"\0\0\0\xff\xff" * 2_000_000,
        "compressed data that hold almost nothing",
    ),
    "zeros after the last member": (
        lambda _: gzip.compress(EMPTY) + bytes(20_000_000),
        "compressed data that hold almost nothing",
    ),
    "JSON of empty lists": (
        lambda _: b"[[]," + b"[[]]," * 6_000_000 + b"0]",
        "is not an event file",
    ),
    "JSON that is deep": (lambda _: b"[" * 30_000_000, "is not an event file"),
    "JSON integer": (lambda _: b'{"a":' + b"9" * 30_000_000 + b"}", "is not an event file"),
    "frames in zlib": (
        lambda _: message(*[packed("G", {"x": FrameObject("", bytes(2**25))})] * 5),
        "far larger than any",
    ),
    "a frame in zlib": (lambda _: message(["P", blob_of(bytes(2**27))]), "unpacks to more"),
    "pickles of many steps": (
        lambda _: message(*[["P", blob_of(b"\x80\x02" + b"]" * 2_000_000)]] * 16),
        "too many instructions",
    ),
    "long numbers of widths": (
        lambda folder: with_pulses(
            {KEY: superdst(bytes(200_000), bytes(2), b"\xf0" * 1_000_000)}, folder
        ),
        "more widths than pulses",
    ),
    "many readouts": (
        lambda folder: with_pulses(
            {KEY: superdst(b"\0\x80" * 3_000_000, bytes(2), b"")}, folder
        ),
        "3000000 stamps, more than any event",
    ),
    "many DOMs": (
        lambda folder: with_pulses({KEY: map_of_doms(500_000)}, folder),
        "500000 DOMs, more than any event",
    ),
    "masks of masks": (
        lambda folder: with_pulses(masks(5000), folder),
        "is a mask of a mask, more than 8 times",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_does_not_cost_hours_or_gigabytes(tmp_path, name):
    make, text = BOMBS[name]
    (tmp_path / "good.i3").write_bytes(b"".join(simulated_frames(tmp_path).values()))
    (tmp_path / "bomb").write_bytes(make(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", READER, tmp_path / "good.i3", tmp_path / "bomb", "400", "2"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done
    assert done.stderr.startswith(f"refused: {tmp_path / 'bomb'}: ")
    assert text in done.stderr


@pytest.mark.parametrize("ending", [b"", bytes(1000)])
def test_files_in_blocks_as_some_programs_write_them_are_read(tmp_path, ending):
    whole = b"".join(simulated_frames(tmp_path).values())
    for pack in (gzip.compress, bz2.compress):
        blocks = [pack(whole[at : at + 16]) for at in range(0, 1024, 16)] + [pack(whole[1024:])]
        (tmp_path / "blocks").write_bytes(b"".join(blocks) + ending)
        (tmp_path / "plain").write_bytes(whole)
        assert read_raw_packet(tmp_path / "blocks") == read_raw_packet(tmp_path / "plain")


def test_blocks_that_hold_enough_are_not_counted():
    content = bytes(range(256)) * 4 * 1000
    packed_up = b"".join(
        gzip.compress(content[at : at + 1024], 1) for at in range(0, len(content), 1024)
    )
    with inflated(io.BufferedReader(io.BytesIO(packed_up)), GZIP) as stream:
        assert stream.read(len(content) + 1) == content


def tar_header(kind, size):
    """Return the header of a member; size in 12 bytes, as GNU tar writes large ones."""
    member = tarfile.TarInfo("x.i3")
    member.type = kind
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_member_of_an_exabyte_is_not_looked_for_behind_the_end(tmp_path, kind):
    path = tmp_path / "bomb.tar"
    path.write_bytes(tar_header(kind, 2**60) + bytes(10_240))
    with pytest.raises(BadInput, match="archive"):
        list(find_events(path))


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g", b"X"])
def test_a_name_of_gigabytes_is_not_read(tmp_path, kind):
    path = tmp_path / "bomb.tar.bz2"
    with bz2.open(path, "wb") as file:
        file.write(tar_header(kind, 3 * 2**30) + bytes(4 * 2**20))
    with pytest.raises(BadInput, match="endless header"):
        list(find_events(path))
