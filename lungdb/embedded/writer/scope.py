"""What the writer knows while it writes: tables and columns in sight, and what it has written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from lungdb.embedded.functions.arithmetic import finite
from lungdb.embedded.syntax.tree import Name
from lungdb.embedded.values.messages import numbered_error
from lungdb.embedded.values.names import TEXT_COLLATION, key, quoted
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import Family, SqlType
from lungdb.embedded.writer.clauses import SELECTED, Clause

_SCHEMAS = ("", "dbo", "sys", "information_schema")


@dataclass(frozen=True)
class Sql:
    """An expression as SQLite text.

    Attributes
    ----------
    text : str
        It stands anywhere without parentheses around it.
    type : SqlType
        Its T-SQL type.
    unchecked : str or None
        Of integer arithmetic: the text without the check of its range, for use inside more of it.
    chain : tuple of str
        Of ``a + b - c`` and the like: what may follow without parentheses, and the text (unchecked) without them.
        SQLite takes fewer than a hundred parentheses inside each other.
    atomic : bool
        A column, variable or constant, cheap to write twice.
    may_overflow : bool
        Float arithmetic that may have come to infinity.
    constant : bool
        A constant; `value` is it.
    """

    text: str
    type: SqlType
    unchecked: str | None = None
    chain: tuple[str, str] = ("", "")
    atomic: bool = False
    may_overflow: bool = False
    constant: bool = False
    value: Value = None

    @property
    def is_null(self) -> bool:
        """True of the word NULL, which has no type of its own."""
        return self.constant and self.value is None

    @property
    def collated(self) -> str:
        """The text, with the collation where the value is a text."""
        return f"{self.text} COLLATE {TEXT_COLLATION}" if self.type.family == Family.CHARACTER else self.text

    def finite(self) -> Sql:
        """Return the same value where it is never infinite."""
        return Sql(finite(self.text), self.type) if self.may_overflow else self


@dataclass(frozen=True)
class OutColumn:
    """A column that a query gives; name '' where it has none."""

    name: str
    type: SqlType
    is_null: bool = False


@dataclass(frozen=True)
class Field:
    """A column in sight: its name, SQLite text and type; `json` names the source of OPENJSON that it belongs to."""

    name: str
    text: str
    type: SqlType
    json: str = ""


@dataclass(frozen=True)
class Relation:
    """A table in FROM: its alias in lower case, its columns, and the texts that name a row if it is a real table."""

    name: str
    fields: tuple[Field, ...]
    row: tuple[str, ...] = ()

    def find(self, name: str) -> Field | None:
        """Return a column by name."""
        wanted = key(name)
        return next((each for each in self.fields if key(each.name) == wanted), None)

    def answers(self, qualifier: Name) -> bool:
        """Tell whether a qualifier, such as ``t`` or ``dbo.t``, means this table."""
        return key(qualifier[-1]) == self.name and all(key(each) in _SCHEMAS for each in qualifier[-2:-1])


@dataclass
class Scope:
    """The tables in FROM, the scope of the query around, and which clause of the query is being written.

    Of the tables, the first `hidden` ones are not seen at the moment; `reached_out` says whether a column of a query
    around was found from here; `json_numbers` says that of what OPENJSON gives nobody reads the text of a number.
    """

    relations: list[Relation] = field(default_factory=list)
    parent: Scope | None = None
    grouped: GroupedScope | None = None
    clause: Clause = SELECTED
    hidden: int = 0
    reached_out: bool = False
    json_numbers: bool = False

    @contextmanager
    def hiding(self, count: int) -> Iterator[None]:
        """Let only the tables after the first so many be seen, as ON sees those that it joins."""
        outer, self.hidden = self.hidden, count
        try:
            yield
        finally:
            self.hidden = outer

    def resolve(self, name: Name) -> tuple[Field, Scope]:
        """Find a column.

        Raises
        ------
        SqlError
            207 or 4104 where it is not found, 209 where two tables have it.
        """
        scope: Scope | None = self
        passed: list[Scope] = []
        while scope is not None:
            found = scope._own(name)
            if found is not None:
                for each in passed:
                    each.reached_out = True
                return found, scope
            passed.append(scope)
            scope = scope.parent
        if len(name) == 1:
            raise numbered_error(207, column=name[0], advice="Check it against the tables of the query.")
        if self._knows(name[:-1]):
            raise numbered_error(207, column=name[-1], advice=f"Check it against the table {name[-2]}.")
        raise numbered_error(4104, name=".".join(name))

    def _own(self, name: Name) -> Field | None:
        relations = self.relations[self.hidden :]
        if len(name) > 1:
            relations = [each for each in relations if each.answers(name[:-1])]
        found = [field for each in relations if (field := each.find(name[-1])) is not None]
        if len(found) > 1:
            raise numbered_error(209, column=name[-1])
        return found[0] if found else None

    def _knows(self, qualifier: Name) -> bool:
        scope: Scope | None = self
        while scope is not None:
            if any(each.answers(qualifier) for each in scope.relations[scope.hidden :]):
                return True
            scope = scope.parent
        return False


@dataclass
class GroupedScope:
    """A query with GROUP BY or aggregates.

    Attributes
    ----------
    texts : set of str
        What it is grouped by.
    number : int
        The error of a column that is in neither, which says which clause is being written.
    inside : bool
        Whether an aggregate is being written.
    """

    texts: set[str]
    number: int = 8120
    inside: bool = False


@dataclass(frozen=True)
class Bind:
    """A value that a plan needs when it runs: kind is variable, parameter, session, catalog or constant."""

    kind: str
    name: str = ""
    value: Value = None


@dataclass
class Binds:
    """The values that a plan needs, by the name of their placeholder."""

    names: dict[Bind, str] = field(default_factory=dict)

    def add(self, bind: Bind) -> str:
        """Return the placeholder for a value."""
        if bind not in self.names:
            self.names[bind] = f"p{len(self.names)}"
        return f":{self.names[bind]}"


def output_name(column: OutColumn, position: int) -> str:
    """Return the name that a column of a query, counted from 1, has in SQLite."""
    return column.name or f"?{position}"


def relation_of(alias: str, columns: Sequence[OutColumn]) -> Relation:
    """Return the relation for a query that stands in FROM under an alias.

    Raises
    ------
    SqlError
        8155 for a column without a name, 8156 for two of one name.
    """
    seen: set[str] = set()
    for position, column in enumerate(columns, start=1):
        if not column.name:
            raise numbered_error(8155, position=position, alias=alias)
        if key(column.name) in seen:
            raise numbered_error(8156, column=column.name, alias=alias)
        seen.add(key(column.name))
    prefix = quoted(alias)
    fields = tuple(Field(each.name, f"{prefix}.{quoted(each.name)}", each.type) for each in columns)
    return Relation(key(alias), fields)


def renamed(columns: Sequence[OutColumn], names: Sequence[str], alias: str) -> list[OutColumn]:
    """Return the columns with the names that ``alias (a, b)`` gives them.

    Raises
    ------
    SqlError
        8158 or 8159 for too few or too many names.
    """
    if not names:
        return list(columns)
    if len(names) != len(columns):
        raise numbered_error(8158 if len(columns) > len(names) else 8159, alias=alias)
    return [replace(column, name=name) for column, name in zip(columns, names, strict=True)]
