"""Seeded random expressions and tables, compared with what Python makes of them."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

from lungdb.embedded.running.connection import Connection
from tests.embedded.running import rows, say

_INT = 2**31


class _Overflow(Exception):  # noqa: N818 it stands for SQL Server's error
    """What SQL Server reports as 8115 or 8134."""


def _integer(random_numbers: random.Random, depth: int) -> tuple[str, int | None]:
    """Return an int expression as T-SQL, and its value; None is NULL."""
    if depth == 0 or random_numbers.random() < 0.2:
        if random_numbers.random() < 0.05:
            return "CAST(NULL AS INT)", None
        number = random_numbers.randint(-50, 50)
        return f"({number})", number
    operator = random_numbers.choice("+-*/%&|")
    (left_text, left), (right_text, right) = (_integer(random_numbers, depth - 1) for _ in range(2))
    text = f"({left_text} {operator} {right_text})"
    if left is None or right is None:
        return text, None
    if operator in "/%":
        if right == 0:
            raise _Overflow
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return text, quotient if operator == "/" else left - right * quotient
    number = {"+": left + right, "-": left - right, "*": left * right, "&": left & right, "|": left | right}[operator]
    if not -_INT <= number < _INT:
        raise _Overflow
    return text, number


def test_integer_arithmetic_is_that_of_t_sql(connection: Connection) -> None:
    """Quotients are cut towards zero, remainders have the dividend's sign, NULL spreads; on columns as on constants."""
    random_numbers = random.Random(5)
    compared = 0
    while compared < 400:
        try:
            text, expected = _integer(random_numbers, 4)
        except _Overflow:
            continue
        assert rows(connection, f"SELECT {text}") == [(expected,)], text
        compared += 1


@pytest.mark.parametrize(
    "text", ["2147483647 + 1", "-2147483647 - 2", "65536 * 65536", "1 / 0", "1 % 0", "9e307 * 100"]
)
def test_arithmetic_out_of_range_is_an_error_on_columns_too(connection: Connection, text: str) -> None:
    """The same operation over columns, where nothing can be computed beforehand."""
    left, operator, right = text.split(" ")
    kind = "FLOAT" if "e" in left else "INT"
    say(connection, f"CREATE TABLE t (a {kind}, b {kind}); INSERT INTO t VALUES ({left}, {right})")
    said = say(connection, f"SELECT a {operator} b FROM t")
    assert [error.number for error in said.errors] == [8134 if operator in "/%" else 8115]


def test_float_arithmetic_is_pythons(connection: Connection) -> None:
    """IEEE doubles, to the last bit."""
    random_numbers = random.Random(6)
    values = [(number, random_numbers.uniform(-9, 9), random_numbers.uniform(0.1, 9)) for number in range(200)]
    say(connection, "CREATE TABLE f (k INT PRIMARY KEY, x FLOAT, y FLOAT)")
    connection.cursor().executemany("INSERT INTO f VALUES (?, ?, ?)", values)
    found = rows(connection, "SELECT x + y * 2 - x / y, SQRT(y) * EXP(-x) FROM f ORDER BY k")
    assert found == [(x + y * 2 - x / y, math.sqrt(y) * math.exp(-x)) for _, x, y in values]


def test_decimal_arithmetic_is_exact_to_its_scale(connection: Connection) -> None:
    """Sums and products of decimals lose nothing; a quotient is cut at the scale of the documentation."""
    random_numbers = random.Random(7)
    for _ in range(60):
        a, b = (Fraction(random_numbers.randint(-99999, 99999), 100) for _ in range(2))
        texts = [f"CAST('{float(each):.2f}' AS DECIMAL(9, 2))" for each in (a, b)]
        ((total, product),) = rows(connection, f"SELECT {texts[0]} + {texts[1]}, {texts[0]} * {texts[1]}")
        assert (Fraction(total), Fraction(product)) == (a + b, a * b)
        if b:
            # DECIMAL(9, 2) / DECIMAL(9, 2) has the scale max(6, 2 + 9 + 1) = 12.
            ((quotient,),) = rows(connection, f"SELECT {texts[0]} / {texts[1]}")
            assert Fraction(quotient) == Fraction(math.trunc(a / b * 10**12), 10**12)


def test_grouping_ordering_and_joining_are_those_of_python(connection: Connection) -> None:
    """Random rows with NULLs and texts that differ in case only."""
    random_numbers = random.Random(8)
    table = [
        (number, random_numbers.choice(["a", "A", "b", "ä", "Ä", None]), random_numbers.choice([None, *range(5)]))
        for number in range(300)
    ]
    say(connection, "CREATE TABLE t (k INT PRIMARY KEY, n NVARCHAR(5), v INT)")
    connection.cursor().executemany("INSERT INTO t VALUES (?, ?, ?)", table)

    def folded(text: str | None) -> str:
        return "" if text is None else text.casefold()

    places = ["", "a", "ä", "b"]
    groups: dict[str, list[int | None]] = {}
    for _, name, number in table:
        groups.setdefault(folded(name), []).append(number)
    expected = [
        (name, len(numbers), sum(known) if (known := [each for each in numbers if each is not None]) else None)
        for name, numbers in sorted(groups.items(), key=lambda group: places.index(group[0]))
    ]
    found = rows(connection, "SELECT n, COUNT(*), SUM(v) FROM t GROUP BY n ORDER BY n")
    assert [(folded(name), count, total) for name, count, total in found] == expected

    ordered = sorted(table, key=lambda row: (row[2] is not None, -(row[2] or 0), places.index(folded(row[1])), row[0]))
    nulls_last = [row[0] for row in ordered if row[2] is not None] + [row[0] for row in ordered if row[2] is None]
    found = rows(connection, "SELECT k FROM t ORDER BY v DESC, n, k")
    assert [k for (k,) in found] == nulls_last

    pairs = sum(a[1] is not None and folded(a[1]) == folded(b[1]) and a[0] < b[0] for a in table for b in table)
    assert rows(connection, "SELECT COUNT(*) FROM t AS a JOIN t AS b ON a.n = b.n AND a.k < b.k") == [(pairs,)]
    distinct = len({(folded(name), number) for _, name, number in table})
    assert rows(connection, "SELECT COUNT(*) FROM (SELECT DISTINCT n, v FROM t) AS q") == [(distinct,)]
