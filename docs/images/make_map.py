"""Draw a simulated event's map (needs matplotlib): make_map.py SCAN_FOLDER map.png."""

from __future__ import annotations

import argparse
from pathlib import Path

import healpy
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import LogNorm, Normalize

from skyscan.events.reader import read_event
from skyscan.track.simulation import truth_of

HALF_SIDE = 2.0  # of the zoom, deg
#: Colour scales of 2 delta llh; the best pixel has 0, which has no logarithm.
SKY, ZOOM = Normalize(0, 1500), LogNorm(1, 300)
COLOURS, SCALE = "viridis_r", r"$2\,\Delta$llh"
AXES = {"xlabel": "RA (J2000, deg)", "ylabel": "Dec (J2000, deg)"}
BEST = {"marker": "P", "color": "white", "markeredgecolor": "black", "label": "best fit"}
TRUE = {"marker": "*", "color": "red", "markeredgecolor": "white", "label": "true direction"}


def main() -> None:
    """Draw the whole sky, and beside it the pixels around the best fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path, metavar="SCAN_FOLDER")
    parser.add_argument("image", type=Path)
    words = parser.parse_args()
    (path,) = words.scan.glob("run*.npz")
    with np.load(path) as arrays:
        levels = {int(k.removeprefix("nside-")): arrays[k] for k in arrays if k != "header"}
    best_llh, best = min(
        (rows["llh"].min(), healpy.pix2ang(n, rows["index"][rows["llh"].argmin()], lonlat=True))
        for n, rows in levels.items()
    )
    true = np.degrees(truth_of(read_event(next(words.scan.glob("event/event.*")))))

    def pixels(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """Return 2 delta llh of the finest scanned pixel at each direction (deg, J2000)."""
        llh = np.full(ra.shape, np.nan)
        for nside, rows in sorted(levels.items()):
            sky = np.full(healpy.nside2npix(nside), np.nan)
            sky[rows["index"]] = rows["llh"]
            there = sky[healpy.ang2pix(nside, ra, dec, lonlat=True)]
            llh = np.where(np.isnan(there), llh, there)
        return 2 * (llh - best_llh)

    figure = plt.figure(figsize=(9.5, 4), layout="constrained")
    sky_at, zoom_at = figure.add_gridspec(1, 2, width_ratios=(1.25, 1))
    sky = figure.add_subplot(sky_at, projection="mollweide")
    lon, lat = np.meshgrid(np.linspace(-180, 180, 1441), np.linspace(-90, 90, 721))
    two_dllh = pixels(180 - lon, lat)
    image = sky.pcolormesh(*np.radians((lon, lat)), two_dllh, cmap=COLOURS, norm=SKY)
    figure.colorbar(image, ax=sky, extend="max", location="bottom", shrink=0.6, label=SCALE)
    sky.plot(*np.radians((180 - best[0], best[1])), linestyle="", markersize=11, **BEST)
    sky.set_xticks(np.radians([-120, -60, 0, 60, 120]), ["300°", "240°", "180°", "120°", "60°"])
    sky.tick_params(axis="x", colors="white")
    sky.grid(alpha=0.4)
    sky.set(title="whole sky", **AXES)

    zoom = figure.add_subplot(zoom_at, aspect=1 / np.cos(np.radians(best[1])))
    width = HALF_SIDE / np.cos(np.radians(best[1]))
    side = np.linspace(-1, 1, 900)
    ra, dec = np.meshgrid(best[0] + width * side, best[1] + HALF_SIDE * side)
    image = zoom.pcolormesh(ra, dec, pixels(ra, dec), cmap=COLOURS, norm=ZOOM)
    zoom.plot(*best, linestyle="", markersize=11, **BEST)
    zoom.plot(*true, linestyle="", markersize=15, **TRUE)
    zoom.invert_xaxis()  # RA grows to the left, as on the sky
    zoom.set(title="around the best fit", **AXES)
    zoom.legend(loc="lower left", fontsize="small")
    figure.colorbar(image, ax=zoom, extend="both", label=SCALE)
    figure.savefig(words.image, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
