"""A scan that has ended well, and copies of it to damage."""

import shutil

import numpy as np
import pytest
from plans_support import EVENT, options

from skyscan.batches import read_batch
from skyscan.events.source import Source
from skyscan.layout import ScanFolder
from skyscan.merge import merge
from skyscan.prep import prepare
from skyscan.records import FIT_DTYPE, IDS, RECORD_DTYPE, sign
from skyscan.results import write_results
from skyscan.rounds.next_round import open_round
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.writing import write_report


@pytest.fixture(scope="module")
def merged(tmp_path_factory):
    """A scan of two rounds that has ended well."""
    made = plan(EVENT, tmp_path_factory.mktemp("whole"), options(jobs_per_round=2))
    scan = read_planned(made.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.startup)
    number = 0
    while batches := open_round(made, scan, number):
        for it in batches:
            fit(made, number, it.number)
        number += 1
    merge(made, scan)
    write_report(made, 0)
    return made


def fit(folder, number, batch_number):
    batch = read_batch(folder.round(number).batch(batch_number))
    records = np.zeros(len(batch.pixels), RECORD_DTYPE)
    for name in IDS:
        records[name] = batch.pixels[name]
    for name in FIT_DTYPE.names:
        records[name] = 100.0 + batch.pixels["pixel"] / batch.pixels["nside"] ** 2
    write_results(folder.round(number).result(batch_number), batch, sign(records))


@pytest.fixture
def folder(merged, tmp_path):
    """A copy of it, of which the old report says where the map of the other one is."""
    copy = ScanFolder(tmp_path / merged.path.name)
    shutil.copytree(merged.path, copy.path)
    return copy
