"""A complete scan in an image that has only Python, numpy, scipy and healpy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from image_support import cached_image
from scans import RunningScan, environment, simulated_event, wait_until

from condor.software.apptainer import namespace_trouble
from skyscan.job.worker import TALLY_VARIABLE
from skyscan.results import count_records
from workflows.options import Options
from workflows.plan import plan

if TYPE_CHECKING:
    from condor.contact import Pool

pytestmark = pytest.mark.pool


def scan_in_image(pool: Pool, output_dir: Path) -> RunningScan:
    """Plan a scan of 48 pixels and then finer ones, in two jobs per round."""
    # The name identifies the scan's processes; each job has its own file.
    tally = Path("/tmp", "-".join(output_dir.parts[1:]))  # noqa: S108 - of the image
    with environment(**{TALLY_VARIABLE: str(tally), "SKYSCAN_DUMMY_COST": "0.5"}):
        options = Options(
            is_real_event=False,
            reco="dummy",
            progression=((2, 0), (4, 4)),
            jobs_per_round=2,
            runtime=f"container:{cached_image()}",
        )
        folder = plan(simulated_event(), output_dir, options)
    return RunningScan(folder, pool, tally)


def has_begun(scan: RunningScan) -> bool:
    """Return whether both jobs of the first round have fitted pixels, by files in images."""
    folders = [Path("/proc", str(pid), "cwd") for pid in scan.processes("reco")]
    results = [result for folder in folders for result in folder.glob("*.new.rec")]
    return sum(count_records(result) > 0 for result in results) == 2


def test_a_scan_in_an_image_gives_the_same_bytes_despite_kills(pool, run_folder):
    if namespace_trouble():
        pytest.skip(f"images cannot be run here: {namespace_trouble()}")
    scans = [scan_in_image(pool, run_folder / name) for name in ("quiet", "disturbed")]
    quiet, disturbed = [scan.submit() for scan in scans]

    wait_until(lambda: has_begun(disturbed), "pixels to be done")
    disturbed.kill_a("worker")
    pool.run("condor_vacate_job", disturbed.running_jobs()[0])
    wait_until(lambda: "JOB_EVICTED" in disturbed.events("round_000.dag"), "an eviction")
    disturbed.kill_a("reco")

    for scan in (quiet, disturbed):
        assert scan.finish().outcome == "complete"
        assert "universe = container" in (scan.folder.workflow / "reco.sub").read_text()
    # Apptainer exits with 128 + the signal that killed a job's process.
    assert set(disturbed.exits("round_000.dag")) == {0, 137}
    assert disturbed.npz() == quiet.npz()
