"""Steps as jobs of one Pegasus workflow, with logical file names and dependencies."""

from __future__ import annotations

import io
import shlex
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from Pegasus.api import EventType, File, Job, ReplicaCatalog, SubWorkflow, Workflow

from skyscan import layout
from skyscan.storage import write_text
from workflows.engines.pegasus.folder import LOCAL, POOL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from workflows.steps import Step

    About = Mapping[str, Any]

FOLDERS = (layout.STARTUP,)  # Pegasus transfers only files, so a folder is sent as FOLDER.tar
#: Nothing is copied to an output site, because local jobs write results into the scan folder.
_NOT_KEPT = {"stage_out": False, "register_replica": False}


class Graph:
    """One workflow under construction.

    Parameters
    ----------
    name : str
        Name of the workflow.
    scan : Path
        The scan folder, in which local jobs run.
    about : mapping
        Its metadata.
    """

    def __init__(self, name: str, scan: Path, about: About) -> None:
        # We add the dependencies, since Pegasus infers none from a checkpoint file.
        self.workflow = Workflow(name, infer_dependencies=False)
        self.workflow.add_metadata(**about)
        self._replicas = ReplicaCatalog()
        self._located: set[str] = set()
        self._scan = scan
        self._made: dict[str, tuple[str, Job]] = {}  # {path: logical name, job that makes it}

    def add(
        self, step: Step, number: str, about: About, files: Mapping[str, About] | None = None
    ) -> Job:
        """Add the job of a step whose macros are filled.

        Parameters
        ----------
        step : Step
            The step.
        number : str
            Distinguishes jobs of the same step; Pegasus names the job ``STEP_NUMBER``.
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
        """Add the workflow that a job writes to ``file``, planned when the file exists."""
        name = PurePosixPath(file).stem
        rest = SubWorkflow(File(file), is_planned=False, _id=name)
        # Pegasus leaves out jobs whose outputs go to no output site, such as a merge alone,
        # unless it is forced to run what it is given (seen with 5.1.2).
        rest.add_planner_args(basename=name, sites=[POOL], cleanup="none", force=True)
        # Its jobs have retries; planning it a second time would start it from the beginning.
        rest.add_dagman_profile(retry=0)
        self.workflow.add_jobs(rest)
        self.workflow.add_dependency(rest, parents=[maker])

    def at_end(self, command: list[str]) -> None:
        """Have Pegasus' monitor run a command when the workflow has ended in any way."""
        self.workflow.add_shell_hook(EventType.END, shlex.join(command))

    def add_replica(self, path: str, pfn: str, site: str = LOCAL) -> None:
        """Add the location of a file of the scan folder that is not in the shared catalog."""
        if path not in self._located:  # several jobs may read one file
            self._replicas.add_replica(site, logical_name(path), pfn)
            self._located.add(path)

    def write(self, path: Path) -> None:
        """Write the workflow."""
        if self._located:
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
                makers[maker._id] = maker  # noqa: SLF001  (its only name)
            file = File(name).add_metadata(**files.get(path, {}))
            if path in back:
                # Input, and output however the job ends: the next try continues from it.
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
    """Return the files a step reads; for a folder of results, ``…/``, the file in it."""
    made = step.outputs.values()
    return [
        next((it for it in made if path.endswith("/") and it.startswith(path)), path)
        for path in step.inputs
    ]


def logical_name(path: str, name: str | None = None) -> str:
    """Return the logical name of a file in Pegasus, unique in a scan.

    Parameters
    ----------
    path : str
        Path of the file in the scan folder.
    name : str, optional
        Name of the file in the job that makes it, if different.
    """
    folder, *below = PurePosixPath(path).parts
    name = name or PurePosixPath(path).name
    if name in FOLDERS:
        return f"{name}.tar"
    return f"r{below[0]}_{name}" if folder == "rounds" else name


def carried(step: Step) -> list[str]:
    """Return the arguments of carry.sh: folders as .tar, files by logical names."""
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
        names.pop(folder, None)  # for the step itself it is a folder
    return [*options, "--", *(names.get(word, word) for word in step.arguments)]
