"""How templates write numbers and times."""

from __future__ import annotations

from datetime import date, datetime

from flask import Flask
from markupsafe import Markup

_WHOLE = 1e15
"""Whole numbers below it have all digits that they show."""
_LONGEST_ID = 16


def percent(value: float) -> str:
    """Write a percentage with one digit; never a rounded 0 or 100 for what is neither."""
    if 0 < value < 0.1:
        return "< 0.1"
    if 99.9 < value < 100:
        return "> 99.9"
    return f"{value:.1f}"


def day(value: date | None) -> str:
    """Write a date; of a first of January the year, because earlier versions kept no more of a date."""
    if value is None:
        return ""
    return str(value.year) if (value.month, value.day) == (1, 1) else value.isoformat()


def moment(value: datetime) -> str:
    """Write a time to the minute; it is UTC, as the tables hold it."""
    return f"{value:%Y-%m-%d %H:%M}"


def data_percent(value: float) -> Markup:
    """Write a percentage as HTML that static/local.js writes in the reader's locale."""
    written = percent(value)
    if not written[0].isdigit():
        return Markup('<data value="{}">{}</data>').format(value, written)
    return Markup('<data value="{}" data-digits="1">{}</data>').format(value, written)


def time_moment(value: datetime) -> Markup:
    """Write a time with its zone as HTML that static/local.js writes in the reader's zone and locale."""
    return Markup('<time datetime="{}Z">{} UTC</time>').format(f"{value:%Y-%m-%dT%H:%M:%S}", moment(value))


def count(value: float) -> str:
    """Write a whole number with thin spaces between thousands."""
    return f"{round(value):,}".replace(",", "\u2009")


def value(number: float) -> str:
    """Write a value of a column or feature: whole numbers with all their digits, others with six."""
    return f"{number:.0f}" if float(number).is_integer() and abs(number) < _WHOLE else f"{number:.6g}"


def short_id(text: str) -> str:
    """Write a patient's id, of a long one, such as a hash, its beginning."""
    return text if len(text) <= _LONGEST_ID else f"{text[: _LONGEST_ID - 4]}…"


def duration(seconds: float) -> str:
    """Write how long something takes, to the second, the minute or the hour."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{round(minutes / 60)} h"


def register(app: Flask) -> None:
    """Make them filters of the application's templates."""
    app.jinja_env.filters.update(
        percent=percent,
        data_percent=data_percent,
        day=day,
        moment=moment,
        time_moment=time_moment,
        count=count,
        value=value,
        short_id=short_id,
        duration=duration,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
