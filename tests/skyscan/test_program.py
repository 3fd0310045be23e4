"""The program where Python is broken: an exit code of ours, and no traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from skyscan import program
from skyscan.errors import ExitCode
from skyscan.program import TRY_AGAIN, WRONG_USAGE

PROGRAM = "import sys; from skyscan.program import main; sys.exit(main())"


def test_the_exit_codes_are_those_of_the_contract():
    assert WRONG_USAGE == ExitCode.WRONG_USAGE
    assert TRY_AGAIN == ExitCode.TRY_AGAIN


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("liblber-2.so: failed to map segment from shared object"),
        ImportError("libblas.so: cannot open shared object file: Cannot allocate memory"),
    ],
)
def test_too_little_memory_to_start_is_no_bug(error, monkeypatch, capsys):
    def full() -> None:
        raise error

    monkeypatch.setattr(program, "_command_line", full)
    assert program.main() == ExitCode.TRY_AGAIN
    (line,) = capsys.readouterr().err.splitlines()
    assert "out of memory" in line


SWALLOWS_A_SIGNAL = """
import os, sys
from skyscan import program

def command_line():
    try:
        os.kill(os.getpid(), int(sys.argv[1]))
    except BaseException:
        raise ImportError("as C code does while it imports a module") from None

program._command_line = command_line
sys.exit(program.main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_an_import_is_not_taken_for_a_broken_module(number):
    name = number.name.removeprefix("SIG")
    command = ["env", f"--default-signal={name}", sys.executable, "-c", SWALLOWS_A_SIGNAL]
    done = subprocess.run(
        [*command, str(int(number))], capture_output=True, text=True, check=False
    )
    by_signal = ExitCode.INTERRUPTED if number == signal.SIGINT else -number
    assert done.returncode == by_signal
    assert done.stderr.strip() == ("skyscan: interrupted." if number == signal.SIGINT else "")


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


def test_errors_of_imports_are_told_from_bugs(tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0")
    lines = {"import broken": True, "import nosuch": True, "import skyscan.nosuch": False}
    lines |= {"1 / 0": False, "__import__('json').loads('[')": False}
    place = Path(program.__file__).with_name("lines.py")  # as if it were one of ours
    for line, expected in lines.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(tmp_path))
            with pytest.raises(Exception) as caught:  # noqa: PT011  of any kind
                exec(compile(f"def f():\n    {line}\nf()", place, "exec"))  # noqa: S102
        assert program.is_of_an_import(caught.value) == expected, line


@pytest.mark.parametrize(("of_user", "expected"), [(None, "1"), ("4", "4")])
def test_numpy_has_one_thread_unless_the_user_asks_for_more(of_user, expected):
    code = (
        "import os, sys; from skyscan.program import main\n"
        "sys.argv = ['skyscan', '--version']\n"
        "try: main()\n"
        "except SystemExit: print(os.environ['OMP_NUM_THREADS'])"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    if of_user is not None:
        environment["OMP_NUM_THREADS"] = of_user
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == expected


@pytest.mark.parametrize("filters", ["error", "e", "error::UserWarning", "ignore"])
def test_warnings_are_no_errors_of_a_command(filters):
    lines = (
        "import sys, warnings; from skyscan import program\n"
        "program._command_line = lambda: lambda: warnings.warn('of a library') or 0\n"
        "sys.exit(program.main())"
    )
    environment = {**os.environ, "PYTHONWARNINGS": filters}
    command = [sys.executable, "-c", lines]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert ("of a library" in done.stderr) == (filters != "ignore")
