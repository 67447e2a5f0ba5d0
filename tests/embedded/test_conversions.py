"""CAST and CONVERT against the reference's tables, struct, uuid and Python's codecs."""

from __future__ import annotations

import datetime
import random
import struct
import uuid

import pytest

from lungdb.embedded.values.conversions import column_converter, conversion_template, convert
from lungdb.embedded.values.stored import Value, from_client, to_client
from lungdb.embedded.values.types import parse_type
from lungdb.errors import SqlError


def cast(value: Value, source: str, target: str, style: int | None = None, *, explicit: bool = True) -> object:
    """Convert a stored value and return it as the client sees it."""
    kind = parse_type(target, default_length=30)
    return to_client(convert(value, parse_type(source), kind, style, explicit=explicit), kind)


def refusal(value: Value, source: str, target: str, style: int | None = None, *, explicit: bool = True) -> int:
    """Return the number of the error that a conversion raises."""
    with pytest.raises(SqlError) as caught:
        cast(value, source, target, style, explicit=explicit)
    return caught.value.number


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (" 12 ", "varchar(9)", "int", 12),
        ("", "varchar(9)", "int", 0),
        ("-5", "nvarchar(9)", "smallint", -5),
        ("TRUE", "varchar(9)", "bit", True),
        (" 1.5e3 ", "varchar(9)", "float", 1500.0),
        (".5", "varchar(9)", "float", 0.5),
        (2.9, "float", "int", 2),
        (-2.9, "float", "int", -2),
        (0.1, "float", "nvarchar(30)", "0.1"),
        (1234567.891, "float", "nvarchar(30)", "1.23457e+006"),
        (123456.7, "float", "varchar(30)", "123457"),
        (1e-05, "float", "varchar(30)", "1e-005"),
        (5, "int", "varchar", "5"),
        (123456, "int", "varchar(3)", "*"),
        ("abcdef", "nvarchar(6)", "nvarchar(3)", "abc"),
        ("ab", "varchar(2)", "char(5)", "ab   "),
        ("é€ł", "nvarchar(3)", "varchar(3)", "é€?"),
        (b"\x01", "varbinary(1)", "binary(3)", b"\x01\x00\x00"),
        (0, "int", "bit", False),
        (-7, "int", "bit", True),
    ],
)
def test_a_value_converts_as_the_reference_says(value: Value, source: str, target: str, result: object) -> None:
    """Rounding, defaults and cutting of "CAST and CONVERT (Transact-SQL)"."""
    assert cast(value, source, target) == result


@pytest.mark.parametrize(
    ("value", "source", "target", "number"),
    [
        ("12x", "nvarchar(9)", "int", 245),
        ("1.5", "varchar(9)", "int", 245),
        ("x", "varchar(9)", "float", 8114),
        ("nan", "varchar(9)", "float", 8114),
        ("1_0", "varchar(9)", "float", 8114),
        ("1e400", "varchar(9)", "float", 8115),
        ("1e40", "varchar(9)", "real", 8115),
        ("99999999999", "varchar(20)", "int", 248),
        ("300", "varchar(20)", "tinyint", 244),
        ("1e3", "varchar(9)", "decimal(9,2)", 8114),
        ("1000", "varchar(9)", "decimal(4,2)", 8115),
        (256, "int", "tinyint", 220),
        (2**31, "bigint", "int", 8115),
        (3e9, "float", "int", 232),
        (1e39, "float", "real", 8115),
        ("abc", "varchar(9)", "date", 241),
        ("2024-02-30", "varchar(20)", "datetime", 242),
        ("2024-02-30", "varchar(20)", "datetime2(3)", 241),
        ("1600-01-01 00:00:00.0000000", "datetime2(7)", "datetime", 242),
        ("2024-01-01", "date", "int", 529),
        ("x", "varchar(9)", "uniqueidentifier", 8169),
        ("6F9619FF-8B86-D011-B42D-00C04FC964FF", "uniqueidentifier", "varchar(20)", 8170),
        (12345.5, "float", "nvarchar(3)", 8115),
    ],
)
def test_a_value_that_does_not_convert_has_sql_servers_error(
    value: Value, source: str, target: str, number: int
) -> None:
    """The numbers are those that SQL Server documents for each pair of types."""
    assert refusal(value, source, target) == number


@pytest.mark.parametrize(
    ("source", "target"),
    [("nvarchar(9)", "varbinary(9)"), ("datetime", "int"), ("datetime", "float"), ("money", "varchar(20)"),
     ("sql_variant", "nvarchar(9)")],
)  # fmt: skip
def test_some_conversions_must_be_written(source: str, target: str) -> None:
    """The conversion chart marks them explicit only: 257 without CAST, none with it."""
    with pytest.raises(SqlError) as caught:
        conversion_template(parse_type(source), parse_type(target), explicit=False)
    assert caught.value.number == 257
    assert conversion_template(parse_type(source), parse_type(target), explicit=True)


def test_real_is_the_nearest_single() -> None:
    """Random doubles round as struct's float does."""
    generator = random.Random(1)
    for _ in range(500):
        value = generator.uniform(-1e6, 1e6)
        assert cast(value, "float", "real") == struct.unpack("<f", struct.pack("<f", value))[0]


def test_integers_and_bytes_are_big_endian() -> None:
    """As struct has them; an int of more bytes than the target keeps the low ones."""
    for value in (0, 1, -1, 2**31 - 1, -(2**31), 123456789):
        assert cast(value, "int", "varbinary(4)") == struct.pack(">i", value)
        assert cast(struct.pack(">i", value), "varbinary(4)", "int") == value
    assert cast(0x01020304, "int", "varbinary(2)") == b"\x03\x04"
    assert cast(0x01020304, "int", "binary(6)") == b"\x00\x00\x01\x02\x03\x04"
    assert cast(b"\xff\xfe\xfd", "varbinary(3)", "int") == 0xFFFEFD
    assert cast(1.5, "float", "varbinary(8)") == struct.pack(">d", 1.5)


def test_text_and_bytes_are_utf16_or_code_page_1252() -> None:
    """nvarchar is little-endian UTF-16, varchar code page 1252, as Python's codecs write them."""
    assert cast("żé😀", "nvarchar(9)", "varbinary(20)") == "żé😀".encode("utf-16-le")
    assert cast("żé😀".encode("utf-16-le"), "varbinary(20)", "nvarchar(9)") == "żé😀"
    assert cast("é€", "varchar(9)", "varbinary(20)") == "é€".encode("cp1252")
    assert cast("é€".encode("cp1252"), "varbinary(20)", "varchar(9)") == "é€"
    assert refusal(b"\x00\xd8", "varbinary(20)", "nvarchar(9)") == 8114


def test_every_byte_survives_a_varchar() -> None:
    """The five bytes that code page 1252 leaves open keep their value, as on Windows."""
    content = bytes(range(256))
    assert cast(cast(content, "varbinary(300)", "varchar(300)"), "varchar(300)", "varbinary(300)") == content


@pytest.mark.parametrize(
    ("text", "style", "content"),
    [("0x0aFF", 1, b"\x0a\xff"), ("0AFF", 2, b"\x0a\xff"), ("", 2, b""), ("ab", 0, b"ab"), ("0x", 1, b"")],
)
def test_hex_text_becomes_bytes(text: str, style: int, content: bytes) -> None:
    """Styles 1 and 2 of CONVERT, with and without 0x."""
    assert cast(text, "varchar(20)", "varbinary(max)", style) == content
    if style:
        assert cast(content, "varbinary(max)", "varchar(20)", style) == text.upper().replace("X", "x")


@pytest.mark.parametrize(("text", "style"), [("0a", 1), ("0x0a", 2), ("abc", 2), ("a b ", 2), ("zz", 2), ("ﾖａ", 2)])
def test_what_is_no_hex_is_refused(text: str, style: int) -> None:
    """Odd digits, other letters, spaces, and a prefix where none belongs."""
    assert refusal(text, "nvarchar(20)", "varbinary(max)", style) == 8114


def test_a_uniqueidentifier_has_its_first_parts_little_endian_as_bytes() -> None:
    """As Python's bytes_le, which is the layout of a GUID."""
    value = uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")
    assert cast(str(value).upper(), "uniqueidentifier", "binary(16)") == value.bytes_le
    assert cast(value.bytes_le, "binary(16)", "uniqueidentifier") == str(value).upper()
    assert cast(f"{{{value}}}", "varchar(40)", "uniqueidentifier") == str(value).upper()


# The table of styles in "CAST and CONVERT (Transact-SQL)", for 2006-01-02 13:04:05.678.
STYLES = {
    0: "Jan  2 2006  1:04PM",
    100: "Jan  2 2006  1:04PM",
    101: "01/02/2006",
    102: "2006.01.02",
    103: "02/01/2006",
    104: "02.01.2006",
    105: "02-01-2006",
    106: "02 Jan 2006",
    107: "Jan 02, 2006",
    108: "13:04:05",
    109: "Jan  2 2006  1:04:05:677PM",
    110: "01-02-2006",
    111: "2006/01/02",
    112: "20060102",
    113: "02 Jan 2006 13:04:05:677",
    114: "13:04:05:677",
    120: "2006-01-02 13:04:05",
    121: "2006-01-02 13:04:05.677",
    126: "2006-01-02T13:04:05.677",
    23: "2006-01-02",
}


@pytest.mark.parametrize(("style", "shown"), STYLES.items())
def test_a_datetime_shows_in_each_style(style: int, shown: str) -> None:
    """678 ms are held as 677, the nearest 1/300 second."""
    stored = convert("2006-01-02 13:04:05.678", parse_type("varchar(30)"), parse_type("datetime"), explicit=True)
    assert cast(stored, "datetime", "varchar(40)", style) == shown


@pytest.mark.parametrize("style", [style for style in STYLES if style not in (108, 114)])
def test_what_a_style_writes_it_reads(style: int) -> None:
    """The day survives the way to text and back."""
    stored = "2006-01-02 13:04:05.6770000"
    text = convert(stored, parse_type("datetime"), parse_type("varchar(40)"), style, explicit=True)
    back = cast(text, "varchar(40)", "datetime", style)
    assert isinstance(back, datetime.datetime)
    assert back.date() == datetime.date(2006, 1, 2)


def test_unknown_styles_are_refused() -> None:
    """281, not a silent default."""
    assert refusal("2006-01-02", "date", "varchar(30)", 99) == 281
    assert refusal("2006-01-02", "varchar(30)", "date", 99) == 281
    assert refusal(b"\x01", "varbinary(1)", "varchar(9)", 7) == 281


@pytest.mark.parametrize(
    ("milliseconds", "held"), [(990, 990), (991, 990), (992, 993), (993, 993), (995, 997), (996, 997), (998, 997)]
)
def test_datetime_holds_thirds_of_hundredths(milliseconds: int, held: int) -> None:
    """The table "Rounding of datetime fractional second precision"."""
    value = cast(f"1998-01-01 23:59:59.{milliseconds}", "varchar(30)", "datetime")
    assert isinstance(value, datetime.datetime)
    assert value.microsecond == held * 1000


def test_datetime_rounds_over_midnight() -> None:
    """01/01/98 23:59:59.999 is 1998-01-02 00:00:00.000 in the same table."""
    assert cast("1998-01-01 23:59:59.999", "varchar(30)", "datetime") == datetime.datetime(1998, 1, 2)


def test_smalldatetime_rounds_to_minutes() -> None:
    """29.998 seconds go down, 29.999 up, by the page of smalldatetime; a datetime holds the latter as 30."""
    assert cast("2007-05-08 12:35:29.99", "varchar(30)", "smalldatetime") == datetime.datetime(2007, 5, 8, 12, 35)
    assert cast("2007-05-08 12:35:30", "varchar(30)", "smalldatetime") == datetime.datetime(2007, 5, 8, 12, 36)


def test_random_datetimes_survive_text() -> None:
    """datetime2 to text and back, compared with Python's datetime."""
    generator = random.Random(3)
    for _ in range(300):
        moment = datetime.datetime(1, 1, 1) + datetime.timedelta(microseconds=generator.randrange(3 * 10**17))
        stored, kind = from_client(moment)
        text = convert(stored, kind, parse_type("varchar(40)"), explicit=True)
        assert str(text).startswith(moment.isoformat(" "))
        assert cast(text, "varchar(40)", "datetime2(7)") == moment


def test_a_datetime_is_a_number_of_days_since_1900() -> None:
    """2 at 1900-01-03, halves at noon: "Using numbers with datetime"."""
    assert cast("1900-01-03 12:00:00.0000000", "datetime", "float") == 2.5
    assert cast(2.5, "float", "datetime") == datetime.datetime(1900, 1, 3, 12)
    assert cast("1900-01-03 12:00:00.0000000", "datetime", "int") == 3


def test_numbers_of_38_digits_stay_exact() -> None:
    """No conversion of decimals passes through a float or a 28-digit context."""
    text = "-12345678901234567890123456789012345.678"
    stored = convert(text, parse_type("varchar(50)"), parse_type("decimal(38,3)"), explicit=True)
    assert cast(stored, "decimal(38,3)", "varchar(50)") == text


@pytest.mark.parametrize(
    ("text", "source", "target", "shown"),
    [("2.565", "varchar(9)", "decimal(9,2)", "2.57"), ("-2.565", "varchar(9)", "decimal(9,2)", "-2.57"),
     ("$1,234.5", "varchar(9)", "money", "1234.50")],
)  # fmt: skip
def test_decimals_round_half_away_from_zero(text: str, source: str, target: str, shown: str) -> None:
    """And money shows two digits in its default style."""
    stored = convert(text, parse_type(source), parse_type(target), explicit=True)
    assert cast(stored, target, "varchar(20)") == shown


def test_decimals_become_integers_by_cutting_and_money_by_rounding() -> None:
    """The truncation and rounding table of CAST and CONVERT."""
    for text, kind, whole in (("2.9", "decimal(3,1)", 2), ("-2.9", "decimal(3,1)", -2), ("2.9", "money", 3)):
        stored = convert(text, parse_type("varchar(9)"), parse_type(kind), explicit=True)
        assert cast(stored, kind, "int") == whole


def test_a_column_refuses_what_a_variable_cuts() -> None:
    """2628 names table, column and lengths, never the value; spaces at the end do not count."""
    store = column_converter(parse_type("nvarchar(max)"), parse_type("nvarchar(3)"), "T", "N")
    assert store("abc  ") == "abc"
    with pytest.raises(SqlError) as caught:
        store("secret")
    assert caught.value.number == 2628
    assert "secret" not in caught.value.message
    assert "'N'" in caught.value.message


def test_half_a_character_is_never_stored() -> None:
    """Cutting nvarchar(2) between the halves of a character beyond U+FFFF drops it."""
    assert cast("a😀", "nvarchar(3)", "nvarchar(2)") == "a"
    assert cast("a😀", "nvarchar(3)", "nvarchar(3)") == "a😀"
