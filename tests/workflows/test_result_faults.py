"""Damaged result files, batches, rounds and startup folders of scans that are resumed.

One scan runs undisturbed. Copies of its folder are damaged in many places at once and resumed;
the tally of fits gives the cost of each. Other scans are damaged while DAGMan waits in the PRE
script of a round. All run at the same time.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from scans import Fit, RunningScan, copy_of, make_scan

from skyscan.batches import Batch, read_batch
from skyscan.errors import ExitCode
from skyscan.records import IDS, RECORD_DTYPE
from skyscan.results import header, read_results, write_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condor.contact import Pool
    from skyscan.layout import ScanFolder
    from workflows.reports.value import Report

pytestmark = pytest.mark.pool

#: 12 pixels, then some finer ones; the map does not depend on their batches.
OPTIONS = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "max_retries": 1}
SIZE = RECORD_DTYPE.itemsize


@dataclass(frozen=True)
class ResultPlace:
    """The result file of one batch, and its fits in the order of its records."""

    path: Path
    batch: Batch
    fits: list[Fit]

    @property
    def head(self) -> int:
        return len(header(self.batch))

    def is_whole(self) -> bool:
        found = read_results(self.path, self.batch)
        return not found.complaints and not len(found.missing(self.batch))


def place_of(scan: RunningScan, number: int, batch: int) -> ResultPlace:
    here = scan.folder.round(number)
    work = read_batch(here.batch(batch))
    records = read_results(here.result(batch), work).records
    return ResultPlace(here.result(batch), work, [row.item() for row in records[list(IDS)]])


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x04
    path.write_bytes(content)


def change_the_time(folder: ScanFolder) -> None:
    """Change one digit of the event's time in startup.json, which remains valid JSON."""
    text = folder.startup_json.read_text()
    start = text.index('"mjd": ') + len('"mjd": ')
    folder.startup_json.write_text(f"{text[:start]}1{text[start + 1 :]}")


# Each damages one result file, and returns the fits that are lost with it.


def cut_in_a_record(it: ResultPlace, _of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    os.truncate(it.path, it.head + SIZE + SIZE // 2)
    return it.fits[1:]


def cut_after_a_record(it: ResultPlace, _of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    os.truncate(it.path, it.head + SIZE)
    return it.fits[1:]


def flip_in_a_record(it: ResultPlace, _of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    flip(it.path, it.head + RECORD_DTYPE.fields["llh"][1])
    return it.fits[:1]


def flip_in_the_header(it: ResultPlace, _of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    flip(it.path, 12)
    return it.fits


def empty(it: ResultPlace, _of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    it.path.write_bytes(b"")
    return it.fits


def delete(it: ResultPlace, _of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    it.path.unlink()
    return it.fits


def double(it: ResultPlace, _of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    content = it.path.read_bytes()
    it.path.write_bytes(content + content[it.head :])
    return []


def of_another_batch(it: ResultPlace, of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    shutil.copyfile(of(it.batch.round, 3).path, it.path)
    return it.fits


def of_another_scan(it: ResultPlace, _of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    records = read_results(it.path, it.batch).records
    write_results(it.path, replace(it.batch, scan_id="f" * 32), records)
    return it.fits


def of_an_older_round(it: ResultPlace, of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    shutil.copyfile(of(0, it.batch.number).path, it.path)
    return it.fits


def with_a_foreign_record(it: ResultPlace, of: Callable[[int, int], ResultPlace]) -> list[Fit]:
    foreign = of(it.batch.round, 3)
    with it.path.open("ab") as file:
        file.write(foreign.path.read_bytes()[foreign.head :])
    return []


DAMAGES: dict[tuple[int, int], Callable[..., list[Fit]]] = {
    (0, 0): cut_in_a_record,
    (0, 1): cut_after_a_record,
    (0, 2): flip_in_a_record,
    (0, 3): flip_in_the_header,
    (0, 4): empty,
    (0, 5): delete,
    (1, 0): double,
    (1, 1): of_another_batch,
    (1, 2): of_another_scan,
    (2, 0): of_an_older_round,
    (2, 1): with_a_foreign_record,
}


class Ended(NamedTuple):
    """A scan that was damaged and resumed.

    ``report`` is the last report, ``first`` that of a scan that the damage ended, before it was
    resumed. ``lost`` are the fits that the damage explains.
    """

    scan: RunningScan
    report: Report
    lost: Counter[Fit]
    first: Report | None = None


def damaged_results(scan: RunningScan) -> Ended:
    places = {it: place_of(scan, *it) for it in DAMAGES}
    kept = {**places, (1, 3): place_of(scan, 1, 3), (2, 3): place_of(scan, 2, 3)}
    lost: Counter[Fit] = Counter()
    for it in sorted(DAMAGES, reverse=True):  # the originals of copies are damaged later
        lost.update(DAMAGES[it](places[it], lambda *of: kept[of]))
    assert not any(place.is_whole() for place in places.values())
    return Ended(scan, scan.submit().finish(), lost)


def damaged_files(scan: RunningScan) -> Ended:
    """Damage files that skyscan can write again: none of them is a result."""
    first, second = scan.folder.round(0), scan.folder.round(1)
    flip(first.batch(0), 200)
    os.truncate(first.batch(1), 100)
    first.batch(2).unlink()
    first.batch(3).write_bytes(b"")
    shutil.copyfile(first.batch(4), second.batch(0))
    os.truncate(first.description, 30)
    second.description.unlink()
    change_the_time(scan.folder)
    for path in scan.folder.path.glob("run*"):
        path.unlink()
    return Ended(scan, scan.submit().finish(), Counter())


def deleted_files(scan: RunningScan) -> Ended:
    """Delete all files except the results and those of planning."""
    shutil.rmtree(scan.folder.startup)
    for number in scan.folder.chosen_rounds():
        here = scan.folder.round(number)
        here.description.unlink()
        for folder in (here.batch(0).parent, here.logs):
            shutil.rmtree(folder)
    for pattern in ("run*.*", "report*", "workflow/round_*", "workflow/scan.dag.*"):
        for path in scan.folder.path.glob(pattern):
            path.unlink()
    return Ended(scan, scan.submit().finish(), Counter())


def between_rounds(
    scan: RunningScan, damage: Callable[[RunningScan], list[Fit]], *, opened: int | None = None
) -> Ended:
    """Damage a scan before round 1 is opened, or a round before its jobs are submitted."""
    scan.pause_at(1 if opened is None else opened, opened=opened is not None)
    scan.submit().wait_until_paused()
    before = scan.fits()
    lost = Counter(damage(scan))
    scan.go_on()
    first = scan.finish()
    assert scan.fits() - before == Counter(), "jobs ran on damaged files"
    return Ended(scan, scan.submit().finish(), lost, first)


def result_between(scan: RunningScan) -> Ended:
    def damage(scan: RunningScan) -> list[Fit]:
        it = place_of(scan, 0, 1)
        return flip_in_a_record(it, lambda *_: it)

    return between_rounds(scan, damage)


def startup_between(scan: RunningScan) -> Ended:
    def damage(scan: RunningScan) -> list[Fit]:
        change_the_time(scan.folder)
        return []

    return between_rounds(scan, damage)


def batch_of_jobs(scan: RunningScan) -> Ended:
    def damage(scan: RunningScan) -> list[Fit]:
        os.truncate(scan.folder.round(1).batch(0), 100)
        flip(scan.folder.round(1).batch(1), 200)
        scan.folder.round(1).batch(2).write_bytes(b"")
        return []

    return between_rounds(scan, damage, opened=1)


def last_round_while_it_runs(scan: RunningScan) -> Ended:
    scan.pause_at(1, opened=True)
    scan.submit().wait_until_paused()
    scan.folder.round(1).description.unlink()
    scan.go_on()
    first = scan.finish()
    return Ended(scan, scan.submit().finish(), Counter(), first)


COPIES = (damaged_results, damaged_files, deleted_files)
RUNNING = (
    result_between,
    startup_between,
    batch_of_jobs,
    last_round_while_it_runs,
)


@pytest.fixture(scope="module")
def whole(pool: Pool, session_folder: Path) -> RunningScan:
    """Return the undisturbed scan."""
    folder = Path(tempfile.mkdtemp(dir=session_folder, prefix="whole"))
    return make_scan(pool, folder, jobs_per_round=6, **OPTIONS).submit()


@pytest.fixture(scope="module")
def ended(
    whole: RunningScan, pool: Pool, session_folder: Path
) -> Iterator[Callable[[str], Ended]]:
    """Run all scans at once; return how one of them ended."""

    def folder_of(fault: Callable[[RunningScan], Ended]) -> Path:
        return Path(tempfile.mkdtemp(dir=session_folder, prefix=fault.__name__))

    scans = {it: make_scan(pool, folder_of(it), jobs_per_round=3, **OPTIONS) for it in RUNNING}
    with ThreadPoolExecutor(len(RUNNING) + len(COPIES)) as threads:
        futures: dict[str, Future[Ended]] = {
            fault.__name__: threads.submit(fault, scan) for fault, scan in scans.items()
        }
        whole.finish()
        for fault in COPIES:
            copy = copy_of(whole, folder_of(fault))
            futures[fault.__name__] = threads.submit(fault, copy)
        yield lambda fault: futures[fault].result()


def assert_undisturbed(it: Ended, whole: RunningScan) -> None:
    assert it.report.outcome == "complete", it.report.text
    assert it.scan.npz() == whole.npz()
    assert set(whole.fits().values()) == {1}


@pytest.mark.parametrize("fault", [fault.__name__ for fault in COPIES])
def test_resuming_a_damaged_scan_repeats_only_lost_fits(ended, whole, fault):
    it = ended(fault)
    assert_undisturbed(it, whole)
    assert it.scan.fits() == it.lost
    assert set(it.lost) < set(whole.fits())


@pytest.mark.parametrize("fault", [fault.__name__ for fault in RUNNING])
def test_damage_during_a_scan_ends_it_and_resume_repairs_it(ended, whole, fault):
    it = ended(fault)
    assert it.first is not None
    assert it.first.outcome == "failed"
    assert it.first.exit_code == ExitCode.TRY_AGAIN, it.first.text
    assert "skyscan resume" in it.first.text
    assert_undisturbed(it, whole)
    assert it.scan.fits() == whole.fits() + it.lost
