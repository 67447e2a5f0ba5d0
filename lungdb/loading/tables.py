"""A CSV file about patients: read whole, refused whole when a line is wrong; errors name lines, never ids."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO, TypeVar

from lungdb.errors import LungdbError

_SHOWN_ERRORS = 10

_SEPARATORS = ",;\t"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how a file begins that Excel saves as "Unicode text"
_WHOLE = re.compile(
    r"([0-9]{1,9})(?:[.,]0+)?"
)  # data frames and spreadsheets write 1.0, and 1,0 where a comma is decimal

Value = TypeVar("Value")


class LineError(LungdbError):
    """What is wrong with one line, to be read behind "line 7 "."""


def read_table(
    path: Path, what: str, columns: Sequence[str], parse: Callable[[dict[str, str]], Value]
) -> dict[str, Value]:
    """Read a CSV file with a header; columns that are not asked for are ignored.

    Values are separated by commas, semicolons or tabs, whichever the header has between the columns. The text is UTF-8,
    or UTF-16 with a byte order mark. A patient may be there several times if nothing contradicts itself.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What it holds, for messages, such as ``labels``.
    columns : sequence of str
        Columns that it must have, in any order and case; the first is the patient's id.
    parse : callable
        Makes a line's values, stripped, by column, what is returned for the patient; raises LineError.

    Returns
    -------
    dict
        Patient id -> what `parse` returned, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong.
    """
    try:
        with path.open("rb") as start:
            encoding = "utf-16" if start.read(2) in _UTF_16 else "utf-8-sig"
        with path.open(newline="", encoding=encoding) as file:
            return _parse(path.name, file, what, columns, parse)
    except OSError as error:
        raise LungdbError(f"The {what} file '{path}' cannot be read ({error.strerror}). Check its path.") from error
    except (UnicodeError, csv.Error) as error:
        raise LungdbError(
            f"'{path.name}' is not a CSV file in UTF-8. Save it as CSV with the header {','.join(columns)}."
        ) from error


def whole_number(text: str) -> int | None:
    """Read a number without a sign, also one that is written 1.0; None of anything else."""
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else None


def _parse(
    name: str, file: TextIO, what: str, columns: Sequence[str], parse: Callable[[dict[str, str]], Value]
) -> dict[str, Value]:
    first = file.readline()
    line = ",".join(columns)
    for separator in _SEPARATORS:
        header = [column.strip().lower() for column in next(csv.reader([first], delimiter=separator, strict=True), [])]
        if set(columns) <= set(header):
            break
    else:
        raise LungdbError(
            f"'{name}' has no header with the columns {' and '.join(columns)}. Write {line} as its first line."
        )
    reader = csv.reader(file, delimiter=separator, strict=True)
    found: dict[str, Value] = {}
    errors = []
    for row in reader:
        if not row:
            continue
        values = dict(zip(header, (value.strip() for value in row), strict=False))
        patient_id = values.get(columns[0], "")
        try:
            if len(row) != len(header):
                raise LineError(f"has {len(row)} values, not {len(header)}")
            if not patient_id:
                raise LineError("has no id")
            value = parse(values)
            if found.setdefault(patient_id, value) != value:
                raise LineError("contradicts an earlier line with its id")
        except LineError as error:
            errors.append(f"line {1 + reader.line_num} {error}")
    if errors:
        more = f" and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
        raise LungdbError(
            f"'{name}': {'; '.join(errors[:_SHOWN_ERRORS])}{more}. Correct the file; nothing has been changed."
        )
    if not found:
        raise LungdbError(f"'{name}' holds no {what}. Give a file with lines of the form {line}.")
    return found
