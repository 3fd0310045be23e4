"""The job between rounds: collect results, open the next round, write its workflow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from Pegasus.api import Namespace

from condor.sites import recorded_site
from skyscan import layout
from skyscan.merge import skymap_of
from skyscan.rounds.arrived import take_results
from skyscan.rounds.collect import collect
from skyscan.rounds.leftover import time_budget
from skyscan.rounds.next_round import open_round
from workflows.engines.pegasus.catalogs import deadline_profile, replica_catalog, write_catalog
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.engines.pegasus.graph import Graph, files_read
from workflows.engines.pegasus.outer import THE_ONE, add_next, event_metadata, round_file
from workflows.engines.pegasus.results import arriving_results
from workflows.engines.pegasus.staging import shared_replica
from workflows.engines.pegasus.startup import take_startup
from workflows.steps import BATCH, BATCHES, BUDGET, DEADLINE, ROUND, merge_step, reco_step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skyscan.layout import ScanFolder
    from skyscan.rounds.states import BatchState
    from workflows.planned import Planned


def next_round(
    folder: ScanFolder, scan: Planned, number: int, here: Path, deadline: int = 0
) -> None:
    """Collect the output before round ``number``, and write the next workflow.

    Rounds with nothing left to do are skipped.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    scan : Planned
        The planned scan.
    number : int
        The round to open.
    here : Path
        The folder of the job, with its inputs; the workflow is written there.
    deadline : int
        When the scan must end, in seconds since 1970; 0 without a deadline.
    """
    pegasus = PegasusFolder(folder.path)
    if number == 0:
        take_startup(folder, pegasus, scan, here / f"{layout.STARTUP}.tar")
        site = recorded_site(scan.site, scan.site_values)
        write_catalog(pegasus.replicas, replica_catalog(pegasus, scan, site))
    arriving = arriving_results(here, pegasus.scratch)
    if number > 0:
        take_results(folder.round(number - 1), scan.id, arriving.get(number - 1, {}))
    graph = None
    for following in range(number, scan.max_rounds):
        batches = open_round(folder, scan, following)
        if not batches:
            break
        if take_results(folder.round(following), scan.id, arriving.get(following, {})):
            batches = open_round(folder, scan, following)
        left = [batch for batch in batches if batch.n_missing]
        if left:
            graph = round_graph(folder, scan, following, left, deadline)
            break
    graph = graph or merge_graph(folder, scan)
    graph.write(here / round_file(number))


def round_graph(
    folder: ScanFolder,
    scan: Planned,
    number: int,
    batches: Sequence[BatchState],
    deadline: int,
) -> Graph:
    """Return the workflow of a round: a job per batch, then the next round."""
    pegasus = PegasusFolder(folder.path)
    about = {**event_metadata(scan), "round": number}
    graph = Graph(f"round_{number:03d}", folder.path, about)
    site = recorded_site(scan.site, scan.site_values)
    found = shared_replica(pegasus.startup_tar, site)
    graph.add_replica(layout.STARTUP, found.pfn, found.site)
    late = {} if scan.deadline is None else deadline_profile(scan, site, deadline)
    step = reco_step(scan)
    budget = time_budget(folder, scan, number)
    common = {ROUND: f"{number:03d}", DEADLINE: str(deadline), BUDGET: f"{budget:g}"}
    short = {key: about[key] for key in ("event", "reco", "nsides")}
    results: list[str] = []
    for batch in batches:
        name = f"{batch.number:05d}"
        one = step.filled({**common, BATCH: name, BATCHES: f"{batch.file:05d}"})
        own = [path for path in files_read(one) if path.startswith("rounds/")]
        metadata = {**short, "round": number, "batch": batch.number, "pixels": batch.n_pixels}
        job = graph.add(one, name, metadata, dict.fromkeys(own, metadata))
        for key, value in late.items():
            job.add_profiles(Namespace.CONDOR, key=key, value=value)
        for path in own:
            graph.add_replica(path, str(folder.path / path))
        results += one.outputs.values()
    add_next(graph, scan, number + 1, results)
    return graph


def merge_graph(folder: ScanFolder, scan: Planned) -> Graph:
    """Return the last workflow: the merge, which also writes the report."""
    about = event_metadata(scan)
    graph = Graph("merge", folder.path, about)
    found = collect(folder, scan.id, folder.chosen_rounds())
    name = skymap_of(scan, found.best, complete=True).name
    files = [f"{name}.npz", f"{name}.json"]
    # These outputs are only for Pegasus: the merge writes the map into the scan folder.
    step = replace(merge_step(), outputs=dict(zip(files, files, strict=True)))
    graph.add(replace(step, program="workflows"), THE_ONE, about, dict.fromkeys(files, about))
    return graph
