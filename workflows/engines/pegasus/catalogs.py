"""Pegasus' catalogs and properties, from the same site profile as the submit files."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

from Pegasus.api import (
    Directory,
    FileServer,
    Namespace,
    Operation,
    Properties,
    ReplicaCatalog,
    Site,
    SiteCatalog,
    Transformation,
    TransformationCatalog,
)

from skyscan import layout
from skyscan.errors import ExitCode
from skyscan.job.ad import OUTPUT_IS_HERE
from skyscan.layout import ScanFolder
from skyscan.storage import write_text
from workflows.engines.job import job_description, job_environment
from workflows.engines.pegasus.folder import LOCAL, OSDF, POOL
from workflows.engines.pegasus.staging import shared_replica, staging_folder
from workflows.steps import (
    ACCESS_POINT_SH,
    DEADLINE,
    RETRY,
    merge_step,
    next_round_step,
    prep_step,
    reco_step,
)

if TYPE_CHECKING:
    from pathlib import Path

    from condor import sites
    from workflows.engines.pegasus.folder import PegasusFolder
    from workflows.planned import Planned
    from workflows.steps import Step

#: Commands that Pegasus itself writes into submit files, from the workflow and its profiles.
_PEGASUS_WRITES = frozenset(
    {
        *("executable", "arguments", "environment", "output", "error"),
        *("should_transfer_files", "transfer_input_files", "transfer_output_files"),
        *("transfer_output_remaps", "when_to_transfer_output"),
        # The output of a job is in the record that Pegasus writes at its end.
        *("stream_output", "stream_error", f"+{OUTPUT_IS_HERE}"),
        # Pegasus takes a job that exits with this code at a checkpoint for failed.
        *("checkpoint_exit_code", "transfer_checkpoint_files"),
        # Each try is a new submission by DAGMan's RETRY.
        *("max_retries", "retry_until"),
    }
)


def write_catalogs(folder: PegasusFolder, scan: Planned, site: sites.Site) -> None:
    """Write the three catalogs and the properties."""
    write_catalog(folder.sites, site_catalog(folder, site))
    write_catalog(folder.transformations, transformation_catalog(folder, scan, site))
    write_catalog(folder.replicas, replica_catalog(folder, scan, site))
    write_catalog(folder.properties, properties(folder, scan, site))


def site_catalog(folder: PegasusFolder, site: sites.Site) -> SiteCatalog:
    """Return the access point, the pool, and the site of the files that all jobs read."""
    local = Site(LOCAL)
    for kind, path in (
        (Directory.SHARED_SCRATCH, folder.scratch),
        (Directory.LOCAL_STORAGE, folder.storage),
    ):
        server = FileServer(f"file://{path}", Operation.ALL)
        local.add_directories(Directory(kind, path).add_file_servers(server))
    pool = Site(POOL).add_pegasus_profile(style="condor")
    pool.add_condor_profile(universe="vanilla")
    catalog = SiteCatalog().add_sites(local, pool)
    if site.staging:
        server = FileServer(site.staging, Operation.GET)
        there = Directory(Directory.SHARED_STORAGE, staging_folder(site))
        catalog.add_sites(Site(OSDF).add_directories(there.add_file_servers(server)))
    return catalog


def transformation_catalog(
    folder: PegasusFolder, scan: Planned, site: sites.Site
) -> TransformationCatalog:
    """Return the program and the profiles of each kind of step."""
    catalog = TransformationCatalog()
    for step in (prep_step(scan), reco_step(scan)):
        program = Transformation(step.name, site=LOCAL, pfn=folder.carry_sh, is_stageable=True)
        for key, value in condor_profiles(step, scan, site).items():
            program.add_profiles(Namespace.CONDOR, key=key, value=value)
        for key, value in job_environment(scan).items():
            program.add_profiles(Namespace.ENV, key=key, value=value)
        catalog.add_transformations(program)
    here = ScanFolder(folder.scan).workflow / ACCESS_POINT_SH
    for step in (next_round_step(0, (), ""), merge_step()):
        catalog.add_transformations(
            Transformation(step.name, site=LOCAL, pfn=here, is_stageable=False)
        )
    return catalog


def condor_profiles(step: Step, scan: Planned, site: sites.Site) -> dict[str, str]:
    """Return the submit commands of a job, the same as with DAGMan except for checkpoints.

    A job that exits with ``ExitCode.CHECKPOINT`` stays in the queue: its results have been
    transferred by then, and it gets them back when it starts again.
    """
    # Each try is a new submission, so requests grow with the submissions. A checkpoint counts
    # as a completion of the job here, so completions do not count failures.
    described = job_description(replace(step, retries=0), scan, site)
    commands = {
        key: value.replace(RETRY, "DAGNodeRetry").replace("NumJobCompletions", "0")
        for key, value in described.items()
        if key not in _PEGASUS_WRITES
    }
    if scan.deadline is not None:
        since = f"(QDate + {scan.deadline:.0f})"  # rounds know the time, see `deadline_profile`
        commands = {key: it.replace(DEADLINE, since) for key, it in commands.items()}
    if step.checkpoints:
        commands["on_exit_remove"] = f"ExitCode =!= {ExitCode.CHECKPOINT:d}"
    return commands


def deadline_profile(scan: Planned, site: sites.Site, deadline: int) -> dict[str, str]:
    """Return the profile that removes jobs of a round at the deadline, whose time is known."""
    condition = job_description(reco_step(scan), scan, site)["periodic_remove"]
    return {"periodic_remove": condition.replace(DEADLINE, str(deadline))}


def replica_catalog(folder: PegasusFolder, scan: Planned, site: sites.Site) -> ReplicaCatalog:
    """Return the files that exist before the workflow runs.

    They include the output of prep from an earlier run, if any: Pegasus then leaves out the job
    that would make it again.
    """
    catalog = ReplicaCatalog()
    here = ScanFolder(folder.scan)
    ice = [] if scan.ice_sha256 is None else [here.ice]
    kernel = [] if scan.kernel_sha256 is None else [here.kernel]
    for path in (here.workflow / layout.JOB_SH, here.event / scan.event_file, *ice, *kernel):
        catalog.add_replica(LOCAL, path.name, path)
    shared = [here.code]
    if folder.startup_tar.exists():
        shared.append(folder.startup_tar)
    for path in shared:
        found = shared_replica(path, site)
        catalog.add_replica(found.site, path.name, found.pfn)
    return catalog


def properties(folder: PegasusFolder, scan: Planned, site: sites.Site) -> Properties:
    """Return the settings of pegasus-plan."""
    settings = Properties()
    settings["pegasus.data.configuration"] = "condorio"
    if site.staging:
        # HTCondor itself fetches files with an osdf URL for each job.
        settings["pegasus.transfer.bypass.input.staging"] = "true"
    settings["pegasus.catalog.site.file"] = str(folder.sites)
    settings["pegasus.catalog.transformation.file"] = str(folder.transformations)
    settings["pegasus.catalog.replica.file"] = str(folder.replicas)
    # Batches and results have their own checksums; this would need Python in each job.
    settings["pegasus.integrity.checking"] = "none"
    # For Pegasus' own jobs (folders, transfers); each of our jobs has its own value.
    settings["dagman.retry"] = str(scan.max_retries)
    settings["dagman.maxidle"] = str(site.max_idle)
    return settings


def write_catalog(
    path: Path,
    catalog: SiteCatalog | TransformationCatalog | ReplicaCatalog | Properties,
) -> None:
    """Write a catalog, or the properties."""
    text = io.StringIO()
    catalog.write(text)
    write_text(path, text.getvalue())
