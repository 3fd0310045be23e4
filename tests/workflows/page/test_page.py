"""The page of a scan in a real browser: what it shows, and that it loads nothing else."""

import json
import re
import shutil
import sys
from itertools import count
from pathlib import Path

import healpy
import numpy as np
import pytest
from events_support import simulated_event
from job_log_support import ended, submitted
from model_support import fit, logs, opened_scan, reco_jobs, started
from plans_support import EVENT, options
from scans import wait_until
from scans_support import do_round

from skyscan import read_map
from skyscan.answer.display import display_of
from skyscan.answer.pictures.plane import Plane
from skyscan.detector import DOM_DTYPE, Detector
from skyscan.events.event import LC_FLAG, PULSE_DTYPE
from skyscan.events.source import Source
from skyscan.merge import merge
from skyscan.prep import prepare
from workflows.campaigns.campaign import Campaign, write_campaign
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.page import write_campaign_page
from workflows.campaigns.row import Row
from workflows.campaigns.table import table_text
from workflows.page.figures import VIEWS, event_figure
from workflows.page.page import MAX_BYTES, _environment
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.stored import read_report
from workflows.reports.writing import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "</script><img src=http://127.0.0.1:9/x onerror=document.title='broken'>"
WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def browser():
    """Return Chromium, of Debian's package."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs chromium on PATH (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as it:
        chromium = it.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Opened:
    """A page that was opened, with all that the browser asked for and complained of."""

    def __init__(self, browser, path: Path, width: int = 1280, **context: object) -> None:
        self.path, self.title = path, "run00000001.evt"
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, device_scale_factor=1, **context
        )
        self.page = self.context.new_page()
        self.requests, self.complaints = [], []
        self.page.on("request", lambda it: self.requests.append(it.url))
        self.page.on("console", lambda it: self.complaints.append(it.text))
        self.page.on("pageerror", lambda it: self.complaints.append(str(it)))
        self.page.goto(path.as_uri())
        self.page.wait_for_load_state("load")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def check(self) -> None:
        """Check that it is alone, sound, and not wider than the screen."""
        assert self.complaints == []
        assert self.requests == [self.path.as_uri()]
        assert self.page.title().startswith(self.title)
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0


@pytest.fixture
def opened(browser):
    pages = []

    def open_page(path: Path, **context: object) -> Opened:
        pages.append(Opened(browser, path, **context))
        return pages[-1]

    yield open_page
    for it in pages:
        it.context.close()


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A complete scan by the dummy with pixels of three nsides."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYSCAN_POOL_DIR", "/nonexistent")
        progression = ((4, 0), (16, 3), (64, 3))
        place = tmp_path_factory.mktemp("complete")
        made = plan(EVENT, place, options(jobs_per_round=3, progression=progression))
        scan = read_planned(made.scan_json)
        prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.startup)
        for number in count():
            if not do_round(made, scan, number):
                break
        merge(made, scan)
        jobs = [submitted(10, "reco_00000"), started(10), ended(10, 0)]
        logs(made, "round_000.dag", *jobs)
        write_report(made, 0)
    return made


@pytest.fixture
def failed(tmp_path):
    """A scan with a partial map, one job of which failed."""
    made = opened_scan(tmp_path)
    fit(made, 0, 2)
    events = [*reco_jobs(), started(10), started(11, "node2"), ended(10, 0), ended(11, 65)]
    logs(made, "round_000.dag", *events)
    (made.round(0).logs / "00001.0.0.err").write_text("noise\nskyscan: error: a bad table\n")
    write_report(made, 2)
    return made


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_of_a_complete_scan_has_the_answer_and_needs_nothing_else(
    complete, opened, width
):
    page = opened(complete.page, width=width)
    page.check()
    assert page.text(".outcome") == "COMPLETE SIMULATED"
    report = read_report(complete)
    best = report.answer["best"]
    assert page.text("#paste").splitlines()[2].startswith(f"RA: {best['ra_deg']:.2f} (+")
    for region in report.answer["regions"].values():
        assert f"{region['area_deg2']:.2f} deg²" in page.text("main")
    assert page.page.locator("td.state").count() == len(report.answer["checks"])
    for link in page.page.locator("a[download]").all():
        assert (complete.path / link.get_attribute("href")).is_file()
    assert complete.page.stat().st_size < MAX_BYTES
    assert page.page.locator("canvas:not([aria-label])").count() == 0
    assert page.page.locator("svg[role=img]:not([aria-label])").count() == 0


def hovered(page: Opened, x: float, y: float) -> str:
    box = page.page.locator("#zoom").bounding_box()
    page.page.mouse.move(box["x"] + box["width"] / 2 - x, box["y"] + box["height"] / 2 - y)
    return page.text("#zoom-hover").replace("\N{MINUS SIGN}", "-")


def test_hovering_gives_the_values_of_the_pixels_of_the_map(complete, opened):
    page = opened(complete.page)
    page.page.locator("#zoom").scroll_into_view_if_needed()
    skymap = read_map(complete.path)
    plane, lowest = Plane(*skymap.best_deg), skymap.best()[3]
    size = page.page.locator("#zoom").evaluate("it => [it.clientWidth, it.clientHeight]")
    half = 1.6 * skymap.answer().region(0.9).radius_deg
    seen = set()
    for nside, rows in skymap.pixels.items():
        ra, dec = healpy.pix2ang(nside, rows["index"], lonlat=True)
        x, y = (it / half * min(size) / 2 for it in plane.offsets(ra, dec))
        for i in np.flatnonzero((abs(x) < size[0] / 2 - 9) & (abs(y) < size[1] / 2 - 9))[::7]:
            finer = [it for it in skymap.pixels if it > nside]
            if any(
                healpy.ang2pix(it, ra[i], dec[i], lonlat=True) in skymap.pixels[it]["index"]
                for it in finer
            ):
                continue
            text = f"2Δllh {2 * (rows['llh'][i] - lowest):.2f}"
            pixel = f"nside {nside}, pixel {rows['index'][i]}"
            expected = f"RA {ra[i]:.2f}°, Dec {dec[i]:+.2f}°: {text} ({pixel})"
            assert hovered(page, x[i], y[i]) == expected
            seen.add(nside)
    assert max(skymap.pixels) in seen


def test_the_wheel_zooms_and_a_double_click_returns(complete, opened):
    page = opened(complete.page)
    page.page.locator("#zoom").scroll_into_view_if_needed()
    aside, best = hovered(page, 200, 0), hovered(page, 0, 0)
    assert "2Δllh 0.00" in best
    page.page.mouse.wheel(0, -900)
    wait_until(lambda: hovered(page, 200, 0) != aside, "the map to zoom", patience=20)
    page.page.locator("#zoom").dblclick()
    assert hovered(page, 200, 0) == aside
    assert hovered(page, 0, 0) == best
    assert page.complaints == []


def test_the_buttons_copy_what_a_circular_needs(complete, opened):
    page = opened(complete.page, permissions=["clipboard-read", "clipboard-write"])
    page.page.locator("[data-copy=paste]").click()
    page.page.get_by_text("Copied").wait_for()
    copied = page.page.evaluate("navigator.clipboard.readText()")
    number = r"\d+\.\d\d"
    line = rf"^RA: {number} \(\+{number}, -{number} deg 90% PSF containment\) J2000$"
    assert re.search(line, copied, re.MULTILINE)
    page.check()


def test_reasons_with_long_names_are_whole_on_a_phone(complete, opened):
    wide = opened(complete.page, width=min(WIDTHS)).page.evaluate(
        """() => {
            const reason = document.querySelector("td.reason");
            reason.textContent = "HESE_MuonImprovedLineFit".repeat(3);
            const box = reason.closest(".scroll");
            return box.scrollWidth - box.clientWidth;
        }"""
    )
    assert wide <= 0


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_of_a_failed_scan_says_why_and_has_the_command(failed, opened, width):
    page = opened(failed.page, width=width)
    page.check()
    assert page.text(".outcome") == "FAILED; partial map SIMULATED"
    assert "a bad table" in page.text(".banner")
    assert page.text("#command") == f"skyscan resume {failed.path}"
    assert "noise" in page.text("main")
    assert page.page.locator("a[download]").first.get_attribute("href").startswith("partial/")
    assert page.page.locator(".span.failed").count() == 1


def test_a_scan_that_fitted_nothing_has_a_page_too(tmp_path, opened):
    made = opened_scan(tmp_path)
    report = write_report(made, 2)
    assert report.page == str(made.page)
    page = opened(made.page)
    page.check()
    assert page.text(".outcome") == "FAILED; no map SIMULATED"
    assert page.page.locator("canvas").count() == 0
    assert "hit DOMs after cleaning" in page.text("main")


def test_a_map_without_any_fit_says_that_it_has_no_answer(tmp_path, opened):
    made = opened_scan(tmp_path)
    fit(made, 0, reason="pixel {} fails")
    logs(made, "round_000.dag", submitted(10, "reco_00000"), started(10), ended(10, 0))
    write_report(made, 2)
    page = opened(made.page)
    page.check()
    assert "There is a map, but no answer: The map of" in page.text("main")


def test_a_scan_that_a_limit_ended_says_which_option_raises_it(tmp_path, opened):
    made = opened_scan(tmp_path, deadline=1.0)
    fit(made, 0)
    logs(made, "round_000.dag", submitted(10, "reco_00000"), started(10), ended(10, 69))
    (made.round(0).logs / "00000.0.0.err").write_text(
        "skyscan: error: the deadline of 1 s (--deadline) has passed. (exit 69)\n"
    )
    write_report(made, 2)
    page = opened(made.page)
    page.check()
    assert page.text(".outcome").startswith("INCOMPLETE: a limit ended the scan; partial map")
    assert page.text("#command").endswith(" --deadline …")


def test_hostile_names_are_shown_and_not_run(tmp_path, opened):
    made = opened_scan(tmp_path / HOSTILE.replace("/", "|"))
    fit(made, 0)
    fit(made, 2, reason=HOSTILE[:40])
    events = [*reco_jobs(), started(10), started(11, HOSTILE), ended(10, 0), ended(11, 65)]
    logs(made, "round_000.dag", *events)
    (made.round(0).logs / "00001.0.0.err").write_text(f"{HOSTILE}\nskyscan: error: {HOSTILE}\n")
    write_report(made, 2)
    page = opened(made.page)
    page.check()
    assert HOSTILE in page.text("main")
    assert page.page.locator("img").count() == 0
    numbers = json.loads(page.page.evaluate("document.getElementById('numbers').textContent"))
    assert HOSTILE in numbers["report"]["failures"][0]["text"]


def test_dark_mode_and_paper_have_their_own_colours(complete, opened):
    back = "getComputedStyle(document.body).backgroundColor"
    page = opened(complete.page, color_scheme="dark")
    page.check()
    assert page.page.evaluate(back) == "rgb(20, 24, 29)"
    page.page.emulate_media(media="print")
    assert page.page.evaluate(back) == "rgb(255, 255, 255)"
    assert page.page.locator("button:visible").count() == 0
    paper = page.page.pdf()
    assert paper.startswith(b"%PDF")
    assert b"/Subtype /Image" in paper  # the sky, which is drawn pixel by pixel


@pytest.fixture
def campaign(tmp_path):
    folder = CampaignFolder(tmp_path)
    write_campaign(folder, Campaign(options(), 1))
    rows = [
        Row(
            f"run{i}",
            "complete",
            10.0 * i,
            5.0 * i - 30,
            folder=f"scans/000/run{i}",
            from_truth_deg=(7.0 * i) % 5,
            area90_deg2=4.61 * np.pi,
            pull=(7.0 * i) % 5,
        )
        for i in range(12)
    ]
    write_campaign_page(folder, [*rows, Row(HOSTILE, "refused", exit_code=65, why=HOSTILE)])
    return folder


@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_of_a_campaign_has_all_events_and_sorts_them(campaign, opened, width):
    page = opened(campaign.page, width=width)
    page.title = campaign.path.name
    page.check()
    assert page.text(".outcome") == "12 of 13 scans complete, 1 refused SIMULATED"
    assert page.page.locator("svg circle").count() == 12
    assert HOSTILE in page.text("#events")
    column = page.page.locator("#events tbody tr td:nth-child(7)")
    away = [it for it in column.all_inner_texts() if it]
    page.page.get_by_role("button", name="off truth").click()
    assert column.all_inner_texts() == [*sorted(away, key=float), ""]
    page.page.get_by_role("button", name="off truth").click()
    assert column.all_inner_texts() == [*sorted(away, key=float, reverse=True), ""]
    assert page.page.locator("a").first.get_attribute("href") == "scans/000/run2/report.html"


def test_errors_and_coverage_are_those_of_the_complete_scans_as_in_the_table(tmp_path):
    folder = CampaignFolder(tmp_path)
    write_campaign(folder, Campaign(options(), 1))
    known = {"from_truth_deg": 1.0, "pull": 1.0, "in_50": True, "in_90": True}
    partial = {"from_truth_deg": 90.0, "pull": 9.0, "in_50": False, "in_90": False}
    rows = [
        Row("run1", "complete", 10.0, 20.0, **known),
        Row("run2", "failed", 10.0, 20.0, exit_code=75, **partial),
    ]
    write_campaign_page(folder, rows)
    page, table = folder.page.read_text(), table_text(folder, rows)
    assert "One simulated event is 1.00° from its true direction." in page
    for words in ("(1 of 1) in the 50 % regions", "(1 of 1) in the 90 % regions"):
        assert words in page
        assert words in table


def test_events_without_a_time_have_their_direction_in_the_detector(tmp_path):
    folder = CampaignFolder(tmp_path)
    write_campaign(folder, Campaign(options(), 1))
    local = Row("run1", "complete", zenith_deg=61.25, azimuth_deg=123.75)
    write_campaign_page(folder, [local])
    text = folder.page.read_text()
    heads = re.findall(r'<th class="number"[^>]*><button[^>]*>([^<]*)', text)
    assert heads[:3] == ["zenith", "azimuth", "llh"]
    assert '<td class="number">61.25</td><td class="number">123.75</td>' in text
    assert "run1: zenith 61.25°, azimuth 123.75°, complete" in text
    assert "IceCube&#39;s local frame" in text
    assert "J2000" not in text
    write_campaign_page(folder, [local, Row("run2", "complete", 10.0, 20.0)])
    text = folder.page.read_text()
    assert text.count("<figure>") == 2
    assert all(f">{it}</button>" in text for it in ("RA", "Dec", "zenith", "azimuth"))


def test_an_event_of_another_detector_is_drawn_in_it():
    doms = np.zeros(20, DOM_DTYPE)
    doms["string"], doms["om"] = np.arange(20) // 10, np.arange(20) % 10
    doms["x"], doms["z"] = 3000.0 + 40.0 * doms["string"], 5.0 * doms["om"] - 1000.0
    pulses = np.zeros(20, PULSE_DTYPE)
    for name in ("string", "om"):
        pulses[name] = doms[name]
    pulses["time"], pulses["charge"], pulses["flags"] = np.arange(20.0), 1.0, LC_FLAG
    event = simulated_event(pulses=pulses, detector=Detector(doms))
    for view in VIEWS:
        figure = event_figure(display_of(event, None), view)
        looks = [it.attributes["class"] for it in figure.shapes]
        assert looks.count("string") == 2
        hits = [it.attributes for it in figure.shapes if it.attributes["class"][:3] == "hit"]
        assert len(hits) == 20
        assert all(48 < it["cx"] < 432 and 16 < it["cy"] < 400 for it in hits)


def test_a_campaign_ends_even_if_its_page_cannot_be_written(campaign, monkeypatch, capsys):
    campaign.page.unlink()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    _environment.cache_clear()  # of other tests
    write_campaign_page(campaign, [])
    assert "campaign.html is not written" in capsys.readouterr().err
    assert not campaign.page.exists()
