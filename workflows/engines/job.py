"""How HTCondor is to run a step: its submit description, for DAGMan and Pegasus alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condor.policy import (
    avoidance_commands,
    growing,
    hold_commands,
    removal,
    retry_commands,
)
from condor.runtimes import CODE_VARIABLE, UMASK_VARIABLE, parse_runtime
from condor.submit import quoted_arguments, quoted_environment
from skyscan import layout
from skyscan.errors import ExitCode
from workflows.engines.scripts import current_umask
from workflows.steps import ACCESS_POINT_SH, DEADLINE, RETRY, Step

if TYPE_CHECKING:
    from condor.sites import Site
    from workflows.planned import Planned

#: Which start of a job after it failed, from 0; HTCondor replaces it when the job starts.
TRY = "$$([NumJobCompletions])"
GRACE = 120  # seconds after the deadline that a running job has to hand in its results


def job_description(step: Step, scan: Planned, site: Site) -> dict[str, str]:
    """Return the submit description of a step that runs on the site's machines."""
    runtime = parse_runtime(scan.runtime)
    of_runtime = runtime.commands(this_machine=site.this_machine)
    remaps = ";".join(f"{a}={b}" for a, b in step.outputs.items() if a != b)
    description = {
        **of_runtime,
        "executable": layout.JOB_SH,
        "arguments": quoted_arguments(step.arguments),
        "environment": quoted_environment(job_environment(scan)),
        "should_transfer_files": "YES",
        "transfer_input_files": ", ".join(step.inputs),
        "transfer_output_files": ", ".join(step.outputs),
        **({"transfer_output_remaps": f'"{remaps}"'} if remaps else {}),
        "output": f"{step.log}.{TRY}.out",
        "error": f"{step.log}.{TRY}.err",
        "request_cpus": "1",
        "request_memory": growing(scan.request_memory, step.retries, RETRY),
        "request_disk": growing(scan.request_disk * 1024, step.retries, RETRY),
        # Longer, and a try that asks for more memory waits for a slot that does nothing.
        "keep_claim_idle": "20",
        **retry_commands(step.retries, RETRY),
        **hold_commands(site),
    }
    if step.checkpoints:
        description |= {
            # A job that is sent away takes what it did along, and goes on from there.
            "when_to_transfer_output": "ON_EXIT_OR_EVICT",
            "transfer_checkpoint_files": ", ".join(step.outputs),
            "checkpoint_exit_code": str(int(ExitCode.CHECKPOINT)),
        }
    over = [removal(site)]
    if scan.deadline is not None:
        # A job that runs ends by itself and hands in what it has; this is for the others.
        grace = f"ifThenElse(JobStatus == 2, {GRACE}, 0)"
        over.append(f"(time() > {DEADLINE} + {grace})")
    description["periodic_remove"] = " || ".join(over)
    avoiding = avoidance_commands(site)
    wanted = [it.get("requirements") for it in (of_runtime, site.submit, avoiding)]
    description |= {**avoiding, **site.submit}
    if any(wanted):
        description["requirements"] = " && ".join(f"({it})" for it in wanted if it)
    return description


def job_environment(scan: Planned) -> dict[str, str]:
    """Return the variables of jobs on the site's machines."""
    return {
        **scan.environment,
        **parse_runtime(scan.runtime).environment(),
        CODE_VARIABLE: scan.code_sha256,
        UMASK_VARIABLE: f"{current_umask():04o}",
    }


def local_description(step: Step) -> dict[str, str]:
    """Return the submit description of a step that runs on the access point."""
    return {
        "universe": "local",
        "executable": ACCESS_POINT_SH,
        "arguments": quoted_arguments(("skyscan", *step.arguments)),
        "output": f"{step.log}.out",
        "error": f"{step.log}.err",
        "request_disk": "1024",
    }
