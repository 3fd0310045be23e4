"""Scripts that were killed, from DAGMan's log."""

import pytest

from condor.logs.scripts import killed_scripts

BEGIN = "11/28/26 13:57:41 ** condor_scheduniv_exec.7.0 (CONDOR_DAGMAN) STARTING UP"
RUNS = "11/28/26 13:57:41 Running PRE script of Node {}..."
DIED = "11/28/26 13:57:42 PRE Script of node {} died on signal {}"
FAILED = "11/28/26 13:57:42 PRE Script of Job {} failed with status {}"
WELL = "11/28/26 13:57:42 PRE Script of node {} completed successfully."


def killed(tmp_path, *lines: str):
    (tmp_path / "scan.dag.dagman.out").write_text("\n".join(lines))
    return [(it.node, it.signal) for it in killed_scripts(tmp_path / "scan.dag")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([BEGIN, RUNS.format("a"), DIED.format("a", 9)], [("a", 9)]),
        ([BEGIN, RUNS.format("a"), FAILED.format("a", 137)], [("a", 9)]),
        ([BEGIN, RUNS.format("a"), FAILED.format("a", 75)], []),
        ([BEGIN, DIED.format("a", 9), RUNS.format("a"), WELL.format("a")], []),
        ([BEGIN, DIED.format("a", 9), RUNS.format("b"), DIED.format("b", 15)], None),
        ([BEGIN, RUNS.format("a"), DIED.format("a", 9), BEGIN, RUNS.format("a")], []),
        ([], []),
    ],
)
def test_a_killed_script_is_named_unless_it_ran_again(tmp_path, lines, expected):
    assert killed(tmp_path, *lines) == ([("a", 9), ("b", 15)] if expected is None else expected)


def test_without_a_log_there_is_none_and_signals_have_names(tmp_path):
    assert killed_scripts(tmp_path / "scan.dag") == []
    (tmp_path / "scan.dag.dagman.out").write_bytes(b"\xff\n" + DIED.format("a", 9).encode())
    (script,) = killed_scripts(tmp_path / "scan.dag")
    assert script.description() == "its PRE script was killed by signal 9 (SIGKILL)"
