"""The columns of what lies in an output of features, and how rows become Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lungdb.errors import LungdbError

if TYPE_CHECKING:
    import pyarrow as pa

SCAN_COLUMNS = (
    "study_date", "acquisition_date", "date_rule", "study_year", "time_point_kind", "time_point", "manufacturer",
    "deidentification", "image_rows", "image_cols", "number_images", "spacing_z", "spacing_y", "spacing_x",
    "gantry_tilt", "patient_orientation", "intake_rule", "monoenergetic_kev", "convolution_kernel", "kvp",
    "slice_thickness", "has_contrast", "patient_age", "frame_of_reference_uid", "origin_x", "origin_y", "origin_z",
    "row_x", "row_y", "row_z", "column_x", "column_y", "column_z", "step_x", "step_y", "step_z",
)  # fmt: skip
"""Columns of dbo.scans that the column `scan` holds; ids and content_sha256 have columns of their own."""

SLICE_COLUMNS = ("position_z", "instance_uid", "rescale_slope", "rescale_intercept")
"""Columns of dbo.scan_images that `scan` holds of each slice, in the order of the slices."""


@cache
def feature_schema() -> pa.Schema:
    """Return the columns of features/*.parquet."""
    import pyarrow as pa

    return pa.schema(
        [
            ("series_uid", pa.string()),
            ("patient_id", pa.string()),
            ("study_uid", pa.string()),
            ("layer", pa.int32()),
            ("layer_name", pa.string()),
            ("array_rows", pa.int32()),
            ("array_cols", pa.int32()),
            ("array", pa.list_(pa.float32())),
            ("sha256", pa.binary()),
            ("pooled", pa.map_(pa.string(), pa.list_(pa.float32()))),
            ("content_sha256", pa.binary()),
            ("scan", pa.string()),
            ("error", pa.string()),
        ]
    )


@cache
def series_schema() -> pa.Schema:
    """Return the columns of series/*.parquet."""
    import pyarrow as pa

    return pa.schema(
        [
            ("series_uid", pa.string()),
            ("patient_id", pa.string()),
            ("study_uid", pa.string()),
            ("number_images", pa.int32()),
            ("bytes", pa.int64()),
            (
                "files",
                pa.list_(pa.struct([("path", pa.string()), ("member", pa.string()), ("frame", pa.int32())])),
            ),
            ("scan_id", pa.int32()),
        ]
    )


@cache
def rejected_schema() -> pa.Schema:
    """Return the columns of rejected/*.parquet."""
    import pyarrow as pa

    return pa.schema([(name, pa.string()) for name in ("path", "member", "reason", "message")])


@cache
def listing_schema() -> pa.Schema:
    """Return the columns of listing/*.parquet."""
    import pyarrow as pa

    return pa.schema([("path", pa.string()), ("bytes", pa.int64())])


def write_rows(path: Path, schema: pa.Schema, groups: Iterable[Sequence[dict[str, Any]]]) -> None:
    """Write a Parquet file with a row group for each group of rows, which are drawn one after the other."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for rows in groups:
            writer.write_table(pa.Table.from_pylist(list(rows), schema=schema), row_group_size=max(len(rows), 1))


def scan_text(facts: dict[str, Any], slices: Iterable[Sequence[Any]]) -> str:
    """Write the column `scan`: the columns of dbo.scans, and of each slice those of dbo.scan_images."""
    told = {name: _plain(facts[name]) for name in SCAN_COLUMNS}
    told["slices"] = [dict(zip(SLICE_COLUMNS, map(_plain, row), strict=True)) for row in slices]
    return json.dumps(told, allow_nan=False)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value.item() if isinstance(value, np.generic) else value


def failed_row(series: dict[str, Any], error: str) -> dict[str, Any]:
    """Make the one row of a series that failed."""
    return {
        **{name: series[name] for name in ("series_uid", "patient_id", "study_uid")},
        "layer": 0,
        "layer_name": "",
        "array_rows": 0,
        "array_cols": 0,
        "array": [],
        "sha256": b"",
        "pooled": [],
        "content_sha256": b"",
        "scan": "{}",
        "error": error,
    }


def read_columns(file: Any, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read columns of a Parquet file of the output.

    Raises
    ------
    LungdbError
        It is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file).read(columns=columns)
    except (pa.ArrowException, OSError, ValueError, KeyError):
        raise damaged(name) from None


def read_group(file: Any, name: str, group: int) -> list[dict[str, Any]]:
    """Read a row group of a Parquet file of the output; raises as `read_columns`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.ParquetFile(file).read_row_group(group).to_pylist()
    except (pa.ArrowException, OSError, ValueError, IndexError):
        raise damaged(name) from None
    return rows


def damaged(name: str) -> LungdbError:
    """Return what is said of a file of the output that cannot be read."""
    advice = (
        "Remove it, and run the command again"
        if name.startswith("features/")
        else "Give another output, or remove this one"
    )
    return LungdbError(f"The file {name} of the output is damaged, or none of this version's. {advice}.")
