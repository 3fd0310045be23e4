"""What goes on after Ctrl-C: each command that waits says it."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from skyscan.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def at_interrupt(what_goes_on: str) -> Iterator[None]:
    """Say after Ctrl-C in the block what goes on, unless the block already has."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise Interrupted(what_goes_on) from None


def it_continues(what: str, path: Path) -> str:
    """Return what to say of a submitted scan or campaign, in the folder ``path``."""
    place = shlex.quote(str(path))
    return (
        f"Only the display has ended: `skyscan status {place}` shows the {what}, "
        f"`skyscan resume {place}` watches it again, `skyscan abort {place}` ends it."
    )


def may_be_submitted(what: str, path: Path) -> str:
    """Return what to say of a scan or a campaign that was being submitted."""
    place = shlex.quote(str(path))
    return (
        f"`skyscan status {place}` says whether the {what} was submitted; "
        f"`skyscan resume {place}` submits it if it was not."
    )
