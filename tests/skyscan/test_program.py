"""The program where Python is broken: an exit code of ours, and no traceback."""

import subprocess
import sys

import pytest

from skyscan.errors import ExitCode
from skyscan.program import WRONG_USAGE

PROGRAM = "import sys; from skyscan.program import main; sys.exit(main())"


def test_the_exit_code_is_that_of_wrong_usage():
    assert WRONG_USAGE == ExitCode.WRONG_USAGE


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
