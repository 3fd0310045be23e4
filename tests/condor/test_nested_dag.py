import os

import pytest
from dags_support import submit, wait, write_nested_dag

pytestmark = [pytest.mark.pool, pytest.mark.versions]


def test_a_nested_dag_runs_to_its_end(pool, run_folder):
    write_nested_dag(run_folder, jobs=3, seconds=0)
    submit(pool, run_folder)
    assert "return value 0" in wait(pool, run_folder, 90)

    origin, user, scratch = (run_folder / "prep.txt").read_text().splitlines()
    assert origin == "pulses"
    assert user != "0"  # HTCondor does not run jobs of root
    assert str(pool.config.parent) in scratch  # its files were transferred in both directions
    assert len(list(run_folder.glob("result_*.txt"))) == 3
    assert "merge.txt" in (run_folder / "report.txt").read_text()
    # Root's pool runs as another account, but the files that it writes belong to root.
    assert (run_folder / "prep.txt").stat().st_uid == os.geteuid()
