"""What the page of a scan says, from its report, its model, its map and its event."""

from __future__ import annotations

import json
import shlex
import sys
import traceback
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from skyscan.errors import SkyscanError, one_line
from skyscan.likelihood import reco_text
from skyscan.storage import write_text
from workflows.page.figures import (
    VIEWS,
    event_figure,
    profile_figure,
    shown_bars,
    timeline_figure,
)
from workflows.page.page import MAX_BYTES, Page, page_text, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from skyscan.answer.answer import Answer
    from skyscan.answer.maps import SkyMap
    from skyscan.layout import ScanFolder
    from workflows.model.scan import ScanModel
    from workflows.model.timeline import Timeline
    from workflows.planned import Planned

UNIX_EPOCH_MJD = 40587.0
SHOWN, SHOWN_TAILS, LINES_OF_TAIL = 3, 8, 12
#: Failures and machines in the numbers of a page.
MOST_LISTED = 100
HEADLINES = {
    ("complete", True): "COMPLETE",
    ("incomplete", True): "INCOMPLETE: a limit ended the scan; partial map",
    ("incomplete", False): "INCOMPLETE: a limit ended the scan; no map",
    ("failed", True): "FAILED; partial map",
    ("failed", False): "FAILED; no map",
}
KINDS = ("queued", "run", "failed", "evicted", "held")
CITE = (
    "The skyscan authors, skyscan {version}: scan the sky for the origin of an IceCube event "
    "(CITATION.cff of the software). The way of scanning and the rule that chooses pixels are "
    "those of IceCube's skymap_scanner, https://github.com/icecube/skymap_scanner."
)


@dataclass(frozen=True)
class Ended:
    """A scan that has ended, for its page.

    Attributes
    ----------
    folder : ScanFolder
    scan : Planned
    model : ScanModel
    timeline : Timeline
    report : mapping
        The content of ``report.json``, with the folder as it is now.
    next, command : str
        What to do next, in words and as a command; empty for a scan that is complete.
    skymap : SkyMap or None
        Its map, if a pixel has a fit.
    answer : Answer or None
        The answer of the map.
    commands : sequence of str
        The commands that planned and submitted it, each after its time.
    catalogue : str
        Name of the user's catalogue of sources, if there is one.
    """

    folder: ScanFolder
    scan: Planned
    model: ScanModel
    timeline: Timeline
    report: Mapping[str, Any]
    next: str = ""
    command: str = ""
    skymap: SkyMap | None = None
    answer: Answer | None = None
    commands: Sequence[str] = ()
    catalogue: str = ""

    @property
    def map_folder(self) -> Path:
        """The folder of the map and of the files made from it."""
        return Path(self.report["map"]).parent

    @property
    def outcome(self) -> str:
        """``complete``, ``incomplete`` or ``failed``."""
        return str(self.report["outcome"])


def write_page_of(ended: Ended) -> str:
    """Write the page of a scan; return why it could not be written, or an empty text.

    A report is written in any case.
    """
    try:
        write_text(ended.folder.page, _within_size(ended))
    except ImportError as error:
        return f"it needs {error.name}: pip install {error.name}"
    except (SkyscanError, OSError) as error:
        return one_line(str(error))
    except Exception as error:  # noqa: BLE001  the report must be written all the same
        traceback.print_exc(file=sys.stderr)
        return one_line(f"this is a bug: {error!r}")
    return ""


def _within_size(ended: Ended) -> str:
    """Return the page with as many cells of its map as it may have."""
    from skyscan.answer.chart import MAX_CELLS, chart_of

    values, n_cells = page_values(ended), MAX_CELLS
    while True:
        chart = None
        if ended.skymap is not None and ended.answer is not None:
            chart = chart_of(ended.skymap, ended.answer, n_cells)
            chart["sources"] = [
                [it["name"], round(it["ra_deg"], 4), round(it["dec_deg"], 4)]
                for it in ended.report["sources"]
            ]
        text = page_text(Page(values, chart))
        if len(text.encode()) <= MAX_BYTES or chart is None or n_cells < 1000:  # noqa: PLR2004
            return text
        n_cells //= 2


def page_values(ended: Ended) -> dict[str, Any]:
    """Return all that the template shows besides the map."""
    return {
        **_banner(ended),
        **_answer(ended),
        **_drafts(ended),
        **_figures(ended),
        **_run(ended),
        "files": list(_files(ended)),
        "sources": ended.report["sources"],
        "catalogue": ended.catalogue,
        "provenance": list(_provenance(ended)),
        "cite": CITE.format(version=ended.scan.versions.get("skyscan", "")),
        "numbers": numbers_of(ended),
    }


def _banner(ended: Ended) -> dict[str, Any]:
    from skyscan.answer.sky.directions import utc

    failures: Sequence[Mapping[str, Any]] = ended.report["failures"]
    likelihood = None if ended.answer is None else ended.answer.likelihood
    written, mjd = ended.model.made, ended.scan.mjd
    return {
        "name": ended.scan.name,
        "outcome": ended.outcome,
        "headline": HEADLINES.get((ended.outcome, ended.skymap is not None), ended.outcome),
        "is_real": ended.scan.is_real_event,
        "reco": reco_text(ended.scan.reco, likelihood),
        "site": ended.scan.site,
        "event_time": None if mjd is None else utc(mjd),
        "event_unix": None if mjd is None else round((mjd - UNIX_EPOCH_MJD) * 86400.0),
        "written": utc_text(written),
        "written_unix": round(written),
        "reasons": failures[:SHOWN],
        "more_reasons": max(0, len(failures) - SHOWN),
        "missing": ended.report["missing"],
        "next": ended.next,
        "command": ended.command,
        "text": ended.report["text"],
    }


def _answer(ended: Ended) -> dict[str, Any]:
    answer = ended.answer
    lines = ended.report["answer_lines"] if answer is None else ()
    trouble = [line.strip().removeprefix("answer").strip() for line in lines]
    return {
        "answer": answer,
        "checks": () if answer is None else answer.checks,
        "answer_trouble": " ".join(trouble),
    }


def _drafts(ended: Ended) -> dict[str, Any]:
    """Return the texts for the world; the lines to paste are those of the circular."""
    from skyscan.answer.catalogue import Near, Source
    from skyscan.answer.notice import Known, circular_lines, make_notice

    if ended.answer is None or ended.answer.frame.is_local:
        return {"circular": "", "notice": "", "paste": "", "alert_command": ""}
    sources = [
        Near(
            Source(*(it[field] for field in Source._fields)),
            it["distance_deg"],
            it["containment"],
            it["is_inside"],
        )
        for it in ended.report["sources"]
    ]
    near = sources if ended.catalogue else None
    lines = list(circular_lines(ended.answer, Known(), 1, near))
    labels = ("Date: ", "Time: ", "RA: ", "Dec: ")
    notice = json.dumps(make_notice(ended.answer, Known(), 1), indent=1)
    return {
        "circular": "\n".join(lines),
        "notice": notice,
        "paste": "\n".join(line for line in lines if line.startswith(labels)),
        "alert_command": f"skyscan alert {shlex.quote(str(ended.folder.path))}",
    }


def _figures(ended: Ended) -> dict[str, Any]:
    from skyscan.answer.context import event_of
    from skyscan.answer.display import display_of

    found: dict[str, Any] = {
        "profiles": [],
        "displays": [],
        "n_hits": 0,
        "latest_ns": 0.0,
        "has_vertex": False,
        "event_trouble": "",
    }
    if ended.skymap is not None and ended.answer is not None:
        profile = partial(profile_figure, ended.skymap, ended.answer)
        found["profiles"] = [profile(along) for along in ("ra", "dec")]
    event = event_of(ended.folder.path)
    if event is None:
        return {**found, "event_trouble": "it cannot be read"}
    display = display_of(event, None if ended.answer is None else ended.answer.best)
    if not len(display.charge):
        return {**found, "event_trouble": "it has no hits after cleaning"}
    return {
        **found,
        "displays": [event_figure(display, view) for view in VIEWS],
        "n_hits": len(display.charge),
        "latest_ns": float(display.time_ns.max()),
        "has_vertex": display.vertex is not None,
    }


def _run(ended: Ended) -> dict[str, Any]:
    from workflows.model.text import timing_lines

    lines = [(line[:10].strip(), line[10:]) for line in timing_lines(ended.model)]
    bars = ended.timeline.bars
    kinds = {span.kind for bar in bars for span in bar.spans}
    failures: Sequence[Mapping[str, Any]] = ended.report["failures"]
    return {
        "timeline": timeline_figure(ended.timeline) if bars else None,
        "kinds": [kind for kind in KINDS if kind in kinds],
        "more_bars": len(bars) - len(shown_bars(ended.timeline)),
        "timing": [line for line in lines if line[0] not in ("machine", "slowest")],
        "model": ended.model,
        "no_fit": ended.model.no_fit,
        "tails": [
            {**it, "last_lines": list(it["last_lines"])[-LINES_OF_TAIL:]}
            for it in failures[:SHOWN_TAILS]
        ],
    }


def _files(ended: Ended) -> Iterator[dict[str, str]]:
    """Yield name, link, size and content of the files that others may want."""
    from skyscan.answer.files import FILES

    if ended.report["map"] is None or ended.skymap is None:
        return
    contents = {
        "npz": "the map, for skyreader and skyscan.read_map",
        "json": "the same as JSON",
        **{it.ending: it.content for it in FILES},
    }
    place = ended.map_folder
    for ending, content in contents.items():
        path = place / f"{ended.skymap.name}.{ending}"
        if path.is_file():
            link = quote(path.relative_to(ended.folder.path).as_posix())
            size = f"{path.stat().st_size / 1000:.1f} kB"
            yield {
                "name": path.name,
                "stem": ended.skymap.name,
                "ending": f".{ending}",
                "link": link,
                "size": size,
                "content": content,
            }


def _provenance(ended: Ended) -> Iterator[tuple[str, str]]:
    folder, scan = ended.folder, ended.scan
    for line in ended.commands:
        when, _, command = line.partition(" ")
        yield f"command, {when}", command
    kind = "--real-event" if scan.is_real_event else "--simulated-event"
    nsides = " ".join(f"{nside}:{extension}" for nside, extension in scan.progression)
    options = f"--reco-algo {scan.reco} --nsides {nsides} --site {shlex.quote(scan.site)}"
    if scan.ice_sha256 is not None:
        options += " --ice-model FOLDER"
    yield (
        "the same scan",
        f"skyscan scan event/{scan.event_file} {kind} {options} --output-dir DIR",
    )
    yield "versions", ", ".join(f"{name} {it}" for name, it in sorted(scan.versions.items()))
    yield "runtime of jobs", scan.runtime
    yield "engine", scan.engine
    yield "scan id", scan.id
    yield "event, SHA-256", scan.event_sha256
    yield "code, SHA-256", scan.code_sha256
    if scan.kernel is not None:
        yield "kernel of the fits", scan.kernel
    if scan.kernel_sha256 is not None:
        yield "compiled kernel, SHA-256", scan.kernel_sha256
    yield from _light(folder)


def _light(folder: ScanFolder) -> Iterator[tuple[str, str]]:
    from skyscan.answer.context import light_of

    light = light_of(folder)
    if light is not None:
        yield "ice", light["ice"]
        yield "ice, SHA-256 of its numbers", light["ice_sha256"]
        for name, sha256 in sorted(light["tables_sha256"].items()):
            yield f"table of light around a {name}, SHA-256", sha256


def numbers_of(ended: Ended) -> dict[str, Any]:
    """Return all numbers of a page for programs: report, scan model and options."""
    from skyscan.answer.answer import without_nan

    report = {k: v for k, v in ended.report.items() if k not in ("text", "answer_lines")}
    report["failures"] = report["failures"][:MOST_LISTED]
    report["commands"] = list(ended.commands)
    model = asdict(
        replace(
            ended.model,
            failures=(),  # those of the report
            machines=ended.model.machines[:MOST_LISTED],
            no_fit=ended.model.no_fit[:MOST_LISTED],
        )
    )
    # The command of --notify may have a secret, and pages are shown to others.
    options = {k: v for k, v in asdict(ended.scan).items() if k not in ("notify", "files")}
    cleaned: dict[str, Any] = without_nan({"report": report, "model": model, "scan": options})
    return cleaned
