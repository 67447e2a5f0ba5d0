"""What is in sight while a batch or procedure runs: variables, temporary tables, plans."""

from __future__ import annotations

import operator
from collections.abc import Callable

from lungdb.embedded.store.catalog import DBO, Catalog, CatalogObject
from lungdb.embedded.store.catalog_views import CATALOG_VIEWS
from lungdb.embedded.syntax.statement_tree import TableDefinition
from lungdb.embedded.syntax.tree import Compare, Condition, IsNull, Literal, Logical, Name, Query, Variable
from lungdb.embedded.values.collation import compare_text
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import key, quoted
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import INT, Family, SqlType
from lungdb.embedded.writer.plans import LocalTable, Unit
from lungdb.embedded.writer.scope import OutColumn

_WHOLE = (Family.BIT, Family.INTEGER)
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Frame:
    """A running batch or procedure.

    Parameters
    ----------
    unit : Unit
        What runs.
    parent : Frame or None
        The caller, whose #temp tables are in sight.
    module : CatalogObject or None
        The procedure.
    """

    def __init__(self, unit: Unit, parent: Frame | None = None, module: CatalogObject | None = None) -> None:
        self.unit = unit
        self.parent = parent
        self.module = module
        self.procedure = None if module is None else module.name
        self.nesting: int = 0
        self.types = dict(unit.variables)
        self.variables: dict[str, Value] = dict.fromkeys(unit.variables)
        self.parameters: tuple[Value, ...] = ()
        self.parameter_types: tuple[SqlType | None, ...] = ()
        self.tables: dict[str, LocalTable] = {}
        self.inserting: bool = parent is not None and parent.inserting
        self.scope_identity: int | None = None

    def local_table(self, name: str) -> LocalTable | None:
        """Return a table variable of this frame, or a #temp table of it or its callers."""
        if name.startswith("@"):
            return self.tables.get(key(name))
        frame: Frame | None = self
        while frame is not None:
            if key(name) in frame.tables:
                return frame.tables[key(name)]
            frame = frame.parent
        return None

    def lasting(self) -> Frame:
        """Return where #temp tables and SCOPE_IDENTITY() are kept: those of a batch outlive it."""
        return self.parent if self.nesting == 0 and self.parent is not None else self


def plain_condition(frame: Frame, node: Condition) -> bool | None:
    """Return what a condition comes to that needs no SQLite, None for any other.

    Most are ``@x IS NULL`` and ``@x = 1``, with a whole number on both sides or a text, and several of these with AND
    or OR between. What is unknown is False here, which is the same where nothing negates it.
    """
    if isinstance(node, Logical):
        # A chain of one operator leans to the left; it is walked, so that its length is no depth.
        parts: list[Condition] = []
        rest: Condition = node
        while isinstance(rest, Logical) and rest.operator == node.operator:
            parts.append(rest.right)
            rest = rest.left
        found = [None if isinstance(each, Logical) else plain_condition(frame, each) for each in (rest, *parts)]
        return None if None in found else all(found) if node.operator == "AND" else any(found)
    if isinstance(node, IsNull) and isinstance(node.operand, Variable) and node.operand.name in frame.variables:
        return (frame.variables[node.operand.name] is None) != node.negated
    if not (isinstance(node, Compare) and isinstance(node.left, Variable) and isinstance(node.right, Literal)):
        return None
    kind = frame.types.get(node.left.name)
    if kind is None:
        return None
    value = frame.variables[node.left.name]
    if kind.family == node.right.type.family == Family.CHARACTER and type(node.right.value) is str:
        return type(value) is str and _COMPARISONS[node.operator](compare_text(value, node.right.value), 0)
    if kind.family not in _WHOLE or node.right.type != INT or type(node.right.value) is not int:
        return None
    # What is compared with NULL is unknown.
    return type(value) is int and _COMPARISONS[node.operator](value, node.right.value)


class Sight:
    """Names as the writer asks for them (`Surroundings`), noting which local tables were found, and their sizes."""

    def __init__(self, frame: Frame, catalog: Catalog, database: str, holds_few: Callable[[LocalTable], bool]) -> None:
        self._frame = frame
        self._catalog = catalog
        self._database = database
        self._holds_few = holds_few
        self.used: dict[Name, LocalTable] = {}
        self.sizes: dict[LocalTable, bool] = {}

    def variable_type(self, name: str) -> SqlType:
        """Return the type of a variable."""
        return self._frame.types[name]

    def parameter_type(self, index: int) -> SqlType | None:
        """Return the type of a ``?``, None for NULL."""
        if index >= len(self._frame.parameters):
            raise numbered_error(8179, markers=index + 1, values=len(self._frame.parameters))
        return self._frame.parameter_types[index]

    def placed(self, name: Name) -> tuple[str, str] | None:
        """Return schema and name of an object of this database, '' for a schema not given; None for one elsewhere."""
        server, database, schema, last = ("", "", "", *name)[-4:]
        return None if server or key(database) not in ("", key(self._database)) else (schema, last)

    def local_name(self, name: Name) -> str | None:
        """Return the one-part name of an object of this database's schema dbo, or None for one elsewhere."""
        schema, last = self.placed(name) or ("", None)
        return last if key(schema or DBO) == DBO else None

    def find_procedure(self, name: Name) -> CatalogObject | None:
        """Return a procedure; one without a schema is sought in that of the procedure that names it, then in dbo."""
        placed = self.placed(name)
        if placed is None:
            return None
        schema, last = placed
        own = DBO if self._frame.module is None else self._frame.module.schema
        places = (schema,) if schema else (own, DBO)
        return next((each for place in places if (each := self._catalog.find(last, "P", place)) is not None), None)

    def find_table(self, name: Name) -> tuple[TableDefinition, str] | None:
        """Return a table and its name in SQLite."""
        if name[-1].startswith(("#", "@")):
            local = self._frame.local_table(name[-1])
            if local is None:
                return None
            self.used[name] = local
            return local.definition, local.text
        last = self.local_name(name)
        found = None if last is None else self._catalog.find(last, "U")
        return None if found is None else (found.table, f"main.{quoted(found.name)}")

    def holds_few(self, name: Name) -> bool:
        """Tell whether this names a local table of a few rows, and note that it was asked."""
        local = self._frame.local_table(name[-1]) if name[-1].startswith(("#", "@")) else None
        if local is None:
            return False
        if local not in self.sizes:
            self.sizes[local] = self._holds_few(local)
        return self.sizes[local]

    def find_view(self, name: Name) -> tuple[str, tuple[str, ...], Query] | None:
        """Return a view's name, its column names and its query."""
        last = self.local_name(name)
        found = None if last is None else self._catalog.find(last, "V")
        if found is None:
            return None
        assert found.module.query is not None
        return found.name, found.module.columns, found.module.query

    def find_system_view(self, name: Name) -> tuple[str, tuple[OutColumn, ...]] | None:
        """Return the key of a catalog view and its columns."""
        if len(name) < 2 or (len(name) > 2 and key(name[-3]) != key(self._database)):
            return None
        full = f"{key(name[-2])}.{key(name[-1])}"
        view = CATALOG_VIEWS.get(full)
        return None if view is None else (full, view.columns)
