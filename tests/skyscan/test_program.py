"""The program where Python is broken: an exit code of ours, and no traceback."""

import subprocess
import sys

import pytest

from skyscan import program
from skyscan.errors import ExitCode
from skyscan.program import TRY_AGAIN, WRONG_USAGE

PROGRAM = "import sys; from skyscan.program import main; sys.exit(main())"


def test_the_exit_codes_are_those_of_the_contract():
    assert WRONG_USAGE == ExitCode.WRONG_USAGE
    assert TRY_AGAIN == ExitCode.TRY_AGAIN


def test_too_little_memory_to_start_is_no_bug(monkeypatch, capsys):
    def full() -> None:
        raise MemoryError

    monkeypatch.setattr(program, "_command_line", full)
    assert program.main() == ExitCode.TRY_AGAIN
    (line,) = capsys.readouterr().err.splitlines()
    assert "out of memory" in line


@pytest.mark.parametrize("module", ["numpy", "argparse", "json", "htcondor2", "pathlib"])
@pytest.mark.parametrize("content", ["raise RuntimeError('two\\nlines')", "def ("])
def test_a_broken_module_on_the_path_is_wrong_usage(tmp_path, module, content):
    (tmp_path / f"{module}.py").write_text(content.replace("\\\\n", "\\n"))
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {PROGRAM}"
    done = subprocess.run(
        [sys.executable, "-c", program, "recos"],
        env={"PYTHONPATH": str(tmp_path / "elsewhere"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:  # imported before, or not needed by this command
        return
    assert done.returncode == ExitCode.WRONG_USAGE, done.stderr
    (line,) = done.stderr.splitlines()
    assert "PYTHONPATH" in line
