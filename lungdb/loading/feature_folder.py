"""A folder of features that were made outside of a database: what it says of itself, and its rows, each checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lungdb.errors import LungdbError, escaped
from lungdb.imaging.codecs import encode_vector
from lungdb.loading.feature_description import DESCRIPTION, Description, described

_CHUNK_BYTES = 32 * 2**20
_CHUNK_ROWS = 256
_SHA256_BYTES = 32
_TEXT, _VECTOR = "a text", "a list of float32"
_COLUMNS = {
    "series_uid": _TEXT,
    "patient_id": _TEXT,
    "study_uid": _TEXT,
    "layer": "int32",
    "layer_name": _TEXT,
    "array_rows": "int32",
    "array_cols": "int32",
    "array": _VECTOR,
    "sha256": "bytes",
    "pooled": "a map of text to lists of float32",
    "content_sha256": "bytes",
    "scan": _TEXT,
    "error": _TEXT,
}


Times = Mapping[str, tuple[int, int | None]]
"""Of each pooling how many numbers it makes of a feature, and of one that makes as many of any how many these are."""


@dataclass(frozen=True)
class FeatureRow:
    """A series and layer, checked, or a series that failed.

    Attributes
    ----------
    where : str
        File and number of the row, which name no patient.
    array : bytes
        float32[array_rows, array_cols], little-endian, C order.
    pooled : str
        JSON object: pooling -> vector, as dbo.pooled_features has it.
    scan : mapping
        Columns of dbo.scans, as they came.
    error : str
        Why the series has no features; empty where it has.
    """

    where: str
    series_uid: str
    patient_id: str
    study_uid: str
    layer_name: str
    array_rows: int
    array_cols: int
    array: bytes
    sha256: bytes
    pooled: str
    content_sha256: bytes
    scan: Mapping[str, Any]
    error: str


class FeatureFolder:
    """A folder of features, of which nothing but its description and the ends of its files is read at first.

    Parameters
    ----------
    uri : str
        A folder, or a URI that fsspec knows.

    Raises
    ------
    LungdbError
        It is not there, or is no folder of features that can be loaded.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        try:
            self._files, self._root = fsspec.core.url_to_fs(uri)
            is_there = self._files.isdir(self._root)
        except Exception as error:  # each file system raises its own kinds
            raise LungdbError(
                f"The folder '{escaped(uri)}' cannot be opened ({_kind(error)}). Give a folder of this machine, or a "
                "URI whose package for fsspec is installed and may read it."
            ) from error
        if not is_there:
            raise LungdbError(f"There is no folder '{escaped(uri)}'. Give the one that lungdb spark features wrote.")
        self.description = described(self._read_description())
        self.names = self._find_files()
        self.rows = 0
        for name in self.names:
            with self._open(name) as file:
                self.rows += file.metadata.num_rows

    def chunks(self, times: Times) -> Iterator[list[FeatureRow]]:
        """Read the rows, as many at a time as have some 32 MB.

        Parameters
        ----------
        times : Times
            Of the poolings that the database knows.

        Raises
        ------
        LungdbError
            A file cannot be read, or a row is wrong, which it names.
        """
        chunk: list[FeatureRow] = []
        held = 0
        for name in self.names:
            for row in self._rows_of(name, times):
                chunk.append(row)
                held += len(row.array) + len(row.pooled)
                if held >= _CHUNK_BYTES or len(chunk) == _CHUNK_ROWS:
                    yield chunk
                    chunk, held = [], 0
        if chunk:
            yield chunk

    def _rows_of(self, name: str, times: Times) -> Iterator[FeatureRow]:
        with self._open(name) as file:
            yield from self._rows_in(file, PurePosixPath(name).name, times)

    def _rows_in(self, file: pq.ParquetFile, shown: str, times: Times) -> Iterator[FeatureRow]:
        size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))
        at_once = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES * file.metadata.num_rows // max(1, size)))
        number = 0
        batches = file.iter_batches(batch_size=at_once, columns=list(_COLUMNS))
        while True:
            try:
                batch = next(batches, None)
            except (OSError, pa.ArrowException) as error:
                raise _damaged(shown, error) from error
            if batch is None:
                return
            for place in range(batch.num_rows):
                number += 1
                values = {column: batch.column(column)[place] for column in _COLUMNS}
                yield _checked(f"Row {number} of '{escaped(shown)}'", values, self.description, times)

    @contextmanager
    def _open(self, name: str) -> Iterator[pq.ParquetFile]:
        shown = PurePosixPath(name).name
        with ExitStack() as stack:
            try:
                file = pq.ParquetFile(stack.enter_context(self._files.open(name, "rb")))
            except (OSError, pa.ArrowException) as error:
                raise _damaged(shown, error) from error
            _check_columns(shown, file.schema_arrow)
            yield file

    def _read_description(self) -> Mapping[str, Any]:
        name = f"{self._root.rstrip('/')}/{DESCRIPTION}"
        try:
            found = json.loads(self._files.cat_file(name))
        except FileNotFoundError:
            raise LungdbError(
                f"'{escaped(self.uri)}' holds no {DESCRIPTION}, by which a folder of features is known. Give the one "
                "that lungdb spark features wrote."
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise LungdbError(
                f"The {DESCRIPTION} of '{escaped(self.uri)}' cannot be read ({_kind(error)}). Make the features again."
            ) from error
        if not isinstance(found, dict):
            raise LungdbError(f"The {DESCRIPTION} of '{escaped(self.uri)}' is no JSON object. Make the features again.")
        return found

    def _find_files(self) -> list[str]:
        folder = f"{self._root.rstrip('/')}/features"
        found = self._files.find(folder) if self._files.isdir(folder) else []
        names = [name for name in found if name.endswith(".parquet") and not _is_hidden(name.removeprefix(folder))]
        if not names:
            raise LungdbError(
                f"'{escaped(self.uri)}' holds no Parquet files in its folder features: the job has made none yet. "
                "Run lungdb spark features to its end."
            )
        return sorted(names)


def _check_columns(shown: str, schema: pa.Schema) -> None:
    for column, wanted in _COLUMNS.items():
        if schema.get_field_index(column) < 0:
            raise LungdbError(
                f"The file '{escaped(shown)}' has no column {column}, so it holds no features of this form. "
                "Give a folder that lungdb spark features of this version wrote."
            )
        if not _is(schema.field(column).type, wanted):
            raise LungdbError(
                f"The column {column} of '{escaped(shown)}' is {schema.field(column).type}, not {wanted}. "
                "Give a folder that lungdb spark features of this version wrote."
            )


def _is_hidden(path: str) -> bool:
    """Tell whether a file is one that a job writes for itself, or has not finished."""
    return any(part.startswith(("_", ".")) for part in path.split("/"))


def _is(found: pa.DataType, wanted: str) -> bool:
    types = pa.types
    is_text = types.is_string(found) or types.is_large_string(found)
    if wanted == _TEXT:
        return bool(is_text)
    if wanted == "int32":
        return bool(types.is_int32(found))
    if wanted == "bytes":
        return bool(types.is_binary(found) or types.is_large_binary(found) or types.is_fixed_size_binary(found))
    if wanted == _VECTOR:
        is_list = types.is_list(found) or types.is_large_list(found)
        return bool(is_list and types.is_float32(found.value_type))
    return bool(types.is_map(found) and _is(found.key_type, _TEXT) and _is(found.item_type, _VECTOR))


def _checked(where: str, values: Mapping[str, Any], folder: Description, times: Times) -> FeatureRow:
    """Make a row of what a file holds.

    Raises
    ------
    LungdbError
        It is not what the folder says of itself, or damaged.
    """
    missing = [name for name, value in values.items() if not value.is_valid]
    if missing:
        raise LungdbError(f"{where} has no {missing[0]}. Make the features again.")
    plain = {name: values[name].as_py() for name in _COLUMNS if name not in ("array", "pooled")}
    if plain["error"]:
        return _row(where, plain, b"", "{}", {})
    rows, cols, name = plain["array_rows"], plain["array_cols"], plain["layer_name"]
    if folder.layers.get(plain["layer"], ("", 0)) != (name, cols):
        raise LungdbError(
            f"{where} is of a layer of {cols} features that {DESCRIPTION} does not list with this number, name and "
            "width. Make the features again."
        )
    array = np.asarray(values["array"].values.to_numpy(zero_copy_only=False), dtype="<f4")
    content = array.tobytes()
    if rows < 1 or array.size != rows * cols:
        raise LungdbError(f"{where} has {array.size} numbers, not {rows} x {cols}. Make the features again.")
    if hashlib.sha256(content).digest() != plain["sha256"]:
        raise LungdbError(f"{where} has an array that is not that of its SHA-256. Copy the file again.")
    if not np.isfinite(array).all():
        raise LungdbError(f"{where} has an array with NaN or infinity. Check the network that made it.")
    if len(plain["content_sha256"]) != _SHA256_BYTES:
        raise LungdbError(f"{where} has a content_sha256 that is no SHA-256. Make the features again.")
    pooled = dict(values["pooled"].as_py())
    vectors = {pooling: _vector(where, pooling, vector, cols, times) for pooling, vector in pooled.items()}
    if set(vectors) != set(folder.poolings):
        raise LungdbError(
            f"{where} has vectors of the poolings {escaped(', '.join(sorted(vectors)) or 'none')}, and {DESCRIPTION} "
            f"lists {escaped(', '.join(folder.poolings))}. Make the features again."
        )
    text = "{" + ",".join(f"{json.dumps(pooling)}:{vector}" for pooling, vector in vectors.items()) + "}"
    return _row(where, plain, content, text, _scan(where, plain["scan"]))


def _row(where: str, plain: Mapping[str, Any], array: bytes, pooled: str, scan: Mapping[str, Any]) -> FeatureRow:
    names = ("series_uid", "patient_id", "study_uid", "layer_name", "array_rows", "array_cols", "sha256",
             "content_sha256", "error")  # fmt: skip
    return FeatureRow(where=where, array=array, pooled=pooled, scan=scan, **{name: plain[name] for name in names})


def _vector(where: str, pooling: str, vector: list[float] | None, width: int, times: Times) -> str:
    if pooling not in times:
        raise LungdbError(
            f"{where} has a vector of the pooling '{escaped(pooling)}', which the database does not know. Supported "
            f"are {', '.join(sorted(times))}; EXECUTE dbo.RegisterExtensions adds those of packages."
        )
    numbers: NDArray[np.float32] = np.asarray(vector or [], dtype=np.float32)
    many, own = times[pooling]
    wanted = own or width * many
    if numbers.size != wanted:
        raise LungdbError(
            f"{where} has a vector of the pooling {pooling} with {numbers.size} numbers, not {wanted}. "
            "Make the features again."
        )
    if not np.isfinite(numbers).all():
        raise LungdbError(f"{where} has a vector with NaN or infinity. Check the network that made it.")
    return encode_vector(numbers)


def _scan(where: str, text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise LungdbError(f"{where} has a scan that is no JSON object. Make the features again.")
    return found


def _damaged(name: str, error: Exception) -> LungdbError:
    return LungdbError(
        f"The file '{escaped(name)}' cannot be read as Parquet ({_kind(error)}): it is damaged, or was copied in part. "
        "Copy it again."
    )


def _kind(error: BaseException) -> str:
    """Return an error's kind and first line, cut short."""
    lines = str(error).splitlines()
    return escaped(f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__)
