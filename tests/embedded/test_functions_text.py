"""String functions against the examples of their pages in Microsoft's reference, and Python's own."""

from __future__ import annotations

import fnmatch
import random
import re
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import connect, run
from lungdb.embedded.functions.compose import format_message
from lungdb.embedded.functions.search import like, loose_like, native_like
from lungdb.errors import SqlError
from tests.embedded.evaluation import Evaluator


@pytest.fixture(scope="module")
def engine() -> Evaluator:
    """A connection with the built-ins."""
    return Evaluator()


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("LEN", ("abc  ",), 3),
        ("LEN", ("",), 0),
        ("LEN", (12345,), 5),
        ("LEN", ("a😀",), 3),
        ("DATALENGTH", ("ab ",), 6),
        ("DATALENGTH", (("ab ", "varchar(9)"),), 3),
        ("DATALENGTH", (b"\x01\x02\x03",), 3),
        ("DATALENGTH", (5,), 4),
        ("LEFT", ("abcdefg", 2), "ab"),
        ("RIGHT", ("Kim", 2), "im"),
        ("RIGHT", ("abc", 9), "abc"),
        ("SUBSTRING", ("abcdef", 2, 3), "bcd"),
        ("SUBSTRING", ("abcdef", 0, 3), "ab"),
        ("SUBSTRING", ("abcdef", -5, 9), "abc"),
        ("SUBSTRING", ("abcdef", 5, 99), "ef"),
        ("SUBSTRING", (b"\x01\x02\x03\x04", 2, 2), b"\x02\x03"),
        ("SUBSTRING", ("a😀b", 4, 1), "b"),
        ("UPPER", ("straße",), "STRAßE"),
        ("LOWER", ("ŻÓŁĆ",), "żółć"),
        ("LTRIM", ("  ab ",), "ab "),
        ("RTRIM", ("  ab ",), "  ab"),
        ("TRIM", ("  ab ",), "ab"),
        ("REVERSE", ("abc",), "cba"),
        ("REPLICATE", ("0", 4), "0000"),
        ("REPLICATE", ("0", -1), None),
        ("SPACE", (3,), "   "),
        ("STUFF", ("abcdef", 2, 3, "ijklmn"), "aijklmnef"),
        ("STUFF", ("abcdef", 9, 1, "x"), None),
        ("STUFF", ("abc", 2, 1, None), "ac"),
        ("REPLACE", ("abcdefghicde", "cde", "xxx"), "abxxxfghixxx"),
        ("REPLACE", ("aBc ABC", "abc", "x"), "x x"),
        ("REPLACE", ("100% of 5%", "%", "%%"), "100%% of 5%%"),
        ("REPLACE", ("abc", "", "x"), "abc"),
        ("CHARINDEX", ("bicycle", "Reflectors are vital safety components of your bicycle."), 48),
        ("CHARINDEX", ("VITAL", "Reflectors are vital safety components", 5), 16),
        ("CHARINDEX", ("x", "abc"), 0),
        ("CHARINDEX", ("b", "😀b"), 3),
        ("PATINDEX", ("%ter%", "interesting data"), 3),
        ("PATINDEX", ("%[^ 0-9A-z]%", "Please ensure the door is locked!"), 33),
        ("PATINDEX", ("abc", "xabc"), 0),
        ("PATINDEX", ("%c", "abc"), 3),
        ("CONCAT", ("Happy ", "Birthday ", 11, "/", "25"), "Happy Birthday 11/25"),
        ("CONCAT", ("a", None, 1), "a1"),
        ("CONCAT_WS", (",", "1 Microsoft Way", None, None, "Redmond"), "1 Microsoft Way,Redmond"),
        ("QUOTENAME", ("abc[]def",), "[abc[]]def]"),
        ("QUOTENAME", ("it's", "'"), "'it''s'"),
        ("QUOTENAME", ("x", "?"), None),
        ("QUOTENAME", ("x" * 129,), None),
        ("CHAR", (65,), "A"),
        ("CHAR", (128,), "€"),
        ("CHAR", (256,), None),
        ("NCHAR", (380,), "ż"),
        ("ASCII", ("P",), 80),
        ("ASCII", ("€",), 128),
        ("UNICODE", ("Åkergatan",), 197),
        ("STR", (123.45, 6, 1), " 123.5"),
        ("STR", (123.45, 2, 2), "**"),
        ("STR", (1234.5,), "      1235"),
        ("TRANSLATE", ("2*[3+4]/{7-2}", "[]{}", "()()"), "2*(3+4)/(7-2)"),
        ("STRING_ESCAPE", ('\\ / \\ " \n', "json"), '\\\\ \\/ \\\\ \\" \\n'),
        ("FORMATMESSAGE", ("Signed int %i, %d %i, %d, %+i, %+d", 5, -5, 50, -50, 7, -7),
         "Signed int 5, -5 50, -50, +7, -7"),
        ("FORMATMESSAGE", ("Unsigned hexadecimal %x, %X, %#x", 11, 11, 50), "Unsigned hexadecimal b, B, 0x32"),
        ("FORMATMESSAGE", ("Unsigned octal %o, %o", 50, 8), "Unsigned octal 62, 10"),
    ],
)  # fmt: skip
def test_a_function_gives_the_value_of_its_page(
    engine: Evaluator, name: str, arguments: tuple[object, ...], result: object
) -> None:
    """Examples of the functions' pages, and corner cases that the pages describe."""
    assert engine.function(name, *arguments)[0] == result


@pytest.mark.parametrize(
    ("name", "arguments", "kind"),
    [
        ("LEFT", ("abc", 2), "nvarchar(3)"),
        ("LEFT", (("abc", "varchar(10)"), 2), "varchar(10)"),
        ("LEN", (("x", "nvarchar(max)"),), "bigint"),
        ("LEN", ("x",), "int"),
        ("REPLACE", ("a", "b", "c"), "nvarchar(4000)"),
        ("REPLACE", (("a", "varchar(max)"), ("b", "varchar(1)"), ("c", "varchar(1)")), "varchar(max)"),
        ("REPLACE", (("a", "nvarchar(9)"), ("b", "varchar(1)"), ("c", "nvarchar(max)")), "nvarchar(4000)"),
        ("REPLACE", (("a", "varchar(8000)"), ("b", "nvarchar(1)"), ("c", "varchar(1)")), "nvarchar(4000)"),
        ("QUOTENAME", ("a",), "nvarchar(258)"),
        ("SUBSTRING", (b"abc", 1, 2), "varbinary(3)"),
    ],
)
def test_a_function_has_the_type_of_its_page(
    engine: Evaluator, name: str, arguments: tuple[object, ...], kind: str
) -> None:
    """The "Return types" of the functions' pages."""
    assert engine.function(name, *arguments)[1] == kind


@pytest.mark.parametrize(
    ("name", "arguments", "length"),
    [
        ("REPLACE", (("xx", "nvarchar(2)"), ("x", "nvarchar(1)"), ("a" * 3000, "nvarchar(max)")), 4000),
        ("REPLACE", (("xx", "varchar(2)"), ("x", "varchar(1)"), ("a" * 5000, "varchar(max)")), 8000),
        ("REPLACE", (("xx", "varchar(2)"), ("x", "varchar(1)"), ("a" * 3000, "nvarchar(3000)")), 4000),
        ("REPLACE", (("xx", "nvarchar(max)"), ("x", "nvarchar(1)"), ("a" * 3000, "nvarchar(3000)")), 6000),
        ("CONCAT", (("a" * 3000, "nvarchar(3000)"), ("b" * 3000, "varchar(3000)")), 4000),
        ("CONCAT", (("a" * 5000, "varchar(5000)"), ("b" * 5000, "varchar(5000)")), 8000),
        ("CONCAT", (("a" * 5000, "varchar(5000)"), ("b" * 5000, "varchar(max)")), 10000),
        ("CONCAT_WS", (("--", "nvarchar(2)"), ("a" * 1999, "nvarchar(1999)"), ("b" * 2000, "nvarchar(2000)")), 4000),
        ("CONCAT_WS", ("--", ("a" * 1999, "nvarchar(1999)"), ("b" * 2000, "nvarchar(max)")), 4001),
        ("REPLICATE", (("ab", "nvarchar(2)"), 3000), 4000),
        ("REPLICATE", (("ab", "varchar(max)"), 5000), 10000),
    ],
)
def test_what_8000_bytes_do_not_hold_is_cut(
    engine: Evaluator, name: str, arguments: tuple[object, ...], length: int
) -> None:
    """As the pages say: unless one is a (max); of REPLACE and REPLICATE the text that is searched or repeated."""
    value = engine.function(name, *arguments)[0]
    assert isinstance(value, str)
    assert len(value) == length


@pytest.mark.parametrize("text", ["\0", "a\0b", "\0ab", "a\U0001f600b\0"])
def test_a_text_that_could_be_cut_keeps_the_character_0_and_what_follows(
    engine: Evaluator, tmp_path: Path, text: str
) -> None:
    """As CHAR(0) is a character like any other to SQL Server; an emoji counts as two."""
    wide = (text, "nvarchar(4000)")
    found = [
        engine.function("CONCAT", "%", wide, wide, "%")[0],
        engine.function("REPLACE", wide, "\\", "\\\\")[0],
        engine.function("CONCAT_WS", "-", wide, wide)[0],
    ]
    with closing(connect(f"sqlite:///{tmp_path}/clinic.db")) as connection:
        batch = "DECLARE @t NVARCHAR(4000) = ?, @bar NVARCHAR(4000) = N'|'; SELECT @t + @bar;"
        found += run(connection, batch, (text,))[0].rows[0]
    assert found == [f"%{text}{text}%", text, f"{text}-{text}", f"{text}|"]


@pytest.mark.parametrize("length", [3999, 4000])
def test_the_cut_counts_units_of_utf_16(engine: Evaluator, length: int) -> None:
    """Half an emoji falls away."""
    value = engine.function("CONCAT", ("a" * length, "nvarchar(4000)"), ("\U0001f600", "nvarchar(2)"))[0]
    assert value == "a" * length


@pytest.mark.parametrize("name", ["LEN", "UPPER", "REVERSE", "LTRIM", "QUOTENAME", "ASCII"])
def test_null_in_gives_null_out(engine: Evaluator, name: str) -> None:
    """As the pages say of a NULL argument."""
    assert engine.function(name, None)[0] is None


@pytest.mark.parametrize(
    ("name", "arguments", "number"),
    [
        ("LEFT", ("abc", -1), 537),
        ("SUBSTRING", ("abc", 1, -1), 537),
        ("TRANSLATE", ("abc", "ab", "x"), 9828),
        ("STRING_ESCAPE", ("abc", "xml"), 13600),
        ("NCHAR", (0xD83D,), 9833),
        ("FORMATMESSAGE", ("%d", "x"), 2786),
        ("FORMATMESSAGE", ("%q", 1), 2787),
        ("FORMATMESSAGE", ("%d", 1.5), 8116),
        ("LEN", (), 174),
        ("LEN", ("a", "b"), 174),
        ("CHARINDEX", ("a",), 189),
    ],
)
def test_a_bad_argument_has_an_error_number(
    engine: Evaluator, name: str, arguments: tuple[object, ...], number: int
) -> None:
    """Never a silent NULL and never a Python exception."""
    with pytest.raises(SqlError) as caught:
        engine.function(name, *arguments)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("text", "pattern", "escape", "matches"),
    [
        ("Carsen", "[CK]ars[eo]n", None, True),
        ("Karson", "[CK]ars[eo]n", None, True),
        ("del Castillo", "de[^l]%", None, False),
        ("derby", "de[^l]%", None, True),
        ("5%", "5[%]", None, True),
        ("50", "5[%]", None, False),
        ("_n", "[_]n", None, True),
        ("an", "[_]n", None, False),
        ("a", "[a-cdf]", None, True),
        ("-", "[-acdf]", None, True),
        ("[", "[[]", None, True),
        ("]", "]", None, True),
        ("10-15% off", "%10-15!% off%", "!", True),
        ("10-15x off", "%10-15!% off%", "!", False),
        ("ABC", "abc", None, True),
        ("a\nb", "a%b", None, True),
        ("abc", "a[b", None, False),
        ("żółw", "ŻÓ%", None, True),
    ],
)
def test_like_matches_as_its_page_says(text: str, pattern: str, escape: str | None, matches: bool) -> None:
    """The examples of "LIKE (Transact-SQL)"; case is ignored."""
    assert bool(like(text, pattern, escape)) is matches


def test_like_agrees_with_fnmatch_on_random_patterns() -> None:
    """Percent and underscore mean what * and ? mean to fnmatch."""
    generator = random.Random(5)
    for _ in range(500):
        text = "".join(generator.choice("abc.") for _ in range(generator.randrange(8)))
        pattern = "".join(generator.choice("abc.%_") for _ in range(generator.randrange(5)))
        glob = pattern.replace("%", "*").replace("_", "?")
        assert bool(like(text, pattern)) is bool(re.match(fnmatch.translate(glob), text)), (text, pattern)


_LIKE_TEXTS = [
    *(None, "", "a", "A b", "ana", "Anna", "Kim", "kim", "\u212aim", "ſmith", "SMITH", "İzmir", "izmir", "ızgara"),
    *("Zoë", "ZOË", "50% off", "50_off", "a\\b", "[x]", "\U0001f600", "a\U0001f600b", "tail ", "nul\0l", "Weiß"),
    *("WEISS", "line\nbreak"),
]
_LIKE_PATTERNS = [
    *("", "%", "_", "a", "%a%", "%A", "%n_%", "kim", "%s%", "%I%", "i%", "%ë", "%Ë%", "zo_", "%!%%", "%!_%", "%!!%"),
    *("%\\%", "%[x]%", "%![%", "[a-k]%", "_\U0001f600%", "\U0001f600", "tail", "tail ", "nul\0l", "%l", "ſ%"),
    *("\u212a%", "weiß", "%break", "%!", "!", "%!a%"),
]


@pytest.mark.parametrize("escape", [None, "!", "\\"])
@pytest.mark.parametrize("kind", ["NVARCHAR(40)", "NVARCHAR(MAX)"])
def test_like_of_a_column_answers_as_like_of_a_value(tmp_path: Path, escape: str | None, kind: str) -> None:
    """Columns are compared by SQLite where it can, values by Python; wildcards, NULL and every odd letter included."""
    clause = "" if escape is None else f" ESCAPE N'{escape}'"
    with closing(connect(f"sqlite:///{tmp_path / 'like.db'}")) as connection:
        run(connection, f"CREATE TABLE dbo.texts (number INT NOT NULL, value {kind} NULL);")
        for number, text in enumerate(_LIKE_TEXTS):
            run(connection, "INSERT INTO dbo.texts (number, value) VALUES (?, ?);", (number, text))
        for pattern in _LIKE_PATTERNS:
            for negated in ("", "NOT "):
                condition = f"value {negated}LIKE @p{clause}"
                statement = f"DECLARE @p NVARCHAR(40) = ?; SELECT number FROM dbo.texts WHERE {condition};"
                found = [number for (number,) in run(connection, statement, (pattern,))[-1].rows]
                wanted = [
                    number
                    for number, text in enumerate(_LIKE_TEXTS)
                    if text is not None and bool(like(text, pattern, escape)) is (negated == "")
                ]
                assert found == wanted, (pattern, negated)


def test_like_of_a_column_settles_most_texts_without_python() -> None:
    """SQLite is asked for a pattern without sets, and left out where a letter beyond ASCII equals one of ASCII."""
    assert native_like("%50!%_\\%", "!") == "%50\\%_\\\\%"
    assert native_like("%![a_", "!") == "%[a_"
    assert loose_like("%an%") is None
    assert loose_like("%Kim_Zoë%") == "%__m_Zo_%"
    assert [native_like(pattern) for pattern in ("[a]", "a\0", "\u212a", "a" * 9000)] == [None] * 4
    assert native_like("a", "%") is None


def test_an_escape_of_two_characters_is_refused() -> None:
    """Error 506."""
    with pytest.raises(SqlError) as caught:
        like("a", "a", "!!")
    assert caught.value.number == 506


@pytest.mark.parametrize(
    ("text", "arguments", "shown"),
    [
        ("bad %d of %s", (5, "z"), "bad 5 of z"),
        ("<<%7.3s>>", ("abcde",), "<<    abc>>"),
        ("<<%-7s>>", ("abc",), "<<abc    >>"),
        ("%05d", (42,), "00042"),
        ("%*d", (5, 42), "   42"),
        ("%I64d", (2**40,), str(2**40)),
        ("%u", (-1,), str(2**32 - 1)),
        ("%s and %d", (None,), "(null) and (null)"),
        ("100%%", (), "100%"),
        ("%%d %d", (1,), "%d 1"),
        ("%+d %#o", (3, 8), "+3 010"),
    ],
)
def test_raiserror_fills_in_its_arguments(text: str, arguments: tuple[object, ...], shown: str) -> None:
    """The formats of "RAISERROR (Transact-SQL)", which are printf's."""
    assert format_message(text, arguments) == shown


def test_a_long_message_is_cut_with_an_ellipsis() -> None:
    """ "If the message contains 2,048 or more characters, only the first 2,044 are displayed" and an ellipsis."""
    shown = format_message("%s", ("x" * 3000,))
    assert shown == "x" * 2044 + "..."


@pytest.mark.parametrize(
    ("value", "pattern", "shown"),
    [
        (1234567.891, "N2", "1,234,567.89"),
        (1234567.891, "N0", "1,234,568"),
        (-5.55, "F1", "-5.6"),
        (0.1234, "P1", "12.3 %"),
        (42, "D5", "00042"),
        (255, "X4", "00FF"),
        (1234.5, "E2", "1.23E+003"),
        (1234.5, "#,##0.00", "1,234.50"),
        (0.5, "0.###", "0.5"),
        (0.256, "0.0%", "25.6%"),
        (7, "000", "007"),
        (("2024-02-29 15:04:05.123", "datetime2(3)"), "yyyy-MM-dd HH:mm:ss.fff", "2024-02-29 15:04:05.123"),
        (("2024-02-29 15:04:05", "datetime2(0)"), "d", "2/29/2024"),
        (("2024-02-29 15:04:05", "datetime2(0)"), "D", "Thursday, February 29, 2024"),
        (("2024-02-29 15:04:05", "datetime2(0)"), "s", "2024-02-29T15:04:05"),
        (("2024-02-09", "date"), "ddd d MMM yy", "Fri 9 Feb 24"),
        (("2024-02-09 00:30:00", "datetime2(0)"), "h:mm tt", "12:30 AM"),
    ],
)
def test_format_knows_the_usual_formats(engine: Evaluator, value: object, pattern: str, shown: str) -> None:
    """As .NET's pages of standard and custom formats define them for en-US."""
    assert engine.function("FORMAT", value, pattern)[0] == shown


@pytest.mark.parametrize(
    ("value", "arguments"), [(1.5, ("C",)), (1.5, ("0;-0",)), (1.5, ("N2", "de-DE")), (1.5, ("D3",))]
)
def test_format_refuses_the_others(engine: Evaluator, value: object, arguments: tuple[object, ...]) -> None:
    """Instead of guessing."""
    with pytest.raises(SqlError) as caught:
        engine.function("FORMAT", value, *arguments)
    assert caught.value.number in (9818, 9819)
