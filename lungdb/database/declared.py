"""What the files of tables/ declare, as T-SQL that tells it to a database: rows of #columns and #members.

The batches of sql/whole/ and internal.CompareSchema compare these rows with the catalog and make what is missing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from lungdb.database.batches import split_batches
from lungdb.database.sql_files import sql_directory
from lungdb.embedded.store.catalog_views import max_length
from lungdb.embedded.syntax.statement_tree import (
    ColumnDefinition,
    CreateIndex,
    CreateTable,
    ForeignKey,
    IndexDefinition,
    TableDefinition,
)
from lungdb.embedded.syntax.statements import parse_batch
from lungdb.embedded.values.types import Family

_COLUMNS = "table_name, name, type, length, digits, scale, is_nullable, is_identity, full_type, default_as"
_MEMBERS = "position, table_name, kind, name, made_by"
_MOST_ROWS = 1000
"""Of one INSERT … VALUES, as SQL Server takes them."""


def declared_tables(texts: Iterable[str]) -> list[TableDefinition]:
    """Read what files of tables/ make, with their indexes, in the order given.

    Raises
    ------
    SqlError
        A text does not parse.
    """
    found = []
    for text in texts:
        statements = [each for batch, _ in split_batches(text) for each in parse_batch(batch).statements]
        indexes = tuple(each.index for each in statements if isinstance(each, CreateIndex))
        for made in statements:
            if isinstance(made, CreateTable):
                table = made.definition
                found.append(
                    TableDefinition(table.name, table.columns, table.keys, table.foreign_keys, table.checks, indexes)
                )
    return found


def declaring_batches(tables: list[TableDefinition]) -> list[str]:
    """Return the batches that fill #columns and #members."""
    columns = [_column_row(table, column) for table in tables for column in table.columns]
    members = [
        f"({position}, {_text(table)}, {_text(kind)}, {_text(name)}, {_text(statement)})"
        for position, (table, kind, name, statement) in enumerate(_members(tables), start=1)
    ]
    return [*inserts("#columns", _COLUMNS, columns), *inserts("#members", _MEMBERS, members)]


def inserts(table: str, columns: str, rows: list[str]) -> Iterator[str]:
    """Yield the statements that insert rows, each of no more than SQL Server takes at once."""
    for start in range(0, len(rows), _MOST_ROWS):
        values = ",\n".join(f"    {row}" for row in rows[start : start + _MOST_ROWS])
        yield f"INSERT INTO {table} ({columns})\nVALUES\n{values};\n"


def comparing_batch() -> str:
    """Return the statements of internal.CompareSchema as a batch, for databases that lack the procedure."""
    file = sql_directory() / "procedures" / "installation" / "internal" / "CompareSchema.sql"
    body = file.read_text(encoding="utf-8").partition("AS\nBEGIN\n")[2].rpartition("END;")[0]
    return textwrap.dedent(body).strip() + "\n"


def read_whole(name: str) -> str:
    """Return the text of a file of sql/whole/."""
    return (sql_directory() / "whole" / f"{name}.sql").read_text(encoding="utf-8").strip() + "\n"


def _column_row(table: TableDefinition, column: ColumnDefinition) -> str:
    kind = column.type
    in_key = any(each.primary and column.name in each.columns for each in table.keys)
    values = (
        _text(table.name),
        _text(column.name),
        _text(kind.name),
        "NULL" if kind.length is None else str(max_length(kind)),
        str(kind.as_decimal[0]) if kind.family == Family.DECIMAL else "NULL",
        "NULL" if kind.scale is None else str(kind.scale),
        str(int(column.nullable and not in_key)),
        str(int(column.identity is not None)),
        _text(str(kind).upper()),
        "NULL" if column.default is None else _text(f"CONSTRAINT {column.default_name} DEFAULT {column.default}"),
    )
    return f"({', '.join(values)})"


def _members(tables: list[TableDefinition]) -> Iterator[tuple[str, str, str, str]]:
    """Yield table, kind, name and making statement: keys first, which foreign keys need, then what refers to them."""
    for table in tables:
        for key in table.keys:
            kind = "PRIMARY KEY" if key.primary else "UNIQUE"
            yield table.name, kind.lower(), key.name, _adding(table, key.name, f"{kind} ({', '.join(key.columns)})")
        for index in table.indexes:
            yield table.name, "index", index.name, _index(table, index)
    for table in tables:
        for check in table.checks:
            yield table.name, "check", check.name, _adding(table, check.name, f"CHECK ({check.condition})")
        for column in table.columns:
            if column.default is not None and column.default_name is not None:
                text = f"DEFAULT {column.default} FOR {column.name}"
                yield table.name, "default", column.default_name, _adding(table, column.default_name, text)
        for foreign in table.foreign_keys:
            yield table.name, "foreign key", foreign.name, _adding(table, foreign.name, _foreign_key(foreign))


def _adding(table: TableDefinition, name: str, what: str) -> str:
    return f"ALTER TABLE dbo.{table.name} ADD CONSTRAINT {name} {what};"


def _foreign_key(foreign: ForeignKey) -> str:
    referenced = f" ({', '.join(foreign.referenced)})" if foreign.referenced else ""
    actions = "".join(
        f" ON {event} {action}"
        for event, action in (("DELETE", foreign.on_delete), ("UPDATE", foreign.on_update))
        if action != "NO ACTION"
    )
    return f"FOREIGN KEY ({', '.join(foreign.columns)}) REFERENCES dbo.{foreign.table}{referenced}{actions}"


def _index(table: TableDefinition, index: IndexDefinition) -> str:
    columns = ", ".join(f"{name} DESC" if descending else name for name, descending in index.columns)
    included = f" INCLUDE ({', '.join(index.included)})" if index.included else ""
    filtered = "" if index.filter is None else f" WHERE {index.filter}"
    unique = "UNIQUE " if index.unique else ""
    return f"CREATE {unique}INDEX {index.name} ON dbo.{table.name} ({columns}){included}{filtered};"


def _text(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"N'{doubled}'"
