"""What the likelihood of an open reconstruction depends on besides the event.

Levels of regions are measured for one likelihood (`skyscan.answer.levels.calibration`): its
settings, by their digest, say whether they hold for a fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skyscan.light import first_photon, pandel
from skyscan.light.layered import LayeredIce
from skyscan.light.tables import shipped_table
from skyscan.likelihood import Likelihood
from skyscan.losses import doms as losses_doms
from skyscan.losses import energies, segments
from skyscan.losses import model as losses
from skyscan.shower import doms as shower_doms
from skyscan.shower import model as shower
from skyscan.shower import times
from skyscan.storage import digest
from skyscan.track import cleaning

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.detector import Detector
    from skyscan.light.ice_model import IceModel


def likelihood_of(reco: str, settings: dict[str, Any], charge: NDArray[Any]) -> Likelihood:
    """Return the likelihood of a reconstruction with settings, for hits of some charge."""
    total = round(float(charge.sum()), 3)
    return Likelihood(reco, digest(settings), len(charge), total)


def bulk_track_settings(detector: Detector | None) -> dict[str, Any]:
    """Return the settings of ``track_bulk``."""
    return {
        **_of_first_pulses(detector),
        "charge_power": 1.0,
        "jitter_ns": pandel.BulkIce.jitter_ns,
        "pandel": [pandel.TAU_NS, pandel.SCATTERING_M, pandel.ABSORPTION_M],
        "distance": [pandel.DISTANCE_SLOPE, *pandel.ORIENTATION],
    }


def layered_track_settings(ice: IceModel, detector: Detector | None) -> dict[str, Any]:
    """Return the settings of ``track`` in an ice model."""
    return {
        **_of_first_pulses(detector),
        "charge_power": LayeredIce.charge_power,
        "jitter_ns": LayeredIce.jitter_ns,
        "one_photon": LayeredIce.one_photon,
        "ice_sha256": ice.digest,
        "table_sha256": shipped_table("track").digest,
    }


def shower_settings(ice: IceModel) -> dict[str, Any]:
    """Return the settings of ``cascade`` in an ice model."""
    return {
        **_of_first_pulses(None),
        **_of_shower_light(ice),
        "charge_spread": shower.CHARGE_SPREAD,
        "efficiency": shower.EFFICIENCY,
        "ice_blur_m": shower.ICE_BLUR_M,
        "jitter_ns": times.JITTER_NS,
        "length_m": times.LENGTH_M,
        "photons_per_pe": times.PHOTONS_PER_PE,
        "late_edges_ns": shower_doms.LATE_EDGES_NS,
        "late_pe": [shower_doms.LEAST_PE, shower_doms.FIRST_PE, shower_doms.LEAST_LATE_PE],
        "late_shares": [times.SHARE_SPREAD, times.EVEN_SHARE],
    }


def losses_settings(ice: IceModel) -> dict[str, Any]:
    """Return the settings of ``cascades`` in an ice model."""
    return {
        **_of_first_pulses(None),
        **_of_shower_light(ice),
        "charge_power": losses.CHARGE_POWER,
        "jitter_ns": losses.JITTER_NS,
        "charge_spread": losses.CHARGE_SPREAD,
        "efficiency": losses.EFFICIENCY,
        "bare_muon": losses.BARE_MUON,
        "smallest_share": losses.SMALLEST_SHARE,
        "bright": losses_doms.BRIGHT_FACTOR,
        "dark_step": losses_doms.DARK_STEP,
        "energy_steps": energies.N_STEPS,
        "least_seen": energies.LEAST_SEEN,
        "segments": [segments.SPACING_M, segments.FEWEST, segments.REACH_M],
        "ends": [segments.BEFORE_M, segments.BEHIND_M],
        "track_table_sha256": shipped_table("track").digest,
    }


def _of_shower_light(ice: IceModel) -> dict[str, Any]:
    return {
        "noise_pe": shower.NOISE_PE,
        "dark_within_m": shower_doms.NEAR_M,
        "saturated": [shower_doms.LINEAR_PE_PER_NS, shower_doms.CURRENT_NS],
        "ice_sha256": ice.digest,
        "table_sha256": shipped_table("shower").digest,
    }


def _of_first_pulses(detector: Detector | None) -> dict[str, Any]:
    doms = None if detector is None else detector.doms.tolist()
    return {
        "detector": "IceCube-86" if doms is None else digest(doms),
        "noise": [*first_photon.BROAD_NOISE, *first_photon.NARROW_NOISE],
        "window_ns": cleaning.TIME_WINDOW_NS,
        "near": [cleaning.RT_RADIUS_M, cleaning.RT_TIME_NS, cleaning.RT_ITERATIONS],
    }
