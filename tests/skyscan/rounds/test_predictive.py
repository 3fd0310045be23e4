"""Rounds that start before the earlier ones have ended, with results in any order."""

from random import Random

import numpy as np
import pytest
from scans_support import (
    a_scan,
    a_startup,
    do_scan,
    fitted,
    made_up,
    parent,
    pixel_rows,
    prepared,
    records_of,
)

from skyscan.batches import read_batch
from skyscan.errors import BadInput
from skyscan.merge import merge
from skyscan.records import found_of, ids_of
from skyscan.results import read_results, write_results
from skyscan.rounds.collect import Gathered, MissingResults, batches_of, collect
from skyscan.rounds.leftover import leftover_depth
from skyscan.rounds.next_round import open_round
from skyscan.rounds.predictive import Gate, early_pixels, look
from skyscan.storage import read_sealed

PROGRESSION = ((1, 0), (2, 3), (4, 5))
SEED_ROW = pixel_rows(1, [0])[0]


def ahead(threshold=0.5, **changes: object):
    made = {"max_rounds": 40, "jobs_per_round": 3, "progression": PROGRESSION}
    return a_scan(predictive_scanning_threshold=threshold, **{**made, **changes})


class Farm:
    """A scan whose jobs end in any order, some of them with part of their batch."""

    def __init__(self, path, scan, seed, **startup: object) -> None:
        self.scan = scan
        self.folder = prepared(path, scan, **startup)
        self.random = Random(seed)
        self.fit = fitted
        self.opened = 0
        self.running: dict[tuple[int, int], list] = {}
        self.ended: set[int] = set()
        self.overlapped = False

    def gate(self) -> Gate:
        gate = look(self.folder, self.scan, self.opened, self.ended)
        if gate is Gate.OPEN:
            self.overlapped |= bool(self.running)
            states = open_round(self.folder, self.scan, self.opened)
            self.running |= {(self.opened, it.number): [] for it in states if it.n_missing}
            self.opened += 1
        return gate

    def something_comes_home(self, n: int | None = None) -> None:
        """Let a job return up to n fits; with n its time is up, and it ends."""
        number, of = job = self.random.choice(sorted(self.running))
        here = self.folder.round(number)
        batch = read_batch(here.batch(of))
        done = read_results(here.result(of), batch).records
        left = read_results(here.result(of), batch).missing(batch)
        some = left[: n or self.random.randint(1, max(1, len(left)))]
        write_results(here.result(of), batch, np.concatenate([done, self.fit(some)]))
        if n or len(some) == len(left):
            del self.running[job]
            if not any(it[0] == number for it in self.running):
                self.ended.add(number)

    def run(self, n: int | None = None) -> None:
        while True:
            gate = self.gate()
            if gate is Gate.SHUT or (self.opened == self.scan.max_rounds and not self.running):
                return
            if self.running and (gate is Gate.NOT_YET or self.random.random() < 0.5):
                self.something_comes_home(n and n * 2 ** leftover_depth(self.last()))

    def last(self):
        return self.folder.round(self.opened - 1)

    def rows(self):
        rounds = self.folder.chosen_rounds()
        parts = [
            batch.pixels
            for number in rounds
            for batch, _ in batches_of(self.folder.round(number), self.scan.id)
        ]
        return np.concatenate(parts)

    def found(self):
        return collect(self.folder, self.scan.id, self.folder.chosen_rounds())


@pytest.fixture(scope="module")
def waiting(tmp_path_factory):
    """Return the folder and the scan that waits for each round to end."""
    scan = ahead(1.0)
    folder = prepared(tmp_path_factory.mktemp("waiting") / "scan", scan)
    do_scan(folder, scan)
    return folder, scan


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_of_results_all_pixels_are_fitted_once(tmp_path, waiting, threshold, seed):
    farm = Farm(tmp_path / "scan", ahead(threshold), seed)
    farm.run()
    ids = ids_of(farm.rows())
    assert len(ids) == len(set(ids))
    skymap = merge(farm.folder, farm.scan)
    assert skymap.complete
    folder, scan = waiting
    # More pixels may lead to others; those of the waiting scan are always included.
    mine = {record.item()[:2] for record in farm.found().best[["nside", "pixel"]]}
    theirs = collect(folder, scan.id, folder.chosen_rounds()).best
    best = theirs[np.argmin(theirs["llh"])]
    assert (best["nside"], best["pixel"]) in mine
    assert farm.overlapped


@pytest.mark.parametrize("seed", range(2))
def test_a_pixel_from_the_same_seed_is_the_same_as_in_the_scan_that_waits(
    tmp_path, waiting, seed
):
    farm = Farm(tmp_path / "scan", ahead(), seed)
    farm.run()
    folder, scan = waiting
    known = {}
    for number in folder.chosen_rounds():
        for batch, _ in batches_of(folder.round(number), scan.id):
            _, records = records_of(folder, number, batch.number)
            found = dict(zip(ids_of(records), found_of(records), strict=True))
            known |= {row.tobytes(): found[row.item()[:3]] for row in batch.pixels}
    records = farm.found().records
    mine = dict(zip(ids_of(records), records, strict=True))
    same = [row for row in farm.rows() if row.tobytes() in known]
    assert {int(row["nside"]) for row in same} > {1}  # others were chosen with other seeds
    for row in same:
        np.testing.assert_equal(mine[row.item()[:3]].item(), known[row.tobytes()].item())


def test_a_pixel_waits_for_the_coarser_one_that_provides_its_seed(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(0.1), 3)
    farm.run()
    rows, found = farm.rows(), farm.found()
    fits = {record.item()[:2]: record for record in found.best}
    finer = rows[rows["nside"] == 2]
    assert len(finer) > 0
    for row in finer:
        coarser = fits[1, parent(2, 1, int(row["pixel"]))]
        assert (row["x"], row["time"]) == (coarser["x"], coarser["time"])


def found_and_left(llhs, left):
    """Return the results, {(nside, pixel): llh}, and the fits without one."""
    rows = [pixel_rows(nside, [pixel]) for nside, pixel in llhs]
    records = made_up(np.concatenate(rows))
    records["llh"] = list(llhs.values())
    leftover = [pixel_rows(nside, [pixel]) for nside, pixel in left]
    return Gathered(records, np.concatenate([pixel_rows(1, []), *leftover]), {}, {})


def test_a_finer_pixel_is_not_chosen_while_its_coarser_one_is_being_fitted():
    # All of the sky except one pixel is fitted, and the best one's neighbours are refined.
    llhs = {(1, pixel): 1.0 + pixel for pixel in range(12)}
    scan = ahead(progression=((1, 0), (2, 12)))
    chosen = early_pixels(scan, a_startup(), found_and_left(llhs, []))
    coarser = [parent(2, 1, pixel) for pixel in chosen["pixel"].tolist()]
    assert len(set(coarser)) > 2
    late = next(pixel for pixel in coarser if pixel)
    del llhs[1, late]
    fewer = early_pixels(scan, a_startup(), found_and_left(llhs, [(1, late)]))
    assert len(fewer) == len(chosen) - 4
    assert late not in [parent(2, 1, pixel) for pixel in fewer["pixel"].tolist()]


def test_a_pixel_without_a_coarser_one_starts_early_from_the_seed_of_the_event():
    # As in a pointed scan: only one of the coarse pixels was distributed.
    gathered = found_and_left({(1, 0): 1.0}, [])
    chosen = early_pixels(ahead(progression=((1, 0), (2, 12))), a_startup(), gathered)
    inside = [parent(2, 1, pixel) == 0 for pixel in chosen["pixel"].tolist()]
    best = gathered.records[0]
    for row, is_inside in zip(chosen, inside, strict=True):
        seed = best if is_inside else SEED_ROW
        assert (row["x"], row["time"]) == (seed["x"], seed["time"])
    assert set(inside) == {True, False}


def test_pixels_that_are_being_fitted_are_not_chosen_again():
    llhs = {(1, pixel): 1.0 + pixel for pixel in range(12)}
    scan = ahead(progression=((1, 0), (2, 3)))
    chosen = early_pixels(scan, a_startup(), found_and_left(llhs, []))
    some = [(2, int(row["pixel"])) for row in chosen[:2]]
    again = early_pixels(scan, a_startup(), found_and_left(llhs, some))
    assert ids_of(again) == ids_of(chosen[2:])


def test_a_pixel_whose_seed_is_known_does_not_wait_for_a_still_coarser_fit():
    llhs = {(1, pixel): 1.0 + pixel for pixel in range(1, 12)}
    llhs |= {(2, pixel): 0.5 for pixel in range(48) if parent(2, 1, pixel) == 0}
    scan = ahead(progression=((1, 0), (2, 12), (4, 8)))
    chosen = early_pixels(scan, a_startup(), found_and_left(llhs, [(1, 0)]))
    finest = chosen["pixel"][chosen["nside"] == 4].tolist()
    assert 0 in [parent(4, 1, pixel) for pixel in finest]
    # Nothing is known of the others in that pixel: they wait for its fit.
    assert 0 not in [parent(2, 1, it) for it in chosen["pixel"][chosen["nside"] == 2].tolist()]


def test_the_gate_of_a_round_stays_shut_if_the_round_before_was_not_needed(tmp_path):
    scan = ahead()
    folder = prepared(tmp_path / "scan", scan)
    assert look(folder, scan, 1, set()) is Gate.SHUT
    assert folder.chosen_rounds() == []


def test_a_pixel_counts_once_all_its_variations_are_fitted(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(0.1, jobs_per_round=3), 0, n_variations=3)
    farm.fit = made_up  # the dummy has only one
    assert farm.gate() is Gate.OPEN
    here = farm.folder.round(0)
    batch = read_batch(here.batch(0))  # one variation of each pixel
    assert len(set(batch.pixels["variation"])) == 1
    write_results(here.result(0), batch, made_up(batch.pixels))
    assert farm.gate() is Gate.NOT_YET
    farm.run()
    assert merge(farm.folder, farm.scan).complete


def test_a_gate_opens_once_enough_results_have_arrived(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(0.5, jobs_per_round=12, max_rounds=3), 1)
    assert farm.gate() is Gate.OPEN
    for _ in range(5):
        farm.something_comes_home()
        assert farm.gate() is Gate.NOT_YET
    farm.something_comes_home()  # 6 of 12
    assert farm.gate() is Gate.OPEN
    assert read_sealed(farm.folder.round(1).description)["predictive"] is True


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("n", [1, 2])
def test_remaining_fits_are_distributed_again(tmp_path, seed, n):
    farm = Farm(tmp_path / "scan", ahead(0.3, time_budget=60.0, max_rounds=99), seed)
    farm.run(n)
    found = farm.found()
    assert len(found.records) == len(set(ids_of(found.records)))
    assert merge(farm.folder, farm.scan).complete
    assert any(leftover_depth(farm.folder.round(k)) for k in farm.folder.chosen_rounds())


def test_the_last_allowed_round_waits_for_all_results(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(0.1, max_rounds=2), 5)
    assert farm.gate() is Gate.OPEN
    while farm.running:
        assert farm.gate() is Gate.NOT_YET
        farm.something_comes_home()
    assert farm.gate() is Gate.OPEN
    assert "predictive" in read_sealed(farm.folder.round(1).description)


def test_a_round_keeps_its_pixels_when_further_results_arrive(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(0.2), 2)
    farm.run()
    before = {p: p.read_bytes() for p in farm.folder.rounds.rglob("*") if p.is_file()}
    for number in range(farm.opened):
        assert look(farm.folder, farm.scan, number, ()) is Gate.OPEN
        assert not any(it.n_missing for it in open_round(farm.folder, farm.scan, number))
    assert look(farm.folder, farm.scan, farm.opened, ()) is Gate.SHUT
    after = {p: p.read_bytes() for p in farm.folder.rounds.rglob("*") if p.is_file()}
    assert after == before


@pytest.mark.parametrize("damage", ["unlink", "flip"])
def test_a_missing_description_costs_no_valid_fit(tmp_path, damage):
    farm = Farm(tmp_path / "scan", ahead(0.2), 2)
    farm.run()
    path = farm.folder.round(1).description
    if damage == "unlink":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"predictive", b"predicting"))
    assert look(farm.folder, farm.scan, 1, range(farm.opened)) is Gate.OPEN
    states = open_round(farm.folder, farm.scan, 1)
    assert sum(it.n_missing for it in states) < sum(it.n_pixels for it in states)


def test_a_damaged_batch_of_a_later_round_is_an_error(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(0.2), 2)
    farm.run()
    farm.folder.round(1).batch(0).write_bytes(b"")
    with pytest.raises(BadInput, match="retry --anew"):
        open_round(farm.folder, farm.scan, 1)


def test_a_result_that_is_missing_after_all_rounds_is_an_error(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(), 0)
    assert farm.gate() is Gate.OPEN
    farm.something_comes_home()
    with pytest.raises(MissingResults, match="skyscan resume"):
        look(farm.folder, farm.scan, 1, {0})


def test_a_missing_result_of_the_only_repeated_round_is_an_error(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(0.2), 2)
    farm.run()
    farm.folder.round(1).result(0).unlink()
    assert look(farm.folder, farm.scan, farm.opened, ()) is Gate.NOT_YET
    with pytest.raises(MissingResults):
        look(farm.folder, farm.scan, farm.opened, {1})  # the others were complete and skipped


def test_a_round_without_a_description_is_not_chosen_by_its_own_script(tmp_path):
    farm = Farm(tmp_path / "scan", ahead(), 0)
    assert open_round(farm.folder, farm.scan, 0) == []
    assert farm.folder.chosen_rounds() == []
