"""`skyscan retry` and `extend` on a real pool: only the requested fits are repeated.

All scans of this module run at the same time.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plans_support import lay_out_as_before
from scans import RunningScan, environment, make_scan, simulated_event

from skyscan.errors import ExitCode, WrongUsage
from skyscan.job.worker import TALLY_VARIABLE
from skyscan.records import FIT_DTYPE, sign
from skyscan.results import write_results
from skyscan.rounds.earlier import fits_in
from workflows.cli import main
from workflows.options import Options
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.rerun import Selection, extend, forget, parse_pixels

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from scans import Fit

    from condor.contact import Pool
    from workflows.reports.value import Report

SMALL = {"reco": "dummy", "progression": ((1, 0), (2, 4)), "jobs_per_round": 2}
FINER = {**SMALL, "progression": ((1, 0), (2, 4), (4, 2))}
WIDER = {**SMALL, "progression": ((1, 0), (2, 8))}


@dataclass(frozen=True)
class Ended:
    """A scan that has ended twice: its fits the first time, and all."""

    scan: RunningScan
    report: Report
    before: Counter[Fit]

    def again(self) -> set[Fit]:
        return set(self.scan.fits() - self.before)


def once(scan: RunningScan) -> Ended:
    return Ended(scan, scan.submit().finish(), scan.fits())


def fail_some(scan: RunningScan) -> None:
    """Write NaN for two fits of the last round, as after a failed reconstruction."""
    (*_, (batch, records)) = fits_in(scan.folder.rounds, scan_id(scan))
    broken = records.copy()
    for name in FIT_DTYPE.names or ():
        broken[name][:2] = float("nan")
    path = scan.folder.round(batch.round).result(batch.number)
    write_results(path, batch, sign(broken))


def scan_id(scan: RunningScan) -> str:
    return read_planned(scan.folder.scan_json).id


def retry_failed(scan: RunningScan) -> Ended:
    before = once(scan).before
    fail_some(scan)
    assert forget(scan.folder, scan.pool, Selection(failed=True)) == 2
    return Ended(scan, scan.submit().finish(), before)


def retry_round(scan: RunningScan) -> Ended:
    before = once(scan).before
    forget(scan.folder, scan.pool, Selection(rounds=(0,)))
    return Ended(scan, scan.submit().finish(), before)


def retry_pixels(scan: RunningScan) -> Ended:
    before = once(scan).before
    forget(scan.folder, scan.pool, Selection(pixels=((1, 3, 3), (1, 5, 6))))
    return Ended(scan, scan.submit().finish(), before)


def finer(scan: RunningScan) -> Ended:
    before = once(scan).before
    extend(scan.folder, scan.pool, {"progression": FINER["progression"]})
    return Ended(scan, scan.submit().finish(), before)


def as_before(scan: RunningScan) -> Ended:
    """Scan in a folder with the layout of skyscan 0.1.0, and extend the scan."""
    lay_out_as_before(scan.folder)
    scan.folder.code.write_bytes(b"torn")
    with environment(**{TALLY_VARIABLE: str(scan.tally)}):
        options = Options(is_real_event=False, **SMALL)  # type: ignore[arg-type]
        plan(simulated_event(), scan.folder.path.parent, options)
    ended = finer(scan)
    assert not (scan.folder.path / "workflow").exists()
    return ended


def wider(scan: RunningScan) -> Ended:
    before = once(scan).before
    extend(scan.folder, scan.pool, {"progression": WIDER["progression"]})
    return Ended(scan, scan.submit().finish(), before)


def stopped(scan: RunningScan) -> Ended:
    first = once(scan)
    assert first.report.exit_code == ExitCode.INCOMPLETE
    assert "skyscan extend" in first.report.text
    extend(scan.folder, scan.pool, {"max_rounds": 9})
    return Ended(scan, scan.submit().finish(), first.before)


CASES: dict[str, tuple[Callable[[RunningScan], Ended], dict[str, object]]] = {
    "small": (once, SMALL),
    "finer from the start": (once, FINER),
    "wider from the start": (once, WIDER),
    "retry failed": (retry_failed, SMALL),
    "retry round": (retry_round, SMALL),
    "retry pixels": (retry_pixels, SMALL),
    "finer": (finer, SMALL),
    "as before": (as_before, SMALL),
    "wider": (wider, SMALL),
    "stopped": (stopped, {**SMALL, "max_rounds": 1}),
}


@pytest.fixture(scope="module")
def ended(pool: Pool, session_folder: Path) -> Iterator[Callable[[str], Ended]]:
    """Run all cases at once; return how one of them ended."""
    scans = {
        name: make_scan(pool, Path(tempfile.mkdtemp(dir=session_folder)), **options)
        for name, (_, options) in CASES.items()
    }
    with ThreadPoolExecutor(len(CASES)) as threads:
        futures = {name: threads.submit(case, scans[name]) for name, (case, _) in CASES.items()}
        yield lambda name: futures[name].result()


@pytest.mark.pool
@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("retry failed", "small"),
        ("retry round", "small"),
        ("retry pixels", "small"),
        ("finer", "finer from the start"),
        ("as before", "finer from the start"),
        ("wider", "wider from the start"),
        ("stopped", "small"),
    ],
)
def test_the_map_is_that_of_a_new_scan(ended, name, like):
    assert ended(name).report.outcome == "complete", ended(name).report.text
    assert ended(name).scan.npz() == ended(like).scan.npz()


@pytest.mark.pool
def test_only_the_requested_fits_are_repeated(ended):
    coarse = {(1, pixel, 0) for pixel in range(12)}
    assert len(ended("retry failed").again()) == 2
    assert ended("retry round").again() == coarse
    assert ended("retry pixels").again() == {(1, 3, 0), (1, 5, 0), (1, 6, 0)}
    for name, like in (("finer", "finer from the start"), ("wider", "wider from the start")):
        new = set(ended(like).scan.fits()) - set(ended("small").scan.fits())
        assert ended(name).again() == new
        assert set(ended(name).scan.fits().values()) == {1}
    assert set(ended("stopped").scan.fits().values()) == {1}


@pytest.mark.pool
def test_the_output_of_earlier_attempts_is_kept(ended):
    folder = ended("retry round").scan.folder
    assert list(folder.earlier.glob("001/rounds/000/logs/*.out"))
    assert list(folder.earlier.glob("001/run*.npz"))
    assert list(folder.rounds.glob("000/logs/*.out"))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["retry"], "--failed"),
        (["retry", "--pixels", "64"], "NSIDE:PIXEL"),
        (["retry", "--pixels", "64:1-"], "NSIDE:PIXEL"),
        (["extend"], "--nsides"),
        (["extend", "--max-failed-pixels", "3"], "fraction"),
        (["extend", "--nsides", "8:1"], "--nsides"),
    ],
)
def test_an_invalid_selection_is_refused_before_anything_is_done(
    tmp_path, capsys, words, complaint
):
    make_scan_folder(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code = main([words[0], str(tmp_path), *words[1:]])
    assert code == ExitCode.WRONG_USAGE
    assert complaint in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def make_scan_folder(tmp_path: Path) -> None:
    from plans_support import EVENT, options

    from workflows.plan import plan

    plan(EVENT, tmp_path, options())


def test_pixels_are_parsed_one_by_one_and_by_range():
    assert parse_pixels(["64:17", "512:100-120"]) == ((64, 17, 17), (512, 100, 120))


@pytest.mark.pool
def test_pixels_that_the_scan_does_not_have_are_named(ended):
    folder = ended("small").scan.folder
    with pytest.raises(WrongUsage, match="no such round"):
        Selection(rounds=(7,)).fits(folder, scan_id(ended("small").scan))
    with pytest.raises(WrongUsage, match="64:1"):
        Selection(pixels=((64, 1, 1),)).fits(folder, scan_id(ended("small").scan))


@pytest.mark.pool
def test_other_nsides_are_another_scan(ended, pool):
    folder = ended("small").scan.folder
    for progression in (((2, 0), (4, 4)), ((1, 0), (4, 4))):
        with pytest.raises(WrongUsage, match="other nsides into another folder"):
            extend(folder, pool, {"progression": progression})
    with pytest.raises(WrongUsage, match="already"):
        extend(folder, pool, {"progression": SMALL["progression"]})
