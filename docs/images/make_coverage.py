"""Draw resolution, coverage and the distribution of TS (needs matplotlib).

    make_coverage.py TABLES coverage.png

TABLES is the folder of a coverage campaign's tables (`benchmarks/coverage`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import NullFormatter

from skyscan.answer.levels import CONTAINMENTS, WILKS
from skyscan.answer.levels.calibration import shipped_calibrations
from skyscan.coverage.quantiles import contained, in_class
from skyscan.coverage.sample import rows_by_reco

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from skyscan.coverage.sample import Row

COLOURS = {"track": "C0", "track_bulk": "C2", "cascade": "C1"}
MARKS = {"calibrated": "o", "wilks": "x"}
MOST_TS = 15.0


def main() -> None:
    """Draw the three of them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", type=Path)
    parser.add_argument("image", type=Path)
    words = parser.parse_args()
    samples = rows_by_reco(words.tables, "validation")
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for reco, rows in samples.items():
        scanned = in_class(rows, 0, None)
        _resolution(left, reco, scanned)
        _coverage(middle, reco, scanned)
        _distribution(right, reco, scanned)
    values = np.linspace(0, MOST_TS, 200)
    right.plot(values, 1 - np.exp(-values / 2), color="black", label=r"$\chi^2$, 2 d.o.f.")
    right.set(xlabel=r"TS of the true direction", ylabel="events below", xlim=(0, MOST_TS))
    left.set(xlabel="hits", ylabel="distance to the truth (deg)", xscale="log", yscale="log")
    left.set_xticks([10, 30, 100, 300], ["10", "30", "100", "300"])
    left.xaxis.set_minor_formatter(NullFormatter())
    for containment in CONTAINMENTS:
        middle.axhline(containment, color="grey", linewidth=0.8)
    middle.set(xlabel="median of hits", ylabel="truths in the region", ylim=(0, 1.02))
    for axes in (left, middle, right):
        axes.legend(fontsize="small")
    figure.savefig(words.image, dpi=110)


def _resolution(axes: Axes, reco: str, rows: list[Row]) -> None:
    n_hits, away = np.array([(row.n_hits, row.distance_deg) for row in rows]).T
    axes.plot(n_hits, np.maximum(away, 0.02), ".", color=COLOURS[reco], alpha=0.4)
    order = np.array_split(np.argsort(n_hits), 4)
    middles = [np.median(n_hits[it]) for it in order]
    medians = [np.median(away[it]) for it in order]
    axes.plot(middles, medians, "-", color=COLOURS[reco], label=reco)


def _coverage(axes: Axes, reco: str, rows: list[Row]) -> None:
    known = shipped_calibrations().get(reco)
    if known is None:
        return
    for it in known.classes:
        chosen = in_class(rows, it.fewest, it.most)
        middle = np.median([row.n_hits for row in chosen])
        for shift, (name, levels) in enumerate(
            (("calibrated", known.levels), ("wilks", lambda _: WILKS))
        ):
            for containment in CONTAINMENTS:
                found = contained(chosen, levels, containment)
                is_first = it == known.classes[0] and containment == CONTAINMENTS[0]
                axes.errorbar(
                    middle * (1 + 0.06 * shift),
                    found.fraction,
                    found.sigma,
                    fmt=MARKS[name],
                    color=COLOURS[reco],
                    label=f"{reco}, {name}" if is_first else None,
                )


def _distribution(axes: Axes, reco: str, rows: list[Row]) -> None:
    values = np.sort([row.two_delta_llh for row in rows])
    fraction = np.arange(1, len(values) + 1) / len(values)
    axes.step(values, fraction, where="post", color=COLOURS[reco], label=reco)


if __name__ == "__main__":
    main()
