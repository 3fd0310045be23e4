"""IceCube's clock: tenths of a nanosecond since the start of a UTC year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

TICKS_PER_SECOND = 10**10
SECONDS_PER_DAY = 86400
MJD_EPOCH = date(1858, 11, 17)

#: Days that ended with a leap second since IceCube's first string, MJD (IERS Bulletin C).
#: The clock counts leap seconds, the MJD does not.
LEAP_DAYS = (53735, 54831, 56108, 57203, 57753)


@dataclass(frozen=True, order=True)
class DaqTime:
    """A time in the format of the I3EventHeader.

    Attributes
    ----------
    year : int
        UTC year.
    ticks : int
        0.1 ns since the start of that year, leap seconds included.
    """

    year: int
    ticks: int

    @property
    def mjd(self) -> float:
        """Modified Julian date (UTC), days; a leap second repeats the one before it."""
        start = _first_day(self.year)
        seconds, rest = divmod(self.ticks, TICKS_PER_SECOND)
        leaps = _leap_days(start, start + seconds // SECONDS_PER_DAY)
        days, seconds = divmod(seconds - leaps, SECONDS_PER_DAY)
        return start + days + (seconds + rest / TICKS_PER_SECOND) / SECONDS_PER_DAY


def _first_day(year: int) -> int:
    return (date(year, 1, 1) - MJD_EPOCH).days


def _leap_days(start: int, end: int) -> int:
    """Count the days in [start, end) that ended with a leap second."""
    return sum(start <= day < end for day in LEAP_DAYS)


def daq_time_of(mjd: float) -> DaqTime:
    """Return the time of a modified Julian date (UTC; a double is accurate to 1 us)."""
    day = int(mjd // 1)
    year = (MJD_EPOCH + timedelta(days=day)).year
    start = _first_day(year)
    seconds = (day - start) * SECONDS_PER_DAY + _leap_days(start, day)
    fraction = round((mjd - day) * SECONDS_PER_DAY * TICKS_PER_SECOND)
    return DaqTime(year, seconds * TICKS_PER_SECOND + fraction)
