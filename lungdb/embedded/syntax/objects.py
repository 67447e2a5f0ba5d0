"""CREATE, ALTER and DROP of whatever has a name."""

from __future__ import annotations

from collections.abc import Callable

from lungdb.embedded.syntax.declarations import procedure_parameter
from lungdb.embedded.syntax.queries import query
from lungdb.embedded.syntax.reader import TokenReader, words
from lungdb.embedded.syntax.statement_tree import (
    CreateLanguage,
    CreateModule,
    CreateSchema,
    Drop,
    DropSchema,
    ProcedureParameter,
    Statement,
)
from lungdb.embedded.syntax.tables import alter_table, create_index, create_table

_Read = Callable[[TokenReader, int], Statement]
"""Reads what follows CREATE, ALTER or DROP, whose line is given."""


def create(reader: TokenReader) -> Statement:
    """Read CREATE."""
    line = reader.expect("CREATE").line
    if reader.take("OR"):
        reader.expect("ALTER")
        return _object(reader, line, "CREATE OR ALTER", {})
    return _object(reader, line, "CREATE", _CREATED)


def alter(reader: TokenReader) -> Statement:
    """Read ALTER."""
    line = reader.expect("ALTER").line
    return _object(reader, line, "ALTER", {"TABLE": alter_table})


def drop(reader: TokenReader) -> Statement:
    """Read DROP."""
    line = reader.expect("DROP").line
    return _read_of(reader, "DROP", _DROPPED)(reader, line)


def _object(reader: TokenReader, line: int, mode: str, others: dict[str, _Read]) -> Statement:
    """Read a view or procedure, which CREATE, CREATE OR ALTER and ALTER all take, or one of the others."""
    module = _MODULES.get(reader.token.word)
    if module is None:
        return _read_of(reader, mode, others)(reader, line)
    reader.next()
    return module(reader, line, mode)


def _read_of(reader: TokenReader, mode: str, known: dict[str, _Read]) -> _Read:
    read = known.get(reader.token.word)
    if read is None:
        reader.refuse(f"{mode} {reader.token.value}")
    return read


def _view(reader: TokenReader, line: int, mode: str) -> Statement:
    name = reader.name()
    columns = reader.column_names()
    if reader.take("WITH"):
        reader.commas(lambda reader: reader.expect_any("SCHEMABINDING", "VIEW_METADATA"))
    reader.expect("AS")
    return CreateModule(line, "VIEW", mode, name, reader.text, columns, query(reader))


def _procedure(reader: TokenReader, line: int, mode: str) -> Statement:
    name = reader.name()
    enclosed = reader.take("(")
    parameters: tuple[ProcedureParameter, ...] = ()
    if reader.at_variable:
        parameters = reader.commas(procedure_parameter)
    if enclosed:
        reader.expect(")")
    if reader.take("WITH"):
        if reader.at("EXECUTE"):
            reader.refuse("WITH EXECUTE AS")
        reader.commas(lambda reader: reader.expect_any("RECOMPILE"))
    reader.expect("AS")
    body = reader.grammar.statements(reader)
    variables = tuple(reader.declared.items())
    return CreateModule(line, "PROCEDURE", mode, name, reader.text, (), None, parameters, body, variables)


_MODULES: dict[str, Callable[[TokenReader, int, str], Statement]] = {
    "PROC": _procedure,
    "PROCEDURE": _procedure,
    "VIEW": _view,
}


def _create_schema(reader: TokenReader, line: int) -> Statement:
    reader.expect("SCHEMA")
    if reader.at("AUTHORIZATION"):
        reader.refuse("CREATE SCHEMA without a name")
    name = reader.identifier()
    owner = reader.identifier() if reader.take("AUTHORIZATION") else None
    if reader.at_any("CREATE", "GRANT", "DENY", "REVOKE"):
        # Without a semicolon before it, T-SQL counts it to the schema that is made.
        reader.refuse(f"CREATE SCHEMA … {reader.token.word}")
    return CreateSchema(line, name, owner)


def _create_external(reader: TokenReader, line: int) -> Statement:
    reader.expect("EXTERNAL")
    if not reader.take("LANGUAGE"):
        reader.refuse(f"CREATE EXTERNAL {reader.token.value}")
    name = reader.identifier()
    while not (reader.at_end or reader.at(";")):
        reader.next()
    return CreateLanguage(line, name)


def _drop_objects(reader: TokenReader, line: int) -> Statement:
    kind = reader.next().word
    if_exists = reader.if_exists()
    return Drop(line, "PROCEDURE" if kind == "PROC" else kind, reader.commas(TokenReader.name), if_exists, None)


def _drop_index(reader: TokenReader, line: int) -> Statement:
    reader.expect("INDEX")
    if_exists = reader.if_exists()
    names = reader.commas(TokenReader.name)
    if not reader.take("ON") or len(names) > 1:
        reader.refuse("DROP INDEX without ON, or of several indexes")
    return Drop(line, "INDEX", names, if_exists, reader.name())


def _drop_schema(reader: TokenReader, line: int) -> Statement:
    reader.expect("SCHEMA")
    if_exists = reader.if_exists()
    return DropSchema(line, reader.identifier(), if_exists)


_CREATED: dict[str, _Read] = {
    "EXTERNAL": _create_external,
    "SCHEMA": _create_schema,
    "TABLE": create_table,
    **dict.fromkeys(words("CLUSTERED COLUMNSTORE INDEX NONCLUSTERED UNIQUE"), create_index),
}
_DROPPED: dict[str, _Read] = {
    "INDEX": _drop_index,
    "SCHEMA": _drop_schema,
    **dict.fromkeys(words("PROC PROCEDURE TABLE VIEW"), _drop_objects),
}
