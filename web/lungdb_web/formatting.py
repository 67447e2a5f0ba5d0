"""How templates write numbers and times."""

from __future__ import annotations

from datetime import date, datetime

from flask import Flask


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


def count(value: float) -> str:
    """Write a whole number with thin spaces between thousands."""
    return f"{round(value):,}".replace(",", "\u2009")


def register(app: Flask) -> None:
    """Make them filters of the application's templates."""
    app.jinja_env.filters.update(percent=percent, day=day, moment=moment, count=count)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
