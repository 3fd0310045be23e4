"""Take results into the scan folder that jobs have left elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.results import read_results, write_results
from skyscan.rounds.collect import batches_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skyscan.layout import RoundFolder


def take_results(folder: RoundFolder, scan_id: str, arriving: Mapping[int, list[Path]]) -> int:
    """Add the results of a round that have arrived to its result files; return their number.

    Existing results are kept; results that are damaged, of another scan or of a batch that the
    round does not have any more stay where they are.

    Parameters
    ----------
    folder : RoundFolder
        The round in the scan folder.
    scan_id : str
        The scan that its batches must be of.
    arriving : mapping of int to list of Path
        The result files elsewhere, by the number of the batch.

    Raises
    ------
    DamagedFile
        The round's description or a file of its batches is damaged.
    """
    taken = 0
    for batch, home in batches_of(folder, scan_id) if arriving else ():
        result = before = read_results(home, batch)
        for path in arriving.get(batch.number, ()):
            if len(result.missing(batch)) == 0:
                break
            result = result.joined(read_results(path, batch))
        new = len(result.records) - len(before.records)
        if new:
            write_results(home, batch, result.records)
        taken += new
    return taken
