"""The likelihood that a scan's fits have, as prep records it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput
from skyscan.json_text import is_of
from skyscan.storage import read_json

if TYPE_CHECKING:
    from pathlib import Path

_TYPES: dict[str, Any] = {
    "reco": str,
    "settings_sha256": str,
    "n_hits": int,
    "charge_pe": float,
}


@dataclass(frozen=True)
class Likelihood:
    """By what the levels of regions are chosen (`skyscan.answer.levels.calibration`).

    Attributes
    ----------
    reco : str
        The reconstruction; for ``auto``, the one that it chose.
    settings_sha256 : str
        Digest of all that the likelihood depends on besides the event: its numbers, the ice,
        the tables of light, the detector.
    n_hits : int
        Number of DOMs with a hit that the event has for it.
    charge_pe : float
        Their charge.
    """

    reco: str
    settings_sha256: str
    n_hits: int
    charge_pe: float

    def as_dict(self) -> dict[str, Any]:
        """Return the attributes, for JSON."""
        return asdict(self)


def reco_text(reco: str | None, likelihood: Likelihood | None) -> str:
    """Return the reconstruction in words: of ``auto``, also the one that it chose."""
    if reco is None:
        return "unknown"
    if likelihood is None or likelihood.reco == reco:
        return reco
    return f"{likelihood.reco}, chosen by {reco}"


def read_likelihood(path: Path) -> Likelihood | None:
    """Read what prep recorded; None if it recorded nothing, or if that is damaged."""
    try:
        value = read_json(path)
    except (BadInput, OSError):
        return None
    known: dict[str, Any] = {it.name: value.get(it.name) for it in fields(Likelihood)}
    if not all(is_of(known[name], kind) for name, kind in _TYPES.items()):
        return None
    return Likelihood(**known)
