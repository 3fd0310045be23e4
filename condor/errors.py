"""What can go wrong between a scan and HTCondor."""

from __future__ import annotations

from skyscan.errors import ExitCode, SkyscanError


class CondorError(SkyscanError):
    """HTCondor is not there, or does not do what it should."""

    exit_code = ExitCode.TRY_AGAIN


class NoHTCondor(CondorError):
    """There is no HTCondor on this machine and none can be set up."""


class PoolDoesNotStart(CondorError):
    """The personal pool's daemons do not come up."""


class PoolDoesNotAnswer(CondorError):
    """The user's own pool is configured, but its schedd does not answer."""


class NoUserNamespace(CondorError):
    """Root cannot run a pool here: HTCondor runs no jobs of root, and no namespace helps."""


class NoApptainer(CondorError):
    """There is no Apptainer on this machine and none can be set up."""


class NoImage(CondorError):
    """The image cannot be made here."""
