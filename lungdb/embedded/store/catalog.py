"""The objects of a database: tables, views and procedures, kept in a table of the SQLite file.

``tsql$objects`` holds a row an object: a table as JSON with its exact T-SQL types, views and procedures as the text
that made them. ``tsql$schemas`` holds the schemas beside the fixed ones. ``tsql$state`` has a number that
changes with them, so that a second process notices. A file of format 1 knows no schemas, and up to
format 2 texts were in another order: such a file is brought up to date when it is opened.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache

from lungdb.embedded.store.failures import ConstraintError, reading_catalog
from lungdb.embedded.store.storage import Storage
from lungdb.embedded.syntax.statement_tree import (
    CheckConstraint,
    ColumnDefinition,
    CreateModule,
    ForeignKey,
    IndexDefinition,
    KeyConstraint,
    TableDefinition,
)
from lungdb.embedded.syntax.statements import KEPT, Batch
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import TEXT_COLLATION, key, quoted
from lungdb.embedded.values.types import parse_type
from lungdb.embedded.writer.plans import Unit
from lungdb.errors import LungdbError

_FORMAT = 3
_OBJECTS = (
    f"""CREATE TABLE "tsql$objects" (
        object_id INTEGER PRIMARY KEY AUTOINCREMENT,
        schema_id INTEGER NOT NULL,
        name TEXT NOT NULL COLLATE {TEXT_COLLATION},
        kind TEXT NOT NULL,
        definition TEXT NOT NULL,
        created TEXT NOT NULL,
        modified TEXT NOT NULL,
        UNIQUE (schema_id, name)
    ) STRICT""",
    f"""CREATE TABLE "tsql$schemas" (
        schema_id INTEGER PRIMARY KEY,
        name TEXT NOT NULL COLLATE {TEXT_COLLATION} UNIQUE
    ) STRICT""",
)
_TABLES = (
    *_OBJECTS,
    'CREATE TABLE IF NOT EXISTS "tsql$state" (name TEXT PRIMARY KEY, value ANY) STRICT',
    f"INSERT OR IGNORE INTO \"tsql$state\" (name, value) VALUES ('catalog', 0), ('format', {_FORMAT})",
)

DBO = "dbo"
"""The schema of every name that has none."""

FIXED_SCHEMAS = {DBO: 1, "guest": 2, "INFORMATION_SCHEMA": 3, "sys": 4}
"""Those that every database has, with their numbers; the others' begin after them."""

KINDS = {"U": "USER_TABLE", "V": "VIEW", "P": "SQL_STORED_PROCEDURE"}


@dataclass(frozen=True)
class CatalogObject:
    """A table (kind U), view (V) or procedure (P)."""

    object_id: int
    schema: str
    name: str
    kind: str
    definition: str
    created: str
    modified: str

    @cached_property
    def table(self) -> TableDefinition:
        """The definition of a table."""
        with reading_catalog():
            return read_table(self.definition)

    @cached_property
    def module(self) -> CreateModule:
        """The tree of a view or procedure."""
        with reading_catalog():
            return _parsed(self.definition)[0]

    @cached_property
    def unit(self) -> Unit:
        """The body of a procedure, with the plans of its statements."""
        return Unit(self.module.body, dict(self.module.variables), shared_plans=_parsed(self.definition)[1].plans)


@lru_cache(maxsize=1024)
def _parsed(definition: str) -> tuple[CreateModule, Batch]:
    """Parse a view or procedure, once for all connections of this process."""
    batch = KEPT.batch(definition)
    (statement,) = batch.statements
    if not isinstance(statement, CreateModule):
        raise TypeError
    return statement, batch


class Catalog:
    """The objects of a database, in memory.

    Parameters
    ----------
    storage : Storage
        The open file.

    Raises
    ------
    LungdbError
        The file is another program's database, or of a later version of this one.
    """

    def __init__(self, storage: Storage) -> None:
        self._execute = storage.execute
        # Whether the session has been told that rights are not enforced.
        self.said_rights = False
        with reading_catalog():
            self._prepare()
        self.objects: dict[tuple[str, str], CatalogObject] = {}
        self.schemas = dict(FIXED_SCHEMAS)
        # Counts what this process has read.
        self.version = 0
        self.stamp = -1  # two catalogs with one stamp are equal, in copies of a file too
        self._data_version = -1
        self.refresh()

    def _prepare(self) -> None:
        """Make the catalog's own tables in a new file."""
        if not self._has_state():
            self._execute("BEGIN IMMEDIATE")
            # Another process may have made them while this one waited.
            if not self._has_state():
                self._make_tables()
            self._execute("COMMIT")
        row = self._execute("SELECT value FROM \"tsql$state\" WHERE name = 'format'").fetchone()
        if row is None or type(row[0]) is not int or row[0] < 1:
            raise numbered_error(824)
        if row[0] > _FORMAT:
            raise LungdbError(
                f"The file was written by a later version of lungdb (format {row[0]}, this one reads up to {_FORMAT}). "
                "Install that version."
            )
        if row[0] < _FORMAT:
            self._bring_up_to_date()

    def _has_state(self) -> bool:
        return self._execute("SELECT 1 FROM sqlite_master WHERE name = 'tsql$state'").fetchone() is not None

    def _make_tables(self) -> None:
        if self._execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
            self._execute("ROLLBACK")
            raise LungdbError(
                "The file is a SQLite database of another program. Name a new file, or one that lungdb has made."
            )
        for statement in _TABLES:
            self._execute(statement)

    def languages(self) -> list[str]:
        """Return the languages of external scripts: Python, and the names that CREATE EXTERNAL LANGUAGE gave it."""
        return ["Python", *(name.removeprefix("language:") for name, _ in self.state("language:"))]

    def refresh(self) -> None:
        """Read the objects again if another process has changed them."""
        (data_version,) = self._execute("PRAGMA data_version").fetchone()
        if data_version != self._data_version:
            self._data_version = data_version
            self.reload()

    def reload(self) -> None:
        """Read the objects again if they are not those of the file, as after a rollback.

        Raises
        ------
        SqlError
            824 for rows that are not as they were written.
        """
        with reading_catalog():
            self._reload()

    def _reload(self) -> None:
        stored = self._execute("SELECT value FROM \"tsql$state\" WHERE name = 'catalog'").fetchone()[0]
        if stored == self.stamp:
            return
        own = self._execute('SELECT name, schema_id FROM "tsql$schemas"').fetchall()
        self.schemas = {**FIXED_SCHEMAS, **dict(own)}
        names = {number: name for name, number in self.schemas.items()}
        rows = self._execute(
            'SELECT object_id, schema_id, name, kind, definition, created, modified FROM "tsql$objects" '
            "ORDER BY object_id"
        ).fetchall()
        before = {each.object_id: each for each in self.objects.values()}
        found = [CatalogObject(number, names[schema], *rest) for number, schema, *rest in rows]
        # An object that has not changed keeps its parsed tree.
        found = [old if (old := before.get(each.object_id)) == each else each for each in found]
        self.objects = {(key(each.schema), key(each.name)): each for each in found}
        self.stamp = stored
        self.version += 1

    def is_as_file(self) -> bool:
        """Tell whether SQLite's tables have the columns that the catalog says."""
        for each in self.tables():
            stored = self._execute(f"PRAGMA main.table_info({quoted(each.name)})").fetchall()
            if {key(row[1]) for row in stored} != {key(column.name) for column in each.table.columns}:
                return False
        return True

    def find(self, name: str, kind: str | None = None, schema: str = DBO) -> CatalogObject | None:
        """Return an object by its name."""
        found = self.objects.get((key(schema), key(name)))
        return found if found is not None and kind in (None, found.kind) else None

    def by_id(self, object_id: int) -> CatalogObject | None:
        """Return an object by its number."""
        return next((each for each in self.objects.values() if each.object_id == object_id), None)

    def find_schema(self, name: str) -> tuple[str, int] | None:
        """Return the name of a schema, as it was made, and its number."""
        return next((each for each in self.schemas.items() if key(each[0]) == key(name)), None)

    def tables(self) -> list[CatalogObject]:
        """Return every table."""
        return [each for each in self.objects.values() if each.kind == "U"]

    def referencing(self, table: str) -> list[tuple[TableDefinition, ForeignKey]]:
        """Return the foreign keys of any table that point to a table."""
        every = ((each.table, foreign) for each in self.tables() for foreign in each.table.foreign_keys)
        return [(owner, foreign) for owner, foreign in every if key(foreign.table) == key(table)]

    def state(self, prefix: str) -> list[tuple[str, str]]:
        """Return names and values of what is recorded under names that begin so."""
        sql = 'SELECT name, value FROM "tsql$state" WHERE name >= ? AND name < ? AND value IS NOT NULL ORDER BY name'
        return list(self._execute(sql, (prefix, prefix + "\U0010ffff")).fetchall())

    def set_state(self, name: str, value: str | None) -> None:
        """Record a value, or with None forget it."""
        self._execute('INSERT OR REPLACE INTO "tsql$state" (name, value) VALUES (?, ?)', (name, value))

    @property
    def rights(self) -> str:
        """What was recorded of roles, rights and signatures, as `store.rights` writes it; '' for nothing."""
        return next((value for name, value in self.state("rights") if name == "rights"), "")

    @rights.setter
    def rights(self, text: str) -> None:
        self.set_state("rights", text)

    def language_id(self, name: str) -> int | None:
        """Return a number of an external language that was made."""
        row = self._execute('SELECT rowid FROM "tsql$state" WHERE name = ?', (f"language:{key(name)}",)).fetchone()
        return None if row is None else int(row[0])

    def save(self, name: str, kind: str, definition: str, schema: str = DBO) -> None:
        """Add an object to a schema that is there, or give one that is there another definition."""
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None).isoformat(" ", "milliseconds") + "0000"
        number, *rest = self._execute(
            'INSERT INTO "tsql$objects" (schema_id, name, kind, definition, created, modified) '
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (schema_id, name) "
            "DO UPDATE SET definition = excluded.definition, modified = excluded.modified "
            "RETURNING object_id, name, kind, definition, created, modified",
            (self.schemas[schema], name, kind, definition, now, now),
        ).fetchall()[0]
        saved = CatalogObject(number, schema, *rest)
        if self._changed():
            self.objects[key(schema), key(saved.name)] = saved

    def remove(self, found: CatalogObject) -> None:
        """Forget an object."""
        self._execute('DELETE FROM "tsql$objects" WHERE object_id = ?', (found.object_id,))
        if self._changed():
            del self.objects[key(found.schema), key(found.name)]

    def add_schema(self, name: str) -> None:
        """Add a schema."""
        number = max(self.schemas.values()) + 1
        self._execute('INSERT INTO "tsql$schemas" (schema_id, name) VALUES (?, ?)', (number, name))
        if self._changed():
            self.schemas[name] = number

    def remove_schema(self, name: str) -> None:
        """Forget a schema that holds nothing."""
        self._execute('DELETE FROM "tsql$schemas" WHERE name = ?', (name,))
        if self._changed():
            del self.schemas[name]

    def _bring_up_to_date(self) -> None:
        """Bring a file of an earlier format up to date, in one transaction.

        Raises
        ------
        LungdbError
            Texts that must differ are equal now.
        """
        self._execute("BEGIN IMMEDIATE")
        try:
            # Another process may have done it while this one waited.
            (stored,) = self._execute("SELECT value FROM \"tsql$state\" WHERE name = 'format'").fetchone()
            if stored == 1:
                self._add_schemas()
            if stored < _FORMAT:
                # The indexes are in the order of texts that was in use before format 3.
                self._execute(f"REINDEX {TEXT_COLLATION}")
                self._execute("UPDATE \"tsql$state\" SET value = ? WHERE name = 'format'", (_FORMAT,))
        except BaseException as error:
            self._execute("ROLLBACK")
            if isinstance(error, ConstraintError):
                raise LungdbError(
                    f"The file is of an earlier version, and two of its texts in {error.columns} are equal now: they "
                    "differ only in the width of a character or in how an accent is written. Change one of them with "
                    "the version that made it."
                ) from error
            raise
        self._execute("COMMIT")

    def _add_schemas(self) -> None:
        """Give a file of format 1 its schemas: its objects are in dbo, and keep their numbers."""
        rows = self._execute(
            'SELECT object_id, name, kind, definition, created, modified FROM "tsql$objects"'
        ).fetchall()
        (last,) = self._execute("SELECT MAX(seq) FROM main.sqlite_sequence WHERE name = 'tsql$objects'").fetchone()
        self._execute('DROP TABLE "tsql$objects"')
        for statement in _OBJECTS:
            self._execute(statement)
        for number, *rest in rows:
            row = (number, FIXED_SCHEMAS[DBO], *rest)
            self._execute('INSERT INTO "tsql$objects" VALUES (?, ?, ?, ?, ?, ?, ?)', row)
        # A number that an object had is not given to another.
        self._execute("DELETE FROM main.sqlite_sequence WHERE name = 'tsql$objects'")
        self._execute("INSERT INTO main.sqlite_sequence (name, seq) VALUES ('tsql$objects', ?)", (last or 0,))

    def _changed(self) -> bool:
        """Note a change in the file; tell whether all else there is as in memory, so that only the change is missing.

        If not, all is read again.
        """
        (stored,) = self._execute("SELECT value FROM \"tsql$state\" WHERE name = 'catalog'").fetchone()
        # A number that no other change gets, not even one that another process makes after this one is rolled back.
        change = "UPDATE \"tsql$state\" SET value = abs(random() >> 1) WHERE name = 'catalog' RETURNING value"
        ((now,),) = self._execute(change).fetchall()
        if stored != self.stamp:
            self.reload()
            return False
        self.stamp = now
        self.version += 1
        return True


def write_table(table: TableDefinition) -> str:
    """Return the JSON of a table."""
    return json.dumps(dataclasses.asdict(_with_type_names(table)), ensure_ascii=False)


def _with_type_names(table: TableDefinition) -> TableDefinition:
    # Only on the way to JSON does a column hold its type's name.
    columns = tuple(dataclasses.replace(each, type=str(each.type)) for each in table.columns)  # type: ignore[arg-type]
    return dataclasses.replace(table, columns=columns)


@lru_cache(maxsize=1024)
def read_table(text: str) -> TableDefinition:
    """Return the table that `write_table` wrote, read once for all connections of this process."""
    content = json.loads(text)
    columns = tuple(
        ColumnDefinition(
            each["name"],
            parse_type(each["type"]),
            each["nullable"],
            None if each["identity"] is None else (each["identity"][0], each["identity"][1]),
            each["default"],
            each["default_name"],
        )
        for each in content["columns"]
    )
    return TableDefinition(
        content["name"],
        columns,
        tuple(KeyConstraint(each["name"], each["primary"], tuple(each["columns"])) for each in content["keys"]),
        tuple(
            ForeignKey(
                each["name"], tuple(each["columns"]), each["table"], tuple(each["referenced"]), each["on_delete"],
                each["on_update"],
            )
            for each in content["foreign_keys"]
        ),
        tuple(CheckConstraint(each["name"], each["condition"]) for each in content["checks"]),
        tuple(
            IndexDefinition(
                each["name"], tuple((name, descending) for name, descending in each["columns"]), each["unique"],
                tuple(each["included"]), each["filter"],
            )
            for each in content["indexes"]
        ),
    )  # fmt: skip
