"""Steps as the jobs of one Pegasus workflow: files by logical names, dependencies from them."""

from __future__ import annotations

import io
import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from Pegasus.api import File, Job, ReplicaCatalog, SubWorkflow, Workflow

from skyscan import layout
from skyscan.storage import write_text
from workflows.engines.pegasus.folder import LOCAL, POOL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workflows.steps import Step

    About = Mapping[str, Any]

FOLDERS = (layout.STARTUP,)  # Pegasus moves files, so a folder travels as FOLDER.tar
#: Nothing is copied to an output site: local jobs put all that is found into the scan folder.
_NOT_KEPT = {"stage_out": False, "register_replica": False}


class Graph:
    """One workflow, as it is put together.

    Parameters
    ----------
    name : str
        The workflow's.
    scan : Path
        The scan folder, in which local jobs work.
    about : mapping
        Its metadata.
    """

    def __init__(self, name: str, scan: Path, about: About) -> None:
        # We say what waits for what: for one thing, a checkpoint file orders nothing.
        self.workflow = Workflow(name, infer_dependencies=False)
        self.workflow.add_metadata(**about)
        self._replicas = ReplicaCatalog()
        self._has_replicas = False
        self._scan = scan
        self._made: dict[str, tuple[str, Job]] = {}  # {path: logical name, who makes it}

    def add(
        self, step: Step, number: str, about: About, files: Mapping[str, About] | None = None
    ) -> Job:
        """Add the job of a step whose macros are filled.

        Parameters
        ----------
        step : Step
            What it does.
        number : str
            Tells it from other jobs of its kind; Pegasus calls it ``STEP_NUMBER``.
        about : mapping
            Its metadata.
        files : mapping of str to mapping, optional
            Metadata of its files, by path in the scan folder.
        """
        files = files or {}
        job = Job(step.name, _id=number, node_label=f"{step.name} {number}")
        job.add_metadata(**about)
        job.add_dagman_profile(retry=step.retries)
        if step.is_local:
            job.add_selector_profile(execution_site=LOCAL)
            here = str(self._scan)
            words = [step.program, *(here if it == "." else it for it in step.arguments)]
        else:
            job.add_inputs(File(layout.JOB_SH))
            words = carried(step)
        job.add_args(*map(shlex.quote, words))
        self._add_files(job, step, files)
        self.workflow.add_jobs(job)
        return job

    def add_workflow(self, file: str, maker: Job) -> None:
        """Add the workflow that a job writes to ``file``; it is planned when it is there."""
        name = PurePosixPath(file).stem
        rest = SubWorkflow(File(file), is_planned=False, _id=name)
        # Pegasus leaves out jobs whose outputs go to no output site, such as a merge alone,
        # unless it is forced to run what it is given (seen with 5.1.2).
        rest.add_planner_args(basename=name, sites=[POOL], cleanup="none", force=True)
        # Its jobs have their retries; a second planning of it would begin from its beginning.
        rest.add_dagman_profile(retry=0)
        self.workflow.add_jobs(rest)
        self.workflow.add_dependency(rest, parents=[maker])

    def add_replica(self, path: str, pfn: str, site: str = LOCAL) -> None:
        """Tell where a file of the scan folder is that the shared catalog does not have."""
        self._replicas.add_replica(site, logical_name(path), pfn)
        self._has_replicas = True

    def write(self, path: Path) -> None:
        """Write the workflow."""
        if self._has_replicas:
            self.workflow.add_replica_catalog(self._replicas)
        text = io.StringIO()
        self.workflow.write(text)
        write_text(path, text.getvalue())

    def _add_files(self, job: Job, step: Step, files: Mapping[str, About]) -> None:
        back = set(step.outputs.values()) if step.checkpoints else set()
        makers: dict[str, Job] = {}
        for path in files_read(step):
            name, maker = self._made.get(path, (logical_name(path), None))
            if maker is not None:
                makers[maker._id] = maker  # noqa: SLF001  (its only name for it)
            file = File(name).add_metadata(**files.get(path, {}))
            if path in back:
                # In, and out again however the job ends: the next try goes on from it.
                job.add_checkpoint(file, **_NOT_KEPT)
            else:
                job.add_inputs(file)
        for name, path in step.outputs.items():
            made = logical_name(path, name)
            job.add_outputs(File(made).add_metadata(**files.get(path, {})), **_NOT_KEPT)
            self._made[path] = (made, job)
        if makers:
            self.workflow.add_dependency(job, parents=list(makers.values()))


def files_read(step: Step) -> list[str]:
    """Return what a step reads; of a folder of results, ``…/``, the file that is in it."""
    made = step.outputs.values()
    return [
        next((it for it in made if path.endswith("/") and it.startswith(path)), path)
        for path in step.inputs
    ]


def logical_name(path: str, name: str | None = None) -> str:
    """Return what Pegasus calls a file; no two files of a scan share it.

    Parameters
    ----------
    path : str
        Where it belongs in the scan folder.
    name : str, optional
        What the job calls it that makes it, if that is another name.
    """
    folder, *below = PurePosixPath(path).parts
    name = name or PurePosixPath(path).name
    if name in FOLDERS:
        return f"{name}.tar"
    return f"r{below[0]}_{name}" if folder == "rounds" else name


def carried(step: Step) -> list[str]:
    """Return the words of carry.sh: folders as .tar, results kept, files by logical names."""
    read = files_read(step)
    options = [f"unpack={it}" for it in read if it in FOLDERS]
    names = {PurePosixPath(it).name: logical_name(it) for it in read}
    for name, path in step.outputs.items():
        names[name] = logical_name(path, name)
        if name in FOLDERS:
            options.append(f"pack={name}")
        elif step.checkpoints:
            options.append(f"keep={names[name]}:{logical_name(path)}")
    for folder in FOLDERS:
        names.pop(folder, None)  # to the step itself it is a folder
    return [*options, "--", *(names.get(word, word) for word in step.arguments)]
