"""Run the user's program when a scan or a campaign has ended; it cannot change the outcome."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from skyscan.regular import open_to_append

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: DAGMan, or Pegasus' monitor, waits for the program; then it is killed.
TIMEOUT = 60.0  # seconds
LOG = "notify.log"


def notify(
    command: Sequence[str], outcome: str, folder: Path, log: Path, timeout: float = TIMEOUT
) -> None:
    """Run a program with the outcome and the folder as last arguments; no shell reads them.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments; without any, nothing runs.
    outcome : str
        ``complete``, ``incomplete``, ``failed`` or ``removed``.
    folder : Path
        The folder of the scan or the campaign, where the program runs.
    log : Path
        Gets the output of the program, and what went wrong.
    timeout : float
        Seconds after which the program and its children are killed.
    """
    if not command:
        return
    words = [*command, outcome, str(folder)]
    with suppress(OSError):  # the disk may be full; the outcome stays as it is
        log.parent.mkdir(exist_ok=True)
        with open_to_append(log) as output:
            output.write(f"{shlex.join(words)}\n")
            output.flush()
            output.write(f"{_run(words, folder, output.fileno(), timeout)}\n")


def _run(words: Sequence[str], folder: Path, output: int, timeout: float) -> str:
    """Return how the program ended."""
    try:
        program = subprocess.Popen(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of processes that can be killed as one
        )
    except (OSError, ValueError) as error:
        return f"skyscan: it could not be started: {error}"
    try:
        code = program.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        return f"skyscan: it was killed because it took longer than {timeout:g} s"
    return f"skyscan: it ended with exit code {code}"
