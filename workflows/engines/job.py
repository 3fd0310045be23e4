"""The submit description of a step, the same for DAGMan and Pegasus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condor.policy import (
    avoidance_commands,
    hold_commands,
    removal,
    requests,
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

#: Number of the start of a job after failures, from 0; HTCondor expands it at each start.
TRY = "$$([NumJobCompletions])"
#: OpenBLAS' kernels for AVX2 would crash elsewhere. HTCondor advertises the attribute.
AVX2_MACHINES = "TARGET.has_avx2 =?= True"
GRACE = 120  # seconds after the deadline for a running job to return its results


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
        # One file for both: of very many jobs, the number of files is what fills a disk.
        "output": f"{step.log}.{TRY}.out",
        "error": f"{step.log}.{TRY}.out",
        "request_cpus": "1",
        **requests("memory", scan.request_memory, step.retries, RETRY),
        **requests("disk", scan.request_disk * 1024, step.retries, RETRY),
        # If longer, a retry that requests more memory waits for a slot that is idle.
        "keep_claim_idle": "20",
        **retry_commands(step.retries, RETRY),
        **hold_commands(site),
    }
    if step.checkpoints:
        description |= {
            # An evicted job takes its results along, and continues from there.
            "when_to_transfer_output": "ON_EXIT_OR_EVICT",
            "transfer_checkpoint_files": ", ".join(step.outputs),
            "checkpoint_exit_code": str(int(ExitCode.CHECKPOINT)),
        }
    over = [removal(site)]
    if scan.deadline is not None:
        # A running job ends by itself and returns its results; this is for idle and held jobs.
        grace = f"ifThenElse(JobStatus == 2, {GRACE}, 0)"
        over.append(f"(time() > {DEADLINE} + {grace})")
    description["periodic_remove"] = " || ".join(over)
    avoiding = avoidance_commands(site)
    requirements = [it.get("requirements") for it in (of_runtime, site.submit, avoiding)]
    if site.avx2_kernels and "has_avx2" not in site.submit.get("requirements", ""):
        requirements.insert(0, AVX2_MACHINES)
    description |= {**avoiding, **site.submit}
    if any(requirements):
        description["requirements"] = " && ".join(f"({it})" for it in requirements if it)
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
    """Return the submit description of a step that runs on the access point.

    It runs again if it was killed, but not if it ended with any exit code.
    """
    return {
        "universe": "local",
        "executable": ACCESS_POINT_SH,
        "arguments": quoted_arguments(("skyscan", *step.arguments)),
        "output": f"{step.log}.out",
        "error": f"{step.log}.err",
        "request_disk": "1024",
        "max_retries": "2",
        "retry_until": "ExitCode =!= undefined",
    }
