"""The finding of a check: all is well, or what is wrong and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from skyscan.errors import ExitCode


class State(StrEnum):
    """State of a finding; only MISSING and ERROR keep a scan from running."""

    OK = "ok"
    MISSING = "missing"
    OPTIONAL = "optional"  # missing, and only some scans need it
    ADVICE = "advice"
    WARNING = "warning"  # a scan runs, but may fail
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes
    ----------
    what : str
        What was checked.
    state : State
        Its state.
    detail : str
        What was found, such as a version or a folder.
    remedy : str
        What to do about it; empty if there is nothing to do.
    exit_code : ExitCode
        Exit code of a command that ends because of it.
    """

    what: str
    state: State
    detail: str
    remedy: str = ""
    exit_code: ExitCode = ExitCode.TRY_AGAIN

    @property
    def is_fatal(self) -> bool:
        """Return whether the finding keeps scans from running."""
        return self.state in (State.MISSING, State.ERROR)

    def line(self) -> str:
        """Return the finding as a line for a terminal."""
        text = f"{self.state:8}  {self.what:18}  {self.detail}"
        return f"{text} -> {self.remedy}" if self.remedy else text

    def sentence(self) -> str:
        """Return the finding as a message of its own."""
        return f"{self.what}: {self.detail}; {self.remedy}." if self.remedy else self.detail
