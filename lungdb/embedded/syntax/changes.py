"""INSERT, UPDATE, DELETE and TRUNCATE."""

from __future__ import annotations

from dataclasses import replace

from lungdb.embedded.syntax.execution import execute
from lungdb.embedded.syntax.expressions import condition, scalar
from lungdb.embedded.syntax.queries import assigned_value, options, query, select_item, top
from lungdb.embedded.syntax.reader import TokenReader
from lungdb.embedded.syntax.sources import sources, target
from lungdb.embedded.syntax.statement_tree import (
    DefaultedRows,
    Delete,
    Execute,
    ExecuteText,
    Insert,
    Statement,
    Truncate,
    Update,
)
from lungdb.embedded.syntax.tree import Column, CommonTable, Condition, Output, Query, Scalar, Source
from lungdb.embedded.values.messages import numbered_error


def insert(reader: TokenReader, common: tuple[CommonTable, ...] = ()) -> Statement:
    """Read INSERT, which may follow common table expressions."""
    line = reader.expect("INSERT").line
    if reader.at("TOP"):
        reader.refuse("INSERT TOP")
    reader.take("INTO")
    table = target(reader)
    columns = () if reader.behind_parentheses().word in ("SELECT", "WITH") else reader.column_names()
    output = _output(reader)
    return Insert(line, table, columns, _inserted(reader, common, line), output)


def _inserted(
    reader: TokenReader, common: tuple[CommonTable, ...], line: int
) -> Query | DefaultedRows | Execute | ExecuteText | None:
    """Read where the rows of INSERT come from."""
    if reader.take("DEFAULT"):
        reader.expect("VALUES")
        return None
    if reader.at_any("EXEC", "EXECUTE"):
        execution = execute(reader)
        if execution.result_sets is not None:
            raise numbered_error(102, line=line, near="RESULT", advice="INSERT … EXECUTE takes no RESULT SETS.")
        return execution
    if reader.take("VALUES"):
        return DefaultedRows(reader.commas(lambda reader: reader.parenthesised(_defaulted)))
    found = query(reader)
    return replace(found, common=common) if common else found


def _defaulted(reader: TokenReader) -> Scalar | None:
    return None if reader.take("DEFAULT") else scalar(reader)


def _output(reader: TokenReader) -> Output | None:
    """Read OUTPUT, if it comes next."""
    if not reader.take("OUTPUT"):
        return None
    items = reader.commas(select_item)
    if not reader.take("INTO"):
        return Output(items, None, ())
    into = target(reader)
    return Output(items, into, reader.column_names())


def update(reader: TokenReader, common: tuple[CommonTable, ...] = ()) -> Statement:
    """Read UPDATE, which may follow common table expressions."""
    line = reader.expect("UPDATE").line
    if reader.at("STATISTICS"):
        reader.refuse("UPDATE STATISTICS")
    limit = top(reader)
    table = target(reader)
    reader.expect("SET")
    assignments = reader.commas(_assignment)
    output = _output(reader)
    source, where = _from_where(reader)
    return Update(line, table, assignments, source, where, limit, output, common, options(reader))


def _assignment(reader: TokenReader) -> tuple[str, Scalar | None]:
    if reader.at_variable:
        reader.refuse("UPDATE … SET @variable")
    name = reader.name()
    if reader.take("="):
        return name[-1], _defaulted(reader)
    return name[-1], assigned_value(reader, Column(name))


def _from_where(reader: TokenReader) -> tuple[Source | None, Condition | None]:
    source = sources(reader) if reader.take("FROM") else None
    if reader.at("WHERE", "CURRENT"):
        reader.refuse("WHERE CURRENT OF")
    return source, condition(reader) if reader.take("WHERE") else None


def delete(reader: TokenReader, common: tuple[CommonTable, ...] = ()) -> Statement:
    """Read DELETE, which may follow common table expressions."""
    line = reader.expect("DELETE").line
    limit = top(reader)
    reader.take("FROM")
    table = target(reader)
    output = _output(reader)
    source, where = _from_where(reader)
    return Delete(line, table, source, where, limit, output, common, options(reader))


def truncate(reader: TokenReader) -> Statement:
    """Read TRUNCATE TABLE."""
    line = reader.expect("TRUNCATE").line
    reader.expect("TABLE")
    return Truncate(line, reader.name())
