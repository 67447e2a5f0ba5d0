"""The rules of the house: the portable subset of T-SQL that both engines run, and the form of a procedure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.sql.gates.dotnet import ROOT
from tests.sql.gates.external_calls import procedure_name
from tests.sql.gates.findings import Finding
from tests.sql.gates.parser import parse
from tests.sql.gates.tree import Node, Script

MOST_PROCEDURE_LINES = 150
LONGEST_LINE = 140
INTERNAL = "internal"
"""The folder and the schema of procedures that only other procedures call."""
GENERATED = {ROOT / "sql" / name for name in ("install.sql", "install_sql_only.sql", "uninstall.sql")}
_MADE_IN = {
    "tables": "CreateTableStatement",
    "views": "ViewStatementBody",
    "procedures": "ProcedureStatementBody",
}

_Rule = Callable[[Path, Script], Iterator[tuple[int, str]]]


def check_house(path: Path, script: Script) -> list[Finding]:
    """Report the breaches of the house's rules: the portable subset, and the form of a file that holds one object.

    The folders above the file say which kind of object it holds and whether it is internal, as in sql/.
    """
    rules = {**_PORTABLE, **_FORM} if _kind(path) else _PORTABLE
    return [Finding(path, line, gate, message) for gate, rule in rules.items() for line, message in rule(path, script)]


def error_numbers(script: Script) -> dict[int, int]:
    """Return the error numbers that a file's procedures hold, thrown or kept for a later THROW, each with its line."""
    return {
        int(number.text("Value")): number.line
        for body in script.find("ProcedureStatementBody")
        for number in body.find("IntegerLiteral")
        if re.fullmatch(r"5\d{4}", number.text("Value"))
    }


def is_internal(path: Path) -> bool:
    """Tell whether only other procedures call what a file makes: it needs no @Help and no example, but a caller."""
    return path.parent.name == INTERNAL


def file_of(procedure: str, beside: Path) -> Path | None:
    """Return the file of a procedure, wherever it lies under the folder procedures/ that another one's file is in."""
    root = next((folder for folder in beside.parents if folder.name == "procedures"), beside.parent)
    return next(iter(root.rglob(f"{procedure}.sql")), None)


def _kind(path: Path) -> str:
    return next((folder.name for folder in path.parents if folder.name in _MADE_IN), "")


def called_by(script: Script) -> str | None:
    """Return the procedure that the banner names as the caller."""
    comments = "".join(token.text for token in script.tokens if "Comment" in token.kind)
    match = re.search(r"\bCalled by (\w+)", comments)
    return match.group(1) if match else None


def _line_lengths(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    # A generated script indents what it holds; its parts are checked where they lie.
    if path in GENERATED:
        return
    lines = "".join(token.text for token in script.tokens).splitlines()
    for line, text in enumerate(lines, start=1):
        if len(text) > LONGEST_LINE:
            yield line, f"the line has {len(text)} characters; at most {LONGEST_LINE} are wanted"


def _semicolons(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    seen = set()
    for statement in script.find("TSqlStatement"):
        if statement.first < 0:
            continue
        end = _last_code(script, statement.last)
        following = next((token for token in script.tokens[end + 1 :] if token.is_code), None)
        ended = script.tokens[end].kind == "Semicolon" or (following is not None and following.kind == "Semicolon")
        if not ended and end not in seen:
            seen.add(end)
            yield script.tokens[end].line, f"the statement does not end in ; (after {script.tokens[end].text})"


def _last_code(script: Script, place: int) -> int:
    while place > 0 and not script.tokens[place].is_code:
        place -= 1
    return place


def _merge(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for node in script.find("MergeStatement"):
        yield node.line, "MERGE is not used; write UPDATE and INSERT"


def _cursors(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for node in script.walk():
        if node.kind in {"DeclareCursorStatement", "CursorDefinition"}:
            yield node.line, "cursors are not used; write a set-based statement or a WHILE loop"


def _quirky_update(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for clause in script.find("AssignmentSetClause"):
        if clause.part("Variable"):
            yield clause.line, "UPDATE … SET @v = is not used; write OUTPUT or a SELECT"


def _functions(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for node in script.find("FunctionStatementBody"):
        yield node.line, "user-defined functions are not used"


def _apply(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for join in script.find("UnqualifiedJoin"):
        kind = join.text("UnqualifiedJoinType")
        if kind == "CrossJoin":
            continue
        right = join.part("SecondTableReference")
        source = right.part("Variable") if right and right.kind == "OpenJsonTableReference" else None
        if kind != "CrossApply" or source is None or source.kind != "ColumnReferenceExpression":
            yield (right or join).line, "APPLY is used only as CROSS APPLY OPENJSON(column)"


def _raiserror(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    # install.sql needs RAISERROR where it stops with SET NOEXEC: THROW would end the batch before it.
    bodies = script.find("ProcedureStatementBody")
    for statement in (found for body in bodies for found in body.find("RaiseErrorStatement")):
        severity = statement.part("SecondParameter")
        if severity is None or severity.kind != "IntegerLiteral" or int(severity.text("Value")) > 10:
            yield statement.line, "RAISERROR reports progress with severity 0 to 10; an error is a THROW"


def _file_name(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    kind = _kind(path)
    nodes = script.find(_MADE_IN[kind])
    made = [(node.line, name) for node in nodes if not (name := _object_name(node)).startswith("#")]
    if not made:
        yield 1, f"the file makes no object of the kind that {kind}/ holds"
    for line, name in made:
        if name != path.stem:
            yield line, f"the file is named {path.stem} but makes {name}"


def _schema(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    wanted = INTERNAL if is_internal(path) else "dbo"
    for node in script.find(_MADE_IN[_kind(path)]):
        if not _object_name(node).startswith("#") and _schema_name(node) != wanted:
            yield node.line, f"the file makes {_object_name(node)} in the schema {_schema_name(node)}, not in {wanted}"


def _schema_name(node: Node) -> str:
    schema = next(node.find("SchemaObjectName")).part("SchemaIdentifier")
    return schema.text("Value") if schema else "of the caller"


def _object_name(node: Node) -> str:
    name = next(node.find("SchemaObjectName"))
    return name.parts["BaseIdentifier"][0].text("Value")


def _length(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for node in script.find("ProcedureStatementBody"):
        lines = script.tokens[node.last].line - script.tokens[node.first].line + 1
        if lines > MOST_PROCEDURE_LINES:
            yield node.line, f"the procedure has {lines} lines; at most {MOST_PROCEDURE_LINES} are wanted"


def _help(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for node in script.find("ProcedureStatementBody"):
        names = [parameter.parts["VariableName"][0].text("Value") for parameter in node.parts.get("Parameters", [])]
        if is_internal(path):
            if "@Help" in names:
                yield node.line, "the procedure has @Help, so people call it: it lies outside internal/"
        elif "@Help" not in names:
            yield node.line, "the procedure has no parameter @Help"
        elif not any(reference.text("Name") == "@Help" for reference in node.find("VariableReference")):
            yield node.line, "the procedure does nothing with @Help"


def _banner(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for node in script.find("ProcedureStatementBody"):
        name, caller = _object_name(node), called_by(script)
        comments = "".join(token.text for token in script.tokens[: node.first] if "Comment" in token.kind)
        if name not in comments:
            yield node.line, f"no banner with the name {name} stands before the procedure"
        elif not is_internal(path) and not re.search(rf"\bEXECUTE\s+dbo\.{name}\b", comments):
            yield node.line, f"the banner has no example call, EXECUTE dbo.{name} …"
        elif is_internal(path) and caller is None:
            yield node.line, "the banner names no caller: Called by …"
        elif caller is not None and not _calls(file_of(caller, path), name):
            yield node.line, f"the banner says that {caller} calls it, which it does not"


def _calls(caller: Path | None, name: str) -> bool:
    if caller is None:
        return False
    calls = parse(caller.read_text(encoding="utf-8")).find("ExecuteSpecification")
    return any(procedure_name(call) == name.lower() for call in calls)


def _parameter_comments(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    for node in script.find("ProcedureStatementBody"):
        parameters = node.parts.get("Parameters", [])
        lines = [parameter.line for parameter in parameters]
        for parameter in parameters:
            name = parameter.parts["VariableName"][0].text("Value")
            if lines.count(parameter.line) > 1:
                yield parameter.line, f"{name} shares its line with another parameter"
            elif not any(token.kind == "SingleLineComment" and token.line == parameter.line for token in script.tokens):
                yield parameter.line, f"{name} has no comment at the end of its line"


def _column_comments(path: Path, script: Script) -> Iterator[tuple[int, str]]:
    columns = [each for made in script.find("CreateTableStatement") for each in made.find("ColumnDefinition")]
    lines = [column.line for column in columns]
    for column in columns if _kind(path) == "tables" else []:
        name = column.parts["ColumnIdentifier"][0].text("Value")
        if lines.count(column.line) > 1:
            yield column.line, f"{name} shares its line with another column"
        elif not any(token.kind == "SingleLineComment" and token.line == column.line for token in script.tokens):
            yield column.line, f"{name} has no comment at the end of its line, which describes it to SSMS"


_PORTABLE: dict[str, _Rule] = {
    "line-length": _line_lengths,
    "semicolon": _semicolons,
    "merge": _merge,
    "cursor": _cursors,
    "quirky-update": _quirky_update,
    "function": _functions,
    "apply": _apply,
    "raiserror": _raiserror,
}
_FORM: dict[str, _Rule] = {
    "file-name": _file_name,
    "schema": _schema,
    "procedure-length": _length,
    "help": _help,
    "banner": _banner,
    "parameter-comment": _parameter_comments,
    "column-comment": _column_comments,
}
