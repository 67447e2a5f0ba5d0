"""What is kept of a parsed text: its statements and the SQLite text they became."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lungdb.embedded.syntax.statement_tree import Statement, TableDefinition
from lungdb.embedded.syntax.tree import Name
from lungdb.embedded.values.names import quoted
from lungdb.embedded.values.types import SqlType
from lungdb.embedded.writer.scope import Bind, OutColumn


@dataclass(frozen=True)
class LocalTable:
    """A #temp table or a table variable, and its name in SQLite's temp database."""

    definition: TableDefinition
    physical: str

    @property
    def text(self) -> str:
        """The table as SQLite text."""
        return f"temp.{quoted(self.physical)}"


@dataclass(frozen=True)
class Plan:
    """SQLite text, what it needs, what it gives.

    Attributes
    ----------
    sql : str
        With named placeholders.
    binds : tuple of (str, Bind)
        A value for each placeholder.
    columns : tuple of OutColumn
        What a query gives.
    locks : bool
        The query must keep others from writing.
    tables : tuple of (Name, LocalTable)
        The local tables that the text names.
    catalog : tuple of (str, int)
        What it was written for: the database's name, and what its catalog was.
    sizes : tuple of (LocalTable, bool)
        Of the local tables that it begins with or not by their sizes, whether they held a few rows.
    """

    sql: str
    binds: tuple[tuple[str, Bind], ...]
    columns: tuple[OutColumn, ...]
    locks: bool
    tables: tuple[tuple[Name, LocalTable], ...]
    catalog: tuple[str, int]
    sizes: tuple[tuple[LocalTable, bool], ...] = ()

    def fits(
        self,
        catalog: tuple[str, int],
        local_table: Callable[[str], LocalTable | None],
        holds_few: Callable[[LocalTable], bool],
    ) -> bool:
        """Tell whether nothing that it depends on is otherwise now."""
        return (
            self.catalog == catalog
            and all(local_table(name[-1]) == table for name, table in self.tables)
            and all(holds_few(table) == few for table, few in self.sizes)
        )


@dataclass
class Unit:
    """A parsed text as a session runs it.

    Attributes
    ----------
    statements, variables, parameter_count : tuple, dict, int
        Of the batch, or of the body of a procedure.
    plans : dict of tuple to Plan
        How this session runs its statements.
    shared_plans : dict of tuple to Plan
        How all sessions do, where no local table matters.
    local_tables : dict of int to TableDefinition
        What #temp tables its statements make.
    """

    statements: tuple[Statement, ...]
    variables: dict[str, SqlType]
    parameter_count: int = 0
    shared_plans: dict[tuple[object, ...], Plan] = field(default_factory=dict)
    plans: dict[tuple[object, ...], Plan] = field(default_factory=dict)
    local_tables: dict[int, TableDefinition] = field(default_factory=dict)
