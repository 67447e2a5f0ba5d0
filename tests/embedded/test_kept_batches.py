"""Batches that are kept parsed: the same for whoever asks, apart by their variables, no more than was said."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lungdb.embedded.syntax.statements import KeptBatches, parse_batch
from lungdb.embedded.values.types import INT, REAL
from lungdb.errors import SqlError

TEXT = "DECLARE @a INT = ?; SELECT @a + 1 AS b FROM dbo.t WHERE c = N'x';"


def test_what_is_kept_is_what_is_parsed() -> None:
    """Statements, variables and markers are those of parsing anew, and the second time it is the same object."""
    kept = KeptBatches()
    first, anew = kept.batch(TEXT), parse_batch(TEXT)
    assert (repr(first.statements), first.variables, first.parameter_count) == (
        repr(anew.statements),
        anew.variables,
        anew.parameter_count,
    )
    assert kept.batch(TEXT) is first


def test_the_same_text_with_other_variables_is_another_batch() -> None:
    """What a variable is decides what a text means: an INT's is not kept for a REAL's, nor for one without it."""
    kept = KeptBatches()
    whole, real = kept.batch("SELECT @x;", {"@x": INT}), kept.batch("SELECT @x;", {"@x": REAL})
    assert (whole.variables, real.variables) == ({"@x": INT}, {"@x": REAL})
    with pytest.raises(SqlError, match="@x"):
        kept.batch("SELECT @x;")


def test_the_oldest_goes_where_there_is_too_much() -> None:
    """Characters are counted over all texts; what was asked for last stays, a large text is never kept."""
    kept = KeptBatches(characters=30)
    one, two = kept.batch("SELECT 1111;"), kept.batch("SELECT 2222;")
    assert kept.batch("SELECT 1111;") is one
    kept.batch("SELECT 3333;")
    assert kept.characters == 24
    assert kept.batch("SELECT 1111;") is one
    assert kept.batch("SELECT 2222;") is not two
    roomy = KeptBatches()
    large = f"SELECT '{'x' * 200_000}';"
    assert roomy.batch(large) is not roomy.batch(large)
    assert roomy.characters == 0


def test_threads_ask_at_once() -> None:
    """Each gets what it asked for, and the count is that of what is kept."""
    kept, texts = KeptBatches(characters=200), [f"SELECT {number};" for number in range(100, 160)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(kept.batch, texts * 20))
    assert all(
        repr(batch.statements) == repr(parse_batch(text).statements)
        for batch, text in zip(found, texts * 20, strict=True)
    )
    assert kept.characters == 11 * (200 // 11)
