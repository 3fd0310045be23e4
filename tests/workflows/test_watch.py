"""The display of a scan shows what it waits for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from io import StringIO

import pytest
from scans import make_scan, wait_until

from workflows import watch

pytestmark = pytest.mark.pool

OPTIONS = {"reco": "dummy", "progression": ((1, 0),), "jobs_per_round": 1}


def test_a_scan_that_no_machine_accepts_is_reported(pool, run_folder, monkeypatch):
    monkeypatch.setattr(watch, "STILL", 1.0)
    nowhere = 'submit.requirements=Machine == "nowhere"'
    scan = make_scan(pool, run_folder, site_changes=(nowhere,), **OPTIONS).submit()
    with ThreadPoolExecutor() as threads, redirect_stdout(StringIO()) as output:
        watched = threads.submit(watch.watch, scan.folder)
        wait_until(lambda: "waits: a job waits for a machine" in output.getvalue(), "a line")
        assert scan.pool.run("condor_rm", scan.dagman_cluster()).returncode == 0
        assert watched.result().outcome == "failed"
    assert output.getvalue().count("waits for a machine") == 1
