"""What status says of a scan that waits, where HTCondor cannot be asked."""

from plans_support import EVENT, options

from condor.pool import PoolStatus
from workflows.obstacles import obstacles
from workflows.plan import plan

SILENT = PoolStatus(None, is_running=False, text="no pool runs; `skyscan pool start` starts it")


def test_a_pool_that_does_not_run_and_a_halted_dag_are_told(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    assert obstacles(folder, SILENT) == [SILENT.text]
    halt = folder.path / "scan.dag.halt"
    halt.touch()
    assert obstacles(folder, SILENT) == [f"the DAG is halted; remove {halt}", SILENT.text]
