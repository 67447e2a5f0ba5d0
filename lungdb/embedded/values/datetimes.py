"""Dates and times as numbers of 100 nanoseconds: reading them from text, writing them in the styles of CONVERT.

The styles are those of Microsoft's "CAST and CONVERT (Transact-SQL)"; texts are read as under us_english (mdy).
"""

from __future__ import annotations

import datetime
import re

from lungdb.embedded.values.messages import numbered_error

TICKS_A_SECOND = 10_000_000
TICKS_A_DAY = 86_400 * TICKS_A_SECOND
# Day 0 of datetime; a time alone falls on it.
BASE_DAY = datetime.date(1900, 1, 1).toordinal() - 1

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FULL_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def to_ticks(stored: str) -> int:
    """Return the ticks since 0001-01-01 of a stored date, datetime or time (a time falls on 1900-01-01)."""
    if stored[2] == ":":
        return BASE_DAY * TICKS_A_DAY + _day_ticks(stored)
    days = datetime.date.fromisoformat(stored[:10]).toordinal() - 1
    return days * TICKS_A_DAY + (_day_ticks(stored[11:]) if len(stored) > 10 else 0)


def _day_ticks(text: str) -> int:
    seconds = int(text[:2]) * 3600 + int(text[3:5]) * 60 + int(text[6:8])
    return seconds * TICKS_A_SECOND + int(text[9:16])


def date_text(ticks: int) -> str:
    """Return the stored form of the date.

    Raises
    ------
    SqlError
        517 outside the years 1 to 9999.
    """
    try:
        return datetime.date.fromordinal(ticks // TICKS_A_DAY + 1).isoformat()
    except (ValueError, OverflowError):
        raise numbered_error(517, advice="Use a smaller step.") from None


def time_text(ticks: int) -> str:
    """Return the stored form of the time of the day."""
    seconds, fraction = divmod(ticks % TICKS_A_DAY, TICKS_A_SECOND)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{fraction:07d}"


def datetime_text(ticks: int) -> str:
    """Return the stored form of a datetime, datetime2 or smalldatetime."""
    return f"{date_text(ticks)} {time_text(ticks)}"


_UNITS = (10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1)


def rounded(ticks: int, scale: int) -> int:
    """Return ticks rounded to a number of digits of the second, halves up."""
    unit = _UNITS[scale]
    return (ticks + unit // 2) // unit * unit


def rounded_to_datetime(ticks: int) -> int:
    """Return ticks rounded as datetime holds them: to 1/300 second, shown in whole milliseconds (.000 .003 .007)."""
    days, rest = divmod(ticks, TICKS_A_DAY)
    thirds = (rest * 300 + TICKS_A_SECOND // 2) // TICKS_A_SECOND
    milliseconds = (thirds * 10 + 1) // 3
    return days * TICKS_A_DAY + milliseconds * 10_000


_TIME = (
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.:](?P<fraction>\d{1,9}))?)?)?"
    r"\s*(?P<half>[AaPp][Mm])?"
)
_MONTH_NAME = r"(?P<name>[A-Za-z]{3,9})"
_DATES = {
    "ymd": r"(?P<year>\d{4})(?P<separator>[-/.])(?P<month>\d{1,2})(?P=separator)(?P<day>\d{1,2})",
    "packed": r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    "mdy": r"(?P<month>\d{1,2})(?P<separator>[-/.])(?P<day>\d{1,2})(?P=separator)(?P<year>\d{4})",
    "dmy": r"(?P<day>\d{1,2})(?P<separator>[-/.])(?P<month>\d{1,2})(?P=separator)(?P<year>\d{4})",
    "name first": _MONTH_NAME + r"\s+(?P<day>\d{1,2}),?\s+(?P<year>\d{4})",
    "day first": r"(?P<day>\d{1,2})\s+" + _MONTH_NAME + r",?\s+(?P<year>\d{4})",
}
_READERS = {key: re.compile(rf"{date}(?:(?:\s+|T){_TIME}Z?)?") for key, date in _DATES.items()}
_TIME_ALONE = re.compile(_TIME)
_DAY_FIRST_STYLES = (103, 104, 105)
READ_STYLES = (
    0,
    20,
    21,
    23,
    100,
    101,
    102,
    103,
    104,
    105,
    106,
    107,
    108,
    109,
    110,
    111,
    112,
    113,
    114,
    120,
    121,
    126,
    127,
)


class NotADateError(Exception):
    """A text that is no date or time."""


class DateRangeError(Exception):
    """A text of the form of a date with a month, day or hour that does not exist."""


def parse(text: str, style: int) -> int:
    """Read a date, a time or both.

    Returns
    -------
    int
        Ticks since 0001-01-01; a time alone falls on 1900-01-01.

    Raises
    ------
    NotADateError, DateRangeError
    """
    text = text.strip()
    if not text:
        return BASE_DAY * TICKS_A_DAY
    for key, reader in _READERS.items():
        if key == ("mdy" if style in _DAY_FIRST_STYLES else "dmy"):
            continue
        match = reader.fullmatch(text)
        if match is not None:
            return _date_ticks(match) + (_time_ticks(match) if match["hour"] else 0)
    match = _TIME_ALONE.fullmatch(text)
    if match is None or (match["minute"] is None and match["half"] is None):
        raise NotADateError
    return BASE_DAY * TICKS_A_DAY + _time_ticks(match)


def _date_ticks(match: re.Match[str]) -> int:
    fields = match.groupdict()
    if fields.get("name"):
        name = fields["name"].capitalize()
        if name not in _MONTHS and name not in _FULL_MONTHS:
            raise NotADateError
        month = _MONTHS.index(name[:3]) + 1
    else:
        month = int(fields["month"])
    try:
        day = datetime.date(int(fields["year"]), month, int(fields["day"]))
    except ValueError:
        raise DateRangeError from None
    return (day.toordinal() - 1) * TICKS_A_DAY


def _time_ticks(match: re.Match[str]) -> int:
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    if match["half"]:
        if not 1 <= hour <= 12:
            raise DateRangeError
        hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
    elif match["minute"] is None:
        raise NotADateError
    if hour > 23 or minute > 59 or second > 59:
        raise DateRangeError
    fraction = int((match["fraction"] or "").ljust(8, "0")[:8])
    return (hour * 3600 + minute * 60 + second) * TICKS_A_SECOND + (fraction + 5) // 10


def format_style(ticks: int, style: int, kind: str, scale: int) -> str:
    """Write a date, time or both in a style of CONVERT.

    Parameters
    ----------
    ticks : int
        Since 0001-01-01.
    style : int
        As CONVERT numbers them, with the century.
    kind : {"date", "time", "datetime", "smalldatetime", "datetime2"}
        The type, which says what there is to show.
    scale : int
        Digits of the fraction of a second: 3 for datetime.

    Raises
    ------
    SqlError
        281 for a style that is not known.
    """
    date = datetime.date.fromordinal(ticks // TICKS_A_DAY + 1)
    clock = time_text(ticks)
    seconds = clock[:8]
    fraction = clock[9 : 9 + scale]
    full = f"{seconds}.{fraction}" if fraction else seconds
    hour = int(clock[:2])
    half = f"{(hour - 1) % 12 + 1:2d}:{clock[3:5]}"
    suffix = "AM" if hour < 12 else "PM"
    month = _MONTHS[date.month - 1]
    colon = f":{fraction}" if kind == "datetime" else f".{fraction}" if fraction else ""
    iso_full = full if fraction.strip("0") else seconds
    year, day = f"{date.year:04d}", f"{date.day:02d}"
    number = f"{date.month:02d}"
    styles = {
        0: (f"{month} {date.day:2d} {year}", f"{half}{suffix}"),
        9: (f"{month} {date.day:2d} {year}", f"{half}:{clock[6:8]}{colon}{suffix}"),
        101: (f"{number}/{day}/{year}", ""),
        102: (f"{year}.{number}.{day}", ""),
        103: (f"{day}/{number}/{year}", ""),
        104: (f"{day}.{number}.{year}", ""),
        105: (f"{day}-{number}-{year}", ""),
        106: (f"{day} {month} {year}", ""),
        107: (f"{month} {day}, {year}", ""),
        108: ("", seconds),
        110: (f"{number}-{day}-{year}", ""),
        111: (f"{year}/{number}/{day}", ""),
        112: (f"{year}{number}{day}", ""),
        113: (f"{day} {month} {year}", f"{seconds}{colon}"),
        114: ("", f"{seconds}{colon}"),
        120: (date.isoformat(), seconds),
        121: (date.isoformat(), full),
        23: (date.isoformat(), ""),
        126: (date.isoformat(), iso_full),
        127: (date.isoformat(), iso_full),
    }
    key = {100: 0, 109: 9, 13: 113, 14: 114, 20: 120, 21: 121, 25: 121}.get(style, style)
    shown = styles.get(key)
    if shown is None:
        raise numbered_error(281, style=style, source=kind, target="a character string", advice="Use 121.")
    parts = [shown[0]] if kind == "date" else [shown[1]] if kind == "time" else list(shown)
    if not any(parts):
        raise numbered_error(
            8114, source=kind, target="a character string", advice=f"Style {style} shows nothing of it: use 121."
        )
    return ("T" if key in (126, 127) else " ").join(part for part in parts if part)


def month_name(month: int) -> str:
    """Return the English name of a month, 1 to 12."""
    return _FULL_MONTHS[month - 1]
