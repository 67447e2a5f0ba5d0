"""Broken T-SQL: the only thing that comes out of the engine is SqlError, and never 8630 or 824.

8630 says that the engine wrote what SQLite cannot read, 824 that it takes its own file for damaged. `make fuzz` runs
this module for long: ``python -m tests.embedded.test_engine_fuzz SEED ROUNDS``.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from lungdb.database import split_batches
from lungdb.embedded.running.connection import Connection, connect
from lungdb.embedded.syntax.lexer import Token, tokenize
from lungdb.errors import SqlError
from tests.embedded.grammar import FIXTURE, Grammar

_ROOT = Path(__file__).parents[2]
_CONTRACT = _ROOT / "tests" / "data" / "contract"
# Each changes what another mutation would meet, or waits.
_LEFT_OUT = ("WAITFOR", "SP_EXECUTE_EXTERNAL_SCRIPT", "WHILE")
_STRANGE = (
    "NULL", "(", ")", ",", "''", "N'é'", "0", "-1", "1e400", "2147483648", "0x", "SELECT", "FROM", "WHERE", "AS", "END",
    "CASE", "@x", "@@ERROR", "#t", "?", ";", "*", "TOP", "OVER", "ORDER BY 1", "GROUP BY 1", "CAST(1 AS", "1/0", "''''",
    "99999999999999999999999999999999999999999", "[a]", '"b"', "BEGIN", "COMMIT", "ROLLBACK", "UNION", "EXEC", "NOT",
)  # fmt: skip


def _texts() -> list[str]:
    procedural = json.loads((_CONTRACT / "tsql_procedural.json").read_text(encoding="utf-8"))
    constructs = json.loads((_CONTRACT / "tsql_constructs.json").read_text(encoding="utf-8"))
    texts = [*constructs["fixture"], *(case["sql"] for case in constructs["cases"])]
    for case in procedural["cases"]:
        texts += [*case["before"], case["batch"].replace("{db}", "fuzz")]
    for path in sorted((_ROOT / "sql").rglob("*.sql")):
        if path.name != "install.sql":
            texts.append(path.read_text(encoding="utf-8"))
    found = [batch for text in texts for batch, _ in split_batches(text)]
    return [text for text in found if not any(word in text.upper() for word in _LEFT_OUT)]


def _mutated(text: str, tokens: tuple[Token, ...], random_numbers: random.Random) -> str:
    """Drop, double, replace or swap one to three tokens of a text."""
    pieces = [text[each.start : each.end] for each in tokens if each.end > each.start]
    for _ in range(random_numbers.randint(1, 3)):
        if not pieces:
            break
        at = random_numbers.randrange(len(pieces))
        other = random_numbers.randrange(len(pieces))
        match random_numbers.randrange(5):
            case 0:
                del pieces[at]
            case 1:
                pieces.insert(at, pieces[other])
            case 2:
                pieces[at] = random_numbers.choice(_STRANGE)
            case 3:
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case 4:
                pieces[at] = pieces[at][: len(pieces[at]) // 2]
    return " ".join(pieces)


def _drain(connection: Connection, text: str) -> bool:
    """Run a batch to its end, past every error after which it goes on; tell whether there was none."""
    cursor = connection.cursor()
    step = cursor.execute
    arguments: tuple[object, ...] = (text, (1,) * text.count("?"))
    fine = True
    for _ in range(200):
        try:
            more = step(*arguments)  # type: ignore[operator]
            if cursor.description is not None:
                cursor.fetchall()
        except SqlError as error:
            more, fine = True, False
            if error.number in (8630, 824):
                pytest.fail(f"{error.message}\n{error.__cause__ or error.__context__}\n{text}")
        step, arguments = cursor.nextset, ()  # type: ignore[assignment]
        if more is None:
            return fine
    cursor.close()
    return fine


def statements(seed: int) -> Iterator[str]:
    """Yield statements by the grammar, without end."""
    grammar = Grammar(random.Random(seed))
    while True:
        yield grammar.statement()


def fuzz_by_grammar(path: Path, seed: int, rounds: int) -> int:
    """Run so many statements by the grammar, and return how many had no error."""
    with closing(connect(path)) as connection:
        for text in FIXTURE:
            connection.execute(text)
        fine = 0
        for _, text in zip(range(rounds), statements(seed), strict=False):
            fine += _drain(connection, text)
            connection.rollback()
            with suppress(SqlError):
                connection.execute("DROP TABLE #h")
    return fine


def fuzz(path: Path, seed: int, rounds: int) -> None:
    """Run mutations of every known batch, `rounds` in all."""
    random_numbers = random.Random(seed)
    texts = [(text, tokenize(text)) for text in _texts()]
    with closing(connect(path)) as connection:
        for text, _ in texts:
            _drain(connection, text)
        for _ in range(rounds):
            text, tokens = random_numbers.choice(texts)
            _drain(connection, _mutated(text, tokens, random_numbers))


def test_mutated_batches_give_nothing_but_sql_errors(tmp_path: Path) -> None:
    """No traceback and no sqlite3.Error."""
    fuzz(tmp_path / "fuzz.db", 1, 600)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_many_mutated_batches_give_nothing_but_sql_errors(tmp_path: Path, seed: int) -> None:
    """The same with other seeds and ten times as many."""
    fuzz(tmp_path / "fuzz.db", seed, 6000)


def test_statements_by_the_grammar_give_nothing_but_sql_errors(tmp_path: Path) -> None:
    """And a good part of them runs."""
    assert fuzz_by_grammar(tmp_path / "fuzz.db", 1, 500) > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_many_statements_by_the_grammar_give_nothing_but_sql_errors(tmp_path: Path, seed: int) -> None:
    """The same with other seeds and ten times as many."""
    assert fuzz_by_grammar(tmp_path / "fuzz.db", seed, 7000) > 700


def main(seed: int, rounds: int) -> None:
    """Run both kinds, from a seed on, and say how many ran without an error."""
    with tempfile.TemporaryDirectory() as folder:
        fine = fuzz_by_grammar(Path(folder) / "grammar.db", seed, rounds)
        print(f"seed {seed}: {rounds} statements by the grammar, {fine} without an error")
        fuzz(Path(folder) / "mutated.db", seed, rounds)
        print(f"seed {seed}: {rounds} mutations of known batches")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
