"""What the status of a campaign says while its log does not end: only the queue knows."""

from types import SimpleNamespace

import pytest
from job_log_support import write_log
from model_support import DAGMAN_RUNS
from plans_support import EVENT, options

from condor.logs.dagman import log_of
from condor.pool import PoolStatus
from skyscan.errors import ExitCode, TryAgain
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main

RUNS = PoolStatus(SimpleNamespace(), is_running=True, text="")
DOWN = PoolStatus(None, is_running=False, text="no pool runs")


def no_answer(*_: object) -> bool:
    raise TryAgain("The schedd does not answer")


@pytest.mark.parametrize(
    ("pool", "queue", "words"),
    [
        (RUNS, lambda *_: True, "running\n"),
        (RUNS, lambda *_: False, "not in the queue, although its log does not end"),
        (RUNS, no_answer, "running by its log; The schedd does not answer"),
        (DOWN, no_answer, "running by its log; no pool runs"),
    ],
)
def test_it_runs_only_if_the_queue_has_it(tmp_path, monkeypatch, capsys, pool, queue, words):  # noqa: PLR0917
    folder, _ = plan_campaign([EVENT], tmp_path / "many", options())
    write_log(log_of(folder.dag), *DAGMAN_RUNS)
    monkeypatch.setattr("workflows.commands.campaign.pools.status", lambda: pool)
    monkeypatch.setattr("workflows.commands.campaign.is_queued", queue)
    assert main(["status", str(folder.path)]) == ExitCode.DONE
    assert f"DAGMan job 1: {words}" in capsys.readouterr().out
