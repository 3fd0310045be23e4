"""Values on the command line: numbers, fractions, durations, amounts of memory, programs."""

from __future__ import annotations

import re
import shlex
import shutil
from math import isfinite, nan
from pathlib import Path

from skyscan.errors import WrongUsage
from skyscan.plain import plain_number

MAX_DIGITS = 100  # of a whole number; what each can be is checked where it is known
MOST = 1e9  # 30 years in seconds, a petabyte in MB
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_MEGABYTES = {"": 1, "m": 1, "mb": 1, "mib": 1, "g": 1024, "gb": 1024, "gib": 1024}


def parse_duration(text: str, option: str) -> float:
    """Read ``90``, ``90s``, ``30m``, ``2h`` or ``1d`` as seconds.

    Raises
    ------
    WrongUsage
        The text is not a positive duration.
    """
    return _parse(text, option, _SECONDS, "a duration such as 90s, 30m, 2h or 1d")


def parse_megabytes(text: str, option: str) -> int:
    """Read ``2000``, ``2000MB`` or ``2GB`` as MB, HTCondor's unit of 2**20 bytes.

    Raises
    ------
    WrongUsage
        The text is not a positive amount.
    """
    expected = "an amount such as 2000 (MB) or 2GB"
    return max(1, round(_parse(text, option, _MEGABYTES, expected)))


def parse_fraction(text: str, option: str) -> float:
    """Read ``0.01`` or ``1%`` as a fraction.

    Raises
    ------
    WrongUsage
        The text is not a fraction.
    """
    try:
        number = plain_number(text.removesuffix("%"))
        value = number / 100 if text.endswith("%") else number
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise WrongUsage(f"{option} {text!r} is not a fraction such as 0.01 or 1%.")
    return value


def parse_command(text: str, option: str) -> tuple[str, ...]:
    """Read a program and its arguments, quoted as for a shell; no shell will run them.

    The program is found now, because the daemons that run it later have another PATH and
    another folder.

    Raises
    ------
    WrongUsage
        The quotes are not closed, or there is no such program.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise WrongUsage(f"{option} {text!r}: {str(error).lower()}.") from error
    if not words or not text.isprintable():
        raise WrongUsage(f"{option} {text!r} is not a program and its arguments on one line.")
    found = shutil.which(words[0])
    if found is None:
        raise WrongUsage(
            f"{option}: there is no executable program {words[0]!r} here. Name one on PATH, or "
            f"give the path of one."
        )
    return (str(Path(found).absolute()), *words[1:])


def positive(text: str) -> int:
    """Read a positive whole number, for `argparse`."""
    return _whole_number(text, least=1)


def not_negative(text: str) -> int:
    """Read a whole number of at least 0, for `argparse`."""
    return _whole_number(text, least=0)


def run_number(text: str) -> int:
    """Read the number of a run, which maps keep in 64 bits, for `argparse`."""
    from argparse import ArgumentTypeError

    number = not_negative(text)
    if number >= 1 << 63:
        raise ArgumentTypeError(f"{text} is too large for the number of a run")
    return number


def number(text: str) -> float:
    """Read a finite number, for `argparse`."""
    from argparse import ArgumentTypeError

    try:
        value = plain_number(text)
    except ValueError:
        value = nan
    if not isfinite(value):
        raise ArgumentTypeError(f"{text!r} is not a number")
    return value


def _whole_number(text: str, least: int) -> int:
    from argparse import ArgumentTypeError

    is_whole = re.fullmatch(r"\d+", text, re.ASCII) is not None
    if is_whole and len(text) > MAX_DIGITS:
        raise ArgumentTypeError(f"{text} is too large")
    if not is_whole or int(text) < least:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
    return int(text)


def _parse(text: str, option: str, units: dict[str, int], expected: str) -> float:
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text, re.ASCII | re.IGNORECASE)
    unit = units.get(match[2].lower()) if match else None
    if match is None or unit is None or not 0 < float(match[1]) * unit <= MOST:
        raise WrongUsage(f"{option} {text!r} is not {expected}.")
    return float(match[1]) * unit
