"""A session: what lasts from batch to batch, and how statements are planned and run on SQLite."""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lungdb.embedded.running.events import Event, ReturnError, StatementError
from lungdb.embedded.running.frames import Frame, Sight
from lungdb.embedded.running.local_tables import LocalTables
from lungdb.embedded.satellite.calls import Satellite
from lungdb.embedded.satellite.processes import Preload
from lungdb.embedded.satellite.trusted import Trusted
from lungdb.embedded.store.catalog import DBO, Catalog, CatalogObject
from lungdb.embedded.store.catalog_views import CATALOG_VIEWS
from lungdb.embedded.store.failures import ConstraintError, too_deep
from lungdb.embedded.store.storage import Storage
from lungdb.embedded.store.transactions import Transactions
from lungdb.embedded.syntax.statement_tree import Statement, TableDefinition
from lungdb.embedded.syntax.statements import KEPT
from lungdb.embedded.syntax.tree import Condition, Literal, Name, Scalar
from lungdb.embedded.values.conversions import convert
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key
from lungdb.embedded.values.refusals import JOINED, refused, too_many_joined
from lungdb.embedded.values.stored import Value, from_client
from lungdb.embedded.values.types import SqlType, nvarchar, varbinary
from lungdb.embedded.writer.context import Writer, Written
from lungdb.embedded.writer.dispatch import new_writer
from lungdb.embedded.writer.plans import LocalTable, Plan, Unit
from lungdb.embedded.writer.schema import SchemaWriter
from lungdb.embedded.writer.scope import Bind, Binds, OutColumn
from lungdb.embedded.writer.tree_search import locks
from lungdb.errors import Message, SqlError

_UNITS = 256
# A larger text is not kept by a session: it holds a literal that hardly comes again.
_LARGE = 100_000
_NESTING_LIMIT = 32
# Schemas that nothing is added to.
_CLOSED = frozenset(("sys", "information_schema"))

Build = Callable[[Writer], Written]


@dataclass
class Options:
    """What SET sets; a procedure gives it back as it found it."""

    no_count: bool = False
    xact_abort: bool = False
    no_exec: bool = False


class Session(ABC):
    """The state of a connection.

    Parameters
    ----------
    storage : Storage
        The open file.
    database : str
        The database's name.
    preload : Preload
        What the processes of external scripts import before they are given a call.
    trusted : Trusted
        Which external scripts run in processes that stay.
    """

    def __init__(self, storage: Storage, database: str, preload: Preload, trusted: Trusted) -> None:
        self.storage = storage
        self.database = database
        self.catalog = Catalog(storage)
        self.transactions = Transactions(storage)
        self.local_tables = LocalTables(storage)
        self.satellite = Satellite(preload, trusted)
        self.options = Options()
        self.context: dict[str, tuple[Value, bool]] = {}
        self.caught: list[StatementError] = []
        self.try_depth = 0
        self.row_count = 0
        self.last_error = 0
        self.identity: int | None = None
        self.root = Frame(Unit((), {}))
        self.active: list[Frame] = []
        self._units: OrderedDict[tuple[str, tuple[tuple[str, SqlType], ...]], Unit] = OrderedDict()

    @abstractmethod
    def run(self, frame: Frame, statements: tuple[Statement, ...]) -> Iterator[Event]:
        """Run statements."""

    @abstractmethod
    def session_value(self, frame: Frame, name: str) -> Value:
        """Return the value of ``@@NAME`` or of a function without arguments about the session."""

    def unit(self, text: str, declared: dict[str, SqlType] | None = None) -> Unit:
        """Parse a text, or find it parsed.

        Raises
        ------
        SqlError
            The first error of syntax.
        """
        known = (text, tuple((declared or {}).items()))
        unit = self._units.get(known)
        if unit is None:
            try:
                batch = KEPT.batch(text, declared)
            except RecursionError:
                raise too_deep() from None
            unit = Unit(batch.statements, batch.variables, batch.parameter_count, batch.plans)
            if len(text) < _LARGE:
                self._units[known] = unit
            if len(self._units) > _UNITS:
                self._units.popitem(last=False)
        else:
            self._units.move_to_end(known)
        return unit

    def enter(self, unit: Unit, parent: Frame, module: CatalogObject | None = None) -> Frame:
        """Return the frame for a text that another calls.

        Raises
        ------
        SqlError
            217 where calls nest too deep.
        """
        frame = Frame(unit, parent, module)
        frame.nesting = parent.nesting + 1
        if frame.nesting > _NESTING_LIMIT:
            raise numbered_error(217, limit=_NESTING_LIMIT)
        return frame

    def run_frame(self, frame: Frame) -> Generator[Event, None, Value]:
        """Run a frame to its end and drop its temporary tables; the value is that of RETURN."""
        self.active.append(frame)
        try:
            yield from self.run(frame, frame.unit.statements)
        except ReturnError as returned:
            return returned.value
        finally:
            self.active.remove(frame)
            for local in frame.tables.values():
                self.local_tables.release(local)
        return 0

    def bind_parameters(self, frame: Frame, parameters: tuple[object, ...]) -> None:
        """Take the values that the client passed for ``?``.

        Raises
        ------
        SqlError
            8179 where their number is not that of the ``?``.
        """
        if len(parameters) != frame.unit.parameter_count:
            raise numbered_error(8179, markers=frame.unit.parameter_count, values=len(parameters))
        found = [from_client(value) for value in parameters]
        frame.parameters = tuple(value for value, _ in found)
        frame.parameter_types = tuple(None if value is None else _wide(kind) for value, kind in found)

    def sight(self, frame: Frame) -> Sight:
        """Return what the writer asks for names in a frame."""
        return Sight(frame, self.catalog, self.database, self.local_tables.holds_few)

    def plan(self, frame: Frame, statement: Statement, part: object, build: Build, reads: object = None) -> Plan:
        """Return the plan of a part of a statement, from the cache where nothing it depends on has changed."""
        known = (id(statement), part, frame.parameter_types)
        catalog = (self.database, self.catalog.stamp)
        for plans in (frame.unit.plans, frame.unit.shared_plans):
            plan = plans.get(known)
            if plan is not None and plan.fits(catalog, frame.local_table, self.local_tables.holds_few):
                return plan
        sight = self.sight(frame)
        writer = new_writer(sight)
        try:
            sql, columns = build(writer)
        except RecursionError:
            raise too_deep() from None
        self._check_joins(sql, writer)
        binds = tuple((placeholder, bind) for bind, placeholder in writer.binds.names.items())
        tables, sizes = tuple(sight.used.items()), tuple(sight.sizes.items())
        plan = Plan(sql, binds, tuple(columns), locks(reads), tables, catalog, sizes)
        # Local tables are called otherwise in each session.
        (frame.unit.plans if tables or sizes else frame.unit.shared_plans)[known] = plan
        return plan

    def _check_joins(self, sql: str, writer: Writer) -> None:
        """Refuse a query over more tables than SQLite joins, where it does not take them in parts."""
        if writer.table_count > JOINED:
            try:
                self.storage.connection.execute(f"EXPLAIN {sql}", dict.fromkeys(writer.binds.names.values()))
            except sqlite3.OperationalError:
                raise too_many_joined(writer.table_count) from None

    def bound(self, frame: Frame, binds: Binds) -> dict[str, Value]:
        """Return the values that text needs which is written to be run at once."""
        return {placeholder: self._value(frame, bind) for bind, placeholder in binds.names.items()}

    def values(self, frame: Frame, plan: Plan) -> dict[str, Value]:
        """Return the values that a plan needs now."""
        return {placeholder: self._value(frame, bind) for placeholder, bind in plan.binds}

    def _value(self, frame: Frame, bind: Bind) -> Value:
        if bind.kind == "variable":
            return frame.variables[bind.name]
        if bind.kind == "parameter":
            return frame.parameters[int(bind.name)]
        if bind.kind == "session":
            return self.session_value(frame, bind.name)
        if bind.kind == "catalog":
            return json.dumps(list(CATALOG_VIEWS[bind.name].rows(self.catalog, self.database)))
        return bind.value

    def query(self, frame: Frame, plan: Plan) -> Iterator[tuple[Value, ...]]:
        """Run a query; its rows come as they are asked for."""
        self.transactions.before_read(plan.locks)
        return self.storage.rows(self.storage.execute(plan.sql, self.values(frame, plan)))

    def scalar(
        self, frame: Frame, statement: Statement, node: Scalar, part: object, target: SqlType | None = None
    ) -> tuple[Value, SqlType]:
        """Return the value of an expression and its type, converted to a type where one is given."""
        if target is not None and isinstance(node, Literal):
            return None if node.value is None else convert(node.value, node.type, target, explicit=False), target

        def build(writer: Writer) -> Written:
            found = writer.scalar(node).finite()
            sql = found if target is None else writer.convert(found, target)
            return f"SELECT {sql.text}", [OutColumn("", sql.type)]

        plan = self.plan(frame, statement, part, build, node)
        (row,) = self.query(frame, plan)
        return row[0], plan.columns[0].type

    def text(self, frame: Frame, statement: Statement, node: Scalar, part: object) -> str | None:
        """Return the value of an expression as text."""
        value, kind = self.scalar(frame, statement, node, part)
        converted = convert(value, kind, nvarchar(), explicit=True)
        return None if converted is None else str(converted)

    def condition(self, frame: Frame, statement: Statement, node: Condition) -> bool:
        """Tell whether a condition is true."""

        def build(writer: Writer) -> Written:
            return f"SELECT {writer.condition(node)}", []

        (row,) = self.query(frame, self.plan(frame, statement, "condition", build, node))
        return bool(row[0])

    def change(self, frame: Frame, plan: Plan, verb: str, table: TableDefinition, physical: str) -> int:
        """Run a plan that changes rows of a table; return how many."""
        return self.change_with(plan.sql, self.values(frame, plan), verb, table, physical)

    def change_with(
        self, sql: str, values: dict[str, Value] | tuple[Value, ...], verb: str, table: TableDefinition, physical: str
    ) -> int:
        """Run SQLite text that changes rows of a table; return how many."""
        self.transactions.before_write()
        try:
            cursor = self.storage.execute(sql, values)
            if cursor.rowcount >= 0:
                return cursor.rowcount
            (count,) = self.storage.execute("SELECT changes()").fetchone()
            return int(count)
        except ConstraintError as error:
            raise self.explained(error, verb, table, physical) from None

    def explained(self, error: ConstraintError, verb: str, table: TableDefinition, physical: str) -> SqlError:
        """Return the error of a violated constraint as SQL Server words it."""
        return error.explained(verb, table, physical, self.catalog.referencing(table.name))

    def create_local(self, frame: Frame, name: str, definition: TableDefinition, *, anew: bool = False) -> LocalTable:
        """Make a #temp table or table variable; with `anew` even where an earlier call has left one like it.

        Raises
        ------
        SqlError
            2714 where the frame has one of that name.
        """
        owner = frame if name.startswith("@") else frame.lasting()
        if key(name) in owner.tables:
            raise numbered_error(2714, name=name)
        local = LocalTable(definition, f"{key(name)}:{owner.nesting}")
        # What is undone as one statement is undone with its tables.
        may_be_kept = not anew and (self.transactions.count > 0 or not self.storage.connection.in_transaction)
        if not (may_be_kept and self.local_tables.take(local)):
            with self.atomic(temporary=True):
                self._make_local(local)
        if self.transactions.count:
            self.local_tables.belongs_to_transaction(local)
        owner.tables[key(name)] = local
        return local

    def place(self, frame: Frame, name: Name) -> tuple[str, str]:
        """Return schema and name of an object to be made or dropped; '' for a schema that is not given.

        Raises
        ------
        SqlError
            2702 for another database, 117 for another server.
        """
        placed = self.sight(frame).placed(name)
        if placed is None and len(name) > 3:
            raise numbered_error(117, name=".".join(name))
        if placed is None:
            raise numbered_error(2702, database=name[0], advice=f"The embedded engine's file holds {self.database}.")
        return placed

    def new_place(self, frame: Frame, name: Name, kind: str) -> tuple[str, str]:
        """Return schema and name of an object to be made, of kind TABLE, VIEW or PROCEDURE.

        Raises
        ------
        SqlError
            2760 for a schema that is not there, a refusal of tables and views outside dbo, and what `place` raises.
        """
        schema, last = self.place(frame, name)
        found = self.catalog.find_schema(schema or DBO)
        if found is None or key(found[0]) in _CLOSED:
            raise numbered_error(2760, name=schema)
        if found[0] != DBO and kind != "PROCEDURE":
            raise refused(f"The {kind.lower()} '{schema}.{last}' outside the schema dbo", "Make it in dbo.")
        return found[0], last

    def message(
        self, frame: Frame, line: int, text: str, severity: int = 0, state: int = 1, number: int = 0
    ) -> Message:
        """Return a message of the running text."""
        return Message(number, severity, state, frame.procedure, line, text)

    def roll_back(self) -> None:
        """Roll back the open transaction; #temp tables follow it, table variables keep their rows."""
        kept = [
            (local, self.storage.execute(f"SELECT * FROM {local.text}").fetchall())
            for frame in self.active
            for name, local in frame.tables.items()
            if name.startswith("@")
        ]
        self.transactions.abandon()
        self.catalog.reload()
        self._forget_lost_tables(self.local_tables.rolled_back())
        for local, rows in kept:
            self._make_local(local)
            if rows:
                marks = ", ".join("?" for _ in rows[0])
                for row in rows:
                    self.storage.execute(f"INSERT INTO {local.text} VALUES ({marks})", row)

    def roll_back_to(self, name: str) -> bool:
        """Roll back to a savepoint; tell whether there is one of that name."""
        found = self.transactions.rollback_to(name)
        self.catalog.reload()
        self._forget_lost_tables(self.local_tables.rolled_back(name) if found else set())
        return found

    @contextmanager
    def atomic(self, temporary: bool = False) -> Iterator[None]:
        """Make several SQLite statements one: all of them or none; see `Transactions.atomic`."""
        try:
            with self.transactions.atomic(temporary):
                if not temporary:
                    # Now that no other process can write, its last changes are seen.
                    self.catalog.refresh()
                yield
        except BaseException:
            self.local_tables.undone()
            self.catalog.reload()
            raise

    def _make_local(self, local: LocalTable) -> None:
        writer = SchemaWriter(self.sight(self.root), "temp", local.physical)
        self.local_tables.make(local, writer.create(local.definition))

    def _forget_lost_tables(self, lost: set[str]) -> None:
        present = {name for (name,) in self.storage.execute("SELECT name FROM sqlite_temp_master").fetchall()}
        for frame in (self.root, *self.active):
            for name, local in tuple(frame.tables.items()):
                if name.startswith("#") and (local.physical not in present or local.physical in lost):
                    del frame.tables[name]

    def close(self) -> None:
        """End scripts, roll back what is open, close the file."""
        self.satellite.close()
        self.storage.close()


def _wide(kind: SqlType) -> SqlType:
    """Return a type that serves parameters of any length, so that they share a plan."""
    if kind.name == "nvarchar":
        return nvarchar(4000) if 0 < (kind.length or 0) <= 4000 else nvarchar()
    if kind.name == "varbinary":
        return varbinary(8000) if 0 < (kind.length or 0) <= 8000 else varbinary()
    return kind
