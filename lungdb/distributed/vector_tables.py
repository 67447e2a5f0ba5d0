"""Tables of vectors in Parquet: which rows are learnt from and tested on, and their vectors a few at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from numpy.typing import NDArray

from lungdb.errors import LungdbError

LEFT_OUT, TRAIN, TEST = 0, 2, 4
"""What a row is for; a label of 1 adds one to the latter two, so that one byte says all of a row."""

_BATCH_BYTES = 16 * 2**20
_BUFFER_BYTES = 1 * 2**20
_FORMAT = "lungdb.json"

Codes = NDArray[np.uint8]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Form:
    """Where a table has what.

    Attributes
    ----------
    vector, patient : str
        Columns: a list of numbers, or a map of lists where `pooling` is its key; and the patient's id.
    label : str or None
        Column of the label; None takes labels by patient.
    layer : int or None
        Of a column `layer`, the rows that are meant; None takes all.
    pooling : str or None
        Key of the map.
    """

    vector: str
    patient: str
    label: str | None = None
    layer: int | None = None
    pooling: str | None = None


@dataclass(frozen=True)
class Split:
    """Which patients are tested on: the rule of dbo.AssignSplits with the settings `split_key` and `test_percent`."""

    key: str
    test_percent: int

    def is_test(self, patient: str) -> bool:
        """Tell by the first three bytes of SHA-256 of the key and the id, as HASHBYTES sees them, in UTF-16."""
        digest = sha256(f"{self.key}/{patient}".encode("utf-16-le", "surrogatepass")).digest()
        return int.from_bytes(digest[:3], "big") % 100 < self.test_percent


@dataclass(frozen=True)
class Rows:
    """Rows of one row group that follow each other: where they begin in it, and what each is for."""

    file: str
    group: int
    start: int
    codes: Codes


@dataclass(frozen=True)
class Survey:
    """What a table holds, without its vectors.

    Attributes
    ----------
    rows : list of Rows
        All of it, in order.
    owners : int64[rows tested on]
        A number for the patient of each.
    width : int
        Of the vectors; 0 where there is nothing to learn from.
    unlabelled, failed : int
        Rows left out because they have no label; because what they are about could not be read.
    """

    rows: list[Rows]
    owners: NDArray[np.int64]
    width: int
    unlabelled: int
    failed: int

    @property
    def codes(self) -> Codes:
        """What each row is for."""
        return np.concatenate([rows.codes for rows in self.rows] or [np.zeros(0, np.uint8)])


def read_description(uri: str) -> dict[str, Any] | None:
    """Read what `lungdb spark features` says of its output; None where the URI is a table of another make.

    Raises
    ------
    LungdbError
        The URI cannot be read, or is of another format.
    """
    try:
        system, path = url_to_fs(uri)
        file = f"{path.rstrip('/')}/{_FORMAT}"
        if not system.exists(file):
            return None
        found = json.loads(system.cat_file(file))
    except Exception as error:  # fsspec's backends raise errors of their own kinds
        raise LungdbError(f"The table cannot be read ({_first_line(error)}). Check its URI.") from None
    if not isinstance(found, dict) or (found.get("format"), found.get("kind")) != (1, "features"):
        raise LungdbError(f"The file {_FORMAT} of the table is of another format. Use the lungdb that wrote it.")
    return found


def survey(uri: str, form: Form, labels: Mapping[str, int] | None, split: Split) -> Survey:
    """Read a table but for its vectors: one byte a row is kept, and a number for each row tested on.

    Parameters
    ----------
    labels : mapping, optional
        Patient, as the table has ids -> 0 or 1, where the form names no column of labels.

    Raises
    ------
    LungdbError
        It cannot be read, lacks a column, or has labels other than 0 and 1.
    """
    found: list[Rows] = []
    numbers: dict[str, int] = {}
    owners: list[int] = []
    unlabelled = failed = 0
    wanted = [form.patient, *([form.label] if form.label else []), *(["layer"] if form.layer else [])]
    for file in _files(uri):
        with _open(file) as table:
            _check_columns(table, form, [*wanted, form.vector])
            has_errors = form.layer is not None and "error" in table.schema_arrow.names
            for group in range(table.num_row_groups):
                read = table.read_row_group(group, columns=[*wanted, *(["error"] if has_errors else [])])
                codes = np.zeros(read.num_rows, np.uint8)
                is_failed = _failed(read) if has_errors else np.zeros(read.num_rows, bool)
                failed += int(is_failed.sum())
                for place, patient, label in _meant(read, form):
                    if patient is None:
                        raise LungdbError(
                            f"A row of {_place(file, group)} has no '{form.patient}'. Name the column of patients with "
                            "--patient, or leave such rows out."
                        )
                    known = label if labels is None else labels.get(patient)
                    if known is None:
                        unlabelled += 1
                        continue
                    if known not in (0, 1):
                        raise LungdbError(
                            f"A label of {_place(file, group)} is not 0 or 1. Correct the column '{form.label}'."
                        )
                    is_test = split.is_test(patient)
                    codes[place] = (TEST if is_test else TRAIN) + int(known)
                    if is_test:
                        owners.append(numbers.setdefault(patient, len(numbers)))
                found.append(Rows(file, group, 0, codes))
    width = _width(found, form)
    return Survey(found, np.array(owners, dtype=np.int64), width, unlabelled, failed)


def share(rows: list[Rows], workers: int) -> list[list[Rows]]:
    """Part rows, in their order, into as many runs with the same number of rows that are learnt from."""
    learnt = sum(int(is_train(each.codes).sum()) for each in rows)
    ends = [learnt * (worker + 1) // workers for worker in range(workers)]
    parts: list[list[Rows]] = [[] for _ in range(workers)]
    worker = passed = 0
    for each in rows:
        start = 0
        places = np.flatnonzero(is_train(each.codes))
        while worker < workers - 1 and passed + places.size >= ends[worker]:
            taken = ends[worker] - passed
            stop = int(places[taken - 1]) + 1 if taken else start
            if stop > start:
                parts[worker].append(Rows(each.file, each.group, each.start + start, each.codes[start:stop]))
            places, passed, start, worker = places[taken:], ends[worker], stop, worker + 1
        passed += places.size
        if start < each.codes.size:
            parts[worker].append(Rows(each.file, each.group, each.start + start, each.codes[start:]))
    return parts


def vectors(rows: Rows, form: Form, width: int) -> Iterator[tuple[Codes, Vectors]]:
    """Yield the vectors of the rows that are for something, some megabytes at a time, and what each is for.

    Raises
    ------
    LungdbError
        A vector has another width, is missing, or has a value that is no finite number.
    """
    size = max(1, _BATCH_BYTES // (4 * max(width, 1)))
    stop = rows.start + rows.codes.size
    begin = 0
    with _open(rows.file) as table:
        for batch in table.iter_batches(size, row_groups=[rows.group], columns=[form.vector]):
            first, last = max(begin, rows.start), min(begin + batch.num_rows, stop)
            if first < last:
                codes = rows.codes[first - rows.start : last - rows.start]
                column = batch.column(0).slice(first - begin, last - first).filter(pa.array(codes != LEFT_OUT))
                yield codes[codes != LEFT_OUT], _matrix(column, form, width, _place(rows.file, rows.group))
            begin += batch.num_rows
            if begin >= stop:
                return
    raise LungdbError(f"{_place(rows.file, rows.group)} has fewer rows than before. Leave it alone and run it again.")


def is_train(codes: Codes) -> NDArray[np.bool_]:
    """Tell which rows are learnt from."""
    return np.isin(codes, (TRAIN, TRAIN + 1))


def _matrix(column: Any, form: Form, width: int, place: str) -> Vectors:
    lists = column if form.pooling is None else pc.map_lookup(column, pa.scalar(form.pooling), "first")
    if lists.null_count:
        lacking = "vector" if form.pooling is None else f"vector of the pooling '{form.pooling}'"
        raise LungdbError(
            f"{lists.null_count} rows of {place} have no {lacking}. Take another pooling, or leave them out."
        )
    lengths = set(pc.unique(pc.list_value_length(lists)).to_pylist())
    if lengths - {width}:
        raise LungdbError(
            f"Vectors of {place} have {min(lengths - {width}):,} values, and others of the table {width:,}. Take one "
            "table for each width."
        )
    values = pc.list_flatten(lists)
    numbers = values.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False).reshape(-1, width)
    if not np.isfinite(numbers).all():
        wrong = int((~np.isfinite(numbers)).any(axis=1).sum())
        raise LungdbError(
            f"{wrong} vectors of {place} have a value that is no finite number. Make them again, or leave them out."
        )
    return np.ascontiguousarray(numbers, dtype=np.float32)


def _width(rows: list[Rows], form: Form) -> int:
    """Give the width of the first vector that is learnt from."""
    for each in rows:
        places = np.flatnonzero(is_train(each.codes))
        if places.size:
            with _open(each.file) as table:
                for batch in table.iter_batches(64, row_groups=[each.group], columns=[form.vector]):
                    if places[0] < batch.num_rows:
                        column = batch.column(0).slice(int(places[0]), 1)
                        lists = (
                            column if form.pooling is None else pc.map_lookup(column, pa.scalar(form.pooling), "first")
                        )
                        length = pc.list_value_length(lists)[0].as_py()
                        if not length:
                            what = "vector" if form.pooling is None else f"pooling '{form.pooling}'"
                            raise LungdbError(
                                f"A row of {_place(each.file, each.group)} has no {what}."
                                + ("" if form.pooling is None else f" It has: {', '.join(_keys(column)) or 'none'}.")
                            )
                        return int(length)
                    places = places - batch.num_rows
    return 0


def _keys(column: Any) -> list[str]:
    return sorted({str(key) for key, _ in column[0].as_py() or []})


def _meant(read: Any, form: Form) -> Iterator[tuple[int, str | None, Any]]:
    """Yield place, patient and label of each row, but for those of other layers."""
    patients = read.column(form.patient).to_pylist()
    layers = read.column("layer").to_pylist() if form.layer else None
    labels = read.column(form.label).to_pylist() if form.label else None
    for place, patient in enumerate(patients):
        if layers is None or layers[place] == form.layer:
            yield place, None if patient is None else str(patient), None if labels is None else labels[place]


def _failed(read: Any) -> NDArray[np.bool_]:
    return np.array([bool(text) for text in read.column("error").to_pylist()], dtype=bool)


def _check_columns(table: Any, form: Form, wanted: list[str]) -> None:
    schema = table.schema_arrow
    missing = [name for name in wanted if name not in schema.names]
    if missing:
        raise LungdbError(
            f"The table has no column '{missing[0]}'. It has: {', '.join(schema.names)}. Name another, or make the "
            "table anew."
        )
    kind = schema.field(form.vector).type
    lists = kind.item_type if form.pooling is not None and pa.types.is_map(kind) else kind
    is_list = pa.types.is_list(lists) or pa.types.is_large_list(lists) or pa.types.is_fixed_size_list(lists)
    if (form.pooling is not None) != pa.types.is_map(kind) or not is_list or not _is_number(lists.value_type):
        what = "a list of numbers" if form.pooling is None else "a map of lists of numbers"
        raise LungdbError(f"The column '{form.vector}' of the table is {kind}, and has to be {what}. Name another.")


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _files(uri: str) -> list[str]:
    """Give the URIs of a table's files, by name."""
    try:
        system, path = url_to_fs(uri)
        inside = f"{path.rstrip('/')}/features"
        folder = inside if system.isdir(inside) else path
        found = [path] if system.isfile(path) else sorted(system.glob(f"{folder.rstrip('/')}/*.parquet"))
    except Exception as error:  # fsspec's backends raise errors of their own kinds
        raise LungdbError(f"The table cannot be read ({_first_line(error)}). Check its URI.") from None
    if not found:
        raise LungdbError("There is no Parquet file at the URI. Give a folder of them, or one.")
    return [str(system.unstrip_protocol(each)) for each in found]


@contextmanager
def _open(file: str) -> Iterator[Any]:
    """Open a Parquet file that is read a buffer at a time; what is wrong with it becomes one sentence."""
    try:
        system, path = url_to_fs(file)
        with system.open(path, "rb") as opened:
            yield pq.ParquetFile(opened, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        name = PurePosixPath(file).name
        raise LungdbError(
            f"The file '{name}' is no Parquet that can be read ({_first_line(error)}). Write it again."
        ) from None


def _place(file: str, group: int) -> str:
    return f"row group {group} of '{PurePosixPath(file).name}'"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
