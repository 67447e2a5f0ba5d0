"""FORMAT with the .NET formats in use, under the culture en-US; every other one is refused by name.

From Microsoft's "Standard numeric format strings", "Custom numeric format strings" and "Custom date and time format
strings".
"""

from __future__ import annotations

import datetime
import decimal
import re
from collections.abc import Callable

from lungdb.embedded.functions.base import Function, TypedCall, Types, wrong_type
from lungdb.embedded.values.datetimes import TICKS_A_DAY, month_name, time_text, to_ticks
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.stored import EXACT, decode_decimal, round_half_up
from lungdb.embedded.values.types import Family, nvarchar
from lungdb.errors import SqlError

_STANDARD = re.compile(r"(?P<letter>[NnFfPpDdXxEe])(?P<digits>\d{0,2})")
_CUSTOM = re.compile(
    r"(?P<prefix>[^0#.,%']*)(?P<whole>[0#,]*)(?:\.(?P<fraction>[0#]*))?(?P<percent>%?)(?P<suffix>[^0#.,%']*)"
)
_DATE_TOKENS = re.compile(
    r"yyyy|yy|MMMM|MMM|MM|M|dddd|ddd|dd|d|HH|H|hh|h|mm|m|ss|s|f{1,7}|tt|'[^']*'|\"[^\"]*\"|\\.|[^A-Za-z%]"
)
_STANDARD_DATES = {"d": "M/d/yyyy", "D": "dddd, MMMM d, yyyy", "s": "yyyy-MM-dd'T'HH:mm:ss", "t": "h:mm tt"}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _refused(pattern: str) -> SqlError:
    return numbered_error(9819, pattern=pattern)


def _check_culture(culture: str | None) -> None:
    if culture is not None and culture.lower() != "en-us":
        raise numbered_error(9818, culture=culture)


def _format_number(value: int | float | str, pattern: str, culture: str | None = None) -> str:
    _check_culture(culture)
    number = decode_decimal(value) if isinstance(value, str) else decimal.Decimal(repr(value))
    match = _STANDARD.fullmatch(pattern)
    if match is not None:
        return _standard_number(number, match["letter"], match["digits"], isinstance(value, int), pattern)
    match = _CUSTOM.fullmatch(pattern)
    if match is None or not (match["whole"] or match["fraction"]):
        raise _refused(pattern)
    return _custom_number(number, match)


def _standard_number(number: decimal.Decimal, letter: str, digits: str, whole: bool, pattern: str) -> str:
    kind = letter.upper()
    if kind in "DX":
        if not whole:
            raise _refused(pattern)
        integer = int(number)
        width = int(digits or 1)
        if kind == "D":
            return f"{'-' if integer < 0 else ''}{abs(integer):0{width}d}"
        return f"{integer % (1 << 64) if integer < 0 else integer:0{width}{letter}}"
    if kind == "E":
        mantissa, _, exponent = f"{number:.{int(digits or 6)}e}".partition("e")
        return f"{mantissa}{letter}{exponent[0]}{int(exponent[1:]):03d}"
    places = int(digits or 2)
    if kind == "P":
        return f"{round_half_up(number * 100, places):,.{places}f} %"
    return f"{round_half_up(number, places):{',' if kind == 'N' else ''}.{places}f}"


def _custom_number(number: decimal.Decimal, match: re.Match[str]) -> str:
    fraction = match["fraction"] or ""
    whole = match["whole"]
    if match["percent"]:
        number = EXACT.multiply(number, decimal.Decimal(100))
    rounded = round_half_up(number, len(fraction))
    integral, _, decimals = f"{rounded.copy_abs():f}".partition(".")
    required = len(fraction.rstrip("#"))
    decimals = decimals[:required] + decimals[required:].rstrip("0")
    minimum = whole.replace(",", "").lstrip("#").count("0")
    integral = integral.lstrip("0").rjust(minimum, "0")
    if "," in whole:
        integral = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", ",", integral)
    sign = "-" if rounded < 0 else ""
    text = f"{integral}{'.' + decimals if decimals else ''}"
    return f"{sign}{match['prefix']}{text}{match['percent']}{match['suffix']}"


def _format_date(value: str, pattern: str, culture: str | None = None) -> str:
    _check_culture(culture)
    ticks = to_ticks(value)
    day = datetime.date.fromordinal(ticks // TICKS_A_DAY + 1)
    clock = time_text(ticks)
    hour = int(clock[:2])
    shown: dict[str, Callable[[], str]] = {
        "yyyy": lambda: f"{day.year:04d}",
        "yy": lambda: f"{day.year % 100:02d}",
        "MMMM": lambda: month_name(day.month),
        "MMM": lambda: month_name(day.month)[:3],
        "MM": lambda: f"{day.month:02d}",
        "M": lambda: str(day.month),
        "dddd": lambda: _WEEKDAYS[day.weekday()],
        "ddd": lambda: _WEEKDAYS[day.weekday()][:3],
        "dd": lambda: f"{day.day:02d}",
        "d": lambda: str(day.day),
        "HH": lambda: f"{hour:02d}",
        "H": lambda: str(hour),
        "hh": lambda: f"{(hour - 1) % 12 + 1:02d}",
        "h": lambda: str((hour - 1) % 12 + 1),
        "mm": lambda: clock[3:5],
        "m": lambda: str(int(clock[3:5])),
        "ss": lambda: clock[6:8],
        "s": lambda: str(int(clock[6:8])),
        "tt": lambda: "AM" if hour < 12 else "PM",
    }
    full = _STANDARD_DATES.get(pattern, pattern)
    parts: list[str] = []
    index = 0
    while index < len(full):
        found = _DATE_TOKENS.match(full, index)
        if found is None:
            raise _refused(pattern)
        token = found[0]
        index = found.end()
        if token in shown:
            parts.append(shown[token]())
        elif token.startswith("f"):
            parts.append(clock[9 : 9 + len(token)])
        else:
            parts.append(token[1:-1] if token[0] in "'\"" else token.lstrip("\\"))
    return "".join(parts)


def _rule(types: Types) -> TypedCall:
    given = types[0]
    parameters = (given, nvarchar(), nvarchar())[: len(types)]
    arguments = ", ".join(f"{{{index}}}" for index in range(len(types)))
    if given.is_numeric and given.family != Family.BIT:
        return TypedCall(parameters, nvarchar(4000), f"tsql_format_number({arguments})")
    if given.family == Family.DATETIME:
        return TypedCall(parameters, nvarchar(4000), f"tsql_format_date({arguments})")
    raise wrong_type("FORMAT", 1, given, "Pass a number or a date.")


FUNCTIONS = (Function("FORMAT", (2, 3), _rule),)

IMPLEMENTATIONS = (
    Implementation("tsql_format_number", 2, _format_number),
    Implementation("tsql_format_number", 3, _format_number),
    Implementation("tsql_format_date", 2, _format_date),
    Implementation("tsql_format_date", 3, _format_date),
)
