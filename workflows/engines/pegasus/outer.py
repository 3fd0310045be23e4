"""The top workflow, written when a scan is planned: prep and the workflow after it.

The number of rounds is not known in advance. Each workflow therefore ends with a job that
writes the next workflow, and with that workflow, which is planned once it exists: the fits of a
round followed by the same two, or, if nothing is left to fit, the merge alone. No round is
skipped or empty.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from skyscan import layout
from skyscan.storage import write_script
from workflows.engines.pegasus.catalogs import write_catalogs
from workflows.engines.pegasus.folder import (
    CARRY_SH,
    LOCAL,
    POOL,
    PegasusFolder,
    check_carried,
)
from workflows.engines.pegasus.graph import Graph
from workflows.engines.pegasus.worker_package import WORKER_PACKAGE, needs_worker_package
from workflows.engines.scripts import access_point_lines, write_script_lines
from workflows.steps import ACCESS_POINT_SH, next_round_step, prep_step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned

#: The number of jobs that exist once in a scan.
THE_ONE = "scan"


def write_workflow(folder: ScanFolder, scan: Planned, site: Site, python: str) -> None:
    """Write everything that Pegasus needs except the rounds, which follow during the scan."""
    pegasus = PegasusFolder(folder.path)
    pegasus.path.mkdir(exist_ok=True)
    carry = resources.files("workflows.engines.pegasus").joinpath(CARRY_SH)
    write_script(pegasus.carry_sh, carry.read_text(encoding="utf-8"))
    lines = access_point_lines(python, scan.code_sha256)
    write_script_lines(folder.workflow / ACCESS_POINT_SH, lines)
    write_script_lines(pegasus.plan_sh, plan_lines(scan, site))
    write_plan(folder, scan, site)


def write_plan(folder: ScanFolder, scan: Planned, site: Site) -> None:
    """Write catalogs, properties and the top workflow for the present scan folder.

    Raises
    ------
    WrongUsage
        Pegasus does not preserve the path of the folder or a variable for the jobs.
    """
    check_carried(folder.path, scan)
    pegasus = PegasusFolder(folder.path)
    write_catalogs(pegasus, scan, site)
    top_graph(folder, scan).write(pegasus.workflow)


def top_graph(folder: ScanFolder, scan: Planned) -> Graph:
    """Return prep, the job that opens round 0, and the workflow that it writes."""
    graph = Graph(scan.name.replace(".", "-"), folder.path, event_metadata(scan))
    event = f"{layout.EVENT}/{scan.event_file}"
    about = event_metadata(scan)
    graph.add(prep_step(scan), THE_ONE, about, {event: about, layout.STARTUP: about})
    add_next(graph, scan, 0, ())
    if scan.notify:
        script = str(folder.workflow / ACCESS_POINT_SH)
        graph.at_end([script, "workflows", "notify-end", str(folder.path)])
    return graph


def add_next(graph: Graph, scan: Planned, number: int, results: Iterable[str]) -> None:
    """Add the job that opens round ``number``, and the workflow that it writes."""
    file = round_file(number)
    step = next_round_step(number, results, file)
    maker = graph.add(step, f"{number:03d}", {"event": scan.name, "opens_round": number})
    graph.add_workflow(file, maker)


def round_file(number: int) -> str:
    """Return the file name of the workflow that fits a round, or merges in its place."""
    return f"round_{number:03d}.yml"


def event_metadata(scan: Planned) -> dict[str, Any]:
    """Return the metadata of a scan's workflows and files."""
    return {
        "event": scan.name,
        "run_id": scan.run_id,
        "event_id": scan.event_id,
        "event_type": scan.event_type or "unknown",
        "reco": scan.reco,
        "nsides": " ".join(f"{nside}:{extension}" for nside, extension in scan.progression),
        "scan_id": scan.id,
    }


def plan_lines(scan: Planned, site: Site) -> list[str]:
    """Return the script that plans a run; it passes its arguments to pegasus-plan."""
    own, after = [], []
    if not needs_worker_package(scan, site):
        # Jobs, and steps on the access point, use the Pegasus of this machine.
        home = '"$(dirname "$(pegasus-config --bin)")"'
        own = [
            f"-Dpegasus.catalog.site.sites.{name}.profiles.env.PEGASUS_HOME={home}"
            for name in (LOCAL, POOL)
        ]
        after = [f"rm -f pegasus/runs/*/pegasus/*/run*/{WORKER_PACKAGE}"]
    options = [
        *own,
        "--conf pegasus/pegasus.properties",
        "--dir pegasus/runs",
        f"--sites {POOL} --cleanup none",
        '"$@" pegasus/workflow.yml',
    ]
    interval = "DAGMAN_USER_LOG_SCAN_INTERVAL"
    # HTCondor's tools pass such variables to DAGMan, and DAGMan passes them to sub-DAGs.
    settings = [f"export _CONDOR_{interval}={site.dagman[interval]}"] if scan.urgent else []
    return [
        "#!/bin/sh",
        "# Plans a run of this scan: ./plan.sh --submit also starts it.",
        'cd "$(dirname "$0")" || exit 70',
        *settings,
        " \\\n    ".join(["pegasus-plan", *options]),
        "code=$?",
        *after,
        'exit "$code"',
    ]
