"""DECLARE, SET @variable and SELECT in its four kinds: for the client, INTO a table, into variables, by itself."""

from __future__ import annotations

from collections.abc import Iterator

from lungdb.embedded.running.events import Event, Result
from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.session import Session
from lungdb.embedded.store.catalog import write_table
from lungdb.embedded.syntax.queries import without_into
from lungdb.embedded.syntax.statement_tree import (
    ColumnDefinition,
    Declare,
    SelectStatement,
    SetVariable,
    TableDefinition,
)
from lungdb.embedded.syntax.tree import Select, SelectItem
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import quoted
from lungdb.embedded.values.refusals import MOST_COLUMNS, refused
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import Family
from lungdb.embedded.writer.context import Writer, Written
from lungdb.embedded.writer.schema import SchemaWriter
from lungdb.embedded.writer.scope import OutColumn, Sql, relation_of
from lungdb.embedded.writer.tree_search import mentions_variable


def declare(session: Session, frame: Frame, statement: Declare) -> Iterator[Event]:
    """DECLARE a variable; without a value it is NULL only the first time, in a loop it keeps what it has."""
    if statement.value is not None:
        value, _ = session.scalar(frame, statement, statement.value, "value", statement.type)
        frame.variables[statement.variable] = value
        session.row_count = 1
    return iter(())


def set_variable(session: Session, frame: Frame, statement: SetVariable) -> Iterator[Event]:
    """SET @variable = value."""
    kind = frame.types[statement.variable]
    frame.variables[statement.variable], _ = session.scalar(frame, statement, statement.value, "value", kind)
    session.row_count = 1
    return iter(())


def select(session: Session, frame: Frame, statement: SelectStatement) -> Iterator[Event]:
    """SELECT."""
    body = statement.query.body
    if isinstance(body, Select):
        if body.into is not None:
            session.row_count = select_into(session, frame, statement)
            return
        if any(isinstance(item, SelectItem) and item.variable is not None for item in body.items):
            _assign(session, frame, statement, body)
            return
    plan = session.plan(frame, statement, "query", lambda writer: writer.query(statement.query), statement.query)
    result = Result(plan.columns, session.query(frame, plan))
    try:
        yield result
    finally:
        result.close()
    result.finish()
    session.row_count = result.count


def _assign(session: Session, frame: Frame, statement: SelectStatement, body: Select) -> None:
    items = [item for item in body.items if isinstance(item, SelectItem) and item.variable is not None]
    if len(items) != len(body.items):
        raise numbered_error(141)
    variables = [item.variable for item in items if item.variable is not None]
    if body.source is None and body.where is None:
        # Items are assigned one after the other, so a later one sees what an earlier one has set.
        for number, (variable, item) in enumerate(zip(variables, items, strict=True)):
            kind = frame.types[variable]
            frame.variables[variable], _ = session.scalar(frame, statement, item.value, number, kind)
        session.row_count = 1
        return

    def build(writer: Writer) -> Written:
        kinds = [frame.types[variable] for variable in variables]
        text, columns = writer.query(statement.query)
        names = [f'"c{number}"' for number in range(len(kinds))]
        converted = [
            "NULL" if column.is_null else writer.convert(Sql(name, column.type), kind).text
            for name, column, kind in zip(names, columns, kinds, strict=True)
        ]
        return f'WITH "q" ({", ".join(names)}) AS ({text}) SELECT {", ".join(converted)} FROM "q"', columns

    plan = session.plan(frame, statement, "assign", build, statement.query)
    count = 0
    last: tuple[Value, ...] | None = None
    for row in session.query(frame, plan):
        count += 1
        last = row
    if count > 1 and any(mentions_variable(item.value, set(variables)) for item in items):
        raise refused(
            "SELECT @variable = … over several rows with an expression that reads the variable",
            "Use SUM or STRING_AGG, or a loop.",
        )
    if last is not None:
        frame.variables.update(zip(variables, last, strict=True))
    session.row_count = count


def select_into(session: Session, frame: Frame, statement: SelectStatement) -> int:
    """SELECT … INTO a new table; return the number of rows."""
    query = without_into(statement.query)
    assert isinstance(statement.query.body, Select)
    name = statement.query.body.into
    assert name is not None
    with session.atomic():
        plan = session.plan(frame, statement, "query", lambda writer: writer.query(query), query)
        definition = _definition(name[-1], plan.columns)
        if name[-1].startswith("#"):
            local = session.create_local(frame, name[-1], definition, anew=True)
            target = local.text
        else:
            _, last = session.new_place(frame, name, "TABLE")
            target = _create_table(session, frame, last, definition)
        columns = ", ".join(quoted(column.name) for column in definition.columns)
        cursor = session.storage.execute(
            f"INSERT INTO {target} ({columns}) SELECT * FROM ({plan.sql}) WHERE 1", session.values(frame, plan)
        )
        return cursor.rowcount


def _create_table(session: Session, frame: Frame, name: str, definition: TableDefinition) -> str:
    if session.catalog.find(name) is not None:
        raise numbered_error(2714, name=name)
    for text in SchemaWriter(session.sight(frame), "main", name).create(definition):
        session.storage.execute(text)
    session.catalog.save(name, "U", write_table(definition))
    return f"main.{quoted(name)}"


def _definition(name: str, columns: tuple[OutColumn, ...]) -> TableDefinition:
    relation_of(name, columns)
    if len(columns) > MOST_COLUMNS:
        raise numbered_error(1702, column=columns[MOST_COLUMNS].name, table=name, limit=MOST_COLUMNS)
    for column in columns:
        if column.type.family == Family.VARIANT:
            raise refused(f"SELECT … INTO with the column '{column.name}' of sql_variant", "CAST it.")
    return TableDefinition(name, tuple(ColumnDefinition(each.name, each.type) for each in columns))
