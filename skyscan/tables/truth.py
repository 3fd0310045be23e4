"""The truth of simulated events, from tables with one row for each."""

from __future__ import annotations

from dataclasses import dataclass
from math import degrees, nan, pi
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput
from skyscan.events.event import Truth
from skyscan.tables.columns import RUN
from skyscan.tables.layouts import NUMBERS, layout_of
from skyscan.tables.pulses import CENTRE_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from skyscan.tables.columns import Table

EVENT = NUMBERS["event"]
#: Columns by what they hold, the first that a table has: angles in radians unless the name says
#: degrees, of where the particle came from; GeV, m, ns.
NAMES: Mapping[str, tuple[str, ...]] = {
    "zenith": ("zenith", "zenith_deg"),
    "azimuth": ("azimuth", "azimuth_deg"),
    "ra": ("ra_deg",),
    "dec": ("dec_deg",),
    "energy": ("energy", "injection_energy", "initial_state_energy"),
    "x": ("x", "position_x", "injection_position_x", "initial_state_x"),
    "y": ("y", "position_y", "injection_position_y", "initial_state_y"),
    "z": ("z", "position_z", "injection_position_z", "initial_state_z"),
    "time": ("time",),
}
#: Heights in Prometheus' own frame, which for IceCube counts from the surface.
PROMETHEUS_HEIGHTS = ("injection_position_z", "initial_state_z")
#: What angles can be, radians, by the columns that hold them; an azimuth or RA may be signed.
RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("zenith", "zenith_deg", "injection_zenith"), (0.0, pi)),
    **dict.fromkeys(("azimuth", "azimuth_deg", "injection_azimuth"), (-2 * pi, 2 * pi)),
    "ra_deg": (-2 * pi, 2 * pi),
    "dec_deg": (-pi / 2, pi / 2),
}
ROUNDING = 1e-3  #: by which angles may be out of their range, radians
#: Prometheus' final states, as GraphNeT keeps them: energy, and the direction of travel.
FINAL_STATES = tuple(
    (f"{kind}_energy", f"{kind}_direction_theta", f"{kind}_direction_phi")
    for kind in ("primary_lepton_1", "primary_hadron_1")
)
#: The direction of travel of the primary in Prometheus' own names.
TRAVEL = ("injection_zenith", "injection_azimuth")


@dataclass(frozen=True)
class TruthTable:
    """A table with one row for each simulated event."""

    table: Table

    def of(self, event_id: int, run_id: int | None, *, from_surface: bool = False) -> Truth:
        """Return the truth of an event.

        Parameters
        ----------
        event_id : int
        run_id : int or None
            None if it is unknown.
        from_surface : bool
            Whether heights in Prometheus' frame count from the surface above IceCube.

        Raises
        ------
        BadInput
            The table does not have the event, has it more than once, or an angle of it is
            impossible.
        """
        by, key = [self.table.first(*EVENT) or EVENT[0]], [event_id]
        run = self.table.first(*RUN)
        if run_id is not None and run is not None:
            by, key = [run, *by], [run_id, *key]
        row = self.table.locate(by, tuple(key))
        if row is None:
            number = ":".join(map(str, key))
            raise BadInput(f"{self.table.place} has no truth of event {number} ({by[-1]}).")
        names = [name for name in self.table.names if name in _ALL_NAMES]
        columns = self.table.rows(names, by, row)
        values = {name: float(self.table.numbers(columns, name)[0]) for name in names}
        for name in values.keys() & RANGES.keys():
            self._check_angle(name, values[name])
        return truth_in(values, from_surface=from_surface)

    def _check_angle(self, name: str, value: float) -> None:
        low, high = RANGES[name]
        angle = np.deg2rad(value) if name.endswith("_deg") else value
        if not (angle < low - ROUNDING or angle > high + ROUNDING):
            return
        if name.endswith("_deg"):
            limits = f"{degrees(low):g} to {degrees(high):g} degrees"
            raise self.table.complaint(
                f"column {name} holds {value:g}, which is not in {limits}"
            )
        raise self.table.complaint(
            f"column {name} holds {value:g}, which is not in {low:.4g} to {high:.4g} radians; "
            f"angles in degrees belong in columns zenith_deg and azimuth_deg"
        )


def truths_in(tables: Iterable[Table]) -> tuple[TruthTable, ...]:
    """Return the tables that may be the truth: those that are named so, or else all.

    A database has also tables of reconstructed directions.
    """
    found = [it for it in tables if is_truth(it) and layout_of(it) is None]
    named = [it for it in found if "truth" in it.name.lower()]
    return tuple(map(TruthTable, named or found))


def is_truth(table: Table) -> bool:
    """Return whether a table has numbered events and their directions."""
    has_direction = (
        (table.first(*NAMES["zenith"]) and table.first(*NAMES["azimuth"]))
        or table.has("ra_deg", "dec_deg")
        or table.has(*TRAVEL)
    )
    return bool(has_direction and table.first(*EVENT))


def truth_in(row: Mapping[str, float], *, from_surface: bool = False) -> Truth:
    """Return the truth in a row of a table, by the names of its columns.

    Parameters
    ----------
    row : mapping of str to float
    from_surface : bool
        Whether heights in Prometheus' frame count from the surface above IceCube.
    """
    values = {}
    for what, names in NAMES.items():
        name = next((it for it in names if it in row), None)
        value = nan if name is None else row[name]
        values[what] = np.deg2rad(value) if name and name.endswith("_deg") else value
        if from_surface and name in PROMETHEUS_HEIGHTS:
            values[what] += CENTRE_DEPTH
    if "zenith" not in row and (travel := travel_in(row)) is not None:
        values["zenith"], values["azimuth"] = origin_of(*travel)
    return Truth(**{what: float(value) for what, value in values.items()})


def origin_of(zenith: float, azimuth: float) -> tuple[float, float]:
    """Return where a particle comes from that travels in a direction, radians."""
    return pi - zenith, (azimuth + pi) % (2 * pi)


def sum_of_final_states(
    energies: Sequence[float], zeniths: Sequence[float], azimuths: Sequence[float]
) -> tuple[float, float]:
    """Return the direction of travel of all final states together, radians.

    Their momenta add up to that of the primary, at energies far above their masses.
    """
    energy, zenith, azimuth = (np.asarray(it, float) for it in (energies, zeniths, azimuths))
    x, y, z = (
        (energy * part).sum()
        for part in (
            np.sin(zenith) * np.cos(azimuth),
            np.sin(zenith) * np.sin(azimuth),
            np.cos(zenith),
        )
    )
    return float(np.arctan2(np.hypot(x, y), z)), float(np.arctan2(y, x))


def travel_in(row: Mapping[str, float]) -> tuple[float, float] | None:
    """Return the direction of travel in a row with Prometheus' names, radians, or None."""
    known = [names for names in FINAL_STATES if all(name in row for name in names)]
    if known:
        energies, zeniths, azimuths = zip(
            *([row[name] for name in names] for names in known), strict=True
        )
        return sum_of_final_states(energies, zeniths, azimuths)
    zenith, azimuth = TRAVEL
    return (row[zenith], row[azimuth]) if zenith in row and azimuth in row else None


_ALL_NAMES = {
    *(name for names in NAMES.values() for name in names),
    *(name for names in FINAL_STATES for name in names),
    *TRAVEL,
}
