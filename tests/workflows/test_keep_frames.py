"""--keep-frames from the command line to the jobs."""

import re

import pytest
from plans_support import EVENT, options

from skyscan.errors import WrongUsage
from workflows.plan import plan
from workflows.planned import read_planned

ICETRAY = {"reco": "icetray_dummy", "runtime": "cvmfs:py3-v4.4.2/icetray/v1.19.1"}


@pytest.mark.parametrize(("keep", "recorded"), [(0, "0"), (3, "3")])
def test_each_job_sends_its_frames_home_with_its_results(tmp_path, keep, recorded):
    folder = plan(EVENT, tmp_path / "kept", options(**ICETRAY, keep_frames=keep))
    scan = read_planned(folder.scan_json)
    assert scan.environment["SKYSCAN_KEEP_FRAMES"] == recorded
    submit = (folder.workflow / "reco.sub").read_text()
    for line in (
        "transfer_output_files = $(batch).new.rec, $(batch).new.frames",
        "transfer_checkpoint_files = $(batch).new.rec, $(batch).new.frames",
    ):
        assert f"\n{line}\n" in submit
    (remaps,) = re.findall(r"\ntransfer_output_remaps = (.*)\n", submit)
    results = "rounds/$(round)/results/$(batch)/$(batch)"
    assert f"$(batch).new.frames={results}.frames" in remaps.replace("../", "")
    assert "--earlier-frames $(batch).frames --frames $(batch).new.frames" in submit
    plain = plan(EVENT, tmp_path / "plain", options(**ICETRAY))
    assert read_planned(plain.scan_json).id == scan.id  # no number depends on it
    assert "frames" not in (plain.workflow / "reco.sub").read_text()


def test_a_reconstruction_without_frames_and_pegasus_are_refused(tmp_path):
    with pytest.raises(WrongUsage, match="--keep-frames: dummy fits no frames"):
        plan(EVENT, tmp_path, options(keep_frames=0))
    with pytest.raises(WrongUsage, match="--keep-frames is not supported with Pegasus"):
        plan(EVENT, tmp_path, options(**ICETRAY, keep_frames=0, engine="pegasus"))
    assert not list(tmp_path.iterdir())
