"""A folder of features as lungdb spark features writes it, made of what GenerateFeatures has stored in a database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lungdb import __version__
from lungdb.database import Connection, connect, run
from tests.support.databases import rows, target_of

SCHEMA = pa.schema(
    [
        ("series_uid", pa.string()), ("patient_id", pa.string()), ("study_uid", pa.string()), ("layer", pa.int32()),
        ("layer_name", pa.string()), ("array_rows", pa.int32()), ("array_cols", pa.int32()),
        ("array", pa.list_(pa.float32())), ("sha256", pa.binary()),
        ("pooled", pa.map_(pa.string(), pa.list_(pa.float32()))), ("content_sha256", pa.binary()),
        ("scan", pa.string()), ("error", pa.string()),
    ]
)  # fmt: skip
SOURCE = "s3://archive/lung-ct"
_KNOWN = (
    "study_date", "acquisition_date", "date_rule", "study_year", "time_point_kind", "time_point", "manufacturer",
    "deidentification", "spacing_z", "spacing_y", "spacing_x", "gantry_tilt", "patient_orientation",
    "monoenergetic_kev", "convolution_kernel", "kvp", "slice_thickness", "has_contrast", "patient_age",
    "frame_of_reference_uid", "origin_x", "origin_y", "origin_z", "row_x", "row_y", "row_z", "column_x", "column_y",
    "column_z", "step_x", "step_y", "step_z",
)  # fmt: skip
_NOT_FACTS = ("scan_id", "patient_id", "is_primary", "is_study_choice", "study_order", "series_uid", "study_uid",
              "content_sha256", "source_uri")  # fmt: skip


def describe(connection: Connection, **changes: Any) -> dict[str, Any]:
    """Give lungdb.json for the features of a database with one network and one preprocessing."""
    (network,) = rows(connection, "SELECT name, sha256 FROM dbo.networks;")
    layers = rows(connection, "SELECT layer, width FROM dbo.feature_sets ORDER BY feature_set_id;")
    (preprocessing,) = rows(connection, "SELECT name, steps, digest FROM dbo.preprocessings WHERE name = N'lung';")
    settings = dict(rows(connection, "SELECT name, value FROM dbo.settings WHERE name LIKE N'id%';"))
    poolings = [name for (name,) in rows(connection, "SELECT DISTINCT pooling FROM dbo.pooled_features;")]
    return {
        "format": 1,
        "kind": "features",
        "lungdb": __version__,
        "source": SOURCE,
        "network": {"name": network[0], "sha256": bytes(network[1]).hex()},
        "layers": [{"number": number, "name": name, "width": width} for number, (name, width) in enumerate(layers, 1)],
        "preprocessing": {
            "name": preprocessing[0], "steps": preprocessing[1], "digest": bytes(preprocessing[2]).hex(),
        },
        "poolings": sorted(poolings),
        "identity": {"mode": settings["id_mode"], "key_check": settings.get("id_key_check")},
        "series_rule": "",
        **changes,
    }  # fmt: skip


def feature_rows(connection: Connection, numbers: dict[str, int]) -> list[dict[str, Any]]:
    """Give a row for each scan and layer."""
    scans = {record["scan_id"]: record for record in run(connection, "SELECT * FROM dbo.scans;")[-1].records()}
    found = []
    for record in run(
        connection,
        "SELECT f.*, s.layer FROM dbo.features AS f INNER JOIN dbo.feature_sets AS s "
        "ON s.feature_set_id = f.feature_set_id ORDER BY f.scan_id, f.feature_set_id;",
    )[-1].records():
        scan = scans[record["scan_id"]]
        pooled = rows(
            connection,
            "SELECT pooling, vector FROM dbo.pooled_features WHERE scan_id = ? AND feature_set_id = ?;",
            (record["scan_id"], record["feature_set_id"]),
        )
        facts = {name: value for name, value in scan.items() if name not in _NOT_FACTS}
        found.append(
            {
                **{name: scan[name] for name in ("series_uid", "patient_id", "study_uid", "content_sha256")},
                "layer": numbers[record["layer"]],
                "layer_name": record["layer"],
                "array_rows": record["array_rows"],
                "array_cols": record["array_cols"],
                "array": np.frombuffer(record["array"], "<f4"),
                "sha256": bytes(record["sha256"]),
                "pooled": {name: np.asarray(json.loads(vector), np.float32) for name, vector in pooled},
                "scan": json.dumps(facts, default=str),
                "error": "",
            }
        )
    return found


def failed_row(series_uid: str, error: str) -> dict[str, Any]:
    """Give the row of a series of which the job could make no features."""
    return {
        "series_uid": series_uid, "patient_id": "p", "study_uid": "1.2", "layer": 0, "layer_name": "", "array_rows": 0,
        "array_cols": 0, "array": [], "sha256": b"", "pooled": {}, "content_sha256": b"", "scan": "{}", "error": error,
    }  # fmt: skip


def made_up_row(series: str, width: int, seed: int) -> dict[str, Any]:
    """Give a row of made-up features of the layer 1, penultimate, of a series of a patient of its own."""
    array = np.random.default_rng(seed).normal(size=width).astype("<f4")
    facts = dict.fromkeys(_KNOWN) | {"image_rows": 4, "image_cols": 4, "number_images": 3, "intake_rule": 2}
    return {
        "series_uid": series, "patient_id": f"patient of {series}", "study_uid": f"{series}.1", "layer": 1,
        "layer_name": "penultimate", "array_rows": 1, "array_cols": width, "array": array,
        "sha256": hashlib.sha256(array.tobytes()).digest(), "pooled": {"mean": array},
        "content_sha256": hashlib.sha256(series.encode()).digest(), "scan": json.dumps(facts), "error": "",
    }  # fmt: skip


def write_rows(file: Path, found: list[dict[str, Any]], schema: pa.Schema = SCHEMA, **options: Any) -> None:
    """Write a file of rows."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lists = [{**row, "pooled": list(row["pooled"].items())} for row in found]
    pq.write_table(pa.Table.from_pylist(lists, schema), file, **options)


def write_folder(
    database: Path,
    out: Path,
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]] | None] | None = None,
    files: int = 3,
    **described: Any,
) -> Path:
    """Write a folder of the features of a database.

    Parameters
    ----------
    change : callable, optional
        Changes the rows in place, or gives others.
    described : Any
        What lungdb.json says otherwise.
    """
    with closing(connect(target_of(database))) as connection:
        description = describe(connection, **described)
        numbers = {layer["name"]: layer["number"] for layer in describe(connection)["layers"]}
        found = feature_rows(connection, numbers)
    if change is not None:
        found = change(found) or found
    out.mkdir(parents=True, exist_ok=True)
    (out / "lungdb.json").write_text(json.dumps(description))
    for number in range(files):
        write_rows(out / "features" / f"part-{number:05}.parquet", found[number::files])
    return out
