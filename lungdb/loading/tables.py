"""A CSV file about patients: read whole, refused whole when a line is wrong; errors name lines, never ids."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeVar

from lungdb.errors import LungdbError

_SHOWN_ERRORS = 10

_SEPARATORS = ",;\t"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # how a file begins that Excel saves as "Unicode text"
_WHOLE = re.compile(
    r"([0-9]{1,9})(?:[.,]0+)?"
)  # data frames and spreadsheets write 1.0, and 1,0 where a comma is decimal
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")

Value = TypeVar("Value")


class LineError(LungdbError):
    """What is wrong with one line, to be read behind "line 7 "."""


@dataclass(frozen=True)
class Header:
    """The first line of a CSV file.

    Attributes
    ----------
    columns : tuple of str
        Names in lower case; white space in them, also line ends, is one blank.
    separator : str
        What stands between values.
    """

    columns: tuple[str, ...]
    separator: str


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
    header = find_header(path, what, columns, lambda names: set(columns) <= set(names))
    if header is None:
        raise LungdbError(
            f"'{path.name}' has no header with the columns {' and '.join(columns)}. Write {','.join(columns)} as its "
            "first line."
        )
    found: dict[str, Value] = {}

    def add(patient_id: str, values: dict[str, str]) -> None:
        value = parse(values)
        if found.setdefault(patient_id, value) != value:
            raise LineError("contradicts an earlier line with its id")

    read_lines(path, what, header, columns, add)
    return found


def find_header(
    path: Path, what: str, columns: Sequence[str], is_known: Callable[[Sequence[str]], bool]
) -> Header | None:
    """Read the first line of a CSV file by the separator with which its columns are known; None where by none they are.

    Parameters
    ----------
    what : str
        What the file holds, for messages.
    columns : sequence of str
        What a header may be, for messages.
    is_known : callable
        Asked about the names of the columns.

    Raises
    ------
    LungdbError
        The file cannot be read.
    """
    for separator in _SEPARATORS:
        with _open(path, what, columns) as file:
            try:
                first = next(csv.reader(file, delimiter=separator, strict=True), [])
            except csv.Error as error:
                if separator == _SEPARATORS[-1]:
                    raise error
                continue  # with quotes around its names a header has one meaning only
        names = tuple(" ".join(name.lower().split()) for name in first)
        if is_known(names):
            return Header(names, separator)
    return None


def read_lines(
    path: Path, what: str, header: Header, columns: Sequence[str], add: Callable[[str, dict[str, str]], None]
) -> None:
    """Read the lines of a CSV file below its header.

    Parameters
    ----------
    columns : sequence of str
        Columns of the header that are read; the first is an id, which no line may lack.
    add : callable
        Called with each line's id and its values, stripped, by column; raises LineError.

    Raises
    ------
    LungdbError
        The file cannot be read, holds nothing, has a column twice, or a line is wrong.
    """
    twice = [name for name in columns if header.columns.count(name) > 1]
    if twice:
        raise LungdbError(f"'{path.name}' has the column {twice[0]} more than once. Leave one.")
    errors = []
    lines = 0
    with _open(path, what, columns) as file:
        reader = csv.reader(file, delimiter=header.separator, strict=True)
        next(reader)
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            lines += 1
            values = dict(zip(header.columns, (value.strip() for value in row), strict=False))
            try:
                if len(row) != len(header.columns):
                    raise LineError(f"has {len(row)} values, not {len(header.columns)}")
                if not values[columns[0]]:
                    raise LineError("has no id")
                add(values[columns[0]], values)
            except LineError as error:
                errors.append(f"line {reader.line_num} {error}")
    if errors:
        more = f" and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
        raise LungdbError(
            f"'{path.name}': {'; '.join(errors[:_SHOWN_ERRORS])}{more}. Correct the file; nothing has been changed."
        )
    if not lines:
        raise LungdbError(f"'{path.name}' holds no {what}. Give a file with lines of the form {','.join(columns)}.")


def whole_number(text: str) -> int | None:
    """Read a number without a sign, also one that is written 1.0; None of anything else."""
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else None


def real_number(text: str, separator: str) -> float | None:
    """Read a finite number; None of anything else.

    Parameters
    ----------
    separator : str
        What stands between the values of the file: where it is no comma, one may be decimal.
    """
    if separator != ",":
        text = text.replace(",", ".", 1)
    number = float(text) if _REAL.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


@contextmanager
def _open(path: Path, what: str, columns: Sequence[str]) -> Iterator[TextIO]:
    try:
        with path.open("rb") as start:
            encoding = "utf-16" if start.read(2) in _UTF_16 else "utf-8-sig"
        with path.open(newline="", encoding=encoding) as file:
            yield file
    except OSError as error:
        raise LungdbError(f"The {what} file '{path}' cannot be read ({error.strerror}). Check its path.") from error
    except (UnicodeError, csv.Error) as error:
        raise LungdbError(
            f"'{path.name}' is not a CSV file in UTF-8. Save it as CSV with the header {','.join(columns)}."
        ) from error
