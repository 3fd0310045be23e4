"""Runtimes: the Python, and its environment, that runs a scan's jobs.

A runtime is one line of text, given by ``--runtime`` or a site profile:

===========================  =======================================================
``host``                     the interpreter that plans the scan
``host:PATH``                an interpreter of the execute machine
``cvmfs:PATH``               an icetray env-shell, on CVMFS or of one's own build
``cvmfs:PY3V/META/VERSION``  IceCube's on CVMFS, as its ``PY3V/setup.sh`` finds it
``container:IMAGE``          a path, ``docker://NAME:TAG`` or ``osdf:///PATH``
===========================  =======================================================

``condor/job.sh`` starts Python accordingly; this module tells HTCondor and the script how.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from skyscan.errors import WrongUsage

CVMFS = "/cvmfs/"
ICECUBE_CVMFS = "/cvmfs/icecube.opensciencegrid.org"
# The variables that job.sh reads.
#: Internal: the interpreter of a job, from its runtime.
PYTHON_VARIABLE = "SKYSCAN_PYTHON"
#: Internal: the environment that a job loads before it looks for Python, from its runtime.
ENV_SHELL_VARIABLE = "SKYSCAN_ENV_SHELL"
#: Internal: SHA-256 of the scan's ``skyscan.zip``, which a job compares with its own copy.
CODE_VARIABLE = "SKYSCAN_CODE_SHA256"
#: Internal: umask of a job's files, that of the user who planned the scan.
UMASK_VARIABLE = "SKYSCAN_UMASK"
#: The value of `ENV_SHELL_VARIABLE` that stands for the icetray of the job's image, if any.
OF_THE_IMAGE = "image"

FORMS = (
    "Write host, host:PYTHON, cvmfs:/PATH/env-shell.sh, cvmfs:PY3V/METAPROJECT/VERSION, "
    "container:/PATH, container:docker://NAME:TAG or container:osdf:///PATH."
)
_SHORT_FORM = re.compile(r"[\w.+-]+(/[\w.+-]+){2}", re.ASCII)
_PROGRAM = re.compile(r"/.+|[^/]+")  # not ./python: jobs start in a folder of their own
# Text that condor_submit takes literally: no macro, list or URL of another kind.
_IMAGE_PATH = re.compile(r"/[\w./:@+=~-]+", re.ASCII)
_OSDF = re.compile(r"osdf:///[\w./:@+=~-]+", re.ASCII)
# The names of images: github.com/distribution/reference, regexp.go.
_DOCKER = re.compile(
    r"docker://(?:[\w.-]+(?::\d+)?/)?[\w.-]+(?:/[\w.-]+)*"
    r"(?::(?P<tag>[\w.-]+))?(?P<digest>@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


class Kind(StrEnum):
    """Where a job's Python comes from."""

    HOST = "host"
    CVMFS = "cvmfs"
    CONTAINER = "container"


@dataclass(frozen=True)
class Runtime:
    """One runtime, from `parse_runtime`; its text parses to the same runtime.

    Attributes
    ----------
    kind : Kind
        Where the Python comes from.
    where : str
        Interpreter, env-shell or image; empty means the interpreter that plans the scan.
    """

    kind: Kind
    where: str = ""

    def __str__(self) -> str:
        """Return the text that `parse_runtime` reads."""
        return f"{self.kind}:{self.where}" if self.where else str(self.kind)

    @property
    def is_this_python(self) -> bool:
        """Whether jobs run in the interpreter of this process."""
        return self == Runtime(Kind.HOST)

    def environment(self) -> dict[str, str]:
        """Return the variables that tell job.sh how to start Python."""
        if self.kind == Kind.HOST:
            return {PYTHON_VARIABLE: self.where or sys.executable}
        in_image = self.kind == Kind.CONTAINER
        return {ENV_SHELL_VARIABLE: OF_THE_IMAGE if in_image else self.where}

    def commands(self, *, this_machine: bool) -> dict[str, str]:
        """Return the submit commands that the runtime needs.

        Parameters
        ----------
        this_machine : bool
            Whether jobs run on this machine, which need not advertise what it has.
        """
        commands = {"universe": "vanilla"}
        if self.kind == Kind.CONTAINER:
            commands = {"universe": "container", "container_image": self.where}
            if this_machine and self.where.startswith("/"):
                # HTCondor would copy it, except from /cvmfs (seen with 23.9.6).
                commands["transfer_container"] = "false"
        repository = self._cvmfs_repository()
        if repository and not this_machine:
            # Machines of OSG and IceCube advertise this attribute: dots and dashes of the name
            # become underscores. It is undefined where there is no CVMFS.
            attribute = "HAS_CVMFS_" + re.sub(r"[.-]", "_", repository)
            commands["requirements"] = f"TARGET.{attribute} =?= True"
        return commands

    def missing(self, *, this_machine: bool) -> str:
        """Return what jobs need that is missing on this machine; empty if nothing is.

        Parameters
        ----------
        this_machine : bool
            Whether jobs run on this machine; otherwise only a local image must be here.
        """
        path = self._path()
        is_image = self.kind == Kind.CONTAINER
        if is_image and this_machine and not _has_apptainer():
            return "apptainer"
        if not path or not (this_machine or (is_image and not path.startswith(CVMFS))):
            return ""
        found = shutil.which(path) if self.kind == Kind.HOST else Path(path).exists()
        return "" if found else path

    def _path(self) -> str:
        """Return the path that the execute machine must have; empty if it needs none."""
        if self.kind == Kind.CVMFS and not self.where.startswith("/"):
            return f"{ICECUBE_CVMFS}/{self.where.partition('/')[0]}/setup.sh"
        return "" if "://" in self.where else self.where

    def _cvmfs_repository(self) -> str:
        path = self._path()
        return path.split("/")[2] if path.startswith(CVMFS) else ""


def _has_apptainer() -> bool:
    from condor.software.apptainer import find_apptainer  # jobs and scripts need none of it

    return find_apptainer() is not None


def parse_runtime(text: str) -> Runtime:
    """Parse a runtime.

    Raises
    ------
    WrongUsage
        The text is not a runtime, or names an image without a fixed version.
    """
    kind, _, where = text.partition(":")
    if not text.isprintable() or "$" in text:
        raise WrongUsage(f"The runtime {text!r} has characters that a submit file cannot hold.")
    if text == Kind.HOST:
        return Runtime(Kind.HOST)
    if kind not in set(Kind) or not where:
        raise _invalid(text)
    checks = {Kind.HOST: _check_program, Kind.CVMFS: _check_env_shell}
    checks.get(Kind(kind), _check_image)(text, where)
    return Runtime(Kind(kind), where)


def _check_program(text: str, where: str) -> None:
    if not _PROGRAM.fullmatch(where):
        raise _invalid(text)


def _check_env_shell(text: str, where: str) -> None:
    if not (where.startswith("/") or _SHORT_FORM.fullmatch(where)):
        raise _invalid(text)


def _check_image(text: str, where: str) -> None:
    docker = _DOCKER.fullmatch(where)
    if docker is None and not (_IMAGE_PATH.fullmatch(where) or _OSDF.fullmatch(where)):
        hint = " A name in a registry begins with docker://." if "/" in where else ""
        raise WrongUsage(
            f"The runtime {text!r} does not name an image that HTCondor accepts.{hint} {FORMS}"
        )
    untagged = docker is not None and not (docker["tag"] or docker["digest"])
    if untagged or where.endswith(":latest"):
        raise WrongUsage(
            f"The runtime {text!r} is unpinned: without a tag, or with the tag latest, the "
            f"image may change at any time. Name a version (docker://NAME:TAG) or a digest "
            f"(docker://NAME@sha256:...)."
        )


def _invalid(text: str) -> WrongUsage:
    return WrongUsage(f"The runtime {text!r} is not valid. {FORMS}")
