"""The place in an event file that an error message names."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skyscan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SHOWN = 80  #: characters of a key that a message shows
GET_IT_AGAIN = "get the file again from its source"


class MalformedError(ValueError):
    """An error in the bytes of a file.

    Its text is the predicate of a sentence ("ends in the middle of a value"); the reader, which
    knows the file, the frame and the key, adds the subject.
    """

    def __init__(self, what: str, advice: str = GET_IT_AGAIN) -> None:
        super().__init__(what)
        self.what = what
        self.advice = advice


class UnknownClassError(MalformedError):
    """The bytes hold a class, or a version of a class, that cannot be read."""


class SeveralEventsError(MalformedError):
    """The bytes hold several events, of which one must be chosen."""


@dataclass(frozen=True)
class Place:
    """A file, one of its frames, and a key of that frame, as far as they are known.

    ``inside`` is the file's name in an archive, if it is in one.
    """

    file: str
    frame: str = ""
    key: str = ""
    inside: str = ""

    def at_frame(self, frame: str) -> Place:
        """Return a place in a frame of the same file."""
        return replace(self, frame=frame, key="")

    def at_key(self, key: str) -> Place:
        """Return a place at a key of the same frame."""
        return replace(self, key=key)

    def __str__(self) -> str:
        subject = [f"key {shown(self.key)}"] if self.key else []
        # "the Physics frame (5 of 5)", but "frame number 5"
        article = "the " if self.frame[:1].isupper() else ""
        subject += [f"{article}{self.frame}"] if self.frame else []
        file = self.file if self.file.isprintable() else ascii(self.file)
        inside = f" ({shown(self.inside)})" if self.inside else ""
        return f"{file}{inside}: {' of '.join(subject) or 'it'}"

    def complaint(self, what: str, advice: str = GET_IT_AGAIN) -> BadInput:
        """Return an error that says in one sentence what is wrong here and what to do."""
        return BadInput(f"{self} {what}; {advice}.")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn a `MalformedError` in the block into an error that names this place."""
        try:
            yield
        except MalformedError as error:
            raise self.complaint(error.what, error.advice) from error


def shown(key: str) -> str:
    """Return a key in printable form for a message, whatever bytes a damaged file has there."""
    printable = key if key.isprintable() and key else ascii(key)
    return printable if len(printable) <= MAX_SHOWN else f"{printable[:MAX_SHOWN]}..."
