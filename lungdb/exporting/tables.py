"""Rows to files: Parquet or CSV, a chunk at a time, and the page that says what the columns mean."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.exporting.columns import Column
from lungdb.exporting.folder import write_whole

FORMATS = ("parquet", "csv")
Row = tuple[Any, ...]
_MEANINGS = """
SELECT o.name, c.name, CAST(p.value AS NVARCHAR(1500))
FROM sys.extended_properties AS p
INNER JOIN sys.objects AS o ON o.object_id = p.major_id
INNER JOIN sys.columns AS c ON c.object_id = p.major_id AND c.column_id = p.minor_id
WHERE p.class = 1 AND p.name = N'MS_Description';
"""
_SAID = {
    "int": "whole number",
    "float": "number, 64 bit",
    "time": "time, UTC",
    "hash": "SHA-256 in hexadecimal",
    "text": "text",
    "floats": "list of numbers, 32 bit",
    "vectors": "lists of numbers, 32 bit",
    "bytes": "SHA-256, 32 bytes",
}


class Write(Protocol):
    """Adds rows to a file."""

    def __call__(self, rows: Sequence[Row]) -> None: ...  # noqa: D102


def write_table(folder: Path, name: str, format_: str, columns: Sequence[Column], chunks: Iterable[list[Row]]) -> int:
    """Write a table; returns how many rows it has. A file without rows is written, too: it says that there are none."""
    rows = 0

    def write(path: Path) -> None:
        nonlocal rows
        with (_parquet if format_ == "parquet" else _csv)(path, columns) as add:
            for chunk in chunks:
                add([_plain(row, columns) for row in chunk])
                rows += len(chunk)

    write_whole(folder / f"{name}.{format_}", write)
    return rows


def read_table(folder: Path, name: str, columns: Sequence[Column]) -> Iterator[list[Row]]:
    """Read back what `write_table` wrote, a chunk at a time; nothing where the table was not exported.

    Raises
    ------
    LungdbError
        It has other columns or values.
    """
    parquet, plain = folder / f"{name}.parquet", folder / f"{name}.csv"
    if parquet.is_file():
        yield from _from_parquet(parquet, columns)
    elif plain.is_file():
        yield from _from_csv(plain, columns)


def write_schema(connection: Connection, folder: Path, tables: Mapping[str, Sequence[Column]]) -> None:
    """Write SCHEMA.md and schema.json: type, unit and meaning of every column, as the database's comments have it."""
    found = {f"{table}.{column}".lower(): text for table, column, text in run(connection, _MEANINGS)[0].rows}
    pages, described = ["# What the columns hold\n"], {}
    for name, columns in tables.items():
        facts = [
            {"column": each.name, "type": _SAID[each.kind], "unit": each.unit, "meaning": each.means or found[each.of]}
            for each in columns
        ]
        described[name] = facts
        lines = [f"| {' | '.join(str(value).replace('|', '/') for value in fact.values())} |" for fact in facts]
        pages.append("\n".join([f"## {name}\n", "| column | type | unit | meaning |", "|---|---|---|---|", *lines, ""]))
    write_whole(folder / "SCHEMA.md", lambda path: path.write_text("\n".join(pages), encoding="utf-8"))
    text = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / "schema.json", lambda path: path.write_text(text, encoding="utf-8"))


def parquet_modules() -> tuple[Any, Any]:
    """Return pyarrow and pyarrow.parquet.

    Raises
    ------
    LungdbError
        They are not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise LungdbError(f'Parquet is written with {error.name}. Run: pip install "lungdb[export]"') from error
    return pyarrow, pyarrow.parquet


def _plain(row: Row, columns: Sequence[Column]) -> Row:
    return tuple(None if value is None else _value(value, each) for value, each in zip(row, columns, strict=True))


def _value(value: Any, column: Column) -> Any:
    match column.kind:
        case "hash":
            return value.lower() if isinstance(value, str) else bytes(value).hex()
        case "int":
            return int(value)
        case "float":
            return float(value)
        case "time":
            return value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(str(value))
    return str(value)


@contextmanager
def _parquet(path: Path, columns: Sequence[Column]) -> Iterator[Write]:
    pa, pq = parquet_modules()
    types = {
        "text": pa.string(),
        "hash": pa.string(),
        "int": pa.int64(),
        "float": pa.float64(),
        "time": pa.timestamp("ms"),
    }
    schema = pa.schema([(each.name, types[each.kind]) for each in columns])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def add(rows: Sequence[Row]) -> None:
            values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
            arrays = [pa.array(each, field.type) for each, field in zip(values, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

        yield add


@contextmanager
def _csv(path: Path, columns: Sequence[Column]) -> Iterator[Write]:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([each.name for each in columns])

        def add(rows: Sequence[Row]) -> None:
            writer.writerows([[_text(value) for value in row] for row in rows])

        yield add


def _text(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds")
    return repr(value) if isinstance(value, float) else value


def _from_parquet(path: Path, columns: Sequence[Column]) -> Iterator[list[Row]]:
    pa, pq = parquet_modules()
    names = [each.name for each in columns]
    try:
        with pq.ParquetFile(path) as file:
            if file.schema_arrow.names != names:
                raise _other(path, names)
            for batch in file.iter_batches(batch_size=10_000):
                values = [batch.column(place).to_pylist() for place in range(len(names))]
                yield [_plain(row, columns) for row in zip(*values, strict=True)]
    except (pa.ArrowException, OSError) as error:
        raise LungdbError(f"'{path.name}' cannot be read as Parquet ({error}). Export it again.") from error


def _from_csv(path: Path, columns: Sequence[Column]) -> Iterator[list[Row]]:
    names = [each.name for each in columns]
    csv.field_size_limit(1 << 30)  # a vector is one value
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        if next(reader, []) != names:
            raise _other(path, names)
        chunk: list[Row] = []
        for row in reader:
            try:
                chunk.append(_plain(tuple(value or None for value in row), columns))
            except ValueError as error:
                raise LungdbError(
                    f"'{path.name}', line {reader.line_num}: a value is not what its column holds. Export it again."
                ) from error
            if len(chunk) == 10_000:
                yield chunk
                chunk = []
        yield chunk


def _other(path: Path, names: Sequence[str]) -> LungdbError:
    return LungdbError(f"'{path.name}' has other columns than an export's: {', '.join(names)}. Export it again.")
