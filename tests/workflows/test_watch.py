"""Who watches a scan is told what it waits for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from io import StringIO

import pytest
from scans import make_scan, wait_until

from workflows import watch

pytestmark = pytest.mark.pool

OPTIONS = {"reco": "dummy", "progression": ((1, 0),), "jobs_per_round": 1}


def test_a_scan_that_no_machine_takes_says_so(pool, run_folder, monkeypatch):
    monkeypatch.setattr(watch, "STILL", 1.0)
    nowhere = 'submit.requirements=Machine == "nowhere"'
    scan = make_scan(pool, run_folder, site_changes=(nowhere,), **OPTIONS).submit()
    with ThreadPoolExecutor() as threads, redirect_stdout(StringIO()) as said:
        watched = threads.submit(watch.watch, scan.folder)
        wait_until(lambda: "waits: a job waits for a machine" in said.getvalue(), "a line")
        assert scan.pool.run("condor_rm", scan.dagman_cluster()).returncode == 0
        assert watched.result().outcome == "failed"
    assert said.getvalue().count("waits for a machine") == 1
