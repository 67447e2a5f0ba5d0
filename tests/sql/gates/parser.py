"""Microsoft's own T-SQL parser, ScriptDom, at SQL Server 2017's grammar."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from tests.sql.gates import dotnet
from tests.sql.gates.tree import Node, Script, SyntaxFault, Token

_SKIPPED = {"StartOffset", "FragmentLength", "StartLine", "StartColumn", "FirstTokenIndex", "LastTokenIndex"}


@functools.cache
def _scriptdom() -> Any:
    dotnet.start()
    return dotnet.assembly("Microsoft.SqlServer.TransactSql.ScriptDom", "Microsoft.SqlServer.TransactSql.ScriptDom")


@functools.cache
def _fragment_type() -> Any:
    return importlib.import_module("clr").GetClrType(_scriptdom().TSqlFragment)


@functools.cache
def _shape(dotnet_type: Any) -> tuple[frozenset[str], list[tuple[str, str]]]:
    """Return the names of a class's bases, and its properties as (name, 'one' | 'many' | 'value')."""
    fragment = _fragment_type()
    bases, current = set(), dotnet_type
    while current is not None:
        bases.add(str(current.Name))
        current = current.BaseType
    properties = []
    for info in dotnet_type.GetProperties():
        kind = info.PropertyType
        if info.GetIndexParameters().Length or info.Name in _SKIPPED:
            continue
        if fragment.IsAssignableFrom(kind):
            properties.append((str(info.Name), "one"))
        elif kind.IsGenericType and fragment.IsAssignableFrom(kind.GetGenericArguments()[0]):
            properties.append((str(info.Name), "many"))
        elif kind.IsEnum or kind.Name in {"String", "Boolean", "Int32"}:
            properties.append((str(info.Name), "value"))
    return frozenset(bases), properties


def _node(fragment: Any) -> Node:
    bases, properties = _shape(fragment.GetType())
    node = Node(
        kind=str(fragment.GetType().Name),
        bases=bases,
        line=int(fragment.StartLine),
        first=int(fragment.FirstTokenIndex),
        last=int(fragment.LastTokenIndex),
    )
    for name, cardinality in properties:
        value = getattr(fragment, name)
        if value is None:
            continue
        if cardinality == "one":
            node.parts[name] = [_node(value)]
        elif cardinality == "many":
            node.parts[name] = [_node(item) for item in value]
        else:
            node.values[name] = value if isinstance(value, str | int | bool) else str(value)
    return node


@functools.lru_cache(maxsize=256)
def parse(text: str) -> Script:
    """Parse T-SQL with SQL Server 2017's grammar.

    Parameters
    ----------
    text : str
        Batches with GO between them.

    Returns
    -------
    Script
        A batch with a fault may lack its tree. Only the first fault of a batch is kept: the later ones are echoes.
    """
    parser = _scriptdom().TSql140Parser(True)
    reader = importlib.import_module("System.IO").StringReader
    stream, _ = parser.GetTokenStream(reader(text))
    tokens = [Token(str(item.TokenType), str(item.Text or ""), int(item.Line)) for item in stream]
    tree, errors = parser.Parse(reader(text))
    separators = [token.line for token in tokens if token.kind == "Go"]
    faults: dict[int, SyntaxFault] = {}
    for error in sorted(errors, key=lambda item: (int(item.Line), int(item.Column))):
        batch = sum(line < int(error.Line) for line in separators)
        faults.setdefault(batch, SyntaxFault(int(error.Line), int(error.Number), str(error.Message)))
    batches = [_node(batch) for batch in tree.Batches] if tree is not None else []
    return Script(tokens, batches, list(faults.values()))
