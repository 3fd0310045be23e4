"""The levels that are chosen for the regions of a scan's map when it is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.errors import BadInput, SkyscanError, WrongUsage
from skyscan.recos import reco_class

if TYPE_CHECKING:
    from skyscan.events.event import Event
    from skyscan.light.ice_model import IceModel
    from workflows.options import Options

AUTO = "auto"  #: the reconstruction that is one of two others


def levels_for(options: Options) -> str | None:
    """Return the levels that were chosen for the regions, in words that need no file.

    Raises
    ------
    WrongUsage, BadInput
        There are no such levels, or no calibrated ones for the reconstruction.
    """
    if options.levels is None:
        return None
    from skyscan.answer.levels import CALIBRATED
    from skyscan.answer.levels.chosen import parse_levels

    if options.levels == CALIBRATED:
        _check_calibrated(options.reco)
        return None
    return parse_levels(options.levels, options.reco).text


def _check_calibrated(reco: str) -> None:
    """Refuse ``--levels calibrated`` for a reconstruction without; else it is the default."""
    from skyscan.answer.levels import CALIBRATED
    from skyscan.answer.levels.calibration import shipped_calibrations

    known = [*shipped_calibrations(), AUTO]
    if name_of(reco) not in known:
        raise WrongUsage(
            f"--levels {CALIBRATED}: there are no calibrated levels for {reco}, only for "
            f"{', '.join(known)}; leave the option out, or choose other levels."
        )


def check_calibrated_for(
    reco: str, event: Event, ice: IceModel | None, levels: str | None
) -> None:
    """Refuse ``--levels calibrated`` for fits that have none, as in another ice or detector."""
    from skyscan.answer.levels import CALIBRATED
    from skyscan.answer.levels.chosen import parse_levels

    if levels != CALIBRATED:
        return
    refusals: list[SkyscanError] = []
    for name in ("track", "cascade") if reco == AUTO else (reco,):
        fit = reco_class(name)(event.format_version)
        fit.chosen_ice = ice
        try:
            parse_levels(CALIBRATED, name, fit.likelihood(event))
        except (WrongUsage, BadInput) as error:
            refusals.append(error)
        else:
            return
    raise refusals[0]


def name_of(reco: str) -> str:
    """Return the name of a reconstruction as scans have it, however it was written."""
    return reco.lower().replace("-", "_")
