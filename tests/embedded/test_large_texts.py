"""Large literals and hostile patterns: memory and steps grow with the text, and no faster."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lungdb.embedded.functions.search import like
from lungdb.embedded.running.connection import Connection
from lungdb.embedded.syntax.lexer import Kind, tokenize
from lungdb.embedded.values.patterns import Part, read_pattern
from lungdb.embedded.values.refusals import REFUSED
from tests.embedded.running import error, value

# Run in a process of its own, whose memory is limited: beside the text of 40 MB itself and its copies.
_LARGE = """
import resource, sys
from lungdb.embedded.running.connection import connect
connection = connect(sys.argv[1])
connection.execute("CREATE TABLE t (s NVARCHAR(MAX), x VARBINARY(MAX))")
text = {text}
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
cursor = connection.execute(text)
print(connection.execute("SELECT COALESCE(DATALENGTH(s), DATALENGTH(x)) FROM t").fetchall())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("""\"INSERT INTO t (s) VALUES (N'\" + "a" * 40_000_000 + "')\"""", 80_000_000),
        ("""\"INSERT INTO t (x) VALUES (0x\" + "ab" * 20_000_000 + ")\"""", 20_000_000),
        ("""\"INSERT INTO t (s) SELECT LEN(N'\" + "a b" * 13_000_000 + "')\"""", 16),
    ],
)
def test_a_literal_of_forty_megabytes_takes_no_gigabyte(tmp_path: Path, text: str, length: int) -> None:
    """As a string and as hexadecimal digits; 700 MB are the interpreter's and a few copies."""
    command = [sys.executable, "-c", _LARGE.format(text=text), str(tmp_path / "x.db"), str(700_000_000)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == f"[({length},)]\n"


def test_every_kind_of_token_is_read_as_before() -> None:
    """Doubled quotes, numbers of each kind, and what is not closed."""
    text = """N'it''s' 'x''''' [a]]b] "c""d" 1 1. .5 1.5 1e5 1.5E-3 2e 0x0F $1.5"""
    kinds = [(token.kind, token.value) for token in tokenize(text)[:-1]]
    assert kinds == [
        (Kind.UNICODE, "it's"), (Kind.STRING, "x''"), (Kind.QUOTED, "a]b"), (Kind.QUOTED, 'c"d'), (Kind.INTEGER, "1"),
        (Kind.DECIMAL, "1."), (Kind.DECIMAL, ".5"), (Kind.DECIMAL, "1.5"), (Kind.FLOAT, "1e5"), (Kind.FLOAT, "1.5E-3"),
        (Kind.FLOAT, "2e"), (Kind.BINARY, "0x0F"), (Kind.MONEY, "$1.5"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["SELECT N'a''", "SELECT 'a", "SELECT [a]]", 'SELECT "a""'])
def test_a_quote_that_is_not_closed_is_error_105(connection: Connection, text: str) -> None:
    """A doubled one closes nothing."""
    assert error(connection, text).number == 105


def test_like_looks_at_each_character_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However a pattern of many wildcards nearly fits, every step is one character further on."""
    looked: list[int] = []
    find = Part.find

    def counting(part: Part, text: str, start: int, end: int) -> int:
        found = find(part, text, start, end)
        looked.append((end if found < 0 else found + len(part.elements)) - start)
        return found

    monkeypatch.setattr(Part, "find", counting)
    text = "a" * 20_000
    for pattern in ("%a_a%" * 30 + "b%", "%" + "a%" * 300 + "b%", "%[a-c][a-c]_%" * 20 + "b"):
        looked.clear()
        assert like(text, pattern) == 0
        assert sum(looked) <= len(text)


def test_like_and_patindex_agree_with_regular_expressions() -> None:
    """Random patterns with sets, whose search by re is the reference."""
    numbers = random.Random(21)
    for _ in range(2000):
        text = "".join(numbers.choices("abcx.", k=numbers.randrange(12)))
        pattern = "".join(
            numbers.choices(["a", "b", "x", "_", "%", "%", "[ab]", "[^a]", "[b-x]"], k=numbers.randrange(7))
        )
        expression = pattern.replace(".", r"\.").replace("_", ".").replace("%", ".*")
        assert bool(like(text, pattern)) is bool(re.fullmatch(expression, text)), (text, pattern)
        inner = pattern.lstrip("%")
        if inner and inner != pattern:
            found = re.search(
                inner.replace("_", ".").replace("%", ".*?") + ("" if inner.endswith("%") else r"\Z"), text
            )
            assert read_pattern(pattern, None).position(text) == (-1 if found is None else found.start()), (
                text,
                pattern,
            )


def test_a_pattern_that_is_too_long_is_refused(connection: Connection) -> None:
    """SQL Server takes 8,000 bytes."""
    assert value(connection, "SELECT CASE WHEN REPLICATE(N'a', 4000) LIKE REPLICATE(N'_', 4000) THEN 1 END") == 1
    long = "SELECT CASE WHEN N'a' LIKE REPLICATE(CAST(N'_' AS NVARCHAR(MAX)), 4001) THEN 1 END"
    assert error(connection, long).number == REFUSED
