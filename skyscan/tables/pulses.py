"""Pulses from the columns of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.detector import TOLERANCE, icecube86
from skyscan.events.assembly import MAX_TIME_NS, impossible_span
from skyscan.events.event import LC_FLAG, PULSE_DTYPE
from skyscan.geometry import N_OMS, is_in_ice, positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.detector import Detector
    from skyscan.tables.columns import Columns, Table
    from skyscan.tables.layouts import Layout

#: IceCube's condition of hard local coincidence (JINST 12 P03012, 2017, section 6.1): another
#: hit on the nearest or next-to-nearest DOM of the string within this time.
COINCIDENCE_NS = 1000.0
COINCIDENCE_REACH = 2
#: Depth of the centre of IceCube's coordinates, m: z is up in simulations that begin at the
#: surface.
CENTRE_DEPTH = 1948.07
MAX_CHARGE = 1e9  #: of a pulse, PE; the brightest events have some 1e6 in all
_OMS = 64  # of a string, those on the surface included


def pulses_of(
    table: Table, layout: Layout, columns: Columns, detector: Detector | None = None
) -> NDArray[np.void]:
    """Return the pulses in the rows of one event.

    Without a column of local coincidence, it is found from the pulses.

    Parameters
    ----------
    table : Table
    layout : Layout
        What its columns hold.
    columns : mapping of str to ndarray, shape (n,)
        Those of `Layout.columns_of`.
    detector : Detector or None
        The detector, if it is not IceCube-86.

    Returns
    -------
    ndarray, shape (n,), dtype PULSE_DTYPE
        In the order of the rows.

    Raises
    ------
    BadInput
        A value is missing or impossible, or the DOMs are not those of the detector.
    """
    pulses = np.zeros(len(columns[layout.time]), PULSE_DTYPE)
    pulses["string"], pulses["om"] = _doms(table, layout, columns, detector)
    pulses["time"] = _finite(table, columns, layout.time, -MAX_TIME_NS, MAX_TIME_NS)
    _check_span(table, layout, pulses, detector)
    pulses["charge"] = 1.0
    if layout.charge in columns:
        pulses["charge"] = _finite(table, columns, layout.charge, 0.0, MAX_CHARGE)
    if layout.width in columns:
        pulses["width"] = _finite(table, columns, layout.width, -MAX_TIME_NS, MAX_TIME_NS)
    if layout.pmt in columns:
        pulses["pmt"] = table.small_integers(columns, layout.pmt)
    if detector is None:
        _check_positions(table, layout, columns, pulses)
    pulses["flags"] = LC_FLAG * _coincidences(table, layout, columns, pulses)
    return pulses


def in_coincidence(pulses: NDArray[np.void]) -> NDArray[np.bool_]:
    """Return which pulses are in hard local coincidence (HLC), from their DOMs and times.

    Parameters
    ----------
    pulses : ndarray, shape (n,), dtype PULSE_DTYPE

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    time = pulses["time"] - pulses["time"].min(initial=0.0)
    span = time.max(initial=0.0) + 3 * COINCIDENCE_NS
    oms = max(_OMS, int(pulses["om"].max(initial=0))) + 2 * COINCIDENCE_REACH
    dom = pulses["string"].astype(np.int64) * oms + pulses["om"]
    marks = np.sort(dom * span + time)
    found = np.zeros(len(pulses), bool)
    for step in range(-COINCIDENCE_REACH, COINCIDENCE_REACH + 1):
        if step:
            there = (dom + step) * span + time
            after = np.searchsorted(marks, there - COINCIDENCE_NS)
            nearest = marks[np.minimum(after, len(marks) - 1)]
            found |= np.abs(nearest - there) <= COINCIDENCE_NS
    return found


def counts_from_surface(table: Table, layout: Layout, columns: Columns) -> bool:
    """Return whether heights of DOMs count from the surface, as Prometheus' of IceCube do.

    No DOM of IceCube is as far below the centre of its coordinates.
    """
    if not layout.position or any(name not in columns for name in layout.position):
        return False
    heights = table.numbers(columns, layout.position[2])
    return bool(len(heights) and np.median(heights) < -CENTRE_DEPTH / 2)


def dom_of_sensor(
    sensor: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return string and DOM of sensors, which are numbered from 0, string by string."""
    string, om = np.divmod(sensor, N_OMS)
    return string + 1, om + 1


def _doms(
    table: Table, layout: Layout, columns: Columns, detector: Detector | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if not layout.dom:
        return _doms_at(table, layout, columns, detector)
    if len(layout.dom) == 1:
        string, om = dom_of_sensor(table.small_integers(columns, layout.dom[0]))
    else:
        string, om = (table.small_integers(columns, name) for name in layout.dom)
    if detector is not None:
        missing = ~detector.has(string, om)
        if missing.any():
            row = int(np.flatnonzero(missing)[0])
            raise table.complaint(
                f"string {string[row]}, DOM {om[row]} is not in the geometry (--geometry)"
            )
        return string, om
    wrong = ~((string >= 1) & (om >= 1))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise table.complaint(
            f"string {string[row]}, DOM {om[row]} is not in IceCube-86, where both are counted "
            f"from 1; --geometry gives another detector"
        )
    return string, om


def _doms_at(
    table: Table, layout: Layout, columns: Columns, detector: Detector | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return string and DOM of positions: the nearest, which has to be near enough."""
    from scipy.spatial import cKDTree

    here = np.stack([table.numbers(columns, name) for name in layout.position], axis=1)
    known = icecube86() if detector is None else detector
    away, nearest = cKDTree(known.places).query(np.nan_to_num(here, nan=np.inf, posinf=1e9))
    if not (away <= TOLERANCE).all():
        x, y, z = here[int(np.argmax(away))]
        raise table.complaint(
            f"no DOM is within {TOLERANCE:g} m of ({x:g}, {y:g}, {z:g}); --geometry gives "
            f"another detector"
        )
    found = known.doms[nearest]
    return found["string"].astype(np.int64), found["om"].astype(np.int64)


def _finite(
    table: Table, columns: Columns, name: str, low: float, high: float
) -> NDArray[np.float64]:
    values = table.numbers(columns, name)
    wrong = ~((low <= values) & (values < high))
    if wrong.any():
        value = values[np.flatnonzero(wrong)[0]]
        raise table.complaint(f"column {name} holds {value:g}, which no pulse can have")
    return values


def _check_span(
    table: Table, layout: Layout, pulses: NDArray[np.void], detector: Detector | None
) -> None:
    """Check the unit of times: light needs longer from string to string."""
    found = impossible_span(pulses, detector)
    if found is not None:
        n, span = found
        raise table.complaint(
            f"all pulses on {n} strings are within {span:.2g} in column {layout.time}; times "
            f"have to be in ns"
        )


def _check_positions(
    table: Table, layout: Layout, columns: Columns, pulses: NDArray[np.void]
) -> None:
    """Check that DOMs with a position are where IceCube-86 has them."""
    if not layout.position or any(name not in columns for name in layout.position):
        return
    inside = is_in_ice(pulses["string"], pulses["om"])
    if not inside.any():
        return
    here = np.stack([table.numbers(columns, name)[inside] for name in layout.position], axis=1)
    if counts_from_surface(table, layout, columns):
        here = here + np.array([0.0, 0.0, CENTRE_DEPTH])
    string, om = pulses["string"][inside], pulses["om"][inside]
    with np.errstate(over="ignore"):
        away = np.linalg.norm(here - positions(string, om), axis=1)
    if not (away <= TOLERANCE).all():
        row = int(np.argmax(np.where(np.isnan(away), np.inf, away)))
        raise table.complaint(
            f"string {string[row]}, DOM {om[row]} is {away[row]:.0f} m from its place in "
            f"IceCube-86: this is another detector; give it with --geometry"
        )


def _coincidences(
    table: Table, layout: Layout, columns: Columns, pulses: NDArray[np.void]
) -> NDArray[np.bool_]:
    if layout.lc in columns:
        values = table.integers(columns, layout.lc)
        if (values >= 0).any():  # GraphNeT writes -1 for what it does not know
            return np.asarray(values == layout.lc_means)
    return in_coincidence(pulses)
