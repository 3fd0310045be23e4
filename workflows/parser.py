"""The parser of the command line: errors that name the command and what may be meant."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from skyscan.errors import ExitCode, printable, without_middle
from skyscan.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

CATALOGUE_HELP = (
    "catalogue of sources to show near the best fit: CSV, VOTable or FITS with columns of RA "
    "and Dec"
)
FOLDER_HELP = "folder of a scan or a campaign, or the folder above a single scan"
SCAN_HELP = "scan folder, or the folder above it if that holds a single scan"
_MISSING = "the following arguments are required: "  # argparse's words
_NUMBER = re.compile(r"-\d+(\.\d*)?|-\.\d+")


def _path(text: str) -> Path:
    """Read a path. An empty one, as of an unset variable, is not the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("'' is not a path (the current folder is .)")
    return Path(text)


class Parser(argparse.ArgumentParser):
    """The parser of `skyscan`, or of one of its commands.

    It takes no abbreviations: an option that is added later would change their meaning. An
    option that it does not know is reported before one that is missing.
    """

    def __init__(self, **keywords: Any) -> None:  # noqa: ANN401  (those of argparse)
        given = {"formatter_class": argparse.RawDescriptionHelpFormatter, **keywords}
        super().__init__(**given, allow_abbrev=False)
        self.register("type", Path, _path)
        #: Advice about the order of words if one is missing.
        self.order = ""
        #: What to say when there are too many.
        self.more = ""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, and refuse unknown words here, where it is known which command has them."""
        words = sys.argv[1:] if args is None else list(args)
        unknown = self._unknown_option(words)
        if unknown is not None:
            advice = did_you_mean(unknown, self._option_string_actions)
            self.error(f"{self.prog} has no option {unknown}.{advice}")
        found, rest = super().parse_known_args(words, namespace)
        if rest:
            many = "arguments" if len(rest) > 1 else "argument"
            text = f"{self.prog} takes no further {many}: {' '.join(rest)}"
            self.error(f"{text}; {self.more}" if self.more else text)
        return found, rest

    def error(self, message: str) -> NoReturn:
        """Print the usage and one line; exit with the exit code for wrong usage."""
        self.print_usage(sys.stderr)
        text = message.removeprefix("argument ")
        if text.startswith(_MISSING):
            text = f"{text.removeprefix(_MISSING)} is missing{self.order and f'; {self.order}'}"
        text = text if text.endswith((".", "?")) else f"{text}."
        line = f"skyscan: error: {text} `{self.prog} --help` explains the usage."
        self.exit(int(ExitCode.WRONG_USAGE), printable(without_middle(line)) + "\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401
        """Refuse a value that is not one of the choices, with the closest ones."""
        if action.choices is None or value in action.choices:
            return
        known = [str(it) for it in action.choices]
        kind = "command" if isinstance(action, argparse._SubParsersAction) else "choice"  # noqa: SLF001
        there_are = f"The {kind}s are {', '.join(known)}."
        if len(known) == 1:
            there_are = f"The only {kind} is {known[0]}."
        advice = did_you_mean(str(value), known)
        if kind == "command":
            self.error(f"There is no command {value!r}.{advice} {there_are}")
        raise argparse.ArgumentError(action, f"{value!r} is unknown.{advice} {there_are}")

    def _unknown_option(self, words: Sequence[str]) -> str | None:
        """Return the first word that looks like an option but is not one."""
        has_commands = any(
            isinstance(it, argparse._SubParsersAction)  # noqa: SLF001  (no public name)
            for it in self._actions
        )
        for word in words:
            if word == "--":
                break
            if not word.startswith("-") or word == "-" or " " in word or _NUMBER.match(word):
                if has_commands:
                    break  # the command reads the others
                continue
            name, _, value = word.partition("=")
            known = self._option_string_actions
            if (value == "--" and name in known) or (word[2:] == "--" and word[:2] in known):
                # argparse takes it for the end of the options, and gives the option no value.
                self.error(f"{word.removesuffix('--').rstrip('=')}: '--' is not a value")
            if name not in known and (word.startswith("--") or word[:2] not in known):
                return name
        return None
