"""What stands in FROM: tables, joins, queries, table functions."""

from __future__ import annotations

from lungdb.embedded.syntax.expressions import condition, scalar
from lungdb.embedded.syntax.reader import TokenReader, words
from lungdb.embedded.syntax.tree import Derived, Join, JsonColumn, Name, Source, Table, TableFunction
from lungdb.embedded.values.messages import numbered_error

_HINTS = words("""
    NOLOCK READUNCOMMITTED READCOMMITTED READCOMMITTEDLOCK REPEATABLEREAD SERIALIZABLE HOLDLOCK UPDLOCK XLOCK ROWLOCK
    PAGLOCK TABLOCK TABLOCKX READPAST NOWAIT NOEXPAND FORCESEEK FORCESCAN
    """)
_REFUSED = words("OPENROWSET OPENQUERY OPENDATASOURCE OPENXML CONTAINSTABLE FREETEXTTABLE")
_ROTATIONS = words("PIVOT UNPIVOT TABLESAMPLE")
_TABLE_FUNCTIONS = words("OPENJSON STRING_SPLIT")


def sources(reader: TokenReader) -> Source:
    """Read what follows FROM."""
    source = _joined(reader)
    while reader.take(","):
        source = Join("CROSS", source, _joined(reader))
    return source


def _joined(reader: TokenReader) -> Source:
    source = _source(reader)
    while True:
        if reader.token.word in _ROTATIONS:
            reader.refuse(reader.token.word)
        if reader.take("CROSS", "JOIN"):
            source = Join("CROSS", source, _source(reader))
        elif reader.at("CROSS") or reader.at("OUTER", "APPLY"):
            kind = f"{reader.next().word} {reader.expect('APPLY').word}"
            source = Join(kind, source, _applied(reader, kind))
        elif join := _join_kind(reader):
            source = _join(reader, join, source)
        else:
            return source


def _join(reader: TokenReader, kind: str, left: Source) -> Source:
    right = _source(reader)
    # A JOIN B JOIN C ON … ON …: the inner join's ON comes first.
    while not reader.at("ON"):
        inner = _join_kind(reader) or reader.fail()
        further = _source(reader)
        reader.expect("ON")
        right = Join(inner, right, further, condition(reader))
    reader.expect("ON")
    return Join(kind, left, right, condition(reader))


def _join_kind(reader: TokenReader) -> str | None:
    """Read the words of a join with ON, if they come next."""
    if reader.take("JOIN"):
        return "INNER"
    kind = reader.take_any("INNER", "LEFT", "RIGHT", "FULL")
    if not kind:
        return None
    if kind != "INNER":
        reader.take("OUTER")
    reader.take_any("LOOP", "HASH", "MERGE", "REMOTE")
    reader.expect("JOIN")
    return kind


def _applied(reader: TokenReader, kind: str) -> Source:
    token = reader.token
    source = _source(reader)
    if not isinstance(source, TableFunction):
        reader.refuse(f"{kind} over anything but OPENJSON or STRING_SPLIT", token)
    return source


def _source(reader: TokenReader) -> Source:
    token = reader.token
    if token.word == "(":
        return _in_parentheses(reader)
    if reader.at_variable:
        return Table((table_variable(reader),), _alias(reader))
    if token.word in _TABLE_FUNCTIONS and reader.ahead().word == "(":
        return _table_function(reader)
    if token.word in _REFUSED:
        reader.refuse(token.word)
    name = reader.name()
    if reader.at("("):
        reader.refuse(f"The table function {'.'.join(name)}", token)
    hints = table_hints(reader)
    alias = _alias(reader)
    return Table(name, alias, hints | table_hints(reader))


def _in_parentheses(reader: TokenReader) -> Source:
    reader.expect("(")
    if reader.at_any("SELECT", "VALUES", "WITH") or reader.behind_parentheses().word == "SELECT":
        query = reader.grammar.query(reader)
        reader.expect(")")
        reader.take("AS")
        return Derived(query, reader.identifier(), reader.column_names())
    source = _joined(reader)
    reader.expect(")")
    return source


def target(reader: TokenReader) -> Name:
    """Read the name of the table to change: a table, an alias or a table variable."""
    if reader.at_variable:
        return (table_variable(reader),)
    name = reader.name()
    table_hints(reader)
    return name


def table_variable(reader: TokenReader) -> str:
    """Read a table variable that is declared."""
    token = reader.next()
    name = token.text.lower()
    if name not in reader.tables:
        raise numbered_error(1087, line=token.line, variable=token.text)
    return name


def _alias(reader: TokenReader) -> str | None:
    if reader.at("FOR", "SYSTEM_TIME"):
        reader.refuse("FOR SYSTEM_TIME")
    return reader.identifier() if reader.take("AS") or reader.at_identifier else None


def table_hints(reader: TokenReader) -> frozenset[str]:
    """Read WITH (hints), if it comes next."""
    if not reader.take("WITH", "("):
        return frozenset()
    hints: set[str] = set()
    while not reader.take(")"):
        if not reader.take("INDEX"):
            hints.add(reader.expect_any(*_HINTS))
        elif reader.take("="):
            reader.next()
        else:
            reader.parenthesised(TokenReader.next)
        reader.take(",")
    return frozenset(hints)


def _table_function(reader: TokenReader) -> TableFunction:
    name = reader.next().word
    arguments = reader.parenthesised(scalar)
    columns = reader.parenthesised(_json_column) if name == "OPENJSON" and reader.take("WITH") else ()
    return TableFunction(name, arguments, _alias(reader), columns)


def _json_column(reader: TokenReader) -> JsonColumn:
    name = reader.identifier()
    kind = reader.data_type()
    path = reader.next().value if reader.at_text else f'$."{name}"'
    return JsonColumn(name, kind, path, reader.take("AS", "JSON"))
