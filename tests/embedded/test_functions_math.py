"""Operators and mathematical functions against the reference's examples and Python's exact arithmetic."""

from __future__ import annotations

import decimal
import fractions
import math
import random
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungdb.embedded.functions import math as mathematics
from lungdb.embedded.functions.arithmetic import arithmetic, unary
from lungdb.embedded.running.connection import Connection, connect
from lungdb.embedded.values.conversions import convert
from lungdb.embedded.values.stored import from_client, to_client
from lungdb.embedded.values.types import parse_type
from lungdb.errors import SqlError
from tests.embedded.evaluation import Evaluator
from tests.embedded.running import error, rows

Number = decimal.Decimal


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Connection]:
    """A database without tables."""
    with connect(tmp_path / "clinic.db") as connection:
        yield connection


@pytest.fixture(scope="module")
def engine() -> Evaluator:
    """A connection with the built-ins."""
    return Evaluator()


def compute(engine: Evaluator, operator: str, a: object, kind_a: str, b: object, kind_b: str) -> object:
    """Compute ``a operator b`` over values of these types."""
    types = [parse_type(kind_a), parse_type(kind_b)]
    stored = []
    for value, kind in zip((a, b), types, strict=True):
        raw, source = from_client(value)
        stored.append(convert(raw, source, kind, explicit=True))
    return engine.call(arithmetic(operator, *types), stored, types)[0]


@pytest.mark.parametrize(
    ("operator", "a", "kind_a", "b", "kind_b", "result"),
    [
        ("/", 7, "int", 2, "int", 3),
        ("/", -7, "int", 2, "int", -3),
        ("%", -7, "int", 3, "int", -1),
        ("%", 38, "int", -5, "int", 3),
        ("/", 5, "int", 2, "float", 2.5),
        ("/", Number(5), "decimal(1,0)", Number("2.0"), "decimal(2,1)", Number("2.500000")),
        ("/", Number(2), "decimal(1,0)", Number("3.0"), "decimal(2,1)", Number("0.666666")),
        ("%", Number("7.5"), "decimal(2,1)", Number(2), "decimal(1,0)", Number("1.5")),
        ("+", "a", "nvarchar(1)", "b", "varchar(1)", "ab"),
        ("+", "12", "varchar(2)", 1, "int", 13),
        ("+", b"\x01", "varbinary(1)", b"\x00\xff", "varbinary(2)", b"\x01\x00\xff"),
        ("+", 2**31 - 1, "int", 1, "bigint", 2**31),
        ("^", 170, "int", 75, "int", 225),
        ("|", 170, "int", 75, "int", 235),
        ("&", 170, "int", 75, "int", 10),
        ("+", None, "int", 1, "int", None),
        ("/", None, "int", 0, "int", None),
    ],
)
def test_operators_compute_as_their_pages_say(
    engine: Evaluator, operator: str, a: object, kind_a: str, b: object, kind_b: str, result: object
) -> None:
    """Whole numbers truncate, the remainder has the dividend's sign, a decimal quotient is cut."""
    value = compute(engine, operator, a, kind_a, b, kind_b)
    assert value == result
    assert type(value) is type(result)


@pytest.mark.parametrize(
    ("operator", "a", "kind_a", "b", "kind_b", "number"),
    [
        ("+", 2**31 - 1, "int", 1, "int", 8115),
        ("-", 0, "tinyint", 1, "tinyint", 8115),
        ("*", 2**62, "bigint", 2, "bigint", 8115),
        ("+", 2**63 - 1, "bigint", 1, "bigint", 8115),
        ("/", -(2**31), "int", -1, "int", 8115),
        ("/", 1, "int", 0, "int", 8134),
        ("/", 1.0, "float", 0.0, "float", 8134),
        ("/", Number(1), "decimal(1,0)", Number(0), "decimal(1,0)", 8134),
        ("%", 1, "int", 0, "int", 8134),
        ("/", 1e308, "float", 1e-10, "float", 8115),
        ("*", 1e30, "real", 1e30, "real", 8115),
        ("+", "a", "nvarchar(1)", 1, "int", 245),
        ("*", Number("9" * 38), "decimal(38,0)", Number(10), "decimal(2,0)", 8115),
    ],
)
def test_overflow_and_division_by_zero_are_errors(
    engine: Evaluator, operator: str, a: object, kind_a: str, b: object, kind_b: str, number: int
) -> None:
    """Never infinity, never a wrapped or widened result."""
    with pytest.raises(SqlError) as caught:
        compute(engine, operator, a, kind_a, b, kind_b)
    assert caught.value.number == number


def test_integer_arithmetic_equals_pythons(engine: Evaluator) -> None:
    """Random pairs; quotient and remainder as C has them."""
    generator = random.Random(2)
    for _ in range(300):
        a, b = generator.randrange(-(2**31), 2**31), generator.randrange(1, 2**16) * generator.choice((1, -1))
        assert compute(engine, "/", a, "int", b, "int") == int(fractions.Fraction(a, b))
        assert compute(engine, "%", a, "int", b, "int") == int(math.fmod(a, b))
        assert compute(engine, "+", a, "int", b, "bigint") == a + b


def test_decimal_arithmetic_is_exact(engine: Evaluator) -> None:
    """Random decimals against Python's fractions; the quotient is cut, not rounded."""
    generator = random.Random(6)
    for _ in range(200):
        a, b = (Number(generator.randrange(1, 10**10)).scaleb(-3) for _ in range(2))
        assert compute(engine, "*", a, "decimal(10,3)", b, "decimal(10,3)") == a * b
        assert compute(engine, "-", a, "decimal(10,3)", b, "decimal(10,3)") == a - b
        quotient = compute(engine, "/", a, "decimal(10,3)", b, "decimal(10,3)")
        assert isinstance(quotient, Number)
        gap = fractions.Fraction(a) / fractions.Fraction(b) - fractions.Fraction(quotient)
        scale = -int(quotient.as_tuple().exponent)
        assert 0 <= gap < fractions.Fraction(1, 10**scale)


def test_a_datetime_takes_days(engine: Evaluator) -> None:
    """+ and - with a number of days, as "+ (Addition)" shows."""
    moment = to_client("2006-02-12 06:00:00.0000000", parse_type("datetime"))
    later = compute(engine, "+", moment, "datetime", 1.5, "float")
    assert str(later) == "2006-02-13 18:00:00"
    assert str(compute(engine, "-", later, "datetime", 1, "int")) == "2006-02-12 18:00:00"


def test_minus_and_complement(engine: Evaluator) -> None:
    """Unary operators keep the type and check its range; ~ on bit and tinyint stays in range."""
    for operator, value, kind, result in (
        ("-", 5, "int", -5), ("~", 170, "int", -171), ("~", 1, "tinyint", 254), ("~", 1, "bit", False),
        ("-", 5, "tinyint", -5), ("-", Number("1.50"), "decimal(3,2)", Number("-1.50")), ("-", 0.5, "float", -0.5),
    ):  # fmt: skip
        call = unary(operator, parse_type(kind))
        raw, source = from_client(value)
        stored = convert(raw, source, parse_type(kind), explicit=True)
        assert engine.call(call, [stored], [parse_type(kind)])[0] == result
    with pytest.raises(SqlError) as caught:
        engine.call(unary("-", parse_type("int")), [-(2**31)], [parse_type("int")])
    assert caught.value.number == 8115


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("ABS", (-1,), 1),
        ("ABS", (Number("-1.5"),), Number("1.5")),
        ("ABS", (-2.5,), 2.5),
        ("ABS", ("-3",), 3.0),
        ("SIGN", (-125,), -1),
        ("SIGN", (0.0,), 0.0),
        ("FLOOR", (Number("-123.45"),), Number("-124")),
        ("FLOOR", (123.45,), 123.0),
        ("CEILING", (Number("123.45"),), Number("124")),
        ("CEILING", (-123.45,), -123.0),
        ("ROUND", (Number("123.9994"), 3), Number("123.9990")),
        ("ROUND", (Number("123.9995"), 3), Number("124.0000")),
        ("ROUND", (Number("123.4545"), 2), Number("123.4500")),
        ("ROUND", (Number("123.45"), -2), Number("100.00")),
        ("ROUND", (Number("150.75"), 0), Number("151.00")),
        ("ROUND", (Number("150.75"), 0, 1), Number("150.00")),
        ("ROUND", (748, -2), 700),
        ("ROUND", (748, -4), 0),
        ("ROUND", (2.5, 0), 3.0),
        ("ROUND", (-2.5, 0), -3.0),
        ("ROUND", (1.23456789e300, 2), 1.23456789e300),
        ("POWER", (2, 3), 8),
        ("POWER", (2.0, 0.5), 1.4142135623730951),
        ("POWER", (2, -1), 0),
        ("POWER", (Number("2.0"), 2), Number("4.0")),
        ("SQUARE", (1.5,), 2.25),
        ("SQRT", (10.0,), math.sqrt(10)),
        ("EXP", (10,), math.exp(10)),
        ("LOG", (10,), math.log(10)),
        ("LOG", (8, 2), 3.0),
        ("LOG10", (145.175643,), math.log10(145.175643)),
        ("SIN", (45.175643,), math.sin(45.175643)),
        ("COT", (124.1332,), 1 / math.tan(124.1332)),
        ("ATN2", (35.175643, 129.44), math.atan2(35.175643, 129.44)),
        ("DEGREES", (math.pi / 2,), 90.0),
        ("RADIANS", (180.0,), math.pi),
        ("PI", (), math.pi),
        ("ISNUMERIC", ("1e5",), 1),
        ("ISNUMERIC", ("$1,000",), 1),
        ("ISNUMERIC", ("abc",), 0),
        ("ISNUMERIC", ("",), 0),
        ("ISNUMERIC", (None,), 0),
        ("ISNUMERIC", (5,), 1),
    ],
)
def test_a_function_gives_the_value_of_its_page(
    engine: Evaluator, name: str, arguments: tuple[object, ...], result: object
) -> None:
    """Examples of "Mathematical functions (Transact-SQL)", and Python's math."""
    value = engine.function(name, *arguments)[0]
    assert value == result
    assert type(value) is type(result)


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        ("LOG", (0.0,), 3623),
        ("SQRT", (-1.0,), 3623),
        ("ASIN", (2.0,), 3623),
        ("POWER", (-8.0, 0.5), 3623),
        ("POWER", (0, -1), 8134),
        ("POWER", (10, 10), 8115),
        ("EXP", (800.0,), 8115),
        ("SQUARE", (1e200,), 8115),
        ("ROUND", (Number("748.58"), -3), 8115),
        ("ABS", (-(2**31),), 8115),
        ("SQRT", (b"\x01",), 8116),
    ],
)
def test_what_has_no_result_is_an_error(
    engine: Evaluator, name: str, arguments: tuple[object, ...], number: int
) -> None:
    """3623, 8115 and 8134 in place of NaN and infinity."""
    with pytest.raises(SqlError) as caught:
        engine.function(name, *arguments)
    assert caught.value.number == number


@pytest.mark.parametrize("built_in", [True, False])
def test_exp_log_and_sqrt_are_those_of_c_whoever_calls_them(
    database: Connection, monkeypatch: pytest.MonkeyPatch, built_in: bool
) -> None:
    """SQLite's own functions or Python's: equal to the last bit, errors for what has no value, NULL for NULL."""
    if not built_in:
        monkeypatch.setattr(mathematics, "_has_math_functions", lambda: False)
    numbers = random.Random(3)
    values = [0.5, 1.0, 2.0, 709.0, 5e-324, *(numbers.uniform(0.001, 700) for _ in range(50))]
    given = ", ".join(f"(CAST(N'{value!r}' AS FLOAT))" for value in values)
    found = rows(database, f"SELECT EXP(x), EXP(-x), LOG(x), SQRT(x) FROM (VALUES {given}) AS v (x)")
    assert found == [(math.exp(x), math.exp(-x), math.log(x), math.sqrt(x)) for x in values]
    nothing = "CAST(NULL AS FLOAT)"
    assert rows(database, f"SELECT EXP({nothing}), LOG({nothing}), SQRT({nothing})") == [(None, None, None)]
    for call, number in (("EXP(710)", 8115), ("LOG(0)", 3623), ("LOG(-1)", 3623), ("SQRT(-1)", 3623)):
        assert error(database, f"SELECT {call}").number == number
    # The argument is infinite, its EXP would be 0.
    assert error(database, "DECLARE @x FLOAT = CAST(N'-1e308' AS FLOAT); SELECT EXP(@x * 10)").number == 8115
    nested = "EXP(-" * 12 + "@x" + ")" * 12
    expected = 800.0
    for _ in range(12):
        expected = math.exp(-expected)
    assert rows(database, f"DECLARE @x FLOAT = 800; SELECT {nested}") == [(expected,)]


def test_rand_is_one_number_a_statement(engine: Evaluator) -> None:
    """Every row of a query sees the same RAND(), the next query another."""
    template = engine.function("RAND")
    sql = "WITH n (i) AS (VALUES (1), (2), (3)) SELECT count(DISTINCT (SELECT tsql_rand())) FROM n"
    assert engine.value(sql, ()) == 1
    assert template != engine.function("RAND")


@pytest.mark.parametrize(
    ("name", "values", "kind", "result", "result_kind"),
    [
        ("SUM", [1, 2, None], "int", 3, "int"),
        ("SUM", [200, 100], "tinyint", 300, "int"),
        ("SUM", [], "int", None, "int"),
        ("AVG", [1, 2], "int", 1, "int"),
        ("AVG", [-1, -2], "int", -1, "int"),
        ("AVG", [1.0, 2.0], "float", 1.5, "float"),
        ("SUM", [Number("0.1")] * 10, "decimal(3,1)", Number("1.0"), "decimal(38,1)"),
        ("AVG", [Number("1"), Number("2"), Number("2")], "decimal(3,0)", Number("1.666666"), "decimal(38,6)"),
        ("COUNT", [1, None, 3], "int", 2, "int"),
        ("COUNT_BIG", [1, None, 3], "int", 2, "bigint"),
        ("MIN", ["b", "a"], "nvarchar(5)", "a", "nvarchar(5)"),
        ("STDEV", [1], "int", None, "float"),
        ("STDEVP", [1], "int", 0.0, "float"),
        ("VAR", [], "float", None, "float"),
    ],
)
def test_an_aggregate_has_the_value_and_type_of_its_page(
    engine: Evaluator, name: str, values: list[object], kind: str, result: object, result_kind: str
) -> None:
    """Result types of "Aggregate functions (Transact-SQL)"."""
    assert engine.aggregate(name, values, kind) == (result, result_kind)


@pytest.mark.parametrize(("name", "values", "kind", "number"), [
    ("SUM", [2**31 - 1, 1], "int", 8115),
    ("AVG", [2**31 - 1, 1], "int", 8115),
    ("SUM", [1e308, 1e308], "float", 8115),
    ("SUM", ["a"], "varchar(3)", 8117),
    ("SUM", [True], "bit", 8117),
    ("MAX", [True], "bit", 8117),
    ("STDEV", [1e200, -1e200], "float", 8115),
])  # fmt: skip
def test_an_aggregate_that_does_not_fit_is_an_error(
    engine: Evaluator, name: str, values: list[object], kind: str, number: int
) -> None:
    """Overflow, and operands without sum."""
    with pytest.raises(SqlError) as caught:
        engine.aggregate(name, values, kind)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("name", "reference"),
    [("STDEV", statistics.stdev), ("STDEVP", statistics.pstdev), ("VAR", statistics.variance),
     ("VARP", statistics.pvariance)],
)  # fmt: skip
def test_spread_equals_the_statistics_module(engine: Evaluator, name: str, reference: object) -> None:
    """Also for values with a mean a million times their spread."""
    generator = random.Random(9)
    values = [1e6 + generator.gauss(0, 1) for _ in range(500)]
    value = engine.aggregate(name, values, "float")[0]
    assert value == pytest.approx(reference(values), rel=1e-9)  # type: ignore[operator]
