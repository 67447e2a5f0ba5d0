"""The gate of what is signed: a procedure that runs an external script executes no text, and passes literals only.

The rights of its certificate reach into dynamic SQL, so whoever could put text of his own there would have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lungdb.database.rights import UNSIGNED
from tests.sql.gates.external_calls import PROCEDURE, argument, literal_argument, procedure_name
from tests.sql.gates.findings import Finding
from tests.sql.gates.tree import Node, Script

_LITERALS = ("@script", "@input_data_1", "@params")


def check_signed(path: Path, script: Script) -> list[Finding]:
    """Report where a procedure that runs an external script executes a text, or passes one that is no literal."""
    found = []
    for body in script.find("ProcedureStatementBody"):
        calls = list(body.find("ExecuteSpecification"))
        if any(procedure_name(call) == PROCEDURE for call in calls) and _name(body) not in UNSIGNED:
            found += [Finding(path, line, "signed-text", message) for line, message in _faults(body, calls)]
    return found


def _name(body: Node) -> str:
    name = next(body.parts["ProcedureReference"][0].find("SchemaObjectName"))
    return ".".join(each.text("Value") for each in name.parts["Identifiers"])


def _faults(body: Node, calls: list[Node]) -> Iterator[tuple[int, str]]:
    for call in calls:
        name = procedure_name(call)
        if name == PROCEDURE:
            for each in _LITERALS:
                value = argument(call, each)
                # A script that is not known at all is another gate's.
                is_known = each != "@script" or literal_argument(body, call, each) is not None
                if value is not None and value.kind != "StringLiteral" and is_known:
                    yield call.line, f"{each} of a signed procedure is no literal"
        elif name in ("", "sp_executesql"):
            yield call.line, "a signed procedure executes a text; let an internal one that runs no script do it"
