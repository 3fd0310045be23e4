"""Draw the scattering and absorption of the ice by depth (needs matplotlib).

make_ice.py ice.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import NullFormatter

from skyscan.geometry import dom_positions
from skyscan.light.ice_model import CENTRE_DEPTH_M, shipped_ice

SCATTERING, ABSORPTION = "#0072b2", "#d55e00"  # to be told apart by everyone
DEPTHS_M = (1300.0, 2600.0)


def main() -> None:
    """Draw both lengths, and where the DOMs are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    words = parser.parse_args()
    ice = shipped_ice()
    edges = CENTRE_DEPTH_M - np.append(ice.top, ice.top[-1] - ice.thickness)
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    axes.stairs(
        ice.absorption, edges, color=ABSORPTION, linestyle="--", label="absorption length"
    )
    axes.stairs(ice.scattering, edges, color=SCATTERING, label="effective scattering length")
    z = dom_positions()[..., 2]
    axes.axvspan(
        *(CENTRE_DEPTH_M - z.max(), CENTRE_DEPTH_M - z.min()),
        color="0.9",
        label="DOMs",
        zorder=0,
    )
    axes.set(xlim=DEPTHS_M, xlabel="depth (m)", ylabel="length (m)", yscale="log")
    axes.set_yticks([5, 10, 20, 50, 100, 200, 400], map(str, [5, 10, 20, 50, 100, 200, 400]))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title(f"{ice.name}, 400 nm", fontsize="medium")
    axes.legend(loc="lower right", fontsize="small")
    figure.savefig(words.image, dpi=110)


if __name__ == "__main__":
    main()
