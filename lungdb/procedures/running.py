"""What scripts of dbo.RunOnDataset may call, and what brings their result over."""

from __future__ import annotations

import datetime
import decimal
import json
import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, ProcedureError
from lungdb.imaging.codecs import decode_slice, decode_vector, from_hex
from lungdb.imaging.pictures import Picture, decode_picture
from lungdb.procedures.checks import check_columns
from lungdb.procedures.leaving import MESSAGE, check_size, for_t_sql

_WHOLE = {
    "bit": (0, 1),
    "tinyint": (0, 255),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}
_TEXTS = {"nvarchar": 2, "nchar": 2, "varchar": 1, "char": 1}
_BYTES = ("varbinary", "binary")
_NUMBERS = ("float", "real", "decimal", "numeric")
_TIMES = ("date", "datetime", "datetime2", "smalldatetime")


def scan_volumes(frame: pd.DataFrame) -> dict[int, NDArray[np.int16]]:
    """Give the scans of RunOnDataset's `scans`: Hounsfield units, int16[slices, rows, cols], by scan_id."""
    check_columns(frame, ("scan_id", "image_rows", "image_cols", "pixels", "pixels_sha256", "encoding"))
    found: dict[int, list[NDArray[np.int16]]] = {}
    row: Any
    for row in frame.itertuples(index=False):
        hu = decode_slice(
            from_hex(row.pixels), int(row.image_rows), int(row.image_cols), from_hex(row.pixels_sha256), row.encoding
        )
        found.setdefault(int(row.scan_id), []).append(hu)
    return {scan_id: np.stack(slices) for scan_id, slices in found.items()}


def decoded_pictures(frame: pd.DataFrame) -> dict[str, Picture]:
    """Give the pictures of RunOnDataset's `pictures`: red, green, blue, uint8[rows, cols, 3], by name."""
    check_columns(frame, ("name", "image"))
    pairs = zip(frame["name"].tolist(), frame["image"].tolist(), strict=True)
    return {name: decode_picture(from_hex(image)) for name, image in pairs}


def feature_matrix(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Give the vectors of RunOnDataset's `features`, float64[scans, width], NaN where a value is missing."""
    check_columns(frame, ("vector",))
    vectors = [decode_vector(text, may_miss=True).astype(np.float64) for text in frame["vector"]]
    return np.stack(vectors) if vectors else np.empty((0, 0))


@for_t_sql({2: MESSAGE})
def lines_of_result(result: Any, columns: str) -> tuple[pd.DataFrame, int, str]:
    """Bring the result of a script over: each row as a JSON array in ASCII, after the names of its columns.

    Parameters
    ----------
    result : DataFrame
        What the script gave.
    columns : str
        JSON: the columns of the table, each with `name`, `type`, `bytes`, `precision`, `scale`, `may_be_missing` and
        `may_be_left_out`.

    Returns
    -------
    lines : DataFrame
        `place`, 0 of the names and counted on, and `line`.
    error_number, error_message : int, str
        0 and empty; 50395 for another shape than the table has, or a value that its column does not take; 50231 for
        more than may leave Python.
    """
    try:
        lines = list(_lines(result, json.loads(columns)))
        check_size(sum(map(len, lines)), "rows of the result", "Give fewer, or smaller data sets.")
    except ProcedureError as refusal:
        return _frame([]), refusal.number, refusal.message
    return _frame(lines), 0, ""


def _lines(result: Any, columns: list[dict[str, Any]]) -> list[str]:
    names = {column["name"].lower(): column for column in columns}
    listed = ", ".join(column["name"] for column in columns)
    if not isinstance(result, pd.DataFrame):
        raise _other(
            f"OutputDataSet is a {type(result).__name__}, and a data frame is needed. Its columns are those of "
            f"the table: {listed}."
        )
    given = [str(name) for name in result.columns]
    unknown = [name for name in given if name.lower() not in names]
    missing = [
        column["name"]
        for column in columns
        if not column["may_be_left_out"] and column["name"].lower() not in {name.lower() for name in given}
    ]
    if unknown or missing or len({name.lower() for name in given}) < len(given) or not given:
        lacks = f"It lacks {', '.join(missing)}. " if missing else ""
        raise _other(
            f"OutputDataSet has the columns {', '.join(given) or 'none'}, and the table {listed}. {lacks}"
            "Give each column of the table once, by its name."
        )
    chosen = [names[name.lower()] for name in given]
    rows = zip(*(result.iloc[:, place].tolist() for place in range(len(given))), strict=True)
    written = [
        [_value(value, column, place) for value, column in zip(row, chosen, strict=True)]
        for place, row in enumerate(rows, start=1)
    ]
    return [json.dumps(line) for line in ([column["name"] for column in chosen], *written)]


def _value(value: Any, column: dict[str, Any], place: int) -> str | None:
    """Write a value as T-SQL converts it to the type of its column."""
    kind, name = column["type"], column["name"]
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        if not column["may_be_missing"]:
            raise _unfit(value, place, name, f"{kind}, and takes no missing value")
        return None
    if kind in _WHOLE:
        low, high = _WHOLE[kind]
        if isinstance(value, str) or not _is_number(value) or int(value) != value or not low <= value <= high:
            raise _unfit(value, place, name, f"{kind}: whole numbers from {low} to {high}")
        return str(int(value))
    if kind in _NUMBERS:
        if isinstance(value, str) or not _is_number(value):
            raise _unfit(value, place, name, f"{kind}: finite numbers")
        return repr(float(value)) if kind in ("float", "real") else _plain_decimal(value, column, place)
    if kind in _TEXTS:
        room = column["bytes"] // _TEXTS[kind]
        if not (isinstance(value, (str, datetime.date)) or _is_number(value)):
            raise _unfit(value, place, name, f"{kind}: text, a number or a date")
        text = value if isinstance(value, str) else str(value)
        length = len(text.encode("utf-16-le", "surrogatepass")) // 2
        if column["bytes"] >= 0 and length > room:
            raise _unfit(value, place, name, f"{kind} of {room if column['bytes'] >= 0 else 'any'} characters")
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise _unfit(value, place, name, f"{kind}: text without half a character")
        if _TEXTS[kind] == 1 and not text.isascii():
            raise _unfit(value, place, name, f"{kind}: text in ASCII; a column of NVARCHAR takes every letter")
        return text
    if kind in _BYTES:
        if not isinstance(value, (bytes, bytearray)) or (column["bytes"] >= 0 and len(value) > column["bytes"]):
            raise _unfit(value, place, name, f"{kind} of {column['bytes'] if column['bytes'] >= 0 else 'any'} bytes")
        return bytes(value).hex()
    if kind in _TIMES:
        return _time(value, kind, place, name)
    raise _other(
        f"The column {name} is of the type {kind}, which RunOnDataset does not fill. Take a table with numbers, text, "
        "dates or varbinary."
    )


def _time(value: Any, kind: str, place: int, name: str) -> str:
    """Write a date or time in the one form that every language of a session reads alike."""
    if not isinstance(value, datetime.date):
        raise _unfit(value, place, name, f"{kind}: dates and times of datetime")
    if getattr(value, "tzinfo", None) is not None:
        raise _unfit(value, place, name, f"{kind}: times without a time zone, as of tz_localize(None)")
    moment = value if isinstance(value, datetime.datetime) else datetime.datetime.combine(value, datetime.time())
    nanoseconds = moment.microsecond * 1000 + getattr(moment, "nanosecond", 0)
    day = f"{moment.year:04}-{moment.month:02}-{moment.day:02}"
    if kind == "date":
        if nanoseconds or (moment.hour, moment.minute, moment.second) != (0, 0, 0):
            raise _unfit(value, place, name, "date: days without a time")
        return day
    digits = 7 if kind == "datetime2" else 3
    shown = f"{nanoseconds // 10 ** (9 - digits):0{digits}}"
    return f"{day}T{moment.hour:02}:{moment.minute:02}:{moment.second:02}.{shown}"


def _is_number(value: Any) -> bool:
    if not isinstance(value, (int, float, decimal.Decimal, np.integer, np.floating, np.bool_)):
        return False
    return math.isfinite(value)


def _plain_decimal(value: Any, column: dict[str, Any], place: int) -> str:
    number = decimal.Decimal(str(value))
    whole = column["precision"] - column["scale"]
    if abs(number) >= decimal.Decimal(10) ** whole:
        raise _unfit(value, place, column["name"], f"{column['type']} of {whole} digits before the point")
    return f"{number:f}"


def _unfit(value: Any, place: int, name: str, kind: str) -> ProcedureError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:80] + "..."
    return _other(f"Row {place} of OutputDataSet has {shown} for {name}, which is {kind}. Give a value that fits.")


def _other(message: str) -> ProcedureError:
    return ProcedureError(ErrorNumber.OTHER_COLUMNS, message)


def _frame(lines: list[str]) -> pd.DataFrame:
    frame: pd.DataFrame = pd.DataFrame(
        {"place": pd.Series(range(len(lines)), dtype=np.int32), "line": pd.Series(lines, dtype=object)}
    )
    return frame
