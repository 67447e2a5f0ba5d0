"""The tree of T-SQL statements. Each knows the line it begins on."""

from __future__ import annotations

from dataclasses import dataclass

from lungdb.embedded.syntax.tree import CommonTable, Condition, Literal, Name, Output, Query, Scalar, Source
from lungdb.embedded.values.types import SqlType


@dataclass(frozen=True, eq=False)
class Statement:
    """Any statement; compared by identity, because plans are kept for each."""

    line: int


@dataclass(frozen=True)
class ColumnDefinition:
    """A column of CREATE TABLE; default is T-SQL text."""

    name: str
    type: SqlType
    nullable: bool = True
    identity: tuple[int, int] | None = None
    default: str | None = None
    default_name: str | None = None


@dataclass(frozen=True)
class KeyConstraint:
    """PRIMARY KEY or UNIQUE; the name is made up where none is given."""

    name: str
    primary: bool
    columns: tuple[str, ...]


@dataclass(frozen=True)
class ForeignKey:
    """FOREIGN KEY; what ON DELETE and ON UPDATE say is SQLite's text too."""

    name: str
    columns: tuple[str, ...]
    table: str
    referenced: tuple[str, ...]
    on_delete: str = "NO ACTION"
    on_update: str = "NO ACTION"


@dataclass(frozen=True)
class CheckConstraint:
    """CHECK, its condition as T-SQL text."""

    name: str
    condition: str


@dataclass(frozen=True)
class IndexDefinition:
    """CREATE INDEX; columns with True where descending, filter as T-SQL text."""

    name: str
    columns: tuple[tuple[str, bool], ...]
    unique: bool
    included: tuple[str, ...] = ()
    filter: str | None = None


@dataclass(frozen=True)
class TableDefinition:
    """A table with all that belongs to it."""

    name: str
    columns: tuple[ColumnDefinition, ...]
    keys: tuple[KeyConstraint, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[CheckConstraint, ...] = ()
    indexes: tuple[IndexDefinition, ...] = ()


@dataclass(frozen=True, eq=False)
class Declare(Statement):
    """DECLARE @name type [= value]."""

    variable: str
    type: SqlType
    value: Scalar | None


@dataclass(frozen=True, eq=False)
class DeclareTable(Statement):
    """DECLARE @name TABLE (…)."""

    definition: TableDefinition


@dataclass(frozen=True, eq=False)
class SetVariable(Statement):
    """SET @name = value."""

    variable: str
    value: Scalar


@dataclass(frozen=True, eq=False)
class SetOption(Statement):
    """SET NOCOUNT ON and the like."""

    option: str
    value: str


@dataclass(frozen=True, eq=False)
class If(Statement):
    """IF … [ELSE …]."""

    condition: Condition
    then: Statement
    otherwise: Statement | None


@dataclass(frozen=True, eq=False)
class While(Statement):
    """WHILE."""

    condition: Condition
    body: Statement


@dataclass(frozen=True, eq=False)
class Break(Statement):
    """BREAK."""


@dataclass(frozen=True, eq=False)
class Continue(Statement):
    """CONTINUE."""


@dataclass(frozen=True, eq=False)
class Block(Statement):
    """BEGIN … END."""

    body: tuple[Statement, ...]


@dataclass(frozen=True, eq=False)
class TryCatch(Statement):
    """BEGIN TRY … END CATCH."""

    body: tuple[Statement, ...]
    handler: tuple[Statement, ...]


@dataclass(frozen=True, eq=False)
class Return(Statement):
    """RETURN [n]."""

    value: Scalar | None


@dataclass(frozen=True, eq=False)
class Print(Statement):
    """PRINT."""

    value: Scalar


@dataclass(frozen=True, eq=False)
class RaiseError(Statement):
    """RAISERROR."""

    message: Scalar
    severity: Scalar
    state: Scalar
    arguments: tuple[Scalar, ...]


@dataclass(frozen=True, eq=False)
class Throw(Statement):
    """THROW [number, message, state]."""

    arguments: tuple[Scalar, Scalar, Scalar] | None


@dataclass(frozen=True, eq=False)
class WaitFor(Statement):
    """WAITFOR DELAY."""

    delay: Scalar


@dataclass(frozen=True, eq=False)
class CheckDatabase(Statement):
    """DBCC CHECKDB."""


@dataclass(frozen=True, eq=False)
class Transaction(Statement):
    """BEGIN, COMMIT, ROLLBACK or SAVE TRANSACTION."""

    action: str
    name: str | None


@dataclass(frozen=True)
class Argument:
    """An argument of EXECUTE; value None is DEFAULT."""

    name: str | None
    value: Scalar | None
    output: bool


@dataclass(frozen=True, eq=False)
class Execute(Statement):
    """EXECUTE of a procedure; `procedure` may be a variable's name. Result sets are (name, type) a column."""

    procedure: Name
    arguments: tuple[Argument, ...]
    return_variable: str | None
    result_sets: tuple[tuple[tuple[str, SqlType], ...], ...] | None


@dataclass(frozen=True, eq=False)
class ExecuteText(Statement):
    """EXECUTE (text)."""

    text: Scalar
    result_sets: tuple[tuple[tuple[str, SqlType], ...], ...] | None


@dataclass(frozen=True, eq=False)
class SelectStatement(Statement):
    """A query that stands alone."""

    query: Query


@dataclass(frozen=True, eq=False)
class Insert(Statement):
    """INSERT; source None is DEFAULT VALUES, a value None inside VALUES is DEFAULT."""

    table: Name
    columns: tuple[str, ...]
    source: Query | DefaultedRows | Execute | ExecuteText | None
    output: Output | None


@dataclass(frozen=True)
class DefaultedRows:
    """VALUES of INSERT, where None is the word DEFAULT."""

    rows: tuple[tuple[Scalar | None, ...], ...]


@dataclass(frozen=True, eq=False)
class Update(Statement):
    """UPDATE; a value None is DEFAULT."""

    target: Name
    assignments: tuple[tuple[str, Scalar | None], ...]
    source: Source | None
    where: Condition | None
    top: Scalar | None
    output: Output | None
    common: tuple[CommonTable, ...] = ()
    max_recursion: int = 100


@dataclass(frozen=True, eq=False)
class Delete(Statement):
    """DELETE."""

    target: Name
    source: Source | None
    where: Condition | None
    top: Scalar | None
    output: Output | None
    common: tuple[CommonTable, ...] = ()
    max_recursion: int = 100


@dataclass(frozen=True, eq=False)
class Truncate(Statement):
    """TRUNCATE TABLE."""

    table: Name


@dataclass(frozen=True, eq=False)
class CreateTable(Statement):
    """CREATE TABLE."""

    name: Name
    definition: TableDefinition


@dataclass(frozen=True, eq=False)
class CreateIndex(Statement):
    """CREATE INDEX."""

    table: Name
    index: IndexDefinition


@dataclass(frozen=True, eq=False)
class AddColumns(Statement):
    """ALTER TABLE … ADD; with_values fills new columns with their default, defaults are (name, column, value)."""

    table: Name
    addition: TableDefinition
    with_values: bool
    defaults: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class DropMembers(Statement):
    """ALTER TABLE … DROP; each is (COLUMN or CONSTRAINT, name)."""

    table: Name
    members: tuple[tuple[str, str], ...]
    if_exists: bool


@dataclass(frozen=True, eq=False)
class AlterColumn(Statement):
    """ALTER TABLE … ALTER COLUMN."""

    table: Name
    column: str
    type: SqlType
    nullable: bool


@dataclass(frozen=True, eq=False)
class Drop(Statement):
    """DROP TABLE, VIEW, PROCEDURE or INDEX; an index's table is in `table`."""

    kind: str
    names: tuple[Name, ...]
    if_exists: bool
    table: Name | None


@dataclass(frozen=True)
class ProcedureParameter:
    """A parameter of a procedure; default None means that it must be given."""

    name: str
    type: SqlType
    default: Literal | None
    output: bool


@dataclass(frozen=True, eq=False)
class CreateModule(Statement):
    """CREATE [OR ALTER] or ALTER of a VIEW or PROCEDURE; mode is CREATE, ALTER or CREATE OR ALTER."""

    kind: str
    mode: str
    name: Name
    text: str
    columns: tuple[str, ...] = ()
    query: Query | None = None
    parameters: tuple[ProcedureParameter, ...] = ()
    body: tuple[Statement, ...] = ()
    variables: tuple[tuple[str, SqlType], ...] = ()


@dataclass(frozen=True, eq=False)
class CreateSchema(Statement):
    """CREATE SCHEMA name [AUTHORIZATION owner]."""

    name: str
    owner: str | None


@dataclass(frozen=True, eq=False)
class DropSchema(Statement):
    """DROP SCHEMA [IF EXISTS] name."""

    name: str
    if_exists: bool


@dataclass(frozen=True, eq=False)
class CreateLanguage(Statement):
    """CREATE EXTERNAL LANGUAGE."""

    name: str


@dataclass(frozen=True, eq=False)
class Use(Statement):
    """USE database."""

    database: str
