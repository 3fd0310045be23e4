"""A round whose batches share files runs on a real pool like any other."""

from __future__ import annotations

import pytest
from plans_support import EVENT
from scans import RunningScan, make_scan
from scans_support import do_scan

from skyscan import batches
from skyscan.events.source import Source
from skyscan.merge import merge
from skyscan.prep import prepare
from skyscan.rounds.next_round import open_round
from workflows.planned import read_planned

pytestmark = pytest.mark.pool

JOBS = 6


def prepared(pool, place) -> RunningScan:
    place.mkdir()
    made = make_scan(pool, place, reco="dummy", progression=((1, 0),), batch_size=12 // JOBS)
    scan = read_planned(made.folder.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.folder.startup)
    return made


def test_jobs_take_their_batch_from_a_file_of_several(pool, run_folder, monkeypatch):
    alone, shared = (prepared(pool, run_folder / name) for name in ("alone", "shared"))
    scan = read_planned(shared.folder.scan_json)
    do_scan(alone.folder, read_planned(alone.folder.scan_json))
    merge(alone.folder, scan)
    monkeypatch.setattr(batches, "FILES", 2)
    open_round(shared.folder, scan, 0)
    assert shared.submit().finish().outcome == "complete"
    assert set(shared.fits().values()) == {1}
    assert shared.npz() == alone.npz()
    here = shared.folder.round(0)
    files = sorted(path.name for path in (here.path / "batches").iterdir())
    assert files == ["00000.npz", "00003.npz"]
    # Stdout and stderr of a job are one file: three files and folders a job, and its share.
    of_jobs = [*here.results.rglob("*"), *here.logs.iterdir()]
    assert len(of_jobs) == 3 * JOBS
