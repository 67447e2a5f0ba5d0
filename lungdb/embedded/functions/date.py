"""Date and time functions, as Microsoft's "Date and time data types and functions (Transact-SQL)" has them."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from lungdb.embedded.functions.base import Function, Rule, TypedCall, Types, wrong_type
from lungdb.embedded.values.conversions import convert
from lungdb.embedded.values.datetime import stored_datetime
from lungdb.embedded.values.datetimes import (
    TICKS_A_DAY,
    TICKS_A_SECOND,
    month_name,
    to_ticks,
)
from lungdb.embedded.values.implementation import Implementation
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.types import (
    BIGINT,
    DATE,
    DATETIME,
    INT,
    INTEGER_RANGE,
    Family,
    SqlType,
    datetime2,
    nvarchar,
    parse_type,
    varchar,
)
from lungdb.errors import SqlError

_PARTS = {
    "year": ("yy", "yyyy"),
    "quarter": ("qq", "q"),
    "month": ("mm", "m"),
    "dayofyear": ("dy", "y"),
    "day": ("dd", "d"),
    "week": ("wk", "ww"),
    "iso_week": ("isowk", "isoww"),
    "weekday": ("dw", "w"),
    "hour": ("hh",),
    "minute": ("mi", "n"),
    "second": ("ss", "s"),
    "millisecond": ("ms",),
    "microsecond": ("mcs",),
    "nanosecond": ("ns",),
}
_PART_NAMES = {name: part for part, names in _PARTS.items() for name in (part, *names)}
# Ticks of the parts that have the same length everywhere.
_TICKS = {
    "week": 7 * TICKS_A_DAY,
    "day": TICKS_A_DAY,
    "dayofyear": TICKS_A_DAY,
    "weekday": TICKS_A_DAY,
    "hour": 3600 * TICKS_A_SECOND,
    "minute": 60 * TICKS_A_SECOND,
    "second": TICKS_A_SECOND,
    "millisecond": 10_000,
    "microsecond": 10,
}
_MONTHS = {"year": 12, "quarter": 3, "month": 1}


def _part(name: str, function: str, refused: tuple[str, ...] = ()) -> str:
    part = _PART_NAMES.get(name.lower())
    if part is None:
        raise numbered_error(155, name=name, function=function, options=", ".join(_PARTS))
    if part in refused:
        raise numbered_error(9810, part=part, function=function)
    return part


def _date(ticks: int) -> datetime.date:
    return datetime.date.fromordinal(ticks // TICKS_A_DAY + 1)


def _add_months(ticks: int, months: int) -> int:
    day = _date(ticks)
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise numbered_error(517, advice=f"Adding {months} months leads there: use a smaller number.")
    last = _last_day(year, month + 1)
    moved = datetime.date(year, month + 1, min(day.day, last))
    return (moved.toordinal() - 1) * TICKS_A_DAY + ticks % TICKS_A_DAY


def _last_day(year: int, month: int) -> int:
    following = datetime.date(year + month // 12, month % 12 + 1, 1) if (year, month) != (9999, 12) else None
    return 31 if following is None else (following - datetime.timedelta(days=1)).day


def _date_add(name: str, number: int, value: str, kind: str) -> str:
    part = _part(name, "dateadd", ("iso_week",))
    ticks = to_ticks(value)
    if part in _MONTHS:
        ticks = _add_months(ticks, number * _MONTHS[part])
    elif part == "nanosecond":
        ticks += (number + 50) // 100
    else:
        ticks += number * _TICKS[part]
    target = parse_type(kind)
    # A time goes round the clock; everything else must stay within the calendar.
    return stored_datetime(ticks, target, kind)


def _date_difference(name: str, start: str, end: str, kind: str) -> int:
    part = _part(name, "datediff", ("iso_week",))
    first, last = to_ticks(start), to_ticks(end)
    if part in _MONTHS:
        a, b = _date(first), _date(last)
        count = (b.year * 12 + b.month - 1) // _MONTHS[part] - (a.year * 12 + a.month - 1) // _MONTHS[part]
    elif part == "week":
        # A week begins on Sunday here, whatever SET DATEFIRST says; 0001-01-01 was a Monday.
        count = (last // TICKS_A_DAY + 1) // 7 - (first // TICKS_A_DAY + 1) // 7
    elif part == "nanosecond":
        count = (last - first) * 100
    else:
        count = last // _TICKS[part] - first // _TICKS[part]
    low, high = INTEGER_RANGE[kind]
    if not low <= count <= high:
        raise numbered_error(535)
    return count


def _date_part(name: str, value: str) -> int:
    part = _part(name, "datepart")
    ticks = to_ticks(value)
    day = _date(ticks)
    clock = ticks % TICKS_A_DAY
    second = clock % TICKS_A_SECOND
    # With the default SET DATEFIRST 7: Sunday is 1.
    first_of_year = datetime.date(day.year, 1, 1)
    values: dict[str, Callable[[], int]] = {
        "year": lambda: day.year,
        "quarter": lambda: (day.month + 2) // 3,
        "month": lambda: day.month,
        "dayofyear": lambda: day.timetuple().tm_yday,
        "day": lambda: day.day,
        "week": lambda: (day.toordinal() - first_of_year.toordinal() + first_of_year.isoweekday() % 7) // 7 + 1,
        "iso_week": lambda: day.isocalendar()[1],
        "weekday": lambda: day.isoweekday() % 7 + 1,
        "hour": lambda: clock // _TICKS["hour"],
        "minute": lambda: clock // _TICKS["minute"] % 60,
        "second": lambda: clock // TICKS_A_SECOND % 60,
        "millisecond": lambda: second // 10_000,
        "microsecond": lambda: second // 10,
        "nanosecond": lambda: second * 100,
    }
    return values[part]()


def _date_name(name: str, value: str) -> str:
    part = _part(name, "datename")
    day = _date(to_ticks(value))
    if part == "month":
        return month_name(day.month)
    if part == "weekday":
        return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[day.weekday()]
    return str(_date_part(name, value))


def _end_of_month(value: str, months: int = 0) -> str:
    day = _date(_add_months(to_ticks(value), months))
    return day.replace(day=_last_day(day.year, day.month)).isoformat()


def _bad_parts(kind: str) -> SqlError:
    return numbered_error(289, type=kind)


def _date_from_parts(year: int, month: int, day: int) -> str:
    try:
        return datetime.date(year, month, day).isoformat()
    except (ValueError, OverflowError):
        raise _bad_parts("date") from None


def _datetime_from_parts(kind: str, *parts: int) -> str:
    year, month, day, hour, minute, second, fraction, scale = parts
    try:
        date = datetime.date(year, month, day)
        datetime.time(hour, minute, second)
    except (ValueError, OverflowError):
        raise _bad_parts(kind) from None
    if not 0 <= fraction < 10**scale:
        raise _bad_parts(kind)
    clock = (hour * 3600 + minute * 60 + second) * TICKS_A_SECOND + fraction * 10 ** (7 - scale)
    target = DATETIME if kind == "datetime" else datetime2(scale)
    return stored_datetime((date.toordinal() - 1) * TICKS_A_DAY + clock, target, kind)


def _is_date(text: str) -> int:
    try:
        convert(text, nvarchar(), DATETIME, explicit=True)
    except SqlError:
        return 0
    return int(bool(text.strip()))


def _now(kind: str, utc: int) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc if utc else None)
    ticks = to_ticks(moment.replace(tzinfo=None).isoformat(" ", "microseconds") + "0")
    return stored_datetime(ticks, parse_type(kind), kind)


def _temporal(name: str, position: int, given: SqlType) -> SqlType:
    """Return the type in which a date function takes an argument: a text counts as a datetime2 or datetime."""
    if given.family == Family.DATETIME:
        return given
    if given.family == Family.CHARACTER:
        return datetime2()
    if given.is_numeric:
        return DATETIME
    raise wrong_type(name, position, given, "Pass a date.")


def _date_add_rule(types: Types) -> TypedCall:
    # A text becomes a datetime here, and so is the result.
    kind = DATETIME if types[2].family == Family.CHARACTER else _temporal("DATEADD", 3, types[2])
    return TypedCall((types[0], BIGINT, kind), kind, f"tsql_dateadd({{0}}, {{1}}, {{2}}, '{kind}')")


def _difference_rule(name: str, result: SqlType) -> Rule:
    def rule(types: Types) -> TypedCall:
        parameters = (types[0], _temporal(name, 2, types[1]), _temporal(name, 3, types[2]))
        return TypedCall(parameters, result, f"tsql_datediff({{0}}, {{1}}, {{2}}, '{result}')")

    return rule


def _part_rule(name: str, result: SqlType, implementation: str) -> Rule:
    def rule(types: Types) -> TypedCall:
        return TypedCall((types[0], _temporal(name, 2, types[1])), result, f"{implementation}({{0}}, {{1}})")

    return rule


def _fixed_part_rule(name: str) -> Rule:
    def rule(types: Types) -> TypedCall:
        return TypedCall((_temporal(name, 1, types[0]),), INT, f"tsql_datepart('{name.lower()}', {{0}})")

    return rule


def _end_of_month_rule(types: Types) -> TypedCall:
    parameters = (_temporal("EOMONTH", 1, types[0]), INT)[: len(types)]
    return TypedCall(
        parameters, DATE, "tsql_eomonth({0})" if len(types) == 1 else "tsql_eomonth({0}, coalesce({1}, 0))"
    )


def _from_parts_rule(kind: str, count: int) -> Rule:
    arguments = ", ".join(f"{{{index}}}" for index in range(count))
    template = {
        "date": f"tsql_datefromparts({arguments})",
        "datetime": f"tsql_datetimefromparts('datetime', {arguments}, 3)",
        "datetime2": f"tsql_datetimefromparts('datetime2', {arguments})",
    }[kind]
    result = {"date": DATE, "datetime": DATETIME, "datetime2": datetime2()}[kind]
    return lambda types: TypedCall((INT,) * count, result, template)


def _now_rule(kind: SqlType, *, utc: bool) -> Rule:
    # SQLite evaluates a subquery that refers to nothing once a statement, so every row gets the same moment.
    return lambda types: TypedCall((), kind, f"(SELECT tsql_now('{kind}', {int(utc)}))")


FUNCTIONS = (
    Function("DATEADD", (3, 3), _date_add_rule, takes_date_part=True),
    Function("DATEDIFF", (3, 3), _difference_rule("DATEDIFF", INT), takes_date_part=True),
    Function("DATEDIFF_BIG", (3, 3), _difference_rule("DATEDIFF_BIG", BIGINT), takes_date_part=True),
    Function("DATEPART", (2, 2), _part_rule("DATEPART", INT, "tsql_datepart"), takes_date_part=True),
    Function("DATENAME", (2, 2), _part_rule("DATENAME", nvarchar(30), "tsql_datename"), takes_date_part=True),
    *(Function(name, (1, 1), _fixed_part_rule(name)) for name in ("YEAR", "MONTH", "DAY")),
    Function("EOMONTH", (1, 2), _end_of_month_rule),
    Function("DATEFROMPARTS", (3, 3), _from_parts_rule("date", 3)),
    Function("DATETIMEFROMPARTS", (7, 7), _from_parts_rule("datetime", 7)),
    Function("DATETIME2FROMPARTS", (8, 8), _from_parts_rule("datetime2", 8)),
    Function("ISDATE", (1, 1), lambda types: TypedCall((varchar(),), INT, "coalesce(tsql_isdate({0}), 0)")),
    Function("GETDATE", (0, 0), _now_rule(DATETIME, utc=False)),
    Function("CURRENT_TIMESTAMP", (0, 0), _now_rule(DATETIME, utc=False)),
    Function("GETUTCDATE", (0, 0), _now_rule(DATETIME, utc=True)),
    Function("SYSDATETIME", (0, 0), _now_rule(datetime2(), utc=False)),
    Function("SYSUTCDATETIME", (0, 0), _now_rule(datetime2(), utc=True)),
)

IMPLEMENTATIONS = (
    Implementation("tsql_dateadd", 4, _date_add),
    Implementation("tsql_datediff", 4, _date_difference),
    Implementation("tsql_datepart", 2, _date_part),
    Implementation("tsql_datename", 2, _date_name),
    Implementation("tsql_eomonth", 1, _end_of_month),
    Implementation("tsql_eomonth", 2, _end_of_month),
    Implementation("tsql_datefromparts", 3, _date_from_parts),
    Implementation("tsql_datetimefromparts", 9, _datetime_from_parts),
    Implementation("tsql_isdate", 1, _is_date),
    Implementation("tsql_now", 2, _now, deterministic=False),
)
