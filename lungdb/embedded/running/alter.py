"""ALTER TABLE.

SQLite can add, drop and rename a column. Constraints and NOT NULL are changed by writing the table's CREATE TABLE into
SQLite's schema anew, the way https://www.sqlite.org/lang_altertable.html gives for changes that leave the rows as they
are; the rows are checked before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lungdb.embedded.running.definitions import (
    changed_table,
    checked_table,
    drop_indexes,
    keep_table,
    run_definition,
)
from lungdb.embedded.running.events import Event
from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.session import Session
from lungdb.embedded.store.catalog import write_table
from lungdb.embedded.store.properties import drop_column
from lungdb.embedded.syntax.statement_tree import (
    AddColumns,
    AlterColumn,
    ColumnDefinition,
    DropMembers,
    ForeignKey,
    IndexDefinition,
    TableDefinition,
)
from lungdb.embedded.syntax.tree import Name
from lungdb.embedded.values.conversions import conversion_template
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key, quoted, text_literal
from lungdb.embedded.values.refusals import refused
from lungdb.embedded.writer.changes import write_default
from lungdb.embedded.writer.dispatch import new_writer
from lungdb.embedded.writer.plans import LocalTable
from lungdb.embedded.writer.schema import SchemaWriter, find_column, member_names
from lungdb.embedded.writer.sources import clustered_key


def _permanent(session: Session, frame: Frame, name: Name) -> TableDefinition:
    table, _, local = changed_table(session, frame, name)
    if local is not None:
        raise refused(
            f"ALTER TABLE of the temporary table '{table.name}'",
            "Create it with all its columns, or add numbers that may be NULL, outside of a transaction.",
        )
    return table


def add_columns(session: Session, frame: Frame, statement: AddColumns) -> Iterator[Event]:
    """ALTER TABLE … ADD columns and constraints."""
    _, _, local = changed_table(session, frame, statement.table)
    if local is not None and not session.transactions.count and _is_of_bare_columns(statement):
        new = replace(local.definition, columns=(*local.definition.columns, *statement.addition.columns))
        # What makes of a table stored by its key one with rows of its own would have to move them.
        if clustered_key(new) == clustered_key(local.definition):
            _add_bare_columns(session, frame, local, new)
            return iter(())
    table = _permanent(session, frame, statement.table)
    addition = statement.addition
    columns = _with_defaults(table, statement.defaults)
    new = replace(
        table,
        columns=(*columns, *addition.columns),
        keys=(*table.keys, *addition.keys),
        foreign_keys=(*table.foreign_keys, *addition.foreign_keys),
        checks=(*table.checks, *addition.checks),
    )
    _check_names(table, addition)
    with session.atomic():
        new = checked_table(session, new)
        for column in addition.columns:
            _add_column(session, frame, table, new, column, statement.with_values)
        _check_rows(session, frame, new, addition)
        _check_nulls(session, new, [each for each in new.columns if _became_not_null(table, each)])
        _rewrite(session, frame, new)
        writer = SchemaWriter(session.sight(frame), "main", new.name)
        for constraint in addition.keys:
            index = IndexDefinition(constraint.name, (), unique=True)
            for text in writer.key_indexes(new, constraint):
                run_definition(session, text, new, new.name, index)
        _check_foreign_keys(session, new, addition.foreign_keys)
    return iter(())


def _is_of_bare_columns(statement: AddColumns) -> bool:
    """Tell whether all that is added are columns that are NULL in the rows that are there."""
    addition = statement.addition
    others = (addition.keys, addition.foreign_keys, addition.checks, addition.indexes, statement.defaults)
    bare = all(each.nullable and each.default is None and each.identity is None for each in addition.columns)
    return bare and not any(others)


def _add_bare_columns(session: Session, frame: Frame, local: LocalTable, new: TableDefinition) -> None:
    """Add such columns to a #temp table, outside of a transaction, which could take them away again."""
    with session.atomic(temporary=True):
        new = checked_table(session, new)
        writer = SchemaWriter(session.sight(frame), "temp", local.physical)
        for column in new.columns[len(local.definition.columns) :]:
            session.storage.execute(f"ALTER TABLE {local.text} ADD COLUMN {writer.column(column)}")
    keep_table(session, frame, new, local)


def _check_names(table: TableDefinition, addition: TableDefinition) -> None:
    taken = member_names(table) & member_names(addition)
    if taken:
        raise numbered_error(2714, name=min(taken))


def _with_defaults(table: TableDefinition, defaults: tuple[tuple[str, str, str], ...]) -> tuple[ColumnDefinition, ...]:
    """Return a table's columns, some of which get a default that they did not have."""
    columns = {key(each.name): each for each in table.columns}
    taken = member_names(table) | {key(each.default_name) for each in table.columns if each.default_name is not None}
    for name, column, value in defaults:
        found = columns.get(key(column))
        if found is None:
            raise numbered_error(1752, column=column, table=table.name)
        if found.default is not None:
            raise numbered_error(1781, column=column, table=table.name)
        if key(name) in taken:
            raise numbered_error(2714, name=name)
        columns[key(column)] = replace(found, default=value, default_name=name)
        taken.add(key(name))
    return tuple(columns.values())


def _became_not_null(table: TableDefinition, column: ColumnDefinition) -> bool:
    before = next((each for each in table.columns if key(each.name) == key(column.name)), None)
    return not column.nullable and column.identity is None and (before is None or before.nullable)


def _add_column(
    session: Session, frame: Frame, table: TableDefinition, new: TableDefinition, column: ColumnDefinition, fill: bool
) -> None:
    if column.identity is not None:
        raise refused(f"ALTER TABLE … ADD '{column.name}' with IDENTITY", "Create the table with it.")
    (has_rows,) = session.storage.execute(f"SELECT EXISTS (SELECT 1 FROM main.{quoted(table.name)})").fetchone()
    if has_rows and not column.nullable and column.default is None:
        raise numbered_error(4901, column=column.name, table=table.name)
    declared = SchemaWriter(session.sight(frame), "main", table.name).column(replace(column, nullable=True))
    session.storage.execute(f"ALTER TABLE main.{quoted(table.name)} ADD COLUMN {declared}")
    if has_rows and column.default is not None and (fill or not column.nullable):
        writer = new_writer(session.sight(frame))
        value = write_default(writer, column, new)
        session.storage.execute(
            f"UPDATE main.{quoted(table.name)} SET {quoted(column.name)} = {value}", session.bound(frame, writer.binds)
        )


def _check_rows(session: Session, frame: Frame, table: TableDefinition, addition: TableDefinition) -> None:
    writer = SchemaWriter(session.sight(frame), "main", table.name)
    for check in addition.checks:
        condition = writer.check(table, check.condition)
        sql = f"SELECT EXISTS (SELECT 1 FROM main.{quoted(table.name)} WHERE NOT ({condition}))"
        if session.storage.execute(sql).fetchone()[0]:
            what = f'"{check.name}" of table "dbo.{table.name}"'
            advice = "Change the rows that violate it first."
            raise numbered_error(547, statement="ALTER TABLE", kind="CHECK", constraint=what, advice=advice)


def _check_nulls(session: Session, table: TableDefinition, columns: list[ColumnDefinition]) -> None:
    for column in columns:
        sql = f"SELECT EXISTS (SELECT 1 FROM main.{quoted(table.name)} WHERE {quoted(column.name)} IS NULL)"
        if session.storage.execute(sql).fetchone()[0]:
            advice = "Fill the column first."
            raise numbered_error(515, column=column.name, table=table.name, statement="ALTER TABLE", advice=advice)


def _check_foreign_keys(session: Session, table: TableDefinition, foreign_keys: tuple[ForeignKey, ...]) -> None:
    if not foreign_keys:
        return
    broken = session.storage.execute(f"PRAGMA main.foreign_key_check({quoted(table.name)})").fetchone()
    if broken is not None:
        names = " or ".join(f'"{each.name}"' for each in foreign_keys)
        what = f'{names} of table "dbo.{table.name}"'
        advice = f'Add the missing rows to "dbo.{broken[2]}" first.'
        raise numbered_error(547, statement="ALTER TABLE", kind="FOREIGN KEY", constraint=what, advice=advice)


def _rewrite(session: Session, frame: Frame, table: TableDefinition) -> None:
    """Write the table's definition into SQLite's schema, in the order that its columns have there, and keep it."""
    execute = session.storage.execute
    order = [row[1] for row in execute(f"PRAGMA main.table_info({quoted(table.name)})")]
    text = SchemaWriter(session.sight(frame), "main", table.name).create_table(table, order)
    (version,) = execute("PRAGMA main.schema_version").fetchone()
    execute("PRAGMA writable_schema = ON")
    try:
        execute(
            "UPDATE main.sqlite_master SET sql = ? WHERE type = 'table' AND name = ?",
            (text.replace("CREATE TABLE main.", "CREATE TABLE ", 1), table.name),
        )
        execute(f"PRAGMA main.schema_version = {version + 1}")
    finally:
        # RESET switches it off and makes SQLite read the schema again.
        execute("PRAGMA writable_schema = RESET")
    session.catalog.save(table.name, "U", write_table(table))


def drop_members(session: Session, frame: Frame, statement: DropMembers) -> Iterator[Event]:
    """ALTER TABLE … DROP CONSTRAINT or COLUMN."""
    table = _permanent(session, frame, statement.table)
    with session.atomic():
        for kind, name in statement.members:
            dropped = _without_constraint(session, table, name) if kind == "CONSTRAINT" else None
            if kind == "COLUMN":
                dropped = _without_column(session, table, name)
            if dropped is not None:
                table = dropped
            elif not statement.if_exists:
                raise numbered_error(3728 if kind == "CONSTRAINT" else 4924, name=name, table=table.name)
        _rewrite(session, frame, table)
    return iter(())


def _without_constraint(session: Session, table: TableDefinition, name: str) -> TableDefinition | None:
    for column in table.columns:
        if column.default_name is not None and key(column.default_name) == key(name):
            columns = tuple(
                replace(each, default=None, default_name=None) if each is column else each for each in table.columns
            )
            return replace(table, columns=columns)
    for constraint in table.keys:
        if key(constraint.name) == key(name):
            _check_not_referenced(session, table, constraint.columns, name)
            drop_indexes(session, table.name, constraint.name, None)
            return replace(table, keys=tuple(each for each in table.keys if each != constraint))
    checks = tuple(each for each in table.checks if key(each.name) != key(name))
    foreign_keys = tuple(each for each in table.foreign_keys if key(each.name) != key(name))
    if len(checks) + len(foreign_keys) == len(table.checks) + len(table.foreign_keys):
        return None
    return replace(table, checks=checks, foreign_keys=foreign_keys)


def _check_not_referenced(session: Session, table: TableDefinition, columns: tuple[str, ...], name: str) -> None:
    for other, foreign in session.catalog.referencing(table.name):
        if {key(each) for each in foreign.referenced} == {key(each) for each in columns}:
            raise numbered_error(3725, constraint=name, table=other.name, foreign_key=foreign.name)


def _without_column(session: Session, table: TableDefinition, name: str) -> TableDefinition | None:
    column = next((each for each in table.columns if key(each.name) == key(name)), None)
    if column is None:
        return None
    _check_free(table, column, "DROP COLUMN")
    if len(table.columns) == 1:
        raise numbered_error(4923, column=name, table=table.name)
    if column.identity is not None:
        raise refused(f"Dropping the identity column '{name}'", "Make a new table.")
    session.storage.execute(f"ALTER TABLE main.{quoted(table.name)} DROP COLUMN {quoted(column.name)}")
    drop_column(session.catalog, table.name, 1 + table.columns.index(column))
    return replace(table, columns=tuple(each for each in table.columns if each is not column))


def _check_free(table: TableDefinition, column: ColumnDefinition, action: str) -> None:
    """Refuse to change a column that a constraint or index needs."""
    wanted = key(column.name)
    users = [each.name for each in table.keys if wanted in map(key, each.columns)]
    users += [each.name for each in table.foreign_keys if wanted in map(key, each.columns)]
    users += [each.name for each in table.indexes if wanted in [key(name) for name, _ in each.columns]]
    users += [each.name for each in table.indexes if each.filter is not None and wanted in key(each.filter)]
    users += [each.name for each in table.checks if wanted in key(each.condition)]
    if action == "DROP COLUMN" and column.default_name is not None:
        users.append(column.default_name)
    if users:
        raise numbered_error(5074, action=action, column=column.name, users=", ".join(users))


def alter_column(session: Session, frame: Frame, statement: AlterColumn) -> Iterator[Event]:
    """ALTER TABLE … ALTER COLUMN."""
    table = _permanent(session, frame, statement.table)
    column = find_column(table, statement.column)
    if column.identity is not None:
        raise refused(f"Altering the identity column '{column.name}'", "Make a new table.")
    changed = replace(column, type=statement.type, nullable=statement.nullable)
    new = replace(table, columns=tuple(changed if each is column else each for each in table.columns))
    if column.type.sqlite != changed.type.sqlite:
        _check_free(table, column, "ALTER COLUMN")
    with session.atomic():
        if column.type != changed.type:
            _convert_column(session, frame, table, column, changed)
        if column.nullable and not changed.nullable:
            _check_nulls(session, table, [changed])
        _rewrite(session, frame, new)
    return iter(())


def _convert_column(
    session: Session, frame: Frame, table: TableDefinition, column: ColumnDefinition, changed: ColumnDefinition
) -> None:
    name, target = quoted(column.name), f"main.{quoted(table.name)}"
    if column.type.length is not None and changed.type.length is not None and column.type.sqlite == changed.type.sqlite:
        place = f"{text_literal(table.name)}, {text_literal(column.name)}"
        value = f"tsql_store({name}, '{column.type}', '{changed.type}', {place})"
    else:
        value = conversion_template(column.type, changed.type, explicit=False).format(name)
    if column.type.sqlite == changed.type.sqlite:
        session.storage.execute(f"UPDATE {target} SET {name} = {value}")
        return
    passing = quoted("tsql$passing")
    declared = SchemaWriter(session.sight(frame), "main", table.name).column(
        replace(changed, name="tsql$passing", nullable=True)
    )
    for text in (
        f"ALTER TABLE {target} ADD COLUMN {declared}",
        f"UPDATE {target} SET {passing} = {value}",
        f"ALTER TABLE {target} DROP COLUMN {name}",
        f"ALTER TABLE {target} RENAME COLUMN {passing} TO {name}",
    ):
        session.storage.execute(text)
