"""What is to be estimated: the scan that options or a folder describe, and its pool."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from condor.sites import recorded_site
from skyscan.errors import BadInput
from skyscan.recos import reco_class
from workflows.estimates.behaviours import behaviour_of
from workflows.estimates.seen import has_starts, most_slots, seen_behaviour
from workflows.estimates.setting import Setting
from workflows.estimates.spreads import spreads
from workflows.model.reading import ScanReader
from workflows.planning.values import jobs_of, site_of, usual_rounds

if TYPE_CHECKING:
    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from workflows.estimates.setting import Behaviour
    from workflows.options import Options

#: Numbers of slots for which a grid is asked.
SLOTS = (100, 300, 1000)


@dataclass(frozen=True)
class Question:
    """What is to be estimated.

    Attributes
    ----------
    name, reco, site : str
        Of the scan.
    setting, behaviour : Setting, Behaviour
        The scan, and its pool.
    source : str
        Where the time of a fit comes from.
    is_seen : bool
        Whether the behaviour is from the scan's own logs.
    slots : tuple of int
        For which numbers of slots, unless the user says.
    """

    name: str
    reco: str
    site: str
    setting: Setting
    behaviour: Behaviour
    source: str
    is_seen: bool
    slots: tuple[int, ...]


def of_options(name: str, options: Options, seconds_per_fit: float | None) -> Question:
    """Return the question about a scan that is not planned yet.

    Raises
    ------
    SkyscanError
        Options are invalid, or nothing is known of the reconstruction's speed.
    """
    site = site_of(options)
    reco = options.reco.lower().replace("-", "_")
    budget = site.time_budget if options.time_budget is None else options.time_budget
    threshold = options.predictive_scanning_threshold
    n_variations = len(reco_class(reco)().variations())
    setting = Setting(
        progression=options.progression,
        n_variations=n_variations,
        batch_size=options.batch_size,
        jobs_per_round=jobs_of(site, options, n_variations),
        halvings=site.urgent_halvings if options.urgent else 0,
        max_rounds=options.max_rounds or usual_rounds(options.progression, budget, threshold),
        has_own_rounds=options.max_rounds is not None,
        time_budget=float(budget),
        threshold=threshold,
        checkpoint_interval=options.checkpoint_interval,
        max_retries=options.max_retries,
    )
    behaviour, source = behaviour_of(site, reco, seconds_per_fit)
    if options.urgent:
        behaviour = _urgent(behaviour, site)
    return Question(
        name=name,
        reco=reco,
        site=site.name,
        setting=_on(site, setting),
        behaviour=behaviour,
        source=source,
        is_seen=False,
        slots=_slots(site),
    )


def of_folder(folder: ScanFolder, seconds_per_fit: float | None) -> Question:
    """Return the question about a planned scan; its logs count if it has run.

    Raises
    ------
    SkyscanError
        The folder is damaged, or nothing is known of the reconstruction's speed.
    """
    reader = ScanReader(folder)
    scan = reader.scan
    site = recorded_site(scan.site, scan.site_values)
    setting = Setting(
        progression=scan.progression,
        n_variations=len(reco_class(scan.reco)().variations()),
        batch_size=scan.batch_size,
        jobs_per_round=scan.jobs_per_round,
        halvings=scan.halvings,
        max_rounds=scan.max_rounds,
        has_own_rounds=scan.max_rounds
        != usual_rounds(scan.progression, scan.time_budget, scan.predictive_scanning_threshold),
        time_budget=scan.time_budget,
        threshold=scan.predictive_scanning_threshold,
        checkpoint_interval=scan.checkpoint_interval,
        max_retries=scan.max_retries,
    )
    rounds = reader.chosen()
    has_run = any(it.results.n for each in rounds for it in each.batches)
    known = 0.0 if has_run and seconds_per_fit is None else seconds_per_fit
    usual, source = behaviour_of(site, scan.reco, known)
    if scan.urgent:
        usual = _urgent(usual, site)
    behaviour = seen_behaviour(usual, rounds, reader.prep())
    is_seen = has_run and has_starts(rounds)
    if seconds_per_fit is not None:
        behaviour = replace(behaviour, seconds_per_fit=seconds_per_fit)
    elif has_run:
        source = "its own fits"
    return Question(
        name=scan.name,
        reco=scan.reco,
        site=site.name,
        setting=_on(site, setting),
        behaviour=behaviour,
        source=source,
        is_seen=is_seen,
        slots=(most_slots(rounds),) if is_seen else _slots(site),
    )


def with_pilot(question: Question, pilot: ScanFolder) -> Question:
    """Return a question whose times and pool are those of a pilot that has run.

    Parameters
    ----------
    question : Question
        About the whole scan.
    pilot : ScanFolder
        A small scan of the same event with the same reconstruction, on the same site.

    Raises
    ------
    BadInput
        The pilot has no results.
    """
    rounds = ScanReader(pilot).chosen()
    n = sum(it.results.n for each in rounds for it in each.batches)
    if not n:
        raise BadInput(f"{pilot.path} has no results, which would show how long a fit takes.")
    seen = of_folder(pilot, None)
    fits, machines = spreads(rounds)
    usual = question.behaviour
    behaviour = replace(
        seen.behaviour,
        fit_spread=usual.fit_spread if fits is None else fits,
        machine_spread=usual.machine_spread if machines is None else machines,
    )
    return replace(
        question, behaviour=behaviour, source=f"{n} fits of its pilot", is_seen=seen.is_seen
    )


def _on(site: Site, setting: Setting) -> Setting:
    return replace(
        setting,
        max_idle=site.max_idle,
        release_after=site.release_after,
        held_too_long=site.held_too_long,
    )


def _urgent(behaviour: Behaviour, site: Site) -> Behaviour:
    from workflows.engines.dagman.dags import LOOK_EVERY_HERE

    return replace(behaviour, claim=float(site.urgent_claim), look=LOOK_EVERY_HERE)


def _slots(site: Site) -> tuple[int, ...]:
    return (os.cpu_count() or 1,) if site.this_machine else SLOTS
