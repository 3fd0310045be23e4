"""A replacement of Pegasus: its schemas, and the execution of a workflow on this machine.

The executor reads only the files that pegasus-plan reads. Each job runs in an empty folder with
the inputs that it declares, and must write the outputs that it declares.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from scans_support import do_batch, do_scan

from workflows.engines.pegasus.folder import PegasusFolder

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder

__all__ = ["Executor", "JobFailed", "complaints", "do_batch", "do_scan", "read"]

SCHEMAS = Path(__file__).parents[3] / "shared" / "pegasus-schema"
PATIENCE = 300  # seconds a job may take


def read(path):
    return yaml.safe_load(Path(path).read_text())


def complaints(path, schema: str) -> list[str]:
    """Return the errors of a file by Pegasus' schema (wf, sc, tc or rc)."""
    jsonschema = pytest.importorskip("jsonschema", reason="pip install -e .[dev] brings it")
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT7

    if not SCHEMAS.is_dir():
        pytest.skip(f"needs Pegasus' published schemas in {SCHEMAS}")
    schemas = {file.name: yaml.safe_load(file.read_text()) for file in SCHEMAS.glob("*.yml")}
    registry = Registry().with_resources(
        (name, Resource.from_contents(content, default_specification=DRAFT7))
        for name, content in schemas.items()
    )
    validator = jsonschema.Draft7Validator(schemas[f"{schema}-5.0.yml"], registry=registry)
    return [f"{path}: {it.json_path}: {it.message}" for it in validator.iter_errors(read(path))]


class JobFailed(Exception):
    """A job failed at its last try; the text has its whole output."""

    def __init__(self, name: str, code: int, printed: str) -> None:
        super().__init__(f"{name} ended with {code}: {printed}")
        self.name, self.code = name, code


@dataclass
class Executor:
    """Run a planned scan like Pegasus, job after job.

    Attributes
    ----------
    folder : ScanFolder
        A scan planned by `skyscan plan --engine pegasus`.
    broken : set of str
        Jobs that fail without being run, as on a lost machine.
    ran : list of (workflow, job)
        The jobs that ran, in order; a job that was tried twice is listed twice.
    workflows : list of Path
        The workflow files that were run.
    failed : JobFailed or None
        The failure that ended the run.
    """

    folder: ScanFolder
    broken: set[str] = field(default_factory=set)
    ran: list[tuple[str, str]] = field(default_factory=list)
    workflows: list[Path] = field(default_factory=list)
    failed: JobFailed | None = None

    def __post_init__(self) -> None:
        self.pegasus = PegasusFolder(self.folder.path)
        lines = self.pegasus.properties.read_text().split("\n")
        settings = dict(line.split(" = ", 1) for line in lines if line)
        self.transformations = {
            it["name"]: it
            for it in read(settings["pegasus.catalog.transformation.file"])["transformations"]
        }
        self.shared_replicas = settings["pegasus.catalog.replica.file"]
        local = read(settings["pegasus.catalog.site.file"])["sites"][0]
        self.scratch = Path(local["directories"][0]["path"])

    def run(self) -> Executor:
        """Run everything, or until a job has failed."""
        try:
            self._run(self.pegasus.workflow)
        except JobFailed as error:
            self.failed = error
        return self

    def _run(self, path: Path) -> None:
        self.workflows.append(path)
        workflow = read(path)
        replicas = replicas_in(read(self.shared_replicas)) | replicas_in(
            workflow.get("replicaCatalog", {"replicas": []})
        )
        self.scratch.mkdir(exist_ok=True)
        files = Path(tempfile.mkdtemp(dir=self.scratch))
        jobs = {job["id"]: job for job in workflow["jobs"]}
        for name in in_order(jobs, workflow.get("jobDependencies", [])):
            job = jobs[name]
            if job["type"] == "pegasusWorkflow":
                self._run(self._found(job["file"], files, replicas))
            elif not self._is_made(job, replicas):
                self._run_job(workflow["name"], job, files, replicas)

    def _is_made(self, job, replicas) -> bool:
        """Return whether Pegasus skips the job, because a catalog has its output."""
        made = [use["lfn"] for use in job["uses"] if use["type"] == "output"]
        return bool(made) and all(lfn in replicas for lfn in made)

    def _run_job(self, workflow: str, job, files: Path, replicas) -> None:
        name = f"{job['name']}_{job['id']}"
        retries = job["profiles"]["dagman"]["RETRY"]
        while True:
            self.ran.append((workflow, name))
            if name in self.broken:
                raise JobFailed(name, -9, "its machine is lost")
            done = self._try(job, files, replicas)
            if done.returncode == 0:
                return
            # on_exit_remove: a job that checkpoints stays in the queue.
            profiles = self.transformations[job["name"]].get("profiles", {})
            waits = profiles.get("condor", {}).get("on_exit_remove")
            if waits == f"ExitCode =!= {done.returncode}":
                continue
            retries -= 1
            if retries < 0:
                raise JobFailed(name, done.returncode, done.stdout + done.stderr)

    def _try(self, job, files: Path, replicas) -> subprocess.CompletedProcess[str]:
        sandbox = files / f"sandbox-{job['name']}-{job['id']}"
        sandbox.mkdir()
        for use in job["uses"]:
            if use["type"] in ("input", "checkpoint"):
                shutil.copyfile(self._found(use["lfn"], files, replicas), sandbox / use["lfn"])
        program = self.transformations[job["name"]]
        (place,) = program["sites"]
        command = place["pfn"]
        if place["type"] == "stageable":
            shutil.copyfile(command, sandbox / program["name"])
            (sandbox / program["name"]).chmod(0o755)
            command = f"./{program['name']}"
        variables = program.get("profiles", {}).get("env", {})
        # PegasusLite is a shell script, and has the arguments in it as they are given.
        done = subprocess.run(
            ["/bin/bash", "-c", " ".join([command, *map(str, job["arguments"])])],
            cwd=sandbox,
            env={"PATH": "/usr/bin:/bin", **variables},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        for use in job["uses"]:
            if use["type"] in ("output", "checkpoint"):
                made = sandbox / use["lfn"]
                assert made.exists(), (
                    f"{job['name']} {job['id']} leaves no {use['lfn']}, so HTCondor would hold "
                    f"it. {done.stdout}{done.stderr}"
                )
                made.replace(files / use["lfn"])
        shutil.rmtree(sandbox)
        return done

    def _found(self, lfn: str, files: Path, replicas) -> Path:
        if (files / lfn).exists():
            return files / lfn
        assert lfn in replicas, f"{lfn} is made by no job before, and in no catalog"
        return Path(replicas[lfn])

    def count(self, kind: str) -> int:
        """Return how often jobs of one kind ran."""
        return Counter(name.rpartition("_")[0] for _, name in self.ran)[kind]


def replicas_in(catalog) -> dict[str, str]:
    found = [(it["lfn"], it["pfns"]) for it in catalog["replicas"]]
    names = [lfn for lfn, _ in found]
    assert len(set(names)) == len(names), f"{names} has a file twice"
    return {lfn: pfns[0]["pfn"] for lfn, pfns in found}


def in_order(jobs, dependencies) -> list[str]:
    """Return the jobs so that each comes after those on which it depends."""
    waits_for = defaultdict(set)
    for dependency in dependencies:
        for child in dependency["children"]:
            waits_for[child].add(dependency["id"])
    order: list[str] = []
    while len(order) < len(jobs):
        ready = [it for it in jobs if it not in order and waits_for[it] <= set(order)]
        assert ready, f"jobs wait for each other, or for none that there is: {dependencies}"
        order += ready
    return order
