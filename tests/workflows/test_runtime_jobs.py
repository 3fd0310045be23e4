"""Scans in each runtime: HTCondor accepts the plans, and jobs run in the runtime."""

from __future__ import annotations

import shutil
import sys
from contextlib import chdir
from typing import TYPE_CHECKING

import pytest
from plans_support import EVENT, options
from scans import RunningScan, environment, make_scan

from workflows.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    from condor.contact import Pool
    from skyscan.layout import ScanFolder

pytestmark = pytest.mark.pool

ICECUBE = "/cvmfs/icecube.opensciencegrid.org"
ON_ICECUBE_CVMFS = "TARGET.HAS_CVMFS_icecube_opensciencegrid_org"
#: The variables of a node, which DAGMan sets.
NODE = {"prep": ["retry=0"], "reco": ["round=000", "batch=00000", "retry=0"], "merge": []}
CONTAINER = {"WantContainer": "true"}


def job_ads(pool: Pool, folder: ScanFolder) -> dict[str, dict[str, str]]:
    """Return condor_submit's ad for each submit file, as {name: {attribute: value}}."""
    shutil.copytree(folder.event, folder.path / "startup")  # the output of prep
    for path in (folder.round(0).batch(0), folder.round(0).result(0)):
        path.parent.mkdir(parents=True)
        path.write_text("")
    ads = {}
    for path in sorted(folder.workflow.glob("*.sub")):
        ad = path.with_suffix(".ad")
        with chdir(folder.workflow):
            done = pool.run("condor_submit", "-dry-run", str(ad), *NODE[path.stem], path.name)
        assert done.returncode == 0, done.stdout + done.stderr
        # Before 25.10, condor_submit does not know what asks for more memory or disk at once.
        lines = (done.stdout + done.stderr).splitlines()
        assert not [it for it in lines if "WARNING" in it and "'retry_request_" not in it]
        lines = [line.split("=", 1) for line in ad.read_text().splitlines() if "=" in line]
        ads[path.stem] = dict(lines)
    return ads


def without_digest(ad: dict[str, str]) -> dict[str, str]:
    """Return a job without the digest of its code, the umask and its site's kernels."""
    own = ("SKYSCAN_CODE_SHA256=", "SKYSCAN_UMASK=", "SKYSCAN_KERNELS=")
    words = ad["Environment"].strip('"').split(" ")
    kept = " ".join(word for word in words if not word.startswith(own))
    return {**ad, "Environment": f'"{kept}"'}


@pytest.mark.parametrize("site", ["personal", "icecube"])
@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("host", {"Environment": f'"SKYSCAN_PYTHON={sys.executable}"'}),
        ("host:python3", {"Environment": '"SKYSCAN_PYTHON=python3"'}),
        (
            "cvmfs:/home/me/icetray/env-shell.sh",
            {"Environment": '"SKYSCAN_ENV_SHELL=/home/me/icetray/env-shell.sh"'},
        ),
        (
            "cvmfs:py3-v4.4.1/icetray/v1.12.0",
            {"Environment": '"SKYSCAN_ENV_SHELL=py3-v4.4.1/icetray/v1.12.0"'},
        ),
        (
            f"container:{ICECUBE}/containers/realtime/skymap_scanner:4.2.1",
            {
                **CONTAINER,
                "ContainerImage": f'"{ICECUBE}/containers/realtime/skymap_scanner:4.2.1"',
            },
        ),
        ("container:IMAGE", CONTAINER),
        (
            "container:docker://icecube/skymap_scanner:4.2.1",
            {**CONTAINER, "ContainerImage": '"docker://icecube/skymap_scanner:4.2.1"'},
        ),
        ("container:osdf:///ospool/a.sif", {**CONTAINER, "ContainerImage": '"a.sif"'}),
    ],
)
def test_htcondor_takes_every_submit_file_and_sees_the_runtime_in_prep_and_reco(
    pool, run_folder, site, runtime, expected
):
    image = run_folder / "image.sif"
    image.write_text("")
    text = runtime.replace("IMAGE", str(image))
    ads = job_ads(pool, plan(EVENT, run_folder, options(runtime=text, site=site)))
    assert set(ads) == {"prep", "reco", "merge"}
    for name in ("prep", "reco"):
        assert expected.items() <= without_digest(ads[name]).items()
        asks_for_cvmfs = ON_ICECUBE_CVMFS in ads[name]["Requirements"]
        on_cvmfs = runtime.startswith(("cvmfs:py3", "container:/cvmfs"))
        assert asks_for_cvmfs == (on_cvmfs and site == "icecube")
        assert ("has_avx2" in ads[name]["Requirements"]) == (site == "icecube")
        # An image of this machine is transferred to others, and only there.
        is_sent = str(image) in ads[name]["TransferInput"]
        assert is_sent == (runtime == "container:IMAGE" and site == "icecube")
    assert "WantContainer" not in ads["merge"]
    assert "SKYSCAN_" not in ads["merge"].get("Environment", "")


#: As icetray's own, it stays between HTCondor and Python, and logs every start.
ENV_SHELL = """#!/bin/sh
command=$1
shift
PATH="{here}:$PATH" PYTHONPATH="/fake/icetray:$PYTHONPATH" $command "$@"
exit $?
"""
PYTHON = """#!/bin/sh
[ "$1" = -S ] || echo "$PYTHONPATH" >>"{here}/starts"  # that one is job.sh's look at the code
exec "{python}" "$@"
"""


@pytest.fixture
def scan(pool: Pool, run_folder: Path) -> RunningScan:
    """Return a planned scan of 12 pixels whose jobs load an env-shell."""
    here = run_folder / "icetray"
    here.mkdir()
    for name, text in (("env-shell.sh", ENV_SHELL), ("python3", PYTHON)):
        (here / name).write_text(text.format(here=here, python=sys.executable))
        (here / name).chmod(0o755)
    with environment(SKYSCAN_DUMMY_COST="0.5"):
        return make_scan(
            pool,
            run_folder,
            reco="dummy",
            progression=((1, 0),),
            jobs_per_round=1,
            runtime=f"cvmfs:{here / 'env-shell.sh'}",
        )


def test_a_scan_in_an_env_shell_completes_and_its_vacated_job_keeps_its_results(scan):
    scan.submit().wait_for_fits(3)
    (job,) = scan.running_jobs()
    scan.pool.run("condor_vacate_job", job)
    report = scan.finish()
    assert report.outcome == "complete", report.text
    assert len(scan.fits()) == 12
    # SIGTERM reached Python through the env-shell, or all fits would have been lost.
    assert "JOB_EVICTED" in scan.events("round_000.dag")
    assert scan.fits().total() <= 13
    starts = (scan.folder.path.parent / "icetray" / "starts").read_text().splitlines()
    assert len(starts) == 3  # prep, and reco twice: their workers need no env-shell
    for path in starts:
        code, *rest = path.split(":")
        assert code.endswith("/skyscan.zip")
        assert rest[0] == "/fake/icetray"
