"""The syntax gate: T-SQL files, and the T-SQL that stands in strings, parse at SQL Server 2017's grammar."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.sql.gates.external_calls import literal_argument, procedure_name
from tests.sql.gates.findings import Finding
from tests.sql.gates.parser import parse
from tests.sql.gates.tree import Node, Script

# Newer than SQL Server 2017's grammar, so sql/ keeps these in EXEC(N'…').
_NEWER = re.compile(r"\s*(CREATE|ALTER|DROP)\s+EXTERNAL\s+(LANGUAGE|LIBRARY)\b", re.IGNORECASE)
_STATEMENT = re.compile(
    r"\s*(SELECT|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|EXEC|EXECUTE|DECLARE\s+@|SET\s+\w+\s+O|BEGIN|IF|CREATE|USE|WITH\s+\w+\s+AS)\s"
)
_QUOTED_OR_MARK = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\?")


def check_syntax(path: Path, script: Script) -> list[Finding]:
    """Report the first fault of each batch of a file, and of each query or batch that stands in one of its strings."""
    findings = [Finding(path, fault.line, "syntax", _message(fault.number, fault.message)) for fault in script.faults]
    for line, text in _embedded_texts(script):
        findings += [
            Finding(path, line, "syntax", f"in the string's line {fault.line}: {_message(fault.number, fault.message)}")
            for fault in parse(text).faults
        ]
    return findings


def check_python_strings(path: Path) -> list[Finding]:
    """Report faults of the T-SQL statements that a Python module holds as strings, with ``?`` read as a parameter."""
    return [
        Finding(path, line + fault.line - 1, "syntax", _message(fault.number, fault.message))
        for line, text in statements_in_python(path)
        for fault in parse(text).faults
    ]


def statements_in_python(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of each whole string of a Python module that begins as a T-SQL statement, in upper case."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    pieces = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.BinOp) for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in pieces:
            continue
        if _STATEMENT.match(node.value):
            yield node.lineno, name_parameters(node.value)


def name_parameters(statement: str) -> str:
    """Replace the ``?`` of a statement by ``@p1``, ``@p2`` and so on, as a driver does."""
    counter = iter(range(1, statement.count("?") + 1))
    return _QUOTED_OR_MARK.sub(lambda match: f"@p{next(counter)}" if match.group() == "?" else match.group(), statement)


def _message(number: int, message: str) -> str:
    return f"{message} ({number})"


def _embedded_texts(script: Script) -> Iterator[tuple[int, str]]:
    for batch in script.batches:
        for call in batch.find("ExecuteSpecification"):
            yield from _texts_of_call(batch, call)


def _texts_of_call(batch: Node, call: Node) -> Iterator[tuple[int, str]]:
    strings = [literal for part in call.find("ExecutableStringList") for literal in part.parts.get("Strings", [])]
    if len(strings) == 1 and strings[0].kind == "StringLiteral" and not _NEWER.match(strings[0].text("Value")):
        yield strings[0].line, strings[0].text("Value")
    argument = {"sp_execute_external_script": "@input_data_1", "sp_executesql": "@stmt"}.get(procedure_name(call))
    if argument is not None:
        literal = literal_argument(batch, call, argument)
        if literal is not None:
            yield literal.line, literal.text("Value")
