"""Read the rounds of a scan: their batches, results, and what running jobs report."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from skyscan.batches import read_batches
from skyscan.errors import BadInput
from skyscan.results import count_records
from skyscan.rounds.description import LEFTOVER, batch_files, read_description
from workflows.engines import engine_of
from workflows.model.outputs import Outputs, progress_in
from workflows.model.results import NONE, ResultReader
from workflows.model.rounds import Batch, ChosenRound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from skyscan.layout import RoundFolder, ScanFolder
    from workflows.model.jobs import Nodes


class RoundReader:
    """Reads the rounds of a scan again and again, and only what is new.

    Parameters
    ----------
    folder : ScanFolder
        The scan folder.
    scan_id : str
        The results of other scans are ignored.

    Attributes
    ----------
    news : float
        When a running job last reported how far it is, since 1970, s.
    """

    def __init__(self, folder: ScanFolder, scan_id: str) -> None:
        self.folder = folder
        self.news = 0.0
        self._engine = engine_of(folder)
        self._results = ResultReader(scan_id)
        self._chosen: dict[int, _Chosen] = {}

    def last_opened(self) -> float:
        """Return when the last of the rounds was opened, since 1970, s; 0 without rounds."""
        return max((it.opened for it in self._chosen.values()), default=0.0)

    def read(
        self, nodes: Mapping[int | None, Nodes], since: float | None = None
    ) -> list[ChosenRound]:
        """Return the chosen rounds; one that is being written or is damaged is left out.

        What running jobs report counts from ``since`` on (since 1970, s); None: nothing does.
        """
        arriving = self._engine.arriving(self.folder)
        found = []
        for number in self.folder.chosen_rounds():
            chosen = self._description(number)
            if chosen is None:
                continue
            jobs = dict(nodes[number].batches()) if number in nodes else {}
            here = ChosenRound(
                number=number,
                folder=self.folder.round(number),
                opened=chosen.opened,
                depth=chosen.depth,
                nsides=chosen.nsides,
                batches=[Batch(number, *it, jobs.get(it[0]), NONE) for it in chosen.batches],
                outputs=Outputs(self.folder.round(number).logs),
            )
            place, on_its_way = f"{here.folder.path}/results", arriving.get(number, {})
            for batch in here.batches:
                self._take_results(place, batch, on_its_way.get(batch.number, ()))
                if since is not None:
                    self._take_progress(here, batch, since)
            found.append(here)
        return found

    def _take_results(self, place: str, batch: Batch, elsewhere: Sequence[Path]) -> None:
        n = f"{batch.number:05d}"
        path = f"{place}/{n}/{n}.rec"  # as `RoundFolder.result`, quickly
        batch.results = self._results.read(path, batch.round, batch.number, batch.n)
        batch.done = min(batch.results.n, batch.n)
        if elsewhere and batch.results.n < batch.n:
            more = self._results.read_best(elsewhere, batch.round, batch.number, batch.n)
            batch.results = max(batch.results, more, key=lambda it: it.n)
            # They are checked when they are collected; their size is what there is.
            there = max(batch.results.n, *map(count_records, elsewhere))
            batch.done = min(there, batch.n)

    def _take_progress(self, here: ChosenRound, batch: Batch, since: float) -> None:
        """Count what a job has done by its output, while its results are not at home."""
        if batch.is_whole or (batch.job is not None and not batch.job.is_in_queue):
            return
        path = here.outputs.newest(f"{batch.number:05d}", "out")
        if path is not None:
            done, when = progress_in(path)
            if when >= since:  # else of an earlier submission, and lost
                self.news = max(self.news, when)
                batch.done = max(batch.done, min(done, batch.n))

    def _description(self, number: int) -> _Chosen | None:
        here = self.folder.round(number)
        try:
            opened = here.description.stat().st_mtime
            known = self._chosen.get(number)
            if known is None or known.opened != opened:
                value = read_description(here)
                numbers = tuple(
                    (number, size)
                    for file in batch_files(value)
                    for number, size in enumerate(file.sizes, start=file.first)
                )
                nsides = _nsides(here, numbers)
                known = _Chosen(opened, numbers, int(value.get(LEFTOVER, 0)), nsides)
                self._chosen[number] = known
        except (BadInput, OSError, KeyError, TypeError, ValueError):
            return None
        return known


class _Chosen(NamedTuple):
    """The description of a round, and when it was written."""

    opened: float
    batches: tuple[tuple[int, int], ...]
    depth: int
    nsides: tuple[int, ...]


def _nsides(here: RoundFolder, batches: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Return the nsides of a round; pixels are dealt like cards: its first batch has all."""
    try:
        pixels = read_batches(here.batch(batches[0][0]))[0].pixels
    except (BadInput, IndexError):
        return ()
    return tuple(sorted(set(pixels["nside"].tolist())))
