"""The files of sql/: what each makes, and what it refers to, as the embedded engine's parser reads them.

Text is not searched for names, because messages and help name procedures too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungdb.database.batches import split_batches
from lungdb.embedded.syntax.statement_tree import (
    AddColumns,
    CreateIndex,
    CreateModule,
    CreateTable,
    Declare,
    Delete,
    Execute,
    ExecuteText,
    Insert,
    SetVariable,
    Truncate,
    Update,
)
from lungdb.embedded.syntax.statements import parse_batch, parse_declarations
from lungdb.embedded.syntax.tree import Literal, Name, Scalar, Table, Variable
from lungdb.embedded.values.types import SqlType
from lungdb.errors import LungdbError, SqlError

INTERNAL = "internal"
"""The schema, and the folder of each capability, for procedures that only other procedures call."""

_SCHEMAS = ("dbo", INTERNAL)
_COMPOSED = "@composed"
_SCRIPT = "sp_execute_external_script"
# Which arguments hold T-SQL text and the declarations of its variables; without names they stand in this order.
_TEXTS = {_SCRIPT: ("@input_data_1", "@params"), "sp_executesql": ("@stmt", "@params")}


@dataclass(frozen=True)
class SqlFile:
    """A file of sql/.

    Attributes
    ----------
    path : str
        Relative to sql/, with slashes; its first folder says what kind it is.
    text : str
        As it stands.
    makes : str
        Schema and name of the table, view or procedure, as written; empty for data.
    refers : frozenset of str
        Schema and name of every table, view and procedure that it names, in lower case.
    runs_script : bool
        It calls sp_execute_external_script itself.
    script_reads : frozenset of str
        Those of `refers` that the input queries of its external scripts read.
    """

    path: str
    text: str
    makes: str
    refers: frozenset[str]
    runs_script: bool
    script_reads: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """The first folder: tables, data, views or procedures."""
        return self.path.partition("/")[0]

    @property
    def is_internal(self) -> bool:
        """Whether only other procedures call it."""
        return self.makes.partition(".")[0] == INTERNAL


def read_file(folder: Path, path: Path) -> SqlFile:
    """Read and parse a file of sql/.

    Raises
    ------
    LungdbError
        It cannot be read or parsed, or makes more than the one object that its name says.
    """
    name = path.relative_to(folder).as_posix()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LungdbError(f"{name} of the SQL sources cannot be read ({error.strerror}).") from error
    try:
        nodes = [node for batch, _ in split_batches(text) for node in _all_nodes(parse_batch(batch).statements)]
    except SqlError as error:
        raise LungdbError(f"{name} of the SQL sources does not parse: {error.message}") from error
    except LookupError as error:
        raise LungdbError(f"{name} of the SQL sources {error.args[0]}.") from None
    made = [
        node.name for node in nodes if isinstance(node, CreateTable | CreateModule) and not _is_temporary(node.name)
    ]
    wanted = [] if name.startswith("data/") else [path.stem]
    if [each[-1] for each in made] != wanted:
        found = ", ".join(map(".".join, made)) or "nothing"
        raise LungdbError(f"{name} of the SQL sources makes {found}, not the one object that it is named after.")
    makes = ".".join(made[0]) if made else ""
    calls = [node for node in nodes if _called(node) == _SCRIPT]
    return SqlFile(
        name,
        text,
        makes,
        _ours(nodes) - {makes.lower()},
        bool(calls),
        _ours(node for query, known in _texts(nodes, calls) for node in _nodes(parse_batch(query, known).statements)),
    )


def _ours(nodes: Iterable[Any]) -> frozenset[str]:
    """Return the names of tables, views and procedures with a schema of ours that nodes hold."""
    names = {_key(each) for node in nodes for each in _named(node)}
    return frozenset(each for each in names if each.partition(".")[0] in _SCHEMAS)


def _is_temporary(name: Name) -> bool:
    return name[-1].startswith(("#", "@"))


def _key(name: Name) -> str:
    return ".".join(name).lower()


def _all_nodes(tree: Any) -> Iterator[Any]:
    """Yield every node of a tree, those of the T-SQL that stands in its strings too."""
    nodes = list(_nodes(tree))
    yield from nodes
    for text, declared in _texts(nodes, nodes):
        yield from _all_nodes(parse_batch(text, declared).statements)


def _nodes(tree: Any) -> Iterator[Any]:
    if isinstance(tree, tuple):
        for each in tree:
            yield from _nodes(each)
    elif dataclasses.is_dataclass(tree):
        yield tree
        for field in dataclasses.fields(tree):
            yield from _nodes(getattr(tree, field.name))


def _named(node: Any) -> Iterator[Name]:
    """Yield the names of objects that a node holds. What has no schema is a temporary table, a CTE or an alias."""
    match node:
        case Table(name=name) | Execute(procedure=name):
            yield name
        case Insert(table=name) | Truncate(table=name) | CreateIndex(table=name) | AddColumns(table=name):
            yield name
        case Update(target=name) | Delete(target=name):
            yield name
        case CreateTable(definition=definition):
            yield from (("dbo", foreign.table) for foreign in definition.foreign_keys)


def _called(node: Any) -> str:
    return node.procedure[-1].lower() if isinstance(node, Execute) else ""


def _texts(nodes: list[Any], of: list[Any]) -> Iterator[tuple[str, dict[str, SqlType]]]:
    """Yield the T-SQL that some of the nodes execute or hand to a script as its query, with its variables.

    Raises
    ------
    LookupError
        A text is computed, so that what it refers to cannot be read.
    """
    for node in of:
        if isinstance(node, ExecuteText) and _is_composed(node.text):
            continue
        if isinstance(node, ExecuteText):
            yield _literal(nodes, node.text), {}
        elif _called(node) in _TEXTS:
            text, params = _arguments(nodes, node)
            if text is not None:
                yield text, {each.name.lower(): each.type for each in parse_declarations(params or "")}


def _is_composed(text: Scalar) -> bool:
    """Tell a text of what a user names, or over #temp tables alone, which refers to nothing of ours: @Composed."""
    return isinstance(text, Variable) and text.name.lower() == _COMPOSED


def _arguments(nodes: list[Any], call: Execute) -> Iterator[str | None]:
    names = _TEXTS[_called(call)]
    unnamed = dict(enumerate(names))
    given = {(each.name or unnamed.get(place, "")).lower(): each.value for place, each in enumerate(call.arguments)}
    for name in names:
        value = given.get(name)
        yield None if value is None or _is_composed(value) else _literal(nodes, value)


def _literal(nodes: list[Any], value: Scalar) -> str:
    """Return the text of a literal, or of a variable that is given one literal and nothing else."""
    found: Scalar | None = value
    if isinstance(value, Variable):
        given = [each for each in nodes if isinstance(each, Declare | SetVariable) and each.variable == value.name]
        values = [each.value for each in given if each.value is not None]
        found = values[0] if len(values) == 1 else None
    if not isinstance(found, Literal) or not isinstance(found.value, str):
        raise LookupError("executes a text that is computed, so that what it refers to cannot be read")
    return found.value
