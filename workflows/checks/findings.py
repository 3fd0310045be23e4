"""What a check found: that all is well, or what is not and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from skyscan.errors import ExitCode


class State(StrEnum):
    """How a finding stands; only what is missing or an error keeps a scan from running."""

    OK = "ok"
    MISSING = "missing"
    OPTIONAL = "optional"  # not there, and only some scans want it
    ADVICE = "advice"
    WARNING = "warning"  # a scan runs, and may end badly
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        The thing.
    state : State
        How it stands.
    detail : str
        What was found, such as a version or a folder.
    mend : str
        What to do about it; empty when there is nothing to do.
    exit_code : ExitCode
        Of a command that ends because of it.
    """

    what: str
    state: State
    detail: str
    mend: str = ""
    exit_code: ExitCode = ExitCode.TRY_AGAIN

    @property
    def is_fatal(self) -> bool:
        """Whether no scan can run."""
        return self.state in (State.MISSING, State.ERROR)

    def line(self) -> str:
        """Return the finding as a line for a terminal."""
        text = f"{self.state:8}  {self.what:18}  {self.detail}"
        return f"{text} -> {self.mend}" if self.mend else text

    def sentence(self) -> str:
        """Return the finding as a message by itself."""
        return f"{self.what}: {self.detail}; {self.mend}." if self.mend else self.detail
