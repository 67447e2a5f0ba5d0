"""Commands and scripts parse arguments and print: the T-SQL that they need stands in what they call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATEMENT = re.compile(
    r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|EXEC|EXECUTE|DECLARE|SET|IF|BEGIN|CREATE|ALTER|DROP)\b"
)
RUNNERS = {"run", "run_script"}
CURSORS = {"cursor", "execute", "executemany"}
# The T-SQL that `lungdb sql` runs is its user's; with a cursor it prints each result as it comes. scripts/bench is left
# out: what a benchmark fills its tables with is nobody else's.
EXCEPTIONS = {"lungdb/cli/sql.py": {"cursor()", "execute()"}}


def database_work(text: str) -> Iterator[str]:
    """Yield what a module's text does that is T-SQL's work: statements in strings, running them, cursors."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Constant(value=str(words)) if STATEMENT.match(words):
                yield words.split()[0]
            case ast.ImportFrom(module=str(module)) if module.startswith("lungdb.database"):
                yield from (f"{alias.name}()" for alias in node.names if alias.name in RUNNERS)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="database"), attr=name)) if name in RUNNERS:
                yield f"{name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CURSORS:
                yield f"{name}()"


def test_commands_and_scripts_hold_no_t_sql() -> None:
    """Statements, and calls that run some."""
    paths = [*(ROOT / "lungdb" / "cli").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]
    found = {path.relative_to(ROOT).as_posix(): set(database_work(path.read_text(encoding="utf-8"))) for path in paths}
    assert {name: work for name, work in found.items() if work} == EXCEPTIONS


@pytest.mark.parametrize(
    "line",
    [
        "from lungdb.database import connect, run",
        "from lungdb.database.run import run_script as start",
        "from lungdb import database\ndatabase.run(connection, sql)",
        "connection.cursor()",
        "_NAMES = '''\nSELECT name FROM dbo.networks;\n'''",
        "call(f'EXECUTE dbo.{name};')",
        "call('DECLARE @Number INT = ?; ' 'SELECT @Number;')",
        "call('UPDATE dbo.settings SET value = ?;')",
    ],
)
def test_a_planted_statement_is_found(line: str) -> None:
    """However it is written."""
    assert len(list(database_work(line))) == 1


def test_words_for_people_are_no_statement() -> None:
    """A sentence may name a procedure, and another thing may run."""
    text = "print('Make one with EXECUTE dbo.SearchModels.'); subprocess.run(command); Demo().run(); 'Select a model'"
    assert list(database_work(text)) == []
