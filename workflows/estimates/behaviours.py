"""How pools behave unless a scan's own logs say so, with the source of each figure."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import TYPE_CHECKING

from condor.dagman import SETTINGS
from skyscan.errors import WrongUsage
from skyscan.recos import reco_class
from workflows.engines.dagman.dags import LOOK_EVERY, LOOK_EVERY_HERE
from workflows.estimates.setting import Behaviour
from workflows.model.time_left import SKIP

if TYPE_CHECKING:
    from condor.sites import Site

#: Part of OSPool's jobs that run twice, part that is held, and median seconds of set-up, by its
#: public statistics.
RUN_TWICE, HELD, SET_UP = 0.048, 0.038, 64.0
#: The length of job to which the first belongs: an assumption. With a longer one, evictions
#: would be rarer.
LENGTH_HOURS = 1.0

#: Seconds per fit on a machine of mean speed, and where they come from.
SECONDS_PER_FIT = {
    "millipede_original": (65.0, "a public figure for one variation"),
    "millipede_wilks": (65.0, "a public figure for one variation"),
    "track": (24.0 / 3008, "docs/track.md, Performance"),
    "track_bulk": (22.0 / 3200, "docs/track.md, Performance"),
    "cascade": (44.0 / 1664, "docs/cascade.md"),
    "cascades": (0.096, "docs/cascades.md, Performance"),
    "auto": (44.0 / 1664, "docs/cascade.md, if it scans with cascade"),
    "dummy": (0.0, "SKYSCAN_DUMMY_COST is not counted"),
}

#: A personal pool, from an idle machine with 2 cores: by benchmarks/README.md, a round costs
#: about 2.3 s besides its fits, and a scan 7 s besides its rounds.
PERSONAL = Behaviour(
    seconds_per_fit=0.0,
    set_up=0.5,
    set_up_spread=0.2,
    match=1.0,  # the pool's NEGOTIATOR_INTERVAL
    claim=20.0,  # DAGMAN_HOLD_CLAIM_TIME (condor.logs.dagman)
    starts_per_second=2.0,
    submit=0.02,
    dagman=0.8,
    script=0.5,
    skip=SKIP,
    round_dag=2.2,
    look=LOOK_EVERY_HERE,
    prep=1.0,
    merge=2.0,
    merge_pixel=3e-5,
)

#: A grid. What has no source is an assumption: the spreads, the rate of the schedd, prep, and
#: that an evicted job has no time to send its results.
GRID = replace(
    PERSONAL,
    fit_spread=0.5,
    machine_spread=0.3,
    set_up=SET_UP,
    set_up_spread=0.5,
    match=60.0,  # HTCondor's default of NEGOTIATOR_INTERVAL
    starts_per_second=10.0,
    evictions_per_hour=-log(1.0 - RUN_TWICE) / LENGTH_HOURS,
    held=HELD,
    submit=0.05,
    dagman=3.0,
    round_dag=0.0,  # in these
    script=4.0,  # as `workflows.model.time_left`
    look=LOOK_EVERY,
    prep=30.0,
    merge=10.0,
)


def behaviour_of(site: Site, reco: str, seconds_per_fit: float | None) -> tuple[Behaviour, str]:
    """Return the defaults for a site and a reconstruction, and the source of its fits' time.

    Raises
    ------
    WrongUsage
        Nothing is known of this reconstruction.
    """
    if seconds_per_fit is not None:
        seconds, source = seconds_per_fit, "--seconds-per-fit"
    elif reco in SECONDS_PER_FIT:
        seconds, source = SECONDS_PER_FIT[reco]
    else:
        raise WrongUsage(
            f"It is not known how long a fit by {reco} takes; measure it with `skyscan "
            f"pilot`, give it with --seconds-per-fit, or give the folder of a scan with {reco} "
            f"that has run."
        )
    dagman = {**SETTINGS, **site.dagman}
    usual = PERSONAL if site.this_machine else GRID
    behaviour = replace(
        usual,
        seconds_per_fit=seconds,
        scan_interval=float(dagman["DAGMAN_USER_LOG_SCAN_INTERVAL"]),
        submits=int(dagman["DAGMAN_MAX_SUBMITS_PER_INTERVAL"]),
        is_prepared_here=site.this_machine and reco_class(reco).is_prepared_quickly,
    )
    return behaviour, source
