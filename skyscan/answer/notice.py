"""Drafts of announcements: a GCN notice (JSON) and a circular (text)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from skyscan.answer.sky.frame import turn_text
from skyscan.errors import BadInput, WrongUsage
from skyscan.likelihood import reco_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skyscan.answer.answer import Answer
    from skyscan.answer.catalogue import Near

SCHEMA = (
    "https://gcn.nasa.gov/schema/main/gcn/notices/icecube/single_neutrino_alerts.schema.json"
)
#: GCN's names of the alert streams, by the names of ``--pipeline``.
PIPELINES = {
    "gold": "Gold Track Alert",
    "bronze": "Bronze Track Alert",
    "cascade": "Cascade Alert",
}
SECONDS_PER_YEAR = 365.25 * 86400
#: What a repeated notice may differ in without being a revision.
NOT_A_REVISION = ("alert_datetime", "record_number", "alert_type")


@dataclass(frozen=True)
class Known:
    """What a scan does not know of an alert.

    Attributes
    ----------
    pipeline : str or None
        ``gold``, ``bronze`` or ``cascade``.
    event_name : str or None
        Such as ``IceCube-220524A``.
    p_astro : float or None
        Probability that the event is astrophysical.
    far_hz : float or None
        False alarm rate.
    nu_energy_tev : float or None
        Most probable neutrino energy.
    map_url : str or None
        Where the multi-order FITS map can be downloaded.
    """

    pipeline: str | None = None
    event_name: str | None = None
    p_astro: float | None = None
    far_hz: float | None = None
    nu_energy_tev: float | None = None
    map_url: str | None = None

    def __post_init__(self) -> None:
        if self.pipeline is not None and self.pipeline not in PIPELINES:
            raise WrongUsage(
                f"--pipeline {self.pipeline!r} is unknown; it is {', '.join(PIPELINES)}."
            )
        if self.p_astro is not None and not 0 <= self.p_astro <= 1:
            raise WrongUsage(f"--p-astro {self.p_astro:g} is not between 0 and 1.")
        for name, value in (("--far", self.far_hz), ("--nu-energy", self.nu_energy_tev)):
            if value is not None and not 0 <= value < float("inf"):
                raise WrongUsage(f"{name} {value:g} is not a number of at least 0.")


def make_notice(
    answer: Answer, known: Known, revision: int, now: datetime | None = None
) -> dict[str, Any]:
    """Return a notice, valid against GCN's schema of single neutrino alerts.

    The position's error is the circle around the best fit that contains the 90 % region.

    Parameters
    ----------
    answer : Answer
    known : Known
        What is not known is left out.
    revision : int
        From 1; later ones are updates.
    now : datetime, optional
        Time of the notice.

    Raises
    ------
    BadInput
        The map has no metadata.
    """
    if answer.frame.is_local:
        raise BadInput(
            f"The map of {answer.name} is in IceCube's local frame, because the event has no "
            f"time: where it came from on the sky is unknown, so no alert can be made of it."
        )
    if answer.utc == "unknown":
        raise BadInput(
            f"The map of {answer.name} has no time of the event, which a notice needs."
        )
    outer = answer.region(0.9)
    when = (now or datetime.now(timezone.utc)).isoformat(timespec="seconds")
    is_cascade = known.pipeline == "cascade"
    optional = {
        "pipeline": PIPELINES[known.pipeline] if known.pipeline else None,
        "healpix_url": known.map_url,
        "nu_energy": known.nu_energy_tev,
        "p_astro": known.p_astro,
        "far": known.far_hz,
    }
    return {
        "$schema": SCHEMA,
        "mission": "IceCube",
        "instrument": "IC86",
        "messenger": "Neutrino",
        "record_number": revision,
        "event_name": [known.event_name or answer.name],
        "id": [f"{answer.run_id}_{answer.event_id}"],
        "alert_datetime": when.replace("+00:00", "Z"),
        "alert_type": "initial" if revision == 1 else "update",
        "alert_tense": "current" if answer.is_real_event else "test",
        "alert_topology": "Shower" if is_cascade else "Track",
        "number_of_events": 1,
        "trigger_time": answer.utc,
        "ra": round(answer.best.ra_deg, 4) % 360.0,
        "dec": round(answer.best.dec_deg, 4),
        "ra_dec_error": round(outer.radius_deg, 4),
        "containment_probability": outer.containment,
        "systematic_included": answer.levels.name == "icecube",
        **{key: value for key, value in optional.items() if value is not None},
    }


def circular_lines(
    answer: Answer, known: Known, revision: int, near: Sequence[Near] | None = None
) -> Iterator[str]:
    """Return the lines of a circular's draft.

    Parameters
    ----------
    answer : Answer
    known : Known
    revision : int
        From 1.
    near : sequence of Near, optional
        Sources of a catalogue, nearest first.
    """
    name, best, outer = known.event_name or answer.name, answer.best, answer.region(0.9)
    shape = "cascade" if known.pipeline == "cascade" else "track-like"
    yield f"DRAFT, revision {revision}. Nothing has been sent."
    if not answer.is_real_event:
        yield "SIMULATED EVENT: do not send."
    yield from _before_sending(answer, known)
    yield ""
    what = f"a high-energy neutrino candidate {shape} event"
    yield f"SUBJECT: {name} - IceCube observation of {what}"
    yield ""
    yield "The IceCube Collaboration (https://icecube.wisc.edu) reports:"
    yield ""
    day, _, time = answer.utc.removesuffix("Z").partition("T")
    yield f"IceCube detected a high-energy {shape} event on {day} at {time} UT."
    yield from _significance(known)
    yield "A scan of the sky for its direction gives:"
    yield ""
    yield f"Date: {day}"
    yield f"Time: {time} UT"
    yield (
        f"RA: {turn_text(best.ra_deg)} (+{outer.ra_plus_deg:.2f}, "
        f"-{outer.ra_minus_deg:.2f} deg 90% PSF containment) J2000"
    )
    yield (
        f"Dec: {best.dec_deg:+.2f} (+{outer.dec_plus_deg:.2f}, -{outer.dec_minus_deg:.2f} deg "
        f"90% PSF containment) J2000"
    )
    yield ""
    yield (
        f"The 90% region has {outer.area_deg2:.2f} square degrees. Reconstruction: "
        f"{reco_text(answer.reco, answer.likelihood)}. The levels of the regions are "
        f"{answer.levels_text}."
    )
    if known.map_url:
        yield f"The map is at {known.map_url}."
    yield from _sources(near)


def is_revision(notice: dict[str, Any], earlier: dict[str, Any]) -> bool:
    """Return whether a notice says anything that an earlier one does not."""
    kept = [
        {key: value for key, value in it.items() if key not in NOT_A_REVISION}
        for it in (notice, earlier)
    ]
    return kept[0] != kept[1]


def _before_sending(answer: Answer, known: Known) -> Iterator[str]:
    warnings = [it for it in answer.checks if it.state == "warning"]
    missing = [
        option
        for option, value in (
            ("--event-name", known.event_name),
            ("--pipeline", known.pipeline),
            ("--p-astro", known.p_astro),
            ("--far", known.far_hz),
            ("--nu-energy", known.nu_energy_tev),
        )
        if value is None
    ]
    if warnings or missing:
        yield "Before you send it:"
    for it in warnings:
        yield f"- {it.name}: {it.reason}"
    if missing:
        yield f"- not given: {', '.join(missing)}"


def _significance(known: Known) -> Iterator[str]:
    if known.pipeline in ("gold", "bronze"):
        yield f"It was selected as a {known.pipeline} track alert."
    elif known.pipeline == "cascade":
        yield "It was selected as a cascade alert."
    if known.p_astro is not None:
        yield f"Its probability of being astrophysical is {known.p_astro:.2f}."
    if known.far_hz is not None:
        per_year = known.far_hz * SECONDS_PER_YEAR
        yield f"The false alarm rate of such events is {per_year:.3g} per year."
    if known.nu_energy_tev is not None:
        yield f"Its most probable neutrino energy is {known.nu_energy_tev:.4g} TeV."


def _sources(near: Sequence[Near] | None) -> Iterator[str]:
    if near is None:
        return
    inside = [it for it in near if it.is_inside]
    yield ""
    if not inside:
        yield "No source of the catalogue is in the 90% region."
    for it in inside or near[:1]:
        where = "in the 90% region" if it.is_inside else "the nearest source"
        place = f"RA {turn_text(it.source.ra_deg)}, Dec {it.source.dec_deg:+.2f}"
        yield (
            f"{it.source.name} ({place}): {where}, {it.distance_deg:.2f} deg from the best fit."
        )
