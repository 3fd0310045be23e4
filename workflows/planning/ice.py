"""The ice model that a user chose for the reconstructions in layered ice."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, WrongUsage, printable
from skyscan.geometry import dom_positions
from skyscan.recos import reco_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skyscan.detector import Detector
    from skyscan.light.ice_model import IceModel
    from workflows.options import Options

#: Layers, and numbers of a tilt: every job gets them. Published models have some 200 and 800.
MAX_LAYERS, MAX_TILT = 5000, 50_000


def ice_for(options: Options) -> IceModel | None:
    """Return the ice model that options give (``--ice-model``); None if they give none.

    Raises
    ------
    WrongUsage
        The reconstruction has no ice that can be chosen.
    BadInput
        A file of the model is missing or damaged, or the tables of light cannot serve it.
    """
    if options.ice_model is None:
        return None
    if not reco_class(options.reco).light_tables:
        raise WrongUsage(
            f"--ice-model: {options.reco} does not fit in layered ice, so its ice cannot be "
            f"chosen; track, cascade, cascades and auto do."
        )
    from skyscan.light.ice_files import read_ice_model
    from skyscan.light.ice_json import read_ice
    from skyscan.light.tables import check_acceptance

    place = Path(options.ice_model)  # a notebook may give a text
    # A scan folder's own file of its ice serves as well.
    ice = read_ice(place) if place.is_file() else read_ice_model(place)
    check_acceptance(ice.acceptance)
    n_tilt = 0 if ice.tilt is None else ice.tilt.shift.size
    if len(ice.top) > MAX_LAYERS or n_tilt > MAX_TILT:
        raise BadInput(
            f"--ice-model {options.ice_model}: {len(ice.top)} layers and a tilt of {n_tilt} "
            f"numbers; there can be {MAX_LAYERS} and {MAX_TILT}."
        )
    # A scan folder is passed on: it says which ice, not where its user kept it.
    return replace(ice, name=printable(ice.name), source="--ice-model")


def check_cover(ice: IceModel, detector: Detector | None = None) -> None:
    """Refuse an ice model whose layers do not reach all DOMs.

    Parameters
    ----------
    ice : IceModel
    detector : Detector, optional
        Default: IceCube.

    Raises
    ------
    BadInput
        The DOMs are above or below all layers.
    """
    from skyscan.light.ice_model import CENTRE_DEPTH_M

    places = dom_positions() if detector is None else detector.places
    lowest, highest = float(places[..., 2].min()), float(places[..., 2].max())
    bottom, top = float(ice.top[-1] - ice.thickness), float(ice.top[0])
    if lowest < bottom or highest > top:
        raise BadInput(
            f"--ice-model {ice.name}: its layers reach from z = {bottom:.0f} to {top:.0f} m, "
            f"the DOMs from {lowest:.0f} to {highest:.0f} m (z = {CENTRE_DEPTH_M:g} m - depth)."
        )


def place_ice(ice: IceModel, file: Path) -> None:
    """Write the file of a scan's ice model, from which prep reads it."""
    from skyscan.light.ice_json import write_ice

    write_ice(file, ice)


def note_ice(options: Options) -> None:
    """Print on stderr what the user should know about the ice model that options give.

    Raises
    ------
    WrongUsage, BadInput
        As `ice_for`.
    """
    ice = ice_for(options)
    for text in () if ice is None else _notes(ice, reco_class(options.reco).light_tables):
        print(printable(f"skyscan: {text}"), file=sys.stderr)


def _notes(ice: IceModel, tables: tuple[str, ...]) -> Iterator[str]:
    from skyscan.light.tables import shipped_table

    for name in tables:
        made = shipped_table(name).provenance
        share, g = made["sam_share"], made["g"]
        if (ice.sam_share, ice.g) != (share, g):
            yield (
                f"warning: --ice-model {ice.name}: its photons scatter with {ice.sam_share:g} "
                f"of the simplified Liu function and g = {ice.g:g}, but the table of light "
                f"`{name}` was made for {share:g} and {g:g}."
            )
    if ice.tilt is not None:
        yield f"note: --ice-model {ice.name}: its layers are taken as level, without the tilt."
