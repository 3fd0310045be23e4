"""How often the package's regions contain the true directions of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.levels import CONTAINMENTS, WILKS
from skyscan.answer.levels.calibration import shipped_calibrations
from skyscan.coverage.quantiles import contained, in_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from skyscan.answer.levels import Levels
    from skyscan.coverage.sample import Row

BRIGHT_PE = 800.0


def coverage_lines(reco: str, sample: str, rows: Sequence[Row]) -> Iterator[str]:
    """Yield a table, in Markdown: by number of hits, the coverage with two kinds of levels."""
    known = shipped_calibrations().get(reco)
    every = in_class(rows, 0, None)
    groups = {
        "all": every,
        f"above {BRIGHT_PE:g} PE": [it for it in every if it.charge_pe > BRIGHT_PE],
    }
    for it in known.classes if known else ():
        groups[it.text] = in_class(rows, it.fewest, it.most)
    yield f"\n`{reco}`, {sample} sample, {len(rows)} events\n"
    yield "| events | number | median error | wilks 50 % | 90 % | calibrated 50 % | 90 % |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, chosen in groups.items():
        if chosen:
            away = np.median([row.distance_deg for row in chosen])
            cells = [name, str(len(chosen)), f"{away:.2f}\u00b0"]
            cells += _fractions(chosen, lambda _: WILKS)
            if known:
                cells += _fractions(chosen, known.levels)
            yield f"| {' | '.join(cells)} |"


def _fractions(rows: Sequence[Row], levels: Callable[[int], Levels | None]) -> list[str]:
    found = [contained(rows, levels, p) for p in CONTAINMENTS]
    return [f"{100 * it.fraction:.1f} \u00b1 {100 * it.sigma:.1f} %" for it in found]
