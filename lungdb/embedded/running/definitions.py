"""CREATE and DROP of tables, indexes, views, procedures, schemas and languages; rights, which are recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lungdb.embedded.running.events import Event
from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.session import Session
from lungdb.embedded.store.catalog import DBO, FIXED_SCHEMAS, CatalogObject, write_table
from lungdb.embedded.store.rights import forget, record
from lungdb.embedded.syntax.objects import ChangePermission, ChangeRights, ChangeSignature
from lungdb.embedded.syntax.statement_tree import (
    CreateIndex,
    CreateLanguage,
    CreateModule,
    CreateSchema,
    CreateTable,
    DeclareTable,
    Drop,
    DropSchema,
    ForeignKey,
    IndexDefinition,
    TableDefinition,
)
from lungdb.embedded.syntax.tree import Name
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key, quoted
from lungdb.embedded.values.refusals import MOST_COLUMNS, MOST_KEY_COLUMNS, refused
from lungdb.embedded.writer.changes import table_to_change, write_default
from lungdb.embedded.writer.dispatch import new_writer
from lungdb.embedded.writer.plans import LocalTable
from lungdb.embedded.writer.schema import SchemaWriter, find_column, member_names
from lungdb.embedded.writer.scope import relation_of, renamed
from lungdb.errors import SqlError

_KIND_OF = {"TABLE": "U", "VIEW": "V", "PROCEDURE": "P"}


def exists_already(name: str) -> SqlError:
    """Return error 2714."""
    return numbered_error(2714, name=name)


def checked_table(session: Session, table: TableDefinition) -> TableDefinition:
    """Check a new table's columns and keys, and fill in what its foreign keys leave to be known.

    Raises
    ------
    SqlError
        2705 for two columns of one name, 8110 for two primary keys, 1911 for unknown columns, 1767 for a missing table
        and 1776 for columns that are no key of it.
    """
    seen: set[str] = set()
    for column in table.columns:
        if key(column.name) in seen:
            raise numbered_error(2705, column=column.name, table=table.name)
        seen.add(key(column.name))
    if sum(each.primary for each in table.keys) > 1:
        raise numbered_error(8110, table=table.name)
    if sum(each.identity is not None for each in table.columns) > 1:
        raise numbered_error(2744, table=table.name)
    in_primary = {key(name) for each in table.keys if each.primary for name in each.columns}
    columns = tuple(
        replace(each, nullable=each.nullable and key(each.name) not in in_primary) for each in table.columns
    )
    if len(columns) > MOST_COLUMNS:
        raise numbered_error(1702, column=columns[MOST_COLUMNS].name, table=table.name, limit=MOST_COLUMNS)
    _check_members(table)
    for column in columns:
        write_default(new_writer(session.sight(session.root)), column, table)
    foreign_keys = tuple(_checked_foreign_key(session, table, each) for each in table.foreign_keys)
    return replace(table, columns=columns, foreign_keys=foreign_keys)


def _check_members(table: TableDefinition) -> None:
    """Refuse two constraints of one name, and keys of too many columns."""
    names = [each.name for each in table.keys] + [each.name for each in table.foreign_keys]
    names += [each.name for each in table.checks]
    names += [each.default_name for each in table.columns if each.default_name is not None]
    seen: set[str] = set()
    for name in names:
        if key(name) in seen:
            raise exists_already(name)
        seen.add(key(name))
    for each in table.keys:
        check_key(table, each.name, each.columns)


def check_key(table: TableDefinition, name: str, columns: Sequence[str]) -> None:
    """Refuse an index or key of too many columns, or of one column twice.

    Raises
    ------
    SqlError
        1904, 1909.
    """
    if len(columns) > MOST_KEY_COLUMNS:
        raise numbered_error(1904, index=name, table=table.name, count=len(columns), limit=MOST_KEY_COLUMNS)
    names = [key(each) for each in columns]
    twice = next((each for each in columns if names.count(key(each)) > 1), None)
    if twice is not None:
        raise numbered_error(1909, column=twice)


def _checked_foreign_key(session: Session, table: TableDefinition, foreign: ForeignKey) -> ForeignKey:
    for name in foreign.columns:
        find_column(table, name)
    found = session.catalog.find(foreign.table, "U")
    other = table if key(foreign.table) == key(table.name) else None if found is None else found.table
    if other is None:
        raise numbered_error(1767, foreign_key=foreign.name, table=foreign.table)
    primary = next((each.columns for each in other.keys if each.primary), ())
    referenced = tuple(find_column(other, name).name for name in foreign.referenced or primary)
    keys = [{key(name) for name in each.columns} for each in other.keys]
    keys += [{key(name) for name, _ in each.columns} for each in other.indexes if each.unique and each.filter is None]
    if {key(name) for name in referenced} not in keys or len(referenced) != len(foreign.columns):
        raise numbered_error(1776, table=other.name, foreign_key=foreign.name)
    return replace(foreign, table=other.name, referenced=referenced)


def create_table(session: Session, frame: Frame, statement: CreateTable) -> Iterator[Event]:
    """CREATE TABLE."""
    name = statement.name[-1]
    if name.startswith("##"):
        raise refused(f"The global temporary table '{name}'", "Use #name.")
    if name.startswith("#"):
        session.create_local(frame, name, _checked_local(session, frame, statement))
        if statement.definition.foreign_keys:
            text = "Skipping FOREIGN KEY constraint definition for temporary table. It is not enforced there."
            yield session.message(frame, statement.line, text)
        return
    _, name = session.new_place(frame, statement.name, "TABLE")
    if name.lower().startswith(("sqlite_", "tsql$")):
        raise refused(f"The table name '{name}'", "The engine keeps such names to itself: take another one.")
    with session.atomic():
        if session.catalog.find(name) is not None:
            raise exists_already(name)
        definition = checked_table(session, statement.definition)
        for text in SchemaWriter(session.sight(frame), "main", name).create(definition):
            session.storage.execute(text)
        session.catalog.save(name, "U", write_table(definition))


def declare_table(session: Session, frame: Frame, statement: DeclareTable) -> Iterator[Event]:
    """DECLARE @name TABLE; in a loop the table keeps its rows."""
    name = statement.definition.name
    if key(name) not in frame.tables:
        session.create_local(frame, name, _checked_local(session, frame, statement))
    return iter(())


def _checked_local(session: Session, frame: Frame, statement: CreateTable | DeclareTable) -> TableDefinition:
    """Return the definition of a #temp table or table variable, checked once for each text that makes it."""
    checked = frame.unit.local_tables.get(id(statement))
    if checked is None:
        # SQL Server skips foreign keys with a message.
        checked = checked_table(session, replace(statement.definition, foreign_keys=()))
        frame.unit.local_tables[id(statement)] = checked
    return checked


def create_index(session: Session, frame: Frame, statement: CreateIndex) -> Iterator[Event]:
    """CREATE INDEX."""
    table, physical, local = changed_table(session, frame, statement.table)
    index = statement.index
    if key(index.name) in member_names(table):
        raise numbered_error(1913, index=index.name, table=table.name)
    check_key(table, index.name, [name for name, _ in index.columns])
    for name in index.included:
        find_column(table, name)
    schema = "main" if local is None else "temp"
    with session.atomic():
        for text in SchemaWriter(session.sight(frame), schema, physical).index(table, index):
            run_definition(session, text, table, physical, index)
        keep_table(session, frame, replace(table, indexes=(*table.indexes, index)), local)
    return iter(())


def run_definition(
    session: Session, text: str, table: TableDefinition, physical: str, index: IndexDefinition | None = None
) -> None:
    """Run SQLite text that makes an index over rows which may violate it."""
    try:
        session.storage.execute(text)
    except SqlError as error:
        if error.number != 547 or index is None:
            raise
        raise numbered_error(1505, table=table.name, index=index.name) from None


def changed_table(session: Session, frame: Frame, name: Name) -> tuple[TableDefinition, str, LocalTable | None]:
    """Return a table to be altered, its name in SQLite, and the local table that it is, if it is one."""
    table, _ = table_to_change(new_writer(session.sight(frame)), name)
    local = frame.local_table(name[-1]) if name[-1].startswith("#") else None
    return table, table.name if local is None else local.physical, local


def keep_table(session: Session, frame: Frame, table: TableDefinition, local: LocalTable | None) -> None:
    """Keep the new definition of a table that has been altered."""
    if local is None:
        session.catalog.save(table.name, "U", write_table(table))
        return
    place: Frame | None = frame
    while place is not None:
        for name, each in place.tables.items():
            if each is local:
                place.tables[name] = replace(local, definition=table)
                return
        place = place.parent


def create_module(session: Session, frame: Frame, statement: CreateModule) -> Iterator[Event]:
    """CREATE, ALTER or CREATE OR ALTER of a view or procedure."""
    schema, name = session.new_place(frame, statement.name, statement.kind)
    kind = _KIND_OF[statement.kind]
    if statement.query is not None:
        _, columns = new_writer(session.sight(frame)).query(statement.query)
        columns = renamed(columns, statement.columns, name)
        relation_of(name, columns)
        if len(columns) > MOST_COLUMNS:
            raise numbered_error(4505, column=columns[MOST_COLUMNS].name, view=name, limit=MOST_COLUMNS)
    with session.atomic():
        found = session.catalog.find(name, schema=schema)
        if found is not None and (statement.mode == "CREATE" or found.kind != kind):
            raise exists_already(name)
        if found is None and statement.mode == "ALTER":
            raise numbered_error(208, name=name, advice="Use CREATE OR ALTER to make it.")
        session.catalog.save(name, kind, statement.text, schema)
        if found is not None:
            forget(session.catalog, found.object_id)
    return iter(())


def create_schema(session: Session, frame: Frame, statement: CreateSchema) -> Iterator[Event]:
    """CREATE SCHEMA; dbo, who is everybody here, owns it."""
    if statement.owner is not None and key(statement.owner) != DBO:
        raise numbered_error(15151, doing="find", kind="user", name=statement.owner, advice="Leave AUTHORIZATION out.")
    with session.atomic():
        if session.catalog.find_schema(statement.name) is not None:
            raise exists_already(statement.name)
        session.catalog.add_schema(statement.name)
    return iter(())


def drop_schema(session: Session, frame: Frame, statement: DropSchema) -> Iterator[Event]:
    """DROP SCHEMA."""
    with session.atomic():
        found = session.catalog.find_schema(statement.name)
        if found is None:
            if not statement.if_exists:
                raise numbered_error(15151, doing="drop", kind="schema", name=statement.name, advice="Use IF EXISTS.")
            return iter(())
        name, _ = found
        if name in FIXED_SCHEMAS:
            raise numbered_error(15150, kind="schema", name=name)
        held = next((each.name for each in session.catalog.objects.values() if each.schema == name), None)
        if held is not None:
            raise numbered_error(3729, kind="schema", name=name, held=held)
        session.catalog.remove_schema(name)
        # The next schema may get its number.
        forget(session.catalog)
    return iter(())


def create_language(session: Session, frame: Frame, statement: CreateLanguage) -> Iterator[Event]:
    """CREATE EXTERNAL LANGUAGE: here a further name of Python."""
    session.transactions.before_write()
    session.storage.execute(
        'INSERT OR REPLACE INTO "tsql$state" (name, value) VALUES (?, 1)', (f"language:{key(statement.name)}",)
    )
    return iter(())


def change_rights(session: Session, frame: Frame, statement: ChangeRights) -> Iterator[Event]:
    """CREATE, ALTER and DROP of roles, users and certificates, GRANT, DENY, REVOKE, ADD and DROP SIGNATURE."""
    change = statement.change
    named: Name | None = change.module if isinstance(change, ChangeSignature) else None
    if isinstance(change, ChangePermission) and change.target is not None and change.target[0] == "OBJECT":
        named = change.target[1]
    with session.atomic():
        found = None
        if named is not None:
            schema, last = session.place(frame, named)
            found = session.catalog.find(last, schema=schema or DBO)
            if found is None:
                raise numbered_error(15151, doing="find", kind="object", name=last)
        record(session.catalog, change, found)
    if not session.catalog.said_rights:
        session.catalog.said_rights = True
        text = (
            "Roles, rights, certificates and signatures are recorded, and not enforced, by the embedded engine: "
            "whoever may open the file may do everything."
        )
        yield session.message(frame, statement.line, text)


def drop(session: Session, frame: Frame, statement: Drop) -> Iterator[Event]:
    """DROP."""
    temporary = statement.kind == "TABLE" and all(name[-1].startswith("#") for name in statement.names)
    with session.atomic(temporary):
        for name in statement.names:
            if statement.kind == "INDEX":
                _drop_index(session, frame, statement, name)
            elif statement.kind == "TABLE" and name[-1].startswith("#"):
                _drop_local(session, frame, statement, name[-1])
            else:
                _drop_object(session, frame, statement, name)
    return iter(())


def _drop_local(session: Session, frame: Frame, statement: Drop, name: str) -> None:
    place: Frame | None = frame
    while place is not None and key(name) not in place.tables:
        place = place.parent
    if place is None:
        if not statement.if_exists:
            raise _cannot_drop(statement, name)
        return
    session.storage.execute(f"DROP TABLE {place.tables.pop(key(name)).text}")


def _drop_object(session: Session, frame: Frame, statement: Drop, name: Name) -> None:
    schema, last = session.place(frame, name)
    found: CatalogObject | None = session.catalog.find(last, _KIND_OF[statement.kind], schema or DBO)
    if found is None:
        if not statement.if_exists:
            raise _cannot_drop(statement, name[-1])
        return
    if found.kind == "U":
        others = [each.name for other, each in session.catalog.referencing(found.name) if other.name != found.name]
        if others:
            raise numbered_error(3726, name=found.name, constraints=", ".join(others))
        session.storage.execute(f"DROP TABLE main.{quoted(found.name)}")
    session.catalog.remove(found)


def _cannot_drop(statement: Drop, name: str) -> SqlError:
    return numbered_error(3701, kind=statement.kind.lower(), name=name)


def _drop_index(session: Session, frame: Frame, statement: Drop, name: Name) -> None:
    assert statement.table is not None
    table, physical, local = changed_table(session, frame, statement.table)
    found = next((each for each in table.indexes if key(each.name) == key(name[-1])), None)
    if found is None:
        if not statement.if_exists:
            raise _cannot_drop(statement, name[-1])
        return
    drop_indexes(session, physical, found.name, local)
    keep_table(session, frame, replace(table, indexes=tuple(each for each in table.indexes if each != found)), local)


def drop_indexes(session: Session, physical: str, name: str, local: LocalTable | None) -> None:
    """Drop the SQLite indexes of an index or key."""
    schema = "main" if local is None else "temp"
    master = "sqlite_master" if local is None else "sqlite_temp_master"
    full = f"{physical}.{name}"
    names = session.storage.execute(
        f"SELECT name FROM {master} WHERE type = 'index' AND (name = ? OR name GLOB ? || '.[0-9]*')", (full, full)
    ).fetchall()
    for (each,) in names:
        session.storage.execute(f"DROP INDEX {schema}.{quoted(each)}")
