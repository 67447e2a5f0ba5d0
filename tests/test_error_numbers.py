"""The numbers of refusals: the enumeration, the table that users read, and what is thrown are one list."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungdb.embedded.syntax.lexer import Kind, tokenize
from lungdb.errors import ErrorNumber, ProcedureError

ROOT = Path(__file__).resolve().parents[1]
OURS = range(50_100, 51_000)
_ROW = re.compile(r"^\| (\d+) \| (.+) \|$", re.M)


def numbers_of_sql(text: str) -> set[int]:
    """Return our numbers in T-SQL, but not those in its strings and comments."""
    return {int(token.text) for token in tokenize(text) if token.kind == Kind.INTEGER and int(token.text) in OURS}


def numbers_of_python(text: str) -> set[int]:
    """Return the members of ErrorNumber that a module names, and our numbers that it writes as figures."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ErrorNumber":
            found.add(int(ErrorNumber[node.attr]))
    return found


def figures_of_python(text: str) -> set[int]:
    """Return our numbers that a module writes as figures."""
    nodes = ast.walk(ast.parse(text))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and type(node.value) is int} & set(OURS)


def _texts(pattern: str, *folders: str) -> Iterator[tuple[str, str]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(pattern)):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


def test_the_table_that_users_read_is_the_enumeration() -> None:
    """Every number with a meaning, once, in ascending order."""
    rows = _ROW.findall((ROOT / "sql" / "README.md").read_text(encoding="utf-8"))
    assert [int(number) for number, _ in rows] == sorted(ErrorNumber)
    assert all(meaning.strip() for _, meaning in rows)


def test_procedures_and_the_python_under_them_throw_exactly_the_enumeration() -> None:
    """No number is thrown that the table lacks, and none stands in it that nothing throws."""
    thrown = set().union(
        *(
            numbers_of_sql(text)
            for _, text in _texts("*.sql", "sql/procedures", "sql/whole", "sql/agent", "sql/roles/parts")
        ),
        *(
            numbers_of_python(text)
            for _, text in _texts("*.py", "lungdb/procedures", "lungdb/learning", "lungdb/networks", "lungdb/imaging")
        ),
    )
    assert thrown == set(ErrorNumber)


def test_python_names_the_numbers_and_writes_none_as_a_figure() -> None:
    """Errors and what compares with them use one enumeration; an example in the API's description is none."""
    written = {
        name: found for name, text in _texts("*.py", "lungdb", "web/lungdb_web") if (found := figures_of_python(text))
    }
    assert written.keys() == {"lungdb/errors.py", "web/lungdb_web/api/schemas.py"}


@pytest.mark.parametrize(
    ("sql", "numbers"),
    [
        ("THROW 50123, N'see 50124', 1; -- 50125", {50123}),
        ("SET @Number = 50126; /* 50127 */ SELECT '50128', 50000;", {50126}),
    ],
)
def test_a_number_in_a_string_or_comment_is_not_thrown(sql: str, numbers: set[int]) -> None:
    """Messages and comments name numbers, too."""
    assert numbers_of_sql(sql) == numbers


def test_a_number_as_a_figure_is_found_in_python() -> None:
    """Wherever it stands, but in text."""
    assert figures_of_python("raise ProcedureError(50123, 'of 50124')  # 50125") == {50123}


def test_the_number_of_a_refusal_is_a_plain_integer() -> None:
    """It leaves Python as the value of an OUTPUT parameter."""
    assert type(ProcedureError(ErrorNumber.ARGUMENT, "").number) is int
