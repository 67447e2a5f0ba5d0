"""Between wire and pandas, inside the process of an external script: what a script is given, what it may return.

Types are those of Microsoft's open-source Python language extension. Where that hands on NULL or a part of a value
without a word, this refuses the value and says what to return instead.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from lungdb.embedded.satellite.wire import FLOATS, INTEGERS, TEXTS
from lungdb.embedded.values.stored import Value, utf16_length
from lungdb.embedded.values.types import (
    BIGINT,
    BIT,
    FLOAT,
    INT,
    INTEGER_RANGE,
    MAX,
    REAL,
    SMALLINT,
    TINYINT,
    Family,
    SqlType,
    datetime2,
    nvarchar,
)

_DTYPES = {"bit": "bool", "tinyint": "uint8", "smallint": "int16", "int": "int32", "bigint": "int64"}
_DTYPES |= {"real": "float32", "float": "float64"}
_RESULTS: dict[str, tuple[SqlType, str]] = {
    "bool": (BIT, INTEGERS),
    "uint8": (TINYINT, INTEGERS),
    "int16": (SMALLINT, INTEGERS),
    "int32": (INT, INTEGERS),
    "int64": (BIGINT, INTEGERS),
    "float32": (REAL, FLOATS),
    "float64": (FLOAT, FLOATS),
    "object": (nvarchar(), TEXTS),
    "datetime64[ns]": (datetime2(), TEXTS),
}
_BLOCK_ROWS = 4096
_BLOCK_BYTES = 4 << 20


class RefusedError(Exception):
    """Something a script returned that SQL Server would not take, or would change without a word."""


def input_frame(names: Sequence[str], kinds: Sequence[SqlType], columns: Sequence[list[Any]]) -> pd.DataFrame:
    """Return the data frame that a script finds as its input.

    Parameters
    ----------
    columns : sequence of list
        Values of each column, None for NULL.
    """
    # Series of dtype object by name: pandas 3 would make its own string type of a plain list.
    series = {name: _input_series(kind, values) for name, kind, values in zip(names, kinds, columns, strict=True)}
    frame: pd.DataFrame = pd.DataFrame(series)
    return frame


def _input_series(kind: SqlType, values: list[Any]) -> pd.Series[Any]:
    dtype: str = _DTYPES.get(kind.name, "object")
    if dtype == "object":
        values = [python_value(kind, value) for value in values]
    elif None in values and kind.family == Family.BIT:
        dtype = "object"
        values = [None if value is None else bool(value) for value in values]
    elif None in values:
        dtype = "float64"
        values = [math.nan if value is None else value for value in values]
    series: pd.Series[Any] = pd.Series(values, dtype=dtype)
    return series


def python_value(kind: SqlType, value: Any) -> Any:
    """Return a value of an input parameter, or of a text or date column, as a script sees it."""
    if value is None:
        return None
    if kind.family == Family.BIT:
        return bool(value)
    if kind.name == "date":
        return datetime.date.fromisoformat(value)
    if kind.family == Family.DATETIME:
        return datetime.datetime.fromisoformat(value[:26])
    return value


def check_frame(frame: object, name: str) -> tuple[list[tuple[str, SqlType]], str]:
    """Return the columns (name, type) and the wire kinds of what a script returns as its data set.

    Raises
    ------
    RefusedError
        For what is no data frame, and for names and dtypes that SQL Server does not take.
    """
    if not isinstance(frame, pd.DataFrame):
        raise RefusedError(f"{name} is a {type(frame).__name__}. Assign a pandas DataFrame.")
    columns: list[tuple[str, SqlType]] = []
    kinds = ""
    for position in range(frame.shape[1]):
        title = str(frame.columns[position])
        if any(title == taken for taken, _ in columns):
            raise RefusedError(
                f"{name} has two columns named {title!r}, of which SQL Server makes NULLs. Rename one of them."
            )
        if set(title) & set("'\\\n"):
            raise RefusedError(f"The column name {title!r} of {name} has a quote or backslash. Rename the column.")
        dtype = str(frame.dtypes.iloc[position])
        if dtype not in _RESULTS:
            raise RefusedError(
                f"Unsupported data type {dtype} in output data for column {title!r}. Use bool, uint8, int16, int32, "
                "int64, float32, float64, datetime64[ns], or object: .astype(object) for text."
            )
        kind, wire = _RESULTS[dtype]
        if dtype == "object":
            _check_cells(frame.iloc[:, position], title)
        columns.append((title, kind))
        kinds += wire
    return columns, kinds


def _check_cells(cells: pd.Series[Any], title: str) -> None:
    for cell in cells:
        if cell is None:
            continue
        if type(cell) is str:
            if not cell.isascii():
                raise RefusedError(
                    f"Column {title!r} holds text beyond ASCII, which arrives damaged in SQL Server. Return an integer "
                    "key and join it to the text in T-SQL, or return the text as an OUTPUT parameter of nvarchar."
                )
            continue
        if isinstance(cell, (bytes, bytearray, memoryview)):
            raise RefusedError(
                f"Column {title!r} holds bytes, which SQL Server hands on as text. Return value.hex() and "
                "CONVERT(VARBINARY(MAX), x, 2) in T-SQL."
            )
        if cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell)):
            raise RefusedError(
                f"Column {title!r} of dtype object holds {cell}, which SQL Server hands on as a text. Use None."
            )


def blocks(frame: pd.DataFrame, kinds: str) -> Any:
    """Yield the rows of a checked frame in blocks, each a list of columns for `Wire.send_block`."""
    start = 0
    while start < len(frame):
        stop = min(start + _block_size(frame, kinds, start), len(frame))
        part = frame.iloc[start:stop]
        yield [_wire_column(part.iloc[:, position], kind) for position, kind in enumerate(kinds)]
        start = stop


def _block_size(frame: pd.DataFrame, kinds: str, start: int) -> int:
    """Return the number of rows of a block: fewer where texts are large."""
    texts = [position for position, kind in enumerate(kinds) if kind == TEXTS]
    size = 0
    for row in range(start, min(start + _BLOCK_ROWS, len(frame))):
        for position in texts:
            cell = frame.iat[row, position]
            size += len(cell) if isinstance(cell, str) else 0
        if size > _BLOCK_BYTES:
            return row - start + 1
    return _BLOCK_ROWS


def _wire_column(cells: pd.Series[Any], kind: str) -> list[Any]:
    values = cells.to_numpy()
    if kind == INTEGERS:
        return [int(value) for value in values.tolist()]
    if kind == FLOATS:
        # NaN and infinity have no place in T-SQL; SQL Server makes NULL of both.
        return [value if math.isfinite(value) else None for value in values.tolist()]
    if values.dtype == object:
        return [None if cell is None else str(cell) for cell in values]
    texts = np.datetime_as_string(values, unit="ns")
    return [None if text == "NaT" else f"{text[:10]} {text[11:27]}" for text in texts.tolist()]


def output_value(name: str, kind: SqlType, namespace: Mapping[str, Any]) -> Value:
    """Return the stored form of an OUTPUT parameter after the script.

    Raises
    ------
    RefusedError
        For a value that was never assigned, one of another Python type, and one that does not fit.
    """
    if name not in namespace:
        raise RefusedError(f"The OUTPUT parameter @{name} was never assigned. Assign {name}, None for a NULL.")
    value = namespace[name]
    if value is None:
        return None
    check = {
        Family.BIT: _output_bit,
        Family.INTEGER: _output_integer,
        Family.FLOAT: _output_float,
        Family.CHARACTER: _output_text,
        Family.BINARY: _output_bytes,
        Family.DATETIME: _output_datetime,
    }[kind.family]
    return check(name, kind, value)


def _refused_value(name: str, kind: SqlType, value: Any, advice: str) -> RefusedError:
    return RefusedError(
        f"The OUTPUT parameter @{name} of type {kind} was given a {type(value).__module__}.{type(value).__name__}, "
        f"of which SQL Server makes NULL or nothing useful. {advice}".replace("builtins.", "")
    )


def _output_bit(name: str, kind: SqlType, value: Any) -> Value:
    if not isinstance(value, (bool, int, np.bool_)):
        raise _refused_value(name, kind, value, "Assign bool(...).")
    return int(bool(value))


def _output_integer(name: str, kind: SqlType, value: Any) -> Value:
    if not isinstance(value, int):
        raise _refused_value(name, kind, value, "Assign int(...).")
    low, high = INTEGER_RANGE[kind.name]
    if not low <= value <= high:
        raise RefusedError(
            f"The OUTPUT parameter @{name} of type {kind} cannot hold {int(value)}. Declare a larger type."
        )
    return int(value)


def _output_float(name: str, kind: SqlType, value: Any) -> Value:
    if not isinstance(value, (int, float)):
        raise _refused_value(name, kind, value, "Assign float(...).")
    number = float(value)
    if not math.isfinite(number):
        raise RefusedError(f"The OUTPUT parameter @{name} of type {kind} cannot hold {number}. Assign None for a NULL.")
    return number


def _output_text(name: str, kind: SqlType, value: Any) -> Value:
    if not isinstance(value, str):
        raise _refused_value(name, kind, value, "Assign str(...).")
    text = str(value)
    length = utf16_length(text)
    if length != len(text):
        raise RefusedError(
            f"The OUTPUT parameter @{name} holds a character beyond U+FFFF, at which SQL Server cuts the text. "
            "Leave the character out."
        )
    if not kind.is_unicode and not text.isascii():
        raise RefusedError(
            f"The OUTPUT parameter @{name} of type {kind} holds more than ASCII. Declare it as nvarchar."
        )
    if kind.length != MAX and length > (kind.length or 0):
        raise RefusedError(
            f"The OUTPUT parameter @{name} of type {kind} was given {length} characters, and SQL Server cuts the rest. "
            "Declare it longer."
        )
    return text


def _output_bytes(name: str, kind: SqlType, value: Any) -> Value:
    is_list = isinstance(value, list) and all(type(item) is int and 0 <= item <= 255 for item in value)
    if not (isinstance(value, (bytes, bytearray, memoryview)) or is_list):
        raise _refused_value(name, kind, value, "Assign bytes.")
    content = bytes(value)
    if kind.length != MAX and len(content) > (kind.length or 0):
        raise RefusedError(
            f"The OUTPUT parameter @{name} of type {kind} was given {len(content)} bytes, and SQL Server cuts "
            "the rest. Declare it longer."
        )
    return content


def _output_datetime(name: str, kind: SqlType, value: Any) -> Value:
    if kind.name == "date" and type(value) is datetime.date:
        return value.isoformat()
    if not isinstance(value, datetime.datetime) or value.tzinfo is not None:
        raise _refused_value(name, kind, value, "Assign a datetime without time zone, or a date to a date.")
    return value.date().isoformat() if kind.name == "date" else value.isoformat(" ", "microseconds") + "0"
