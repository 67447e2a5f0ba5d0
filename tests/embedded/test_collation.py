"""Texts compare and sort as under SQL Server's default collations, and old files are put into that order.

What sorts where is Unicode's collation algorithm (UTS #10) on its first two levels, of which the names here are
examples: accents decide only between texts of the same letters.
"""

from __future__ import annotations

import random
import sqlite3
import unicodedata
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from lungdb.embedded.values.collation import compare_text, sort_key
from lungdb.errors import LungdbError
from tests.embedded.running import error, rows, say, value

# In the order of SQL Server's Latin1_General_CI_AS.
NAMES = [
    *("", "!", "_x", "[y]", "1", "12", "9", "a", "Åberg", "ab", "Alvarez", "Álvarez", "alvarezo", "Ångström", "Bo"),
    *("Cafe", "café", "cafés", "Øst", "Łukasz", "Luz", "Muller", "Müller", "Mullerin", "Nunez", "Núñez", "Ñuñoz"),
    *("Osler", "Özil", "Strasse", "Zoe", "Zoë", "zz", "Ω", "я"),
]  # fmt: skip


def test_names_sort_with_their_accents_beside_their_letters(connection: Connection) -> None:
    """Álvarez stands before Zoe; SQL gives the order that Python's keys have, with and without an index."""
    ordered = sorted(NAMES, key=sort_key)
    assert ordered.index("Álvarez") == ordered.index("Alvarez") + 1
    assert ordered.index("Øst") < ordered.index("Özil") < ordered.index("Zoe")
    say(connection, "CREATE TABLE n (name NVARCHAR(40)); CREATE TABLE m (name NVARCHAR(40) NOT NULL PRIMARY KEY)")
    shuffled = random.Random(3).sample(NAMES, len(NAMES))
    for table in ("n", "m"):
        connection.cursor().executemany(f"INSERT INTO {table} VALUES (?)", [(name,) for name in shuffled])
        assert [name for (name,) in rows(connection, f"SELECT name FROM {table} ORDER BY name")] == ordered
    found = rows(connection, "SELECT name FROM n WHERE name BETWEEN N'alvarez' AND N'alvarezo' ORDER BY name")
    assert found == [("Alvarez",), ("Álvarez",), ("alvarezo",)]
    assert rows(connection, "SELECT MIN(name), MAX(name) FROM n WHERE name > N'zo'") == [("Zoe", "я")]
    joined = value(connection, "SELECT STRING_AGG(name, N'|') WITHIN GROUP (ORDER BY name) FROM n")
    assert joined.split("|") == ordered


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        ("abc", "ABC", 0),
        ("abc", "abc   ", 0),
        ("Müller", "mÜLLER", 0),
        ("é", "e\u0301", 0),
        ("Ａｂｃ１", "abc1", 0),
        ("　", "", 0),
        ("Straße", "STRASSE", 0),
        ("e", "é", -1),
        ("é", "ê", -1),
        ("resume", "résumé", -1),
        ("résumé", "resumes", -1),
        ("a-b", "ab", -1),
        ("a_b", "a1", -1),
        ("Z1", "Z9", -1),
        ("z", "æ", 1),
        ("ae", "æ", -1),
        ("o", "ø", -1),
        ("ø", "p", -1),
    ],
)
def test_two_texts_compare_by_letters_then_accents(connection: Connection, first: str, second: str, order: int) -> None:
    """Neither case nor width nor spaces at the end decide, and accents do."""
    found = compare_text(first, second)
    assert (found > 0) - (found < 0) == order
    assert compare_text(second, first) == -found
    text = "SELECT CASE WHEN ? < ? THEN -1 WHEN ? = ? THEN 0 ELSE 1 END"
    assert value(connection, text, first, second, first, second) == order


def test_the_order_is_one(connection: Connection) -> None:
    """Transitive over random texts, ASCII or not, and the same for texts that are canonically equal."""
    numbers = random.Random(11)
    letters = "aAbBzZ09_-! éÉêßøØæｚＺ９Ωя漢"
    texts = ["".join(numbers.choices(letters, k=numbers.randrange(6))) for _ in range(300)]
    for text in texts:
        assert compare_text(text, unicodedata.normalize("NFD", text)) == 0
        assert compare_text(text, text.swapcase() + "  ") == 0 or "ß" in text
    texts.sort(key=sort_key)
    assert all(compare_text(a, b) <= 0 for a, b in pairwise(texts))
    for _ in range(2000):
        a, b = sorted(numbers.sample(range(300), 2))
        assert compare_text(texts[a], texts[b]) <= 0


def test_equality_keeps_accents_apart_and_folds_widths(connection: Connection) -> None:
    """In WHERE, GROUP BY, UNIQUE, LIKE, CHARINDEX and REPLACE."""
    say(connection, "CREATE TABLE n (name NVARCHAR(40) NOT NULL CONSTRAINT uq UNIQUE)")
    say(connection, "INSERT INTO n VALUES (N'Zoe'), (N'Zoë')")
    assert error(connection, "INSERT INTO n VALUES (N'ＺＯＥ')").number == 2627
    assert value(connection, "SELECT name FROM n WHERE name = N'zoë'") == "Zoë"
    assert rows(connection, "SELECT name FROM n WHERE name LIKE N'ｚｏ_' ORDER BY name") == [("Zoe",), ("Zoë",)]
    assert rows(connection, "SELECT name FROM n WHERE name LIKE N'ＺＯＥ'") == [("Zoe",)]
    assert value(connection, "SELECT CHARINDEX(N'Ｅ', N'Zoe')") == 3
    assert value(connection, "SELECT REPLACE(N'Ｚoe', N'z', N'J')") == "Joe"
    assert value(connection, "SELECT CASE WHEN N'é' LIKE N'[a-f]' AND N'z' NOT LIKE N'[a-f]' THEN 1 END") == 1


def _old_compare(a: str, b: str) -> int:
    first, second = a.casefold().rstrip(" "), b.casefold().rstrip(" ")
    return (first > second) - (first < second)


def _to_format_2(file: Path) -> None:
    """Put a file's indexes into the order of texts that the engine had before."""
    with closing(sqlite3.connect(file)) as raw:
        raw.create_collation("tsql_text", _old_compare)
        raw.execute("REINDEX")
        raw.execute("UPDATE \"tsql$state\" SET value = 2 WHERE name = 'format'")
        raw.commit()


def test_a_file_in_the_old_order_is_put_into_the_new_one(tmp_path: Path) -> None:
    """Once, when it is opened; what an index finds then is what is there."""
    file = tmp_path / "old.db"
    with connect(file) as made:
        say(made, "CREATE TABLE n (name NVARCHAR(40) NOT NULL PRIMARY KEY, number INT); CREATE INDEX ix ON n (name)")
        made.cursor().executemany("INSERT INTO n VALUES (?, ?)", [(name, 1) for name in NAMES])
    _to_format_2(file)
    for _ in range(2):
        with connect(file) as opened:
            assert [name for (name,) in rows(opened, "SELECT name FROM n ORDER BY name")] == sorted(NAMES, key=sort_key)
            for name in NAMES:
                assert value(opened, "SELECT COUNT(*) FROM n WHERE name = ?", name) == 1
            assert opened.session.storage.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_texts_that_have_become_equal_are_named(tmp_path: Path) -> None:
    """The file stays as it was, for the version that made it."""
    file = tmp_path / "old.db"
    with connect(file) as made:
        say(made, "CREATE TABLE n (name NVARCHAR(40) NOT NULL CONSTRAINT pk PRIMARY KEY); INSERT INTO n VALUES (N'a')")
    _to_format_2(file)
    with closing(sqlite3.connect(file)) as raw:
        raw.create_collation("tsql_text", _old_compare)
        raw.execute("INSERT INTO n VALUES ('ａ')")
        raw.commit()
    before = file.read_bytes()
    with pytest.raises(LungdbError, match="name"):
        connect(file)
    assert file.read_bytes() == before
