"""Date functions against the reference's examples and Python's datetime."""

from __future__ import annotations

import datetime
import random
import time

import pytest

from lungdb.errors import SqlError
from tests.embedded.evaluation import Evaluator

Moment = datetime.datetime
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def engine() -> Evaluator:
    """A connection with the built-ins."""
    return Evaluator()


SAMPLE = ("2007-10-30 12:15:32.1234567", "datetime2(7)")


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        # The table of "DATEPART (Transact-SQL)" for 2007-10-30 12:15:32.1234567.
        ("DATEPART", ("year", SAMPLE), 2007),
        ("DATEPART", ("qq", SAMPLE), 4),
        ("DATEPART", ("mm", SAMPLE), 10),
        ("DATEPART", ("dayofyear", SAMPLE), 303),
        ("DATEPART", ("dd", SAMPLE), 30),
        ("DATEPART", ("wk", SAMPLE), 44),
        ("DATEPART", ("weekday", SAMPLE), 3),
        ("DATEPART", ("hh", SAMPLE), 12),
        ("DATEPART", ("n", SAMPLE), 15),
        ("DATEPART", ("ss", SAMPLE), 32),
        ("DATEPART", ("ms", SAMPLE), 123),
        ("DATEPART", ("mcs", SAMPLE), 123456),
        ("DATEPART", ("ns", SAMPLE), 123456700),
        ("DATENAME", ("month", SAMPLE), "October"),
        ("DATENAME", ("dw", SAMPLE), "Tuesday"),
        ("DATENAME", ("year", SAMPLE), "2007"),
        # DATEPART, week: "January 1 is always in week 1, and 2007-01-07, a Sunday, begins week 2".
        ("DATEPART", ("wk", ("2007-01-06", "date")), 1),
        ("DATEPART", ("wk", ("2007-01-07", "date")), 2),
        ("YEAR", (("2007-04-30", "date"),), 2007),
        ("MONTH", ("2007-04-30T01:01:01.1234567",), 4),
        ("DAY", (0,), 1),
        ("YEAR", (0,), 1900),
        ("DATEADD", ("month", 1, ("2006-08-30", "datetime")), Moment(2006, 9, 30)),
        ("DATEADD", ("month", 1, ("2006-08-31", "datetime")), Moment(2006, 9, 30)),
        ("DATEADD", ("YEAR", 1, ("2024-02-29", "date")), datetime.date(2025, 2, 28)),
        ("DATEADD", ("quarter", -1, ("2024-01-31", "date")), datetime.date(2023, 10, 31)),
        ("DATEADD", ("DAY", 1, "2024-01-01 10:30:00"), Moment(2024, 1, 2, 10, 30)),
        ("DATEADD", ("ns", 100, SAMPLE), Moment(2007, 10, 30, 12, 15, 32, 123456)),
        ("DATEADD", ("hour", 2, ("23:00:00", "time(0)")), datetime.time(1)),
        ("DATEDIFF", ("day", "2024-01-31 23:59:59", "2024-02-01 00:00:01"), 1),
        ("DATEDIFF", ("month", "2024-01-31", "2024-02-01"), 1),
        ("DATEDIFF", ("year", "2005-12-31 23:59:59.9999999", "2006-01-01 00:00:00.0000000"), 1),
        ("DATEDIFF", ("quarter", "2005-12-31", "2006-01-01"), 1),
        ("DATEDIFF", ("week", "2005-12-31 23:59:59.9999999", "2006-01-01 00:00:00.0000000"), 1),
        ("DATEDIFF", ("week", "2024-02-26", "2024-03-02"), 0),
        ("DATEDIFF", ("microsecond", "2005-12-31 23:59:59.9999999", "2006-01-01 00:00:00.0000000"), 1),
        ("DATEDIFF", ("second", "2006-01-01 00:00:10", "2006-01-01"), -10),
        ("DATEDIFF_BIG", ("ns", "2024-01-01", "2024-01-02"), 86_400 * 10**9),
        ("EOMONTH", (("2012-02-01", "date"),), datetime.date(2012, 2, 29)),
        ("EOMONTH", (("2024-01-31", "date"), 1), datetime.date(2024, 2, 29)),
        ("EOMONTH", (("9999-12-05", "date"),), datetime.date(9999, 12, 31)),
        ("DATEFROMPARTS", (2010, 12, 31), datetime.date(2010, 12, 31)),
        ("DATETIME2FROMPARTS", (2011, 8, 15, 14, 23, 44, 500, 3), Moment(2011, 8, 15, 14, 23, 44, 500_000)),
        ("DATETIMEFROMPARTS", (2010, 12, 31, 23, 59, 59, 0), Moment(2010, 12, 31, 23, 59, 59)),
        ("ISDATE", ("2009-05-12 10:19:41.177",), 1),
        ("ISDATE", ("2024-02-30",), 0),
        ("ISDATE", ("20240229",), 1),
        ("ISDATE", (None,), 0),
    ],
)
def test_a_function_gives_the_value_of_its_page(
    engine: Evaluator, name: str, arguments: tuple[object, ...], result: object
) -> None:
    """Examples of the functions' pages in Microsoft's reference."""
    value = engine.function(name, *arguments)[0]
    assert value == result
    assert type(value) is type(result)


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        ("DATEADD", ("fortnight", 1, "2024-01-01"), 155),
        ("DATEDIFF", ("second", "1900-01-01", "2024-01-01"), 535),
        ("DATEADD", ("year", 9000, ("2024-01-01", "date")), 517),
        ("DATEADD", ("day", 10**7, ("2024-01-01", "date")), 517),
        ("DATEFROMPARTS", (2023, 2, 29), 289),
        ("DATETIME2FROMPARTS", (2023, 2, 28, 25, 0, 0, 0, 0), 289),
        ("DATEPART", ("day", "not a date"), 241),
        ("DATEPART", ("day", b"\x01"), 8116),
    ],
)
def test_a_bad_argument_has_an_error_number(
    engine: Evaluator, name: str, arguments: tuple[object, ...], number: int
) -> None:
    """As SQL Server numbers them."""
    with pytest.raises(SqlError) as caught:
        engine.function(name, *arguments)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("DATEADD", ("day", 1, ("2024-01-01", "date")), "date"),
        ("DATEADD", ("day", 1, SAMPLE), "datetime2(7)"),
        ("DATEADD", ("day", 1, "2024-01-01"), "datetime"),
        ("DATEDIFF_BIG", ("day", "2024-01-01", "2024-01-01"), "bigint"),
        ("EOMONTH", ("2024-01-01",), "date"),
        ("GETDATE", (), "datetime"),
        ("SYSUTCDATETIME", (), "datetime2(7)"),
    ],
)
def test_a_function_has_the_type_of_its_page(
    engine: Evaluator, name: str, arguments: tuple[object, ...], kind: str
) -> None:
    """The "Return types" of the functions' pages."""
    assert engine.function(name, *arguments)[1] == kind


def test_random_days_agree_with_datetime(engine: Evaluator) -> None:
    """Differences, sums and ISO weeks over random dates."""
    generator = random.Random(8)
    for _ in range(200):
        a, b = (datetime.date.fromordinal(generator.randrange(1, 3_652_059)) for _ in range(2))
        assert engine.function("DATEDIFF", "day", a, b)[0] == (b - a).days
        assert engine.function("DATEADD", "day", (b - a).days, a)[0] == b
        assert engine.function("DATEPART", "iso_week", a)[0] == a.isocalendar()[1]
        assert engine.function("DATEPART", "dayofyear", a)[0] == int(a.strftime("%j"))


def test_now_is_now_and_the_same_for_every_row(engine: Evaluator) -> None:
    """UTC within seconds of Python's clock; one moment a statement."""
    before = Moment.now(datetime.timezone.utc).replace(tzinfo=None)
    now = engine.function("SYSUTCDATETIME")[0]
    assert isinstance(now, Moment)
    assert datetime.timedelta(0) <= now - before < datetime.timedelta(seconds=10)
    local = engine.function("SYSDATETIME")[0]
    assert isinstance(local, Moment)
    assert abs((local - now).total_seconds() - time.localtime().tm_gmtoff) < 10
