"""The steps of a scan rendered for DAGMan: submit files, outer DAG, one DAG per round."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from condor.dagman import config_lines
from condor.logs.dagman import job_ends
from condor.policy import submissions
from condor.submit import submit_lines
from skyscan import layout
from skyscan.errors import ExitCode
from skyscan.rounds.leftover import time_budget
from workflows.engines.dagman.scripts import (
    DEADLINE_SH,
    MERGE_HERE_SH,
    OPEN_BATCH_SH,
    OPEN_GATE_SH,
    OPEN_ROUND_SH,
    ROUND_FAILED,
    deadline_lines,
    merge_here_lines,
    open_batch_lines,
    open_gate_lines,
    open_round_lines,
)
from workflows.engines.dagman.writing import RECO, all_to_all, dag_lines, layer
from workflows.engines.job import job_description, local_description
from workflows.engines.scripts import access_point_lines, write_lines, write_script_lines
from workflows.steps import (
    ACCESS_POINT_SH,
    MORE_ROUNDS,
    jobs_at_the_top,
    merge_step,
    prep_step,
    reco_step,
    rounds_at_the_top,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from skyscan.rounds.states import BatchState
    from workflows.planned import Planned

SCAN_DAG = "scan.dag"
MORE_ROUNDS_DAG = f"{MORE_ROUNDS}.dag"
CONFIG = "dagman.config"
#: Seconds between two checks of a gate; each starts Python on the access point.
LOOK_EVERY, LOOK_EVERY_HERE = 30, 5
#: The last node of a DAG.
FINAL = "report"
#: How often a PRE script runs again that was killed.
SCRIPT_RETRIES = 2


def round_dag(number: int) -> str:
    """Return the file name of a round's DAG.

    It is beside the outer DAG, so that with and without ``-usedagdir`` both run in that folder,
    and all paths in them are relative to it.
    """
    return f"round_{number:03d}.dag"


def scan_from_here(folder: ScanFolder) -> str:
    """Return the path of the scan folder relative to its DAGs, since folders get moved."""
    return os.path.relpath(folder.path, folder.workflow)


def write_workflow(folder: ScanFolder, scan: Planned, site: Site, python: str) -> None:
    """Write everything that DAGMan needs except the rounds, which follow during the scan."""
    here, place = folder.workflow, scan_from_here(folder)
    code = {layout.CODE_ZIP: os.path.relpath(folder.code, folder.path)}
    n_jobs = n_jobs_at_the_top(scan, this_machine=site.this_machine)
    for step in (prep_step(scan), reco_step(scan)):
        inputs = tuple(code.get(path, path) for path in step.inputs)
        description = job_description(replace(step, inputs=inputs), scan, site)
        if step.name == RECO and n_jobs:
            description["log"] = ROUND_LOG
        _write_submit_file(here / f"{step.name}.sub", description, place)
    _write_submit_file(here / "merge.sub", local_description(merge_step()), place)
    write_lines(here / CONFIG, config_lines(site.dagman))
    if n_jobs:
        write_script_lines(here / OPEN_BATCH_SH, open_batch_lines(place))
    write_scan_dag(folder, scan, this_machine=site.this_machine)
    write_script_lines(here / ACCESS_POINT_SH, access_point_lines(python, scan.code_sha256))
    write_script_lines(here / OPEN_ROUND_SH, open_round_lines(place))
    write_script_lines(here / DEADLINE_SH, deadline_lines())


def planned_files(folder: ScanFolder) -> list[Path]:
    """Return the files that `write_workflow` wrote, some of which only some scans have."""
    names = ["prep.sub", "reco.sub", "merge.sub", CONFIG, SCAN_DAG]
    scripts = [ACCESS_POINT_SH, OPEN_ROUND_SH, DEADLINE_SH, MERGE_HERE_SH]
    some = (OPEN_GATE_SH, OPEN_BATCH_SH, MORE_ROUNDS_DAG)
    here = [name for name in some if (folder.workflow / name).exists()]
    return [folder.workflow / name for name in (*names, *scripts, *here)]


def _write_submit_file(path: Path, description: Mapping[str, str], place: str) -> None:
    # All paths of the job except its executable are relative to the scan folder.
    write_lines(path, submit_lines({"initialdir": place, **description}))


def write_scan_dag(folder: ScanFolder, scan: Planned, *, this_machine: bool) -> None:
    """Write the outer DAG, that of its later rounds, and scripts of its own nodes."""
    here, place = folder.workflow, scan_from_here(folder)
    n_jobs = n_jobs_at_the_top(scan, this_machine=this_machine)
    if not (here / OPEN_BATCH_SH).exists():  # planned by an earlier version
        n_jobs = 0
    lines = scan_dag_lines(scan, this_machine=this_machine, place=place, n_jobs=n_jobs)
    write_lines(here / SCAN_DAG, lines)
    write_script_lines(here / MERGE_HERE_SH, merge_here_lines(place))
    if n_at_the_top(scan) < scan.max_rounds:
        write_lines(here / MORE_ROUNDS_DAG, more_rounds_lines(scan))
    if scan.predictive_scanning_threshold < 1:
        write_script_lines(here / OPEN_GATE_SH, open_gate_lines(place))


def write_round_dag(
    folder: ScanFolder,
    scan: Planned,
    number: int,
    batches: Sequence[BatchState],
    deadline: int,
) -> None:
    """Write the DAG of one round; complete batches are marked DONE.

    The rescue file of an earlier attempt is removed: the results show better what is done.
    """
    name = round_dag(number)
    names = [name, MORE_ROUNDS_DAG] if number == n_at_the_top(scan) else [name]
    for rescue in (it for dag in names for it in folder.workflow.glob(f"{dag}.rescue*")):
        rescue.unlink()
    budget = time_budget(folder, scan, number)
    lines = round_dag_lines(scan, number, batches, deadline, budget)
    write_lines(folder.workflow / name, lines)


def rounds_that_ended(folder: ScanFolder) -> frozenset[int]:
    """Return the rounds of this submission whose DAGs have succeeded."""
    ends = job_ends(folder.workflow / f"{SCAN_DAG}.nodes.log")
    rounds = (name for name, end in ends.items() if end.exit_code == 0)
    return frozenset(int(n[6:]) for n in rounds if n.startswith("round_"))


def scan_dag_lines(
    scan: Planned, *, this_machine: bool = True, place: str = "..", n_jobs: int = 0
) -> Iterator[str]:
    """Yield the lines of the outer DAG: prep, all possible rounds, merge, the report.

    Each round waits for the one before; those that most scans do not have are in a DAG of
    their own (`more_rounds_lines`). A round is a DAG, or the nodes of its jobs. With a
    threshold for predictive scanning, each round has a gate, and only the gates wait for each
    other (`skyscan.rounds.predictive`).

    Parameters
    ----------
    scan : Planned
        The planned scan.
    this_machine : bool
        Whether jobs run on this machine, where a gate may check more often.
    place : str
        Path of the scan folder relative to the DAG.
    n_jobs : int
        How many jobs of each round are nodes of this DAG; 0: the rounds are DAGs.
    """
    from htcondor2 import dags

    yield f"CONFIG {CONFIG}"
    dag = dags.DAG()
    prep = dag.layer(
        **layer("prep", scan.max_retries),
        vars=[{"retry": RETRY_MACRO, **_no_deadline(scan)}],
        pre=dags.Script(f"./{ACCESS_POINT_SH}", ["workflows", "open-scan", place]),
        pre_skip_exit_code=int(ExitCode.NOTHING_TO_DO),
    )
    skip = {"pre_skip_exit_code": int(ExitCode.NOTHING_TO_DO)}
    ahead = scan.predictive_scanning_threshold < 1
    every = LOOK_EVERY_HERE if this_machine or scan.urgent else LOOK_EVERY
    last, rounds = prep, dags.Nodes()
    for number in range(n_at_the_top(scan)):
        if ahead:
            look = dags.Script(
                f"./{OPEN_GATE_SH}",
                [number, "$FAILED_COUNT"],
                retry=True,
                retry_status=int(ExitCode.NOT_YET),
                retry_delay=every,
            )
            gate = {**layer(f"gate_{number:03d}", 0), **_retry_script(ExitCode.TRY_AGAIN)}
            last = last.child_layer(**gate, noop=True, pre=look, **skip)
        if n_jobs:
            last = last.child_layer(all_to_all(), **_jobs(scan, number, n_jobs), **skip)
            continue
        opened = last.child_subdag(**_round(number))
        rounds = dags.Nodes(*rounds, opened) if ahead else dags.Nodes(opened)
        last = last if ahead else opened
    rounds = dags.Nodes(last) if n_jobs else rounds
    if n_at_the_top(scan) < scan.max_rounds:
        rounds = dags.Nodes(last.child_subdag(**_more_rounds(n_at_the_top(scan))))
    rounds.child_layer(**layer("merge", 0), pre=dags.Script(f"./{MERGE_HERE_SH}"), **skip)
    yield from dag_lines(dag)
    yield from final_lines(f"workflows report {place} $DAG_STATUS", "merge.sub")


def final_lines(arguments: str, submit_file: str) -> Iterator[str]:
    """Yield the lines of a FINAL node that is only a script; if that fails, so does the DAG.

    The script is the PRE script: DAGMan would need two more looks, of a second each, before it
    runs a POST script. The node is then skipped, so its submit file is never used.
    """
    # htcondor2.dags 25.14 cannot write NOOP or a submit file for a FINAL node.
    yield f"FINAL {FINAL} {submit_file} NOOP"
    yield f"SCRIPT PRE {FINAL} ./{ACCESS_POINT_SH} {arguments}"
    yield f"PRE_SKIP {FINAL} {ExitCode.NOTHING_TO_DO:d}"


def n_at_the_top(scan: Planned) -> int:
    """Return how many rounds are nodes of the outer DAG: with gates, all."""
    has_gates = scan.predictive_scanning_threshold < 1
    return rounds_at_the_top(len(scan.progression), scan.max_rounds, has_gates=has_gates)


def more_rounds_lines(scan: Planned) -> Iterator[str]:
    """Yield the lines of the DAG of the rounds that are not nodes of the outer DAG."""
    from htcondor2 import dags

    yield f"CONFIG {CONFIG}"
    dag, last = dags.DAG(), None
    for number in range(n_at_the_top(scan), scan.max_rounds):
        last = (dag.subdag if last is None else last.child_subdag)(**_round(number))
    yield from dag_lines(dag)


def n_jobs_at_the_top(scan: Planned, *, this_machine: bool) -> int:
    """Return how many jobs of a round are nodes of the outer DAG, at most; 0: none.

    Elsewhere than on this machine, jobs wait longer for a slot than DAGMan needs for a round.
    The deadline of a job is known only when its round is opened.
    """
    if not this_machine or scan.deadline is not None:
        return 0
    return jobs_at_the_top(
        batch_size=scan.batch_size,
        jobs_per_round=scan.jobs_per_round,
        halvings=scan.halvings,
        time_budget=scan.time_budget,
        threshold=scan.predictive_scanning_threshold,
    )


def _jobs(scan: Planned, number: int, n_jobs: int) -> dict[str, object]:
    """Return the nodes of the jobs of a round that has no DAG."""
    from htcondor2 import dags

    log = f"{layout.WORKFLOW}/{round_dag(number)}.nodes.log"
    batches = (f"{batch:05d}" for batch in range(n_jobs))
    tries = submissions(scan.max_retries)
    return {
        **layer(f"{RECO}_{number:03d}", scan.max_retries, f"{RECO}.sub"),
        "retries": max(tries - 1, SCRIPT_RETRIES),
        "retry_unless_exit": int(ExitCode.BAD_INPUT),
        "vars": [
            {
                "round": f"{number:03d}",
                "batch": batch,
                "batches": batch,
                "retry": RETRY_MACRO,
                LOG: log,
            }
            for batch in batches
        ],
        "pre": dags.Script(f"./{OPEN_BATCH_SH}", [NODE_MACRO, tries]),
    }


def _round(number: int) -> dict[str, object]:
    return _opened(f"round_{number:03d}", round_dag(number), [number, SCRIPT_RETRY_MACRO])


def _more_rounds(first: int) -> dict[str, object]:
    """Return the node of the rounds from ``first`` on; without pixels for it, it is skipped."""
    arguments = [first, SCRIPT_RETRY_MACRO, MORE_ROUNDS_DAG]
    return _opened(MORE_ROUNDS, MORE_ROUNDS_DAG, arguments)


def _opened(name: str, dag_file: str, arguments: Sequence[object]) -> dict[str, object]:
    """Return a node that is a DAG, whose PRE script chooses the pixels of a round."""
    from htcondor2 import dags

    return {
        "name": name,
        "dag_file": dag_file,
        "pre": dags.Script(f"./{OPEN_ROUND_SH}", list(arguments)),
        "pre_skip_exit_code": int(ExitCode.NOTHING_TO_DO),
        **_retry_script(ROUND_FAILED),
    }


def round_dag_lines(
    scan: Planned,
    number: int,
    batches: Sequence[BatchState],
    deadline: int,
    budget: float = 0.0,
) -> Iterator[str]:
    """Yield the lines of the DAG of one round: independent nodes, one per batch."""
    from htcondor2 import dags

    yield f"CONFIG {CONFIG}"
    dag = dags.DAG()
    timed = {} if scan.deadline is None else {"deadline": str(deadline)}
    script = dags.Script(f"./{DEADLINE_SH}", [str(deadline)]) if timed else None
    dag.layer(
        **layer("reco", scan.max_retries),
        vars=[
            {
                "round": f"{number:03d}",
                "batch": f"{batch.number:05d}",
                "batches": f"{batch.file:05d}",
                "retry": RETRY_MACRO,
                **({"budget": f"{budget:g}"} if scan.time_budget else {}),
                **timed,
            }
            for batch in batches
        ],
        done={i: batch.n_missing == 0 for i, batch in enumerate(batches)},
        pre=script,
    )
    yield from dag_lines(dag)


RETRY_MACRO = "$(RETRY)"  # DAGMan's macro: how often the node has been retried
NODE_MACRO = "$JOB"  # DAGMan's macro for scripts: the name of the node
#: The macro that names the job log of a round whose jobs are nodes of the outer DAG: that DAG's
#: own log is begun anew by each submission. Jobs of other rounds have no log of their own.
LOG = "events"
ROUND_LOG = f"$({LOG}:)"
SCRIPT_RETRY_MACRO = "$RETRY"  # the same for scripts; 23.9.6 refuses $(RETRY) there


def _no_deadline(scan: Planned) -> dict[str, str]:
    return {} if scan.deadline is None else {"deadline": f"(QDate + {scan.deadline:.0f})"}


def _retry_script(unless: int) -> dict[str, int]:
    """Return the retries of a node for its PRE script, which may be killed.

    What failed in another way would fail again: DAGMan exits with ``unless`` then.
    """
    return {"retries": SCRIPT_RETRIES, "retry_unless_exit": int(unless)}
