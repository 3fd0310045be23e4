"""The environment in which HTCondor's tools and bindings talk to a pool."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Commands: HTCondor's configuration file. Its pool is used instead of the personal one.
CONFIG_VARIABLE = "CONDOR_CONFIG"

#: Names of settings of HTCondor as variables, except those of DAGMan.
_SETTING = re.compile(r"_CONDOR_(?!(?:\w+\.)?DAGMAN_).+", re.ASCII | re.IGNORECASE | re.DOTALL)
#: Names that a shell can unset; others, such as _CONDOR_TOOL.COLLECTOR_HOST, it never sets.
_OF_SHELLS = re.compile(r"\w+", re.ASCII)


@dataclass(frozen=True)
class Pool:
    """An HTCondor pool and the programs that talk to it.

    Attributes
    ----------
    config : Path, optional
        HTCondor's configuration file; None means that HTCondor finds it itself.
    bin, sbin : Path
        Folders of HTCondor's tools and daemons.
    version : str
        HTCondor's version, such as ``23.9.6``.
    is_users_own : bool
        Whether the pool belongs to the user: skyscan neither stops nor changes it.
    """

    config: Path | None
    bin: Path
    sbin: Path
    version: str
    is_users_own: bool

    def environment(self) -> dict[str, str]:
        """Return the variables that HTCondor's tools and bindings need to talk to the pool."""
        path = os.environ.get("PATH", os.defpath).split(os.pathsep)
        folders = dict.fromkeys([str(self.bin), str(self.sbin), *path])
        values = {"PATH": os.pathsep.join(folders)}
        if self.config:
            values[CONFIG_VARIABLE] = str(self.config)
        return values

    def foreign(self) -> list[str]:
        """Return the variables of this process that would hide settings of a personal pool.

        HTCondor's tools take ``_CONDOR_NAME`` for the setting NAME: the caller's collector, for
        example, or way of authentication. A personal pool has its own. Settings of DAGMan are
        of the scans, and kept.
        """
        if self.is_users_own:
            return []
        return [name for name in os.environ if _SETTING.match(name)]

    def whole_environment(self) -> dict[str, str]:
        """Return the environment of a process that talks to the pool."""
        hidden = set(self.foreign())
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        return {**kept, **self.environment()}

    def use(self) -> None:
        """Have this process, its bindings and its children talk to the pool."""
        for name in self.foreign():
            del os.environ[name]
        os.environ.update(self.environment())

    def exports(self) -> list[str]:
        """Return the same variables as lines for a shell to evaluate."""
        unset = [f"unset {name}" for name in self.foreign() if _OF_SHELLS.fullmatch(name)]
        values = self.environment().items()
        return [*unset, *(f"export {name}={shlex.quote(value)}" for name, value in values)]

    def run(
        self, *command: str, timeout: float = 60.0, folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of HTCondor's tools against the pool; the caller checks the exit code.

        It runs in a folder, or in that of this process.
        """
        environment = self.whole_environment()
        program = shutil.which(command[0], path=environment["PATH"]) or command[0]
        return subprocess.run(
            [program, *command[1:]],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            # Jobs of others may have names and hold reasons in any encoding.
            encoding="utf-8",
            errors="backslashreplace",
            timeout=timeout,
            check=False,
        )

    def answers(self) -> bool:
        """Return whether the schedd answers."""
        try:
            return self.run("condor_q", "-totals", timeout=30).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    def slots(self) -> int:
        """Return the number of slots that the collector knows."""
        try:
            return len(self.run("condor_status", "-af", "Name", timeout=30).stdout.split())
        except (OSError, subprocess.TimeoutExpired):
            return 0


def paste_line(command: Sequence[str], pool: Pool | None) -> str:
    """Return a command as a line that finds the pool; a personal pool is not on PATH."""
    if pool is None or pool.config is None:
        return shlex.join(command)
    line = shlex.join(command)
    settings = f"CONDOR_CONFIG={shlex.quote(str(pool.config))}"
    if pool.is_users_own:
        return f"{settings} {line}"
    if "/" not in command[0] and (pool.bin / command[0]).exists():
        line = shlex.join([str(pool.bin / command[0]), *command[1:]])
    path = ":".join(shlex.quote(str(it)) for it in (pool.bin, pool.sbin))
    hidden = "".join(f"-u {shlex.quote(name)} " for name in pool.foreign())
    before = f"env {hidden}" if hidden else ""
    return f'{before}{settings} PATH={path}:"$PATH" {line}'
