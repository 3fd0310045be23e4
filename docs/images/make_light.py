"""Compare the tables of light with photons that are followed directly (needs matplotlib).

    make_light.py light.png [--photons N]

Left, showers in ice that is the same everywhere, in clear and in dusty layers: the charge of
DOMs by their distance, and its ratio to that of the tables. Right, tracks through the layers:
the share of the photons that arrives later than a delay, by distance from the track. Photons
are followed by `skyscan.simulation`; the tables were made in ice that is the same everywhere,
and are scaled to the layers.
N photons are followed of each shower and of each track.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib import pyplot as plt

from skyscan.doms import efficiencies
from skyscan.geometry import dom_positions
from skyscan.light.cherenkov import LIGHT_SPEED, axes_of, direct_light, frames_of
from skyscan.light.ice_model import CENTRE_DEPTH_M, shipped_ice
from skyscan.light.layered import LayeredIce
from skyscan.light.yields import PHOTONS_PER_M, TRACK_PER_GEV_M
from skyscan.shower.light import ShowerLight
from skyscan.simulation.kernel import trace
from skyscan.simulation.light import STEP_FIELDS
from skyscan.simulation.scene import Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

OVERSIZE = 20.0
COLOURS = ("#0072b2", "#d55e00", "#009e73")  # to be told apart by everyone
MARKS = ("o", "s", "^")
#: Depths (m) of the showers, 14 m from string 36, in the layers or in their mean. Each is the
#: mean of showers in as many directions as there are in ANGLES.
SHOWERS = (("the same ice everywhere", 2000.0), ("clear ice", 2300.0), ("dust", 2040.0))
PLACE = (36.0, -25.0)  # x and y, m
#: Zenith and azimuth, degrees.
ANGLES = np.array([(20, 0), (60, 120), (80, 240), (100, 60), (120, 180), (160, 300)], float)
DISTANCES_M = np.geomspace(12.0, 250.0, 9)
#: Zenith and azimuth (degrees) of the tracks, which pass the detector's centre.
TRACKS = ((30.0, 20.0), (75.0, 100.0), (110.0, 220.0), (140.0, 310.0))
FEWEST = 10  # photons of a bin
HALF_TRACK_M = 900.0
BANDS_M = ((20.0, 30.0), (50.0, 65.0), (90.0, 120.0))
DELAYS_NS = np.geomspace(5.0, 1500.0, 25)


class Band(NamedTuple):
    """Shares of photons later than each of DELAYS_NS: of the direct ones, of the tables."""

    direct: Array
    tables: Array
    n: int


def main() -> None:
    """Draw both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--photons", type=int, default=400_000)
    words = parser.parse_args()
    figure, places = plt.subplot_mosaic(
        [["charge", "late"], ["ratio", "difference"]],
        figsize=(11, 5.5),
        layout="constrained",
        height_ratios=(2, 1),
    )
    scene = Scene(shipped_ice(), OVERSIZE)
    for number in range(len(SHOWERS)):
        _draw_shower(places["charge"], places["ratio"], scene, number, words.photons)
    for number, band in enumerate(_bands(scene, words.photons)):
        _draw_band(places["late"], places["difference"], number, band)
    places["charge"].set(ylabel="charge of a DOM (PE/GeV)", yscale="log", xscale="log")
    places["charge"].set_title("showers: photons (points), tables (lines)", fontsize="medium")
    places["ratio"].set(xlabel="distance (m)", ylabel="direct / tables", xscale="log")
    places["ratio"].set_ylim(0.4, 1.6)
    places["late"].set(ylabel="photons that arrive later", xscale="log", ylim=(0, 1))
    places["late"].set_title("tracks: photons (points), tables (lines)", fontsize="medium")
    places["difference"].set(xlabel="delay after unscattered light (ns)", xscale="log")
    places["difference"].set(ylabel="direct \N{MINUS SIGN} tables", ylim=(-0.1, 0.1))
    for name, level in (("ratio", 1.0), ("difference", 0.0)):
        places[name].axhline(level, color="black", linewidth=0.8)
    ticks = [20, 50, 100, 200]
    for name in ("charge", "ratio"):
        places[name].set_xticks(ticks, map(str, ticks))
        places[name].minorticks_off()
    for name in ("charge", "late"):
        places[name].legend(fontsize="small")
    figure.savefig(words.image, dpi=110)


def _draw_shower(charge: Axes, ratio: Axes, scene: Scene, number: int, n: int) -> None:
    """Draw the mean charge of DOMs in bins of distance; errors are those of Poisson."""
    name, depth = SHOWERS[number]
    if not number:
        z = scene.dom_z
        scene = Scene(scene.ice.averaged(float(z.min()), float(z.max())), OVERSIZE)
    axes = axes_of(*np.radians(ANGLES).T).along
    centre = np.array([[*PLACE, CENTRE_DEPTH_M - depth]])
    steps = np.zeros((len(axes), STEP_FIELDS))
    steps[:, :3], steps[:, 4:7], steps[:, 8] = centre, axes, 1.0
    hits = trace(scene, steps, np.full(len(axes), n // len(axes)), seed=number)
    gev = n * OVERSIZE**2 / (TRACK_PER_GEV_M * PHOTONS_PER_M)
    light, doms = ShowerLight(scene.ice), dom_positions().reshape(-1, 3)
    paths = light.paths(np.repeat(centre, len(axes), axis=0), axes, light.doms(doms))
    expected = light.charge_per_gev(paths).mean(axis=0) * efficiencies().ravel()
    counts = np.bincount(hits.dom, minlength=len(doms))
    away = np.linalg.norm(doms - centre, axis=1)
    index = np.digitize(away, DISTANCES_M)
    bins = [(index == i) & (efficiencies().ravel() > 0) for i in range(1, len(DISTANCES_M))]
    bins = [it for it in bins if counts[it].sum() >= FEWEST]
    middle, direct, tables, found = np.array(
        [
            (away[b].mean(), counts[b].mean() / gev, expected[b].mean(), counts[b].sum())
            for b in bins
        ]
    ).T
    style = {"color": COLOURS[number], "fmt": MARKS[number], "markersize": 4}
    error = direct / np.sqrt(found)
    charge.errorbar(
        middle, direct, error, label=f"{name}, {depth:g} m" if number else name, **style
    )
    charge.plot(middle, tables, color=COLOURS[number])
    ratio.errorbar(middle, direct / tables, error / tables, **style)
    print(name, np.round(middle), np.round(direct / tables, 3), np.round(error / tables, 3))


def _bands(scene: Scene, n: int) -> list[Band]:
    """Follow the photons of the tracks; return the results by distance."""
    ice, doms = LayeredIce(scene.ice), dom_positions().reshape(-1, 3)
    late: list[list[Array]] = [[] for _ in BANDS_M]
    expected: list[list[Array]] = [[] for _ in BANDS_M]
    for seed, angles in enumerate(np.radians(TRACKS)):
        axes = axes_of(angles[:1], angles[1:])
        step = np.zeros((1, STEP_FIELDS))
        step[0, :3], step[0, 4:7] = -HALF_TRACK_M * axes.along[0], axes.along[0]
        step[0, 7] = 2 * HALF_TRACK_M
        hits = trace(scene, step, np.array([n]), seed=seed)
        light = direct_light(frames_of(axes, doms), np.zeros((1, 1)), np.zeros((1, 1)))
        start = HALF_TRACK_M / LIGHT_SPEED
        delay = hits.time - start - light.time[0, hits.dom]
        for number, (near, far) in enumerate(BANDS_M):
            distance = light.distance[0, hits.dom]
            here = (distance >= near) & (distance < far)
            dom = hits.dom[here]
            late[number].append(delay[here][:, None] > DELAYS_NS)
            found = ice.log_survival(
                DELAYS_NS,
                distance[here][:, None],
                light.cos_eta[0, dom][:, None],
                doms[dom, 2:],
            )
            expected[number].append(np.exp(found))
    parts = zip(late, expected, strict=True)
    both = [(np.concatenate(direct), np.concatenate(tables)) for direct, tables in parts]
    return [
        Band(direct.mean(axis=0), tables.mean(axis=0), len(direct)) for direct, tables in both
    ]


def _draw_band(late: Axes, difference: Axes, number: int, band: Band) -> None:
    """Draw the shares; errors are those of a binomial distribution."""
    near, far = BANDS_M[number]
    error = np.sqrt(band.tables * (1 - band.tables) / band.n)
    style = {"color": COLOURS[number], "fmt": MARKS[number], "markersize": 4}
    label = f"{near:g} to {far:g} m: {band.n} photons"
    late.errorbar(DELAYS_NS, band.direct, error, label=label, **style)
    late.plot(DELAYS_NS, band.tables, color=COLOURS[number])
    difference.errorbar(DELAYS_NS, band.direct - band.tables, error, **style)
    print(near, far, band.n, np.round(band.direct - band.tables, 3), np.round(error, 3))


if __name__ == "__main__":
    main()
