"""The script that `lungdb copy` makes: a trained model with features of patients, and a dense network, as T-SQL text.

Its batches fill temporary tables, so they run on one connection; the last, dbo.TakeCopy, stores all of it or nothing.
The members of an ensemble come before it, each with a dbo.TakeCopy of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from lungdb.copying.model import MODEL_TABLES, model_rows
from lungdb.copying.network import NETWORK_TABLES, network_rows
from lungdb.database import Connection

ROWS_OF_VALUES = 1000  # SQL Server takes no more in one INSERT
_CHARACTERS_OF_BATCH = 500_000


def copy_batches(
    source: Connection, model: str | None, version: int | None, patients: Sequence[int] | None, network: str | None
) -> Iterator[str]:
    """Make the batches of the script.

    Parameters
    ----------
    source : Connection
        The database to copy from.
    model : str or None
        Name of a classifier; None brings none, and no patients.
    version : int or None
        None is the one that the name serves.
    patients : sequence of int, or None
        Indices of the patients whose features come along; None for all that have features of the model.
    network : str or None
        Name of a dense network; None brings none.

    Raises
    ------
    SqlError
        The source has no such model.
    LungdbError
        Plain T-SQL cannot score the model, a patient has no features that it reads, or the source has no such network.
    """
    parts: list[tuple[str, tuple[str, ...], list[tuple[Any, ...]]]] = []
    if model is not None:
        parts += model_rows(source, model, version, patients)
        members = next(rows for table, _, rows in parts if table == "#copy_members")
        for _, member, number, *_ in members:
            yield from copy_batches(source, member, number, [], None)
    if network is not None:
        parts += network_rows(source, network)
    for table, columns in (MODEL_TABLES | NETWORK_TABLES).items():
        yield f"DROP TABLE IF EXISTS {table};\nCREATE TABLE {table} ({columns});\n"
    for table, names, rows in parts:
        yield from _inserts(table, names, rows)
    yield f"EXECUTE dbo.TakeCopy @Rows = {sum(len(rows) for _, _, rows in parts)};\n"


def _inserts(table: str, names: Sequence[str], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    lines: list[str] = []
    size = 0
    for row in rows:
        line = f"({', '.join(map(literal, row))})"
        if lines and (len(lines) == ROWS_OF_VALUES or size + len(line) > _CHARACTERS_OF_BATCH):
            yield _insert(table, names, lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield _insert(table, names, lines)


def _insert(table: str, names: Sequence[str], lines: list[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)})\nVALUES\n" + ",\n".join(lines) + ";\n"


def literal(value: Any) -> str:
    """Write a value as T-SQL that reads back the same; a float as exact text, which its column converts."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"N'{value!r}'"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"0x{bytes(value).hex()}"
    if isinstance(value, datetime):
        return f"N'{value.isoformat(timespec='milliseconds')}'"
    if isinstance(value, date):
        return f"N'{value.isoformat()}'"
    text = str(value)
    if re.search(r"[\x00-\x1f]|\$\(", text):
        # In a literal sqlcmd would take a line GO for a separator and $(x) for its own variable, and T-SQL joins lines
        # that a backslash ends.
        return f"CAST(0x{text.encode('utf-16-le').hex()} AS NVARCHAR(MAX))"
    return "N'" + text.replace("'", "''") + "'"
