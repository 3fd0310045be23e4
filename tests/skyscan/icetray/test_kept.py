"""Fitted frames from jobs to one .i3 file; the real icetray is not needed for this."""

import os
import subprocess
import sys
from types import MappingProxyType

import numpy as np
import pytest
from plans_support import EVENT
from scans_support import a_scan, do_scan, prepared

from skyscan.events.i3.frame import Frame, split_frame, write_frame
from skyscan.events.i3.objects import write_scalar
from skyscan.events.raw import read_raw_packet
from skyscan.events.reader import read_event
from skyscan.frames import KEEP_VARIABLE, append_kept, packed, read_kept
from skyscan.icetray.kept import PACKET_FILE
from skyscan.merge import merge
from skyscan.records import ids_of
from skyscan.rounds.collect import collect

#: Lets the dummy offer frames, which are only text here, as a reconstruction in icetray does.
OFFERING = """
from skyscan.recos.dummy import Dummy

plain = Dummy.reconstruct

def reconstruct(self, pixels, zenith, azimuth):
    self.rows = pixels
    return plain(self, pixels, zenith, azimuth)

Dummy.offers_frames = True
Dummy.reconstruct = reconstruct
Dummy.frames = lambda self: tuple(
    f"{row['nside']}/{row['pixel']}".encode() for row in self.rows
)
"""


def scanned(path, keep: str):
    """Return a scan of the dummy whose jobs have left frames, real ones in their format."""
    scan = a_scan(environment={KEEP_VARIABLE: keep})
    folder = prepared(path, scan)
    packet = read_raw_packet(EVENT).frames
    event = split_frame(packet[-1].raw)
    raws = [*(it.raw for it in packet[:-1]), write_frame(Frame("p", event.objects))]
    (folder.startup / PACKET_FILE).write_bytes(b"".join(raws))
    do_scan(folder, scan)
    found = collect(folder, scan.id, folder.chosen_rounds())
    for number in folder.chosen_rounds():
        for ids, record in zip(ids_of(found.records), found.records, strict=True):
            objects = {
                "Fit_llh": write_scalar(float(record["llh"])),
                "Fit_ids": write_scalar(" ".join(map(str, ids))),
            }
            frame = write_frame(Frame("P", MappingProxyType(objects)))
            append_kept(
                folder.round(number).result(0).with_suffix(".frames"), packed(ids, frame)
            )
    return folder, scan, found.best


def test_the_best_pixel_alone_is_an_event_with_what_was_fitted(tmp_path):
    folder, scan, best = scanned(tmp_path / "scan", "1")
    merge(folder, scan)
    found = read_event(folder.path / f"{scan.name}_frames.i3")
    lowest = best[np.argmin(best["llh"])]
    assert found.scalars["Fit_llh"] == lowest["llh"]
    assert found.scalars["Fit_ids"] == " ".join(map(str, ids_of(np.array([lowest]))[0]))
    assert found.pulses.tobytes() == read_event(EVENT).pulses.tobytes()


@pytest.mark.parametrize(("keep", "n"), [("0", None), ("5", 5)])
def test_pixels_are_in_the_order_of_their_llh_after_the_event_itself(tmp_path, keep, n):
    folder, scan, best = scanned(tmp_path / "scan", keep)
    merge(folder, scan)
    path = folder.path / f"{scan.name}_frames.i3"
    content = path.read_bytes()
    starts = [at for at in range(len(content)) if content[at : at + 4] == b"[i3]"]
    ends = [*starts[1:], len(content)]
    frames = [split_frame(content[a:b]) for a, b in zip(starts, ends, strict=True)]
    n_parents = len(read_raw_packet(EVENT).frames) - 1
    assert [it.stop for it in frames[n_parents:]] == ["P"] * (n or len(best))
    assert "p" not in [it.stop for it in frames]
    ranked = [" ".join(map(str, ids)) for ids in ids_of(best[np.argsort(best["llh"])])][:n]
    buffers = [it.objects["Fit_ids"].buffer for it in frames[n_parents:]]
    assert buffers == [write_scalar(text).buffer for text in ranked]


def test_a_scan_that_keeps_none_has_no_such_file(tmp_path):
    scan = a_scan()
    folder = prepared(tmp_path / "scan", scan)
    do_scan(folder, scan)
    merge(folder, scan)
    assert not list(folder.path.rglob("*frames*"))


def test_a_job_writes_the_frame_of_each_fit_and_keeps_those_of_earlier_starts(tmp_path):
    scan = a_scan()
    folder = prepared(tmp_path / "scan", scan)
    do_scan(folder, scan, rounds=1)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(OFFERING)
    batch, frames = folder.round(0).batch(1), tmp_path / "00001.new.frames"
    earlier = tmp_path / "00001.frames"
    append_kept(earlier, packed((1, 99, 0), b"earlier"))
    command = [
        *(sys.executable, "-m", "skyscan", "reco", "--startup", folder.startup),
        *("--batch", batch, "--result", tmp_path / "new.rec", "--max-pixel-time", "60"),
        *("--frames", frames, "--earlier-frames", earlier),
    ]
    path = os.pathsep.join([str(tmp_path / "site"), *sys.path])
    subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path, KEEP_VARIABLE: "0"}, check=True
    )
    found = read_kept(frames)
    assert found.pop((1, 99, 0)) == b"earlier"
    assert len(found) == 4
    assert found == {ids: f"{ids[0]}/{ids[1]}".encode() for ids in found}
