"""Types, and how two of them mix."""

from __future__ import annotations

import datetime
import decimal
import random
import uuid

import pytest

from lungdb.embedded.values.rules import arithmetic_type, combined_type
from lungdb.embedded.values.stored import decode_decimal, encode_decimal, from_client, to_client, utf16_length
from lungdb.embedded.values.types import integer_literal_type, parse_type
from lungdb.errors import SqlError


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("NVARCHAR(MAX)", "nvarchar(max)"),
        ("varchar", "varchar(1)"),
        ("Numeric (10 , 2)", "decimal(10,2)"),
        ("decimal", "decimal(18,0)"),
        ("double   precision", "float"),
        ("float(24)", "real"),
        ("float(25)", "float"),
        ("sysname", "nvarchar(128)"),
        ("datetime2", "datetime2(7)"),
        ("DATETIME2(3)", "datetime2(3)"),
        ("character varying(5)", "varchar(5)"),
    ],
)
def test_a_type_is_read_with_its_synonyms_and_defaults(text: str, shown: str) -> None:
    """Names, synonyms and default sizes are those of the reference's "Data types" pages."""
    assert str(parse_type(text)) == shown
    assert parse_type(shown) == parse_type(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [("money(3)", 2716), ("blob", 2715), ("varchar(0)", 1001), ("nvarchar(4001)", 1001), ("char(max)", 1001),
     ("decimal(39,0)", 1007), ("decimal(5,6)", 1007), ("datetime2(8)", 1002), ("float(54)", 1001)],
)  # fmt: skip
def test_a_type_that_does_not_exist_is_refused(text: str, number: int) -> None:
    """The error has SQL Server's number and says what to write."""
    with pytest.raises(SqlError) as caught:
        parse_type(text)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("operator", "a", "b", "result"),
    [
        # The worked examples of "Precision, scale, and length": p and s of + - * /.
        ("+", "decimal(10,2)", "decimal(8,4)", "decimal(13,4)"),
        ("-", "decimal(10,2)", "decimal(8,4)", "decimal(13,4)"),
        ("*", "decimal(10,2)", "decimal(8,4)", "decimal(19,6)"),
        ("/", "decimal(10,2)", "decimal(8,4)", "decimal(23,11)"),
        ("/", "decimal(1,0)", "decimal(2,1)", "decimal(8,6)"),
        # "an expression of decimal(38,10) * decimal(38,10)" and the division example of the same page.
        ("*", "decimal(38,10)", "decimal(38,10)", "decimal(38,6)"),
        ("/", "decimal(18,6)", "decimal(18,6)", "decimal(38,20)"),
        ("+", "int", "decimal(5,2)", "decimal(13,2)"),
        ("+", "tinyint", "int", "int"),
        ("/", "int", "int", "int"),
        ("*", "int", "float", "float"),
        ("*", "real", "real", "real"),
        ("+", "nvarchar(5)", "varchar(7)", "nvarchar(12)"),
        ("+", "varchar(8000)", "varchar(8000)", "varchar(8000)"),
        ("+", "varchar(max)", "char(3)", "varchar(max)"),
        ("+", "nvarchar(5)", "int", "int"),
        ("+", "datetime", "int", "datetime"),
        ("*", "money", "int", "money"),
    ],
)  # fmt: skip
def test_arithmetic_has_the_type_of_the_reference(operator: str, a: str, b: str, result: str) -> None:
    """Precision and scale follow the table of "Precision, scale, and length", the rest data type precedence."""
    assert str(arithmetic_type(operator, parse_type(a), parse_type(b))) == result


@pytest.mark.parametrize(
    ("operator", "a", "b", "number"),
    [("+", "date", "int", 206), ("+", "datetime2", "int", 206), ("%", "float", "int", 402), ("+", "bit", "bit", 402),
     ("-", "varchar(3)", "varchar(3)", 8117), ("*", "datetime", "int", 206), ("+", "sql_variant", "int", 402)],
)  # fmt: skip
def test_operators_refuse_the_types_that_sql_server_refuses(operator: str, a: str, b: str, number: int) -> None:
    """Dates take no int, float no modulo, text no minus."""
    with pytest.raises(SqlError) as caught:
        arithmetic_type(operator, parse_type(a), parse_type(b))
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("types", "result"),
    [
        (["int", "float"], "float"),
        (["varchar(3)", "nvarchar(2)"], "nvarchar(3)"),
        (["int", "varchar(10)"], "int"),
        (["decimal(5,2)", "decimal(10,0)"], "decimal(12,2)"),
        (["int", "decimal(5,2)"], "decimal(12,2)"),
        (["date", "datetime"], "datetime"),
        (["datetime2(3)", "datetime2(0)"], "datetime2(3)"),
        (["bit", "tinyint"], "tinyint"),
        ([], "int"),
    ],
)
def test_the_type_of_a_case_is_the_one_of_highest_precedence(types: list[str], result: str) -> None:
    """As "Data type precedence" lists them."""
    assert str(combined_type(parse_type(each) for each in types)) == result


def test_an_integer_literal_beyond_int_is_a_decimal() -> None:
    """2147483648 is numeric(10,0), as SELECT SQL_VARIANT_PROPERTY shows on a server."""
    assert str(integer_literal_type(2147483647)) == "int"
    assert str(integer_literal_type(2147483648)) == "decimal(10,0)"


def test_stored_decimals_sort_as_text_in_the_order_of_the_numbers() -> None:
    """Random numbers of up to 38 digits, sorted as text, come out in numeric order and unchanged."""
    generator = random.Random(4)
    numbers = [decimal.Decimal(0)]
    for _ in range(2000):
        digits = generator.randrange(10 ** generator.randrange(1, 39))
        numbers.append(decimal.Decimal(generator.choice((digits, -digits))).scaleb(-generator.randrange(0, 39)))
    exact = decimal.Context(prec=80)
    texts = sorted(encode_decimal(number) for number in numbers)
    assert [decode_decimal(text) for text in texts] == sorted(numbers, key=exact.create_decimal)


def test_equal_decimals_are_stored_alike_whatever_their_scale() -> None:
    """2.5 and 2.5000 are one value to SQLite's = and GROUP BY."""
    assert encode_decimal(decimal.Decimal("2.5")) == encode_decimal(decimal.Decimal("2.5000"))
    assert encode_decimal(decimal.Decimal("-0.0")) == encode_decimal(decimal.Decimal("0"))
    assert encode_decimal(decimal.Decimal("2.5")) != encode_decimal(decimal.Decimal("25"))


@pytest.mark.parametrize(
    "value",
    [None, True, 7, 2**40, 0.1, "żółć😀", b"\x00\xff", decimal.Decimal("-1.50"), datetime.date(2024, 2, 29),
     datetime.datetime(1, 1, 1, 2, 3, 4, 5), datetime.time(23, 59, 59, 999999)],
)  # fmt: skip
def test_a_parameter_comes_back_as_it_was_passed(value: object) -> None:
    """Storing and reading a client's value loses neither value nor type."""
    stored, kind = from_client(value)
    back = to_client(stored, kind)
    assert back == value
    assert type(back) is type(value)


def test_a_uuid_is_stored_in_upper_case() -> None:
    """As SQL Server shows uniqueidentifier."""
    value = uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")
    assert from_client(value)[0] == "6F9619FF-8B86-D011-B42D-00C04FC964FF"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), decimal.Decimal("NaN"), [1], datetime.timedelta(1)])
def test_a_parameter_without_counterpart_is_refused(value: object) -> None:
    """NaN, infinity and unknown Python types never reach SQLite."""
    with pytest.raises(SqlError) as caught:
        from_client(value)
    assert caught.value.number in (206, 8023)


def test_length_counts_utf16_code_units() -> None:
    """The same count as Python's own UTF-16 encoder gives."""
    for text in ("", "abc", "żółć", "a😀b", "\U0010ffff"):
        assert utf16_length(text) == len(text.encode("utf-16-le")) // 2
