"""INSERT, UPDATE, DELETE and TRUNCATE, with OUTPUT and INSERT … EXECUTE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lungdb.embedded.running.events import Event, Result, RowCount
from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.session import Session
from lungdb.embedded.store.failures import ConstraintError
from lungdb.embedded.syntax.statement_tree import (
    ColumnDefinition,
    Delete,
    Execute,
    ExecuteText,
    Insert,
    TableDefinition,
    Truncate,
    Update,
)
from lungdb.embedded.syntax.tree import Name, Output
from lungdb.embedded.values.conversions import Converter, check_allowed, column_converter
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key, quoted
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import SqlType
from lungdb.embedded.writer.changes import (
    change_target,
    changed_relation,
    defaulted_columns,
    insert_columns,
    rows_before,
    table_to_change,
    write_change,
    write_default,
    write_output,
)
from lungdb.embedded.writer.context import Writer, Written
from lungdb.embedded.writer.dispatch import new_writer
from lungdb.embedded.writer.plans import Plan
from lungdb.embedded.writer.scope import OutColumn
from lungdb.embedded.writer.sources import row_names
from lungdb.embedded.writer.tree_search import names_relation

Row = tuple[Value, ...]


def _counted(session: Session, count: int) -> Iterator[Event]:
    session.row_count = count
    if not session.options.no_count:
        yield RowCount(count)


def insert(session: Session, frame: Frame, statement: Insert) -> Iterator[Event]:
    """INSERT."""
    if isinstance(statement.source, Execute | ExecuteText):
        yield from _insert_execute(session, frame, statement)
        return
    table, physical = table_to_change(new_writer(session.sight(frame)), statement.table)
    if statement.output is not None:
        yield from _with_output(session, frame, statement, statement.output, "INSERT", table, physical)
        return
    plan = session.plan(
        frame, statement, "insert", lambda writer: (write_change(writer, statement), []), statement.source
    )
    count = session.change(frame, plan, "INSERT", table, bare(physical))
    _note_identity(session, frame, table, count)
    yield from _counted(session, count)


def _note_identity(session: Session, frame: Frame, table: TableDefinition, count: int) -> None:
    if count and any(column.identity is not None for column in table.columns):
        (number,) = session.storage.execute("SELECT last_insert_rowid()").fetchone()
        session.identity = frame.lasting().scope_identity = int(number)


def bare(text: str) -> str:
    """Return a table's name in SQLite without schema and quotes."""
    return text.partition(".")[2][1:-1].replace('""', '"')


def _with_output(
    session: Session,
    frame: Frame,
    statement: Insert | Update | Delete,
    output: Output,
    verb: str,
    table: TableDefinition,
    physical: str,
) -> Iterator[Event]:
    """Run a change and give what its OUTPUT asks for, as a result set or into a table."""

    def build(writer: Writer) -> Written:
        text = write_change(writer, statement)
        name = "deleted" if verb == "DELETE" else "inserted"
        items, columns = write_output(writer, output, [changed_relation(table, name, None)])
        return f"{text} RETURNING {items}", columns

    with session.atomic():
        if isinstance(statement, Update) and names_relation(output.items, "deleted"):
            columns, rows = _update_with_old_rows(session, frame, statement, output, table, physical)
        else:
            plan = session.plan(frame, statement, "output", build, statement)
            columns, rows = plan.columns, _returned(session, frame, plan, verb, table, physical)
        if verb == "INSERT":
            _note_identity(session, frame, table, len(rows))
        if output.into is not None:
            _store_rows(session, frame, output.into, output.columns, columns, rows)
    if output.into is None:
        yield Result(columns, iter(rows))
    yield from _counted(session, len(rows))


def _returned(
    session: Session, frame: Frame, plan: Plan, verb: str, table: TableDefinition, physical: str
) -> list[Row]:
    session.transactions.before_write()
    try:
        return list(session.storage.rows(session.storage.execute(plan.sql, session.values(frame, plan))))
    except ConstraintError as error:
        raise session.explained(error, verb, table, bare(physical)) from None


def _update_with_old_rows(
    session: Session, frame: Frame, statement: Update, output: Output, table: TableDefinition, physical: str
) -> tuple[tuple[OutColumn, ...], list[Row]]:
    """UPDATE whose OUTPUT reads DELETED: SQLite's RETURNING knows new values only, so the old ones are read first."""
    row = row_names(table)
    names = ", ".join(quoted(column.name) for column in table.columns)

    def build_old(writer: Writer) -> Written:
        return rows_before(writer, statement), []

    def build_update(writer: Writer) -> Written:
        return f"{write_change(writer, statement)} RETURNING {', '.join(row)}, {names}", []

    def build_items(writer: Writer) -> Written:
        relations = [changed_relation(table, name, name) for name in ("inserted", "deleted")]
        items, columns = write_output(writer, output, relations)
        sources = []
        for prefix, name in (("i", "inserted"), ("d", "deleted")):
            values = ", ".join(f":{prefix}{n} AS {quoted(each.name)}" for n, each in enumerate(table.columns))
            sources.append(f"(SELECT {values}) AS {quoted(name)}")
        return f"SELECT {items} FROM {', '.join(sources)}", columns

    plan = session.plan(frame, statement, "old", build_old, statement)
    before = {values[: len(row)]: values[len(row) :] for values in session.query(frame, plan)}
    plan = session.plan(frame, statement, "update", build_update, statement)
    after = _returned(session, frame, plan, "UPDATE", table, physical)
    plan = session.plan(frame, statement, "items", build_items)
    fixed = session.values(frame, plan)
    rows: list[Row] = []
    for changed in after:
        old, new = before[changed[: len(row)]], changed[len(row) :]
        values = dict(fixed)
        values.update({f"i{n}": value for n, value in enumerate(new)})
        values.update({f"d{n}": value for n, value in enumerate(old)})
        rows.extend(session.storage.rows(session.storage.execute(plan.sql, values)))
    return plan.columns, rows


def _store_rows(
    session: Session,
    frame: Frame,
    name: Name,
    names: tuple[str, ...],
    columns: Iterable[OutColumn],
    rows: Iterable[Row],
) -> int:
    """Insert rows that are in memory, converting each value as INSERT does."""
    writer = new_writer(session.sight(frame))
    table, physical = table_to_change(writer, name)
    targets = insert_columns(table, names)
    given = list(columns)
    if len(given) != len(targets):
        raise numbered_error(213, table=table.name, columns=len(targets), values=len(given))
    sql = _insert_text(writer, table, physical, targets)
    fixed = session.bound(frame, writer.binds)
    converters = [_converter(each.type, column, table) for each, column in zip(given, targets, strict=True)]
    session.transactions.before_write()
    places = [f"v{n}" for n in range(len(targets))]
    converted = ([convert(value) for convert, value in zip(converters, row, strict=True)] for row in rows)
    try:
        return session.storage.execute_many(sql, (dict(zip(places, row, strict=True), **fixed) for row in converted))
    except ConstraintError as error:
        raise session.explained(error, "INSERT", table, bare(physical)) from None


def _insert_text(writer: Writer, table: TableDefinition, physical: str, targets: list[ColumnDefinition]) -> str:
    omitted = defaulted_columns(table, targets)
    values = [f":v{n}" for n in range(len(targets))] + [write_default(writer, each, table) for each in omitted]
    columns = ", ".join(quoted(each.name) for each in (*targets, *omitted))
    return f"INSERT INTO {physical} ({columns}) VALUES ({', '.join(values)})"


def _converter(source: SqlType, column: ColumnDefinition, table: TableDefinition) -> Converter:
    check_allowed(source, column.type, explicit=False)
    return column_converter(source, column.type, table.name, column.name)


def _insert_execute(session: Session, frame: Frame, statement: Insert) -> Iterator[Event]:
    """INSERT … EXECUTE: every result set of the procedure goes into the table."""
    if frame.inserting:
        raise numbered_error(8164)
    if statement.output is not None:
        raise numbered_error(483)
    source = statement.source
    assert isinstance(source, Execute | ExecuteText)
    # The rows of a script go straight into the table; others are read first, lest they come from that very table.
    is_script = isinstance(source, Execute) and key(source.procedure[-1]) == "sp_execute_external_script"
    results: list[tuple[tuple[OutColumn, ...], Iterable[Row]]] = []
    count = 0
    frame.inserting = True
    try:
        for event in session.run(frame, (source,)):
            if isinstance(event, Result) and is_script:
                count += _store_results(session, frame, statement, [(event.columns, event.stored())])
            elif isinstance(event, Result):
                results.append((event.columns, list(event.stored())))
            elif not isinstance(event, RowCount):
                yield event
    finally:
        frame.inserting = False
    count += _store_results(session, frame, statement, results)
    yield from _counted(session, count)


def _store_results(
    session: Session,
    frame: Frame,
    statement: Insert,
    results: list[tuple[tuple[OutColumn, ...], Iterable[Row]]],
) -> int:
    with session.atomic(temporary=statement.table[-1].startswith(("#", "@"))):
        return sum(
            _store_rows(session, frame, statement.table, statement.columns, columns, rows) for columns, rows in results
        )


def update(session: Session, frame: Frame, statement: Update) -> Iterator[Event]:
    """UPDATE."""
    target = change_target(new_writer(session.sight(frame)), statement.target, statement.source)
    if statement.output is not None:
        yield from _with_output(session, frame, statement, statement.output, "UPDATE", target.table, target.text)
        return
    plan = session.plan(frame, statement, "update", lambda writer: (write_change(writer, statement), []), statement)
    count = session.change(frame, plan, "UPDATE", target.table, bare(target.text))
    yield from _counted(session, count)


def delete(session: Session, frame: Frame, statement: Delete) -> Iterator[Event]:
    """DELETE."""
    target = change_target(new_writer(session.sight(frame)), statement.target, statement.source)
    if statement.output is not None:
        yield from _with_output(session, frame, statement, statement.output, "DELETE", target.table, target.text)
        return
    plan = session.plan(frame, statement, "delete", lambda writer: (write_change(writer, statement), []), statement)
    count = session.change(frame, plan, "DELETE", target.table, bare(target.text))
    yield from _counted(session, count)


def truncate(session: Session, frame: Frame, statement: Truncate) -> Iterator[Event]:
    """TRUNCATE TABLE, which begins IDENTITY again."""
    table, physical = table_to_change(new_writer(session.sight(frame)), statement.table)
    if session.catalog.referencing(table.name) and not table.name.startswith("#"):
        raise numbered_error(4712, table=table.name)
    with session.atomic():
        session.storage.execute(f"DELETE FROM {physical}")
        identity = next((each.identity for each in table.columns if each.identity is not None), None)
        if identity is not None:
            schema = physical.partition(".")[0]
            session.storage.execute(
                f"UPDATE {schema}.sqlite_sequence SET seq = ? WHERE name = ?", (identity[0] - 1, bare(physical))
            )
    session.row_count = 0
    return iter(())
