"""The steps of a scan, each described once: what it runs, reads, writes and needs.

The engines (`workflows.engines`) render them; nothing here depends on an engine.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skyscan import layout
from skyscan.frames import KEEP_VARIABLE, SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from workflows.planned import Planned

#: Macros of a job: its round, its batch, the number of its submission, the scan's deadline.
ROUND, BATCH, RETRY, DEADLINE = "$(round)", "$(batch)", "$(retry)", "$(deadline)"
#: Macro for the file that has the batch: the number of the first one in it.
BATCHES = "$(batches)"
#: Macro for the seconds that a batch of the round may take.
BUDGET = "$(budget)"

#: The node of the rounds that most scans do not have.
MORE_ROUNDS = "more_rounds"
#: Rounds beyond the levels that most scans have: the best pixel moves once.
USUAL_MOVES = 1
#: Rounds of at most so many jobs need no DAG of their own.
MOST_JOBS_AT_THE_TOP = 16

#: Runs the scan's own code on the access point, in the Python that planned the scan.
ACCESS_POINT_SH = "skyscan.sh"


@dataclass(frozen=True)
class Step:
    """One kind of step.

    Attributes
    ----------
    name : str
        Name of the step and of its submit file.
    arguments : tuple of str
        Arguments of ``python -m PROGRAM``.
    inputs : tuple of str
        Input files and folders, relative to the scan folder.
    outputs : dict of str to str
        {file or folder in the job: its path relative to the scan folder}.
    log : str
        Path of the files of stdout and stderr, without their suffix.
    is_local : bool
        Whether it runs on the access point, in the scan folder itself.
    checkpoints : bool
        Whether the next attempt can use what it has written so far.
    retries : int
        Number of retries if it fails.
    program : str
        ``skyscan``, or ``workflows`` for a step that writes parts of the workflow.
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
        """Return the step with its macros replaced by values."""

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


def rounds_at_the_top(levels: int, max_rounds: int, *, has_gates: bool = False) -> int:
    """Return how many of the possible rounds are nodes of the outer DAG.

    The others are in one node, which most scans skip as a whole; DAGMan takes a second for
    each node that it skips.

    Parameters
    ----------
    levels : int
        Number of nsides.
    max_rounds : int
        Number of possible rounds.
    has_gates : bool
        Whether rounds have gates (predictive scanning), which all wait for each other.
    """
    usual = levels + USUAL_MOVES
    return usual if max_rounds > usual + 1 and not has_gates else max_rounds


def jobs_at_the_top(
    *,
    batch_size: int | None,
    jobs_per_round: int | None,
    halvings: int,
    time_budget: float,
    threshold: float,
) -> int:
    """Return how many jobs of each round are nodes of the outer DAG; 0: rounds are DAGs.

    DAGMan looks at its logs once a second, and so does a DAGMan of the round's own: a round of
    short jobs takes half as long without. What follows from options that are known only when a
    round is opened, needs one.

    Parameters
    ----------
    batch_size, jobs_per_round, halvings : int or None
        How pixels are dealt to jobs (`skyscan.batches.split`).
    time_budget, threshold : float
        That of a job, and that of predictive scanning.
    """
    if batch_size or time_budget or threshold < 1:
        return 0
    n_jobs = (jobs_per_round or 1) * (halvings + 1)
    return n_jobs if n_jobs <= MOST_JOBS_AT_THE_TOP else 0


def n_skips(at_the_top: int, max_rounds: int, n_rounds: int) -> int:
    """Return how many nodes are skipped one after the other if no more rounds follow.

    Parameters
    ----------
    at_the_top : int
        `rounds_at_the_top`.
    max_rounds, n_rounds : int
        Number of possible rounds, and of those that have pixels.
    """
    if n_rounds > at_the_top:
        return max_rounds - n_rounds
    return at_the_top - n_rounds + (at_the_top < max_rounds)


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
            *(() if scan.gcd_sha256 is None else ("--gcd", layout.GCD_FILE)),
            *(() if scan.pulses is None else ("--pulses", scan.pulses)),
            *_kernel_arguments(scan),
            *(() if scan.ice_sha256 is None else ("--ice-model", layout.ICE_FILE)),
        ),
        inputs=(
            *(layout.CODE_ZIP, f"{layout.EVENT}/{scan.event_file}"),
            *(() if scan.gcd_sha256 is None else (f"{layout.EVENT}/{layout.GCD_FILE}",)),
            *(() if scan.ice_sha256 is None else (f"{layout.EVENT}/{layout.ICE_FILE}",)),
            *(() if scan.kernel_sha256 is None else (f"{layout.EVENT}/{layout.KERNEL_SO}",)),
        ),
        outputs={layout.STARTUP: layout.STARTUP},
        log=f"logs/prep.{RETRY}",
        retries=scan.max_retries,
    )


def _kernel_arguments(scan: Planned) -> tuple[str, ...]:
    if scan.kernel_sha256 is None:
        return ()
    return ("--kernel", layout.KERNEL_SO, "--kernel-sha256", scan.kernel_sha256)


def reco_step(scan: Planned) -> Step:
    """Return the step that reconstructs one batch, given by ROUND and BATCH.

    The result file is input and output: a job that is submitted again continues where the one
    before it stopped. The output has another name, because a checkpoint that HTCondor keeps of
    a job hides an input file of the same name at each later start, even if a failed try has
    returned more results since (seen with 23.9.6). The job gets both files and uses both.

    The folder of the file is the input: if the disk is full when the file returns, HTCondor
    removes the old one too, and a job with a missing input file would be held.
    """
    here = f"rounds/{ROUND}"
    new, new_frames = f"{BATCH}.new.rec", f"{BATCH}.new{SUFFIX}"
    frames = f"{BATCH}{SUFFIX}" if KEEP_VARIABLE in scan.environment else ""
    return Step(
        name="reco",
        arguments=(
            *("reco", "--startup", layout.STARTUP),
            *("--batch", f"{BATCHES}.npz", "--number", BATCH),
            *("--earlier", f"{BATCH}.rec", "--result", new),
            *(("--earlier-frames", frames, "--frames", new_frames) if frames else ()),
            *("--max-pixel-time", f"{scan.max_pixel_time:g}"),
            *("--checkpoint-interval", f"{scan.checkpoint_interval:g}"),
            *(("--time-budget", BUDGET) if scan.time_budget else ()),
            *(() if scan.deadline is None else ("--until", DEADLINE)),
        ),
        inputs=(
            *(layout.CODE_ZIP, layout.STARTUP),
            *(f"{here}/batches/{BATCHES}.npz", f"{here}/results/{BATCH}/"),
        ),
        outputs={
            new: f"{here}/results/{BATCH}/{BATCH}.rec",
            **({new_frames: f"{here}/results/{BATCH}/{frames}"} if frames else {}),
        },
        log=f"{here}/logs/{BATCH}.{RETRY}",
        checkpoints=True,
        retries=scan.max_retries,
    )


def merge_step() -> Step:
    """Return the step that writes the map; it reads all results and runs where they are."""
    return Step(
        name="merge",
        arguments=("merge", "."),
        inputs=(),
        outputs={},
        log="logs/merge",
        is_local=True,
    )


def next_round_step(number: int, results: Iterable[str], writes: str) -> Step:
    """Return the step between rounds, for an engine that has no scripts for it.

    It collects the output before it (prep's, or the results of the round before), chooses the
    pixels of round ``number``, and writes the workflow that fits them. With DAGMan, SCRIPT PRE
    of each round does this, see `workflows.commands.inner`.

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
