"""The steps of a scan, each described once: what it runs, reads, writes and needs.

The engines render them (`workflows.engines`); nothing here knows how they are run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skyscan import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workflows.planned import Planned

#: Macros of a job: which round, which batch, which submission of it, and the scan's deadline.
ROUND, BATCH, RETRY, DEADLINE = "$(round)", "$(batch)", "$(retry)", "$(deadline)"
#: Seconds that a batch of the round may take.
BUDGET = "$(budget)"

#: What the access point runs: the scan's own code in the Python that planned the scan.
ACCESS_POINT_SH = "skyscan.sh"


@dataclass(frozen=True)
class Step:
    """One kind of step.

    Attributes
    ----------
    name : str
        Also the name of its submit file.
    arguments : tuple of str
        Of ``python -m PROGRAM``.
    inputs : tuple of str
        Files and folders that the job gets, relative to the scan folder.
    outputs : dict of str to str
        {file or folder in the job: where it goes, relative to the scan folder}.
    log : str
        Where stdout and stderr go, without ending.
    is_local : bool
        Runs on the access point, in the scan folder itself.
    checkpoints : bool
        What it has written so far is of use to the next attempt.
    retries : int
        How often it is tried again when it fails.
    program : str
        ``skyscan``, or ``workflows`` for a step that writes of the workflow itself.
    """

    name: str
    arguments: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: dict[str, str]
    log: str
    is_local: bool = False
    checkpoints: bool = False
    retries: int = 0
    program: str = "skyscan"

    def filled(self, values: Mapping[str, str]) -> Step:
        """Return the step with the values of its macros in their place."""

        def fill(text: str) -> str:
            for macro, value in values.items():
                text = text.replace(macro, value)
            return text

        return replace(
            self,
            arguments=tuple(map(fill, self.arguments)),
            inputs=tuple(map(fill, self.inputs)),
            outputs={fill(name): fill(path) for name, path in self.outputs.items()},
            log=fill(self.log),
        )


def prep_step(scan: Planned) -> Step:
    """Return the step that reads the event and writes the startup folder."""
    return Step(
        name="prep",
        arguments=(
            *("prep", "--event", scan.event_file, "--event-sha256", scan.event_sha256),
            *("--reco", scan.reco),
            *("--scan-id", scan.id, "--startup", layout.STARTUP),
            *(() if scan.is_real_event else ("--simulated-event",)),
            *(() if scan.gcd_dir is None else ("--gcd-dir", scan.gcd_dir)),
        ),
        inputs=(layout.CODE_ZIP, f"{layout.EVENT}/{scan.event_file}"),
        outputs={layout.STARTUP: layout.STARTUP},
        log=f"logs/prep.{RETRY}",
        retries=scan.max_retries,
    )


def reco_step(scan: Planned) -> Step:
    """Return the step that reconstructs one batch; ROUND and BATCH say which.

    The result file goes in and out: a job that is submitted again goes on where the one
    before it stopped. It has another name when it goes out: what HTCondor keeps of a job on
    its way (a checkpoint) hides an input file of the same name at each later start, also when
    a failed try has brought home more since (seen with 23.9.6). So both come, and both count.

    It goes in with its folder: when a disk is full as it comes home, HTCondor removes the old
    one too, and a job whose input is missing would be held.
    """
    here = f"rounds/{ROUND}"
    new = f"{BATCH}.new.rec"
    return Step(
        name="reco",
        arguments=(
            *("reco", "--startup", layout.STARTUP, "--batch", f"{BATCH}.npz"),
            *("--earlier", f"{BATCH}.rec", "--result", new),
            *("--max-pixel-time", f"{scan.max_pixel_time:g}"),
            *("--checkpoint-interval", f"{scan.checkpoint_interval:g}"),
            *(("--time-budget", BUDGET) if scan.time_budget else ()),
            *(() if scan.deadline is None else ("--until", DEADLINE)),
        ),
        inputs=(
            *(layout.CODE_ZIP, layout.STARTUP),
            *(f"{here}/batches/{BATCH}.npz", f"{here}/results/{BATCH}/"),
        ),
        outputs={new: f"{here}/results/{BATCH}/{BATCH}.rec"},
        log=f"{here}/logs/{BATCH}.{RETRY}",
        checkpoints=True,
        retries=scan.max_retries,
    )


def merge_step() -> Step:
    """Return the step that writes the map; it reads every result, so it runs where they are."""
    return Step(
        name="merge",
        arguments=("merge", "."),
        inputs=(),
        outputs={},
        log="logs/merge",
        is_local=True,
    )


def next_round_step(number: int, results: Iterable[str], writes: str) -> Step:
    """Return the step between rounds, of an engine that has no scripts for it.

    It takes in what came before (prep's work, or the results of the round before), chooses
    the pixels of round ``number``, and writes the workflow that fits them. DAGMan has it as
    SCRIPT PRE of each round, `workflows.commands.inner`.

    Parameters
    ----------
    number : int
        The round to open.
    results : iterable of str
        The result files of the round before.
    writes : str
        Name of the workflow file.
    """
    return Step(
        name="next_round",
        arguments=("next-round", ".", str(number)),
        inputs=tuple(results) if number else (layout.STARTUP,),
        outputs={writes: writes},
        log=f"logs/next_round_{number:03d}",
        is_local=True,
        program="workflows",
    )
