"""The table of the errors that SQL Server numbers, and the places that raise them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import lungdb.embedded
from lungdb.embedded.values.messages import WORDINGS

_ENGINE = Path(lungdb.embedded.__file__).parent
_OF_THE_CALL = {"line", "state", "advice"}


def _numbers(node: ast.expr) -> set[int]:
    """Return the numbers that are written out in a call's first argument, none where it is computed."""
    match node:
        case ast.Constant(value=int(number)):
            return {number}
        case ast.IfExp():
            return _numbers(node.body) | _numbers(node.orelse)
    return set()


def _calls() -> Iterator[tuple[str, set[int], set[str]]]:
    """Yield place, numbers and fields of every call of `numbered_error` in the engine."""
    for path in sorted(_ENGINE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "numbered_error":
                fields = {each.arg for each in node.keywords if each.arg is not None}
                yield f"{path.name}:{node.lineno}", _numbers(node.args[0]), fields - _OF_THE_CALL


def _fields(number: int) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(WORDINGS[number].text) if name is not None}


def test_every_raised_number_has_a_wording_with_just_the_fields_that_it_is_given() -> None:
    """A field too few would fail only when the error is raised, and one too many would say nothing."""
    calls = list(_calls())
    assert len(calls) > 100
    wrong = [
        f"{place} {number} {sorted(fields)}"
        for place, numbers, fields in calls
        for number in numbers
        if number not in WORDINGS or _fields(number) != fields
    ]
    assert wrong == []


def test_the_wordings_stand_in_ascending_order_each_once() -> None:
    """Two entries of one number would hide the first of them."""
    tree = ast.parse((_ENGINE / "values/messages.py").read_text(encoding="utf-8"))
    (table,) = [each for each in ast.walk(tree) if isinstance(each, ast.Dict)]
    numbers = [each.value for each in table.keys if isinstance(each, ast.Constant)]
    assert numbers == sorted(WORDINGS)
