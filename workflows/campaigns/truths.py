"""What a campaign of simulated events says of a reconstruction: errors, pulls and coverage."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workflows.campaigns.row import Row

#: Median of the pull if the regions are right (`skyscan.answer.from_truth`).
EXPECTED_PULL = 1.18


@dataclass(frozen=True)
class Coverage:
    """How many of the true directions are in the regions of a containment probability.

    Attributes
    ----------
    percent : int
        The nominal probability of the regions.
    n_inside, n : int
        Number of events inside, and of all.
    """

    percent: int
    n_inside: int
    n: int

    @property
    def share(self) -> float:
        """The part inside."""
        return self.n_inside / self.n

    @property
    def error(self) -> float:
        """Binomial standard error of the part, with a success and a failure added.

        Without these, all or none inside would have no error (Agresti & Coull, Am. Stat. 52
        (1998) 119, with z = sqrt 2).
        """
        share = (self.n_inside + 1) / (self.n + 2)
        return sqrt(share * (1 - share) / (self.n + 2))

    def __str__(self) -> str:
        return (
            f"{100 * self.share:.0f} +- {100 * self.error:.0f} % ({self.n_inside} of {self.n}) "
            f"in the {self.percent} % regions"
        )


def truth_columns(answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the columns of a campaign's table that an answer with a truth fills."""
    truth = (answer or {}).get("truth")
    if not truth:
        return {}
    inside = truth["inside"]
    return {
        "from_truth_deg": truth["distance_deg"],
        "pull": truth["pull"],
        "containment": truth["containment"],
        "in_50": inside["50"],
        "in_90": inside["90"],
        "log10_energy_ratio": truth["log10_energy_ratio"],
        "vertex_m": truth["vertex_m"],
        "across_m": truth["across_m"],
    }


def truth_lines(rows: Sequence[Row]) -> list[str]:
    """Return the medians and the coverage of the complete scans that have a truth."""
    known = [row for row in rows if row.state == "complete" and row.from_truth_deg is not None]
    if not known:
        return []
    events = "1 event" if len(known) == 1 else f"{len(known)} events"
    lines = [f"  truth     {events}: {_medians(known)}"]
    covered = coverage(known)
    if covered:
        lines.append(f"  coverage  {'; '.join(map(str, covered))}")
    return lines


def coverage(rows: Iterable[Row]) -> list[Coverage]:
    """Return the coverage of the regions of 50 % and 90 %; none without a truth."""
    known = [row for row in rows if row.in_50 is not None and row.in_90 is not None]
    if not known:
        return []
    return [
        Coverage(50, sum(bool(row.in_50) for row in known), len(known)),
        Coverage(90, sum(bool(row.in_90) for row in known), len(known)),
    ]


def _medians(rows: Sequence[Row]) -> str:
    texts = [f"median {median(_known(rows, 'from_truth_deg')):.2f} deg from it"]
    if pulls := _known(rows, "pull"):
        texts.append(f"pull {median(pulls):.2f} (expected {EXPECTED_PULL})")
    if ratios := _known(rows, "log10_energy_ratio"):
        texts.append(f"log10 of fitted to true energy {median(ratios):+.2f}")
    if vertices := _known(rows, "across_m"):
        texts.append(f"vertex {median(vertices):.1f} m across the direction")
    return ", ".join(texts)


def _known(rows: Iterable[Row], name: str) -> list[float]:
    values = (getattr(row, name) for row in rows)
    return [value for value in values if value is not None and isfinite(value)]
