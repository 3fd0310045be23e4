"""The errors of finding, starting and using HTCondor."""

from __future__ import annotations

from skyscan.errors import ExitCode, SkyscanError


class CondorError(SkyscanError):
    """HTCondor is missing or does not work as it should."""

    exit_code = ExitCode.TRY_AGAIN


class NoHTCondor(CondorError):
    """HTCondor is missing on this machine and cannot be set up."""


class PoolDoesNotStart(CondorError):
    """The personal pool's daemons do not start."""


class PoolDoesNotAnswer(CondorError):
    """A pool is configured, or all its daemons run, but its schedd does not answer."""


class NoPlace(CondorError):
    """The folder of the personal pool, or of the programs, cannot be written."""


class PoolFolderIsTaken(CondorError):
    """The folder that was chosen for the personal pool has other files."""

    exit_code = ExitCode.WRONG_USAGE


class PoolIsInUse(CondorError):
    """The personal pool cannot be removed as long as it, or its programs, are in use."""


class NoUserNamespace(CondorError):
    """Root cannot run a pool here: HTCondor runs no jobs as root, and there is no namespace."""


class NoApptainer(CondorError):
    """Apptainer is missing on this machine and cannot be set up."""


class NoImage(CondorError):
    """The image cannot be built here."""
