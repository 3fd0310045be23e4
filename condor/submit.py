"""Submit descriptions: write values from users and events so that HTCondor reads them back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def submit_lines(description: Mapping[str, str]) -> list[str]:
    """Return the lines of a submit file.

    Raises
    ------
    WrongUsage
        A value has a line break, which would be read as another command.
    """
    for key, value in description.items():
        if any(character in key + value for character in "\n\r\0"):
            raise WrongUsage(
                f"{key} = {value!r} cannot be written to a submit file: it has a line break."
            )
    return [*(f"{key} = {value}" for key, value in description.items()), "queue"]


def quoted_arguments(arguments: Sequence[str]) -> str:
    """Return arguments in HTCondor's new syntax; macros such as ``$(retry)`` are kept."""
    return '"' + " ".join(_quoted(argument) for argument in arguments) + '"'


def quoted_environment(environment: Mapping[str, str]) -> str:
    """Return an environment in HTCondor's new syntax; ``$`` in a value is literal.

    Raises
    ------
    WrongUsage
        A value has ``$$`` or ``$(DOLLAR)``, which condor_submit changes in any notation (seen
        with 23.9.6).
    """
    for name, value in environment.items():
        if "$$" in value or "$(dollar)" in value.lower():
            raise WrongUsage(
                f"The environment variable {name} contains $$ or $(DOLLAR), which a submit "
                f"file cannot hold; unset it or change its value."
            )
    pairs = (
        f"{name}={_quoted(value.replace('$', '$(DOLLAR)'))}"
        for name, value in sorted(environment.items())
    )
    return '"' + " ".join(pairs) + '"'


def _quoted(text: str) -> str:
    if text and not any(character in text for character in " \t'\""):
        return text
    return "'" + text.replace("'", "''").replace('"', '""') + "'"
