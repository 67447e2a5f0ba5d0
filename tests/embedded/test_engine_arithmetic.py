"""Arithmetic and the types of expressions, compared with Python's integers and fractions."""

from __future__ import annotations

import decimal
import random
from fractions import Fraction

import pytest

from lungdb.embedded.running.connection import Connection
from lungdb.errors import SqlError
from tests.embedded.running import error, rows, value

_RANGES = {"SMALLINT": 2**15, "INT": 2**31, "BIGINT": 2**63}


def _expected(operator: str, a: int, b: int) -> int | None:
    """Return what T-SQL gives for integers, None for a division by zero: quotients are cut toward zero."""
    if operator in "/%":
        if b == 0:
            return None
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if operator == "/" else a - b * quotient
    return {"+": a + b, "-": a - b, "*": a * b}[operator]


@pytest.mark.parametrize("kind", _RANGES)
def test_integers_are_exact_or_an_error(connection: Connection, kind: str) -> None:
    """A result outside the type is 8115, a zero divisor 8134, anything else what Python gives."""
    limit = _RANGES[kind]
    random_numbers = random.Random(kind)
    edges = [-limit, -limit + 1, -1, 0, 1, 2, limit - 1]
    cursor = connection.cursor()
    for _ in range(400):
        a, b = (
            random_numbers.choice(edges) if random_numbers.random() < 0.4 else random_numbers.randrange(-limit, limit)
            for _ in range(2)
        )
        operator = random_numbers.choice("+-*/%")
        expected = _expected(operator, a, b)
        text = f"SELECT CAST(? AS {kind}) {operator} CAST(? AS {kind});"
        try:
            outcome = cursor.execute(text, (a, b)).fetchone()
        except SqlError as raised:
            outcome = raised.number
        if expected is None:
            assert outcome == 8134, (a, operator, b)
        elif not -limit <= expected < limit:
            assert outcome == 8115, (a, operator, b)
        else:
            assert outcome == (expected,), (a, operator, b)


def test_decimals_follow_the_rule_of_precision_and_scale(connection: Connection) -> None:
    """Sums and products of decimal(9, s) are exact; a quotient has max(6, s1 + p2 + 1) digits, the rest cut off."""
    random_numbers = random.Random(5)
    for _ in range(200):
        scales = [random_numbers.randint(0, 4) for _ in range(2)]
        texts = []
        for scale in scales:
            digits = random_numbers.randrange(-(10**9) + 1, 10**9)
            texts.append(str(decimal.Decimal(digits).scaleb(-scale)))
        casts = [f"CAST('{text}' AS DECIMAL(9, {scale}))" for text, scale in zip(texts, scales, strict=True)]
        a, b = (Fraction(text) for text in texts)
        total, product = rows(connection, f"SELECT {' + '.join(casts)}, {' * '.join(casts)};")[0]
        assert (Fraction(total), Fraction(product)) == (a + b, a * b)
        if b:
            scale = max(6, scales[0] + 9 + 1)
            scaled = a / b * 10**scale
            cut = Fraction(abs(scaled.numerator) // scaled.denominator * (1 if scaled >= 0 else -1), 10**scale)
            assert Fraction(value(connection, f"SELECT {' / '.join(casts)};")) == cut, texts


@pytest.mark.parametrize("kind", ["INT", "BIGINT", "REAL", "FLOAT", "DECIMAL(9, 2)", "MONEY"])
def test_null_divided_by_zero_is_null(connection: Connection, kind: str) -> None:
    """An operator with a NULL gives NULL before it looks at the divisor; a value divided by zero is 8134."""
    null = f"CAST(NULL AS {kind})"
    assert value(connection, f"SELECT {null} / 0;") is None
    assert value(connection, f"DECLARE @zero {kind} = 0; SELECT {null} / @zero;") is None
    assert value(connection, f"DECLARE @zero {kind} = 0, @null {kind}; SELECT (@null + 1) / @zero;") is None
    assert value(connection, f"SELECT x / zero FROM (SELECT {null}, CAST(0 AS {kind})) AS t (x, zero);") is None
    assert error(connection, f"DECLARE @zero {kind} = 0, @one {kind} = 1; SELECT (@one + 1) / @zero;").number == 8134


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("5 / 2", 2),
        ("-5 / 2", -2),
        ("-5 % 3", -2),
        ("5 / 2.0", decimal.Decimal("2.500000")),
        ("2 / 3.0", decimal.Decimal("0.666666")),
        ("CASE WHEN 1 = 1 THEN 1 ELSE 2.5 END", decimal.Decimal("1.0")),
        ("IIF(1 = 1, 1, CAST(2 AS FLOAT))", 1.0),
        ("COALESCE(NULL, 1, 2.5)", decimal.Decimal("1.0")),
        ("ISNULL(CAST(NULL AS VARCHAR(2)), 'abcdef')", "ab"),
        ("COALESCE(CAST(NULL AS VARCHAR(2)), 'abcdef')", "abcdef"),
        ("ISNULL(NULL, 'abcdef')", "abcdef"),
        ("COALESCE(CAST(NULL AS INT), NULL, 3)", 3),
        ("CAST(2.5 AS INT)", 2),
        ("CAST(-2.5 AS INT)", -2),
        ("CAST(2.55 AS DECIMAL(3, 1))", decimal.Decimal("2.6")),
        ("'1' + 1", 2),
        ("2147483648 - 1", decimal.Decimal("2147483647")),
        ("LEN(N'ab  ')", 2),
        ("DATALENGTH(N'ab  ')", 8),
    ],
)
def test_an_expression_has_the_value_and_type_of_sql_server(
    connection: Connection, expression: str, expected: object
) -> None:
    """Types are settled before values are known: Microsoft's reference, "Data type precedence", "ISNULL"."""
    found = value(connection, f"SELECT {expression};")
    assert (found, type(found)) == (expected, type(expected))


def test_a_column_of_union_has_the_type_of_all_its_rows(connection: Connection) -> None:
    """int, decimal and float come to float; a typed NULL counts."""
    found = rows(connection, "SELECT 1 UNION ALL SELECT 2.5 UNION ALL SELECT CAST(NULL AS FLOAT) ORDER BY 1 DESC;")
    assert [type(each) for (each,) in found] == [float, float, type(None)]


@pytest.mark.parametrize(
    ("expression", "number"),
    [
        ("N'a' + 1", 245),
        ("CAST('x' AS INT)", 245),
        ("CAST('2024-02-30' AS DATE)", 241),
        ("CAST(256 AS TINYINT)", 220),
        ("CAST(1000 AS DECIMAL(3, 0))", 8115),
        ("CAST(1e308 AS FLOAT) * 10", 8115),
        ("999999999999999999999999999999999999999", 1007),
        ("1.99999999999999999999999999999999999999", 1007),
        ("1e400", 168),
    ],
)
def test_a_value_that_does_not_fit_has_sql_servers_number(connection: Connection, expression: str, number: int) -> None:
    """Nothing becomes NULL, infinite or another value without a word."""
    assert error(connection, f"SELECT {expression};").number == number


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("'abc ' = 'ABC'", True),
        ("N'É' = N'é'", True),
        ("N'a' = N'á'", False),
        ("'' = '   '", True),
        ("' a' = 'a'", False),
        ("'A' LIKE 'a'", True),
        ("'abc' LIKE 'abc '", False),
        ("'a[b' LIKE 'a[[]b'", True),
        ("'a_b' LIKE 'a!_b' ESCAPE '!'", True),
        ("'axb' LIKE 'a!_b' ESCAPE '!'", False),
        ("'d' LIKE '[^a-c]'", True),
        ("N'α' IN (N'Α')", True),
        ("'b' BETWEEN 'A' AND 'C'", True),
        ("NULL = NULL", False),
        ("NOT (NULL = 1)", False),
    ],
)
def test_text_compares_without_case_and_trailing_spaces(connection: Connection, condition: str, holds: bool) -> None:
    """As SQL_Latin1_General_CP1_CI_AS does; a condition that is unknown does not hold."""
    assert value(connection, f"SELECT CASE WHEN {condition} THEN 1 ELSE 0 END;") == holds


@pytest.mark.parametrize("name", ["SUM", "AVG"])
@pytest.mark.parametrize("over", ["", " OVER (PARTITION BY g)"])
def test_a_sum_of_floats_is_finite_or_an_error(connection: Connection, name: str, over: str) -> None:
    """The largest float is still a sum, NULLs alone have none, and a sum beyond it is 8115, in groups and windows."""
    largest = 1.7976931348623157e308
    numbers = f"(VALUES (1, CAST({largest!r} AS FLOAT)), (1, 0), (2, -{largest!r}), (3, NULL)) AS q (g, x)"
    grouped = "" if over else " GROUP BY g"
    found = dict(rows(connection, f"SELECT g, {name}(x){over} FROM {numbers}{grouped}"))
    assert found == {1: largest / (1 if name == "SUM" else 2), 2: -largest, 3: None}
    for sign in ("", "-"):
        beyond = f"(VALUES (1, CAST({sign}{largest!r} AS FLOAT)), (1, {sign}{largest!r})) AS q (g, x)"
        assert error(connection, f"SELECT g, {name}(x){over} FROM {beyond}{grouped}").number == 8115


@pytest.mark.parametrize(
    "expression",
    [
        "ABS({})",
        "ABS(-({}))",
        "CEILING({})",
        "CONCAT({}, '')",
        "ABS({0}) - ABS({0})",
        "1 / ABS({})",
        "CASE WHEN ABS({}) > 5 THEN 1 ELSE 0 END",
        "NULLIF({}, 0)",
        "CHOOSE(1, {}, 0)",
        "ISNULL(CAST(NULL AS FLOAT), {})",
    ],
)
def test_a_function_of_an_infinite_product_is_an_overflow(connection: Connection, expression: str) -> None:
    """8115 where it is selected, stored and tested, and the same expression of a finite product is a value."""
    declared = "DECLARE @a FLOAT = {}; "
    for text in (
        "SELECT {};",
        "CREATE TABLE #t (x NVARCHAR(50) NULL); INSERT INTO #t (x) VALUES ({});",
        "CREATE TABLE #u (x NVARCHAR(50) NULL); INSERT INTO #u (x) SELECT {};",
    ):
        script = text.format(expression.format("@a * 10"))
        assert error(connection, declared.format("1E308") + script).number == 8115
    assert value(connection, f"{declared.format('2')}SELECT {expression.format('@a * 10')};") is not None
