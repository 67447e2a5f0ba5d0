"""Small series, a database that GenerateFeatures worked on, and what lungdb spark features wrote, as the same table."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from lungdb.cli import load_network, load_scans
from lungdb.database import connect, run
from lungdb.distributed.tables import SCAN_COLUMNS, SLICE_COLUMNS
from lungdb.imaging.codecs import encode_vector
from tests.dicom.make_ct import body, write_slice
from tests.support.networks import write_network

KEY = "8f41c07be29d35a6104fe7bb92d85c3e"
LAYERS = "penultimate,conv"
POOLINGS = "mean,mean_max_std"
SKEWED = 60
"""Slices of the largest series."""

_FEATURES = """
SELECT f.scan_id, f.feature_set_id, s.series_uid, s.patient_id, s.study_uid, t.layer, f.array_rows, f.array_cols,
    f.array, f.sha256, s.content_sha256
FROM dbo.features AS f
INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id
INNER JOIN dbo.feature_sets AS t ON t.feature_set_id = f.feature_set_id;
"""
_POOLED = "SELECT pooling, vector FROM dbo.pooled_features WHERE scan_id = ? AND feature_set_id = ?;"


def write_archive(folder: Path, patients: int) -> Path:
    """Write a series a patient, of 3 to 7 slices; the first one's has many, the second has another series in its study.

    Beside them lies a file that is no DICOM.
    """
    for number in range(patients):
        for series, slices in enumerate([SKEWED if number == 0 else 3 + number % 5, *([2] if number == 1 else [])]):
            uid = f"1.2.{number}.{series}"
            for index in range(slices):
                write_slice(
                    folder / f"patient {number}" / str(series) / f"{index}.dcm",
                    body(40 + 7 * number + index),
                    number=index,
                    PatientID=f"patient {number}",
                    StudyInstanceUID=f"1.3.{number}",
                    SeriesInstanceUID=uid,
                    SOPInstanceUID=f"{uid}.{index}",
                    StudyDate=f"2019{1 + number % 12:02}17",
                    KVP="120",
                )
    (folder / "readme.txt").write_text("no DICOM", encoding="ascii")
    return folder


def write_small_network(folder: Path) -> Path:
    """Write the network that can be computed by hand, for pictures of 32 × 32."""
    path = folder / "small.onnx"
    path.write_bytes(write_network(32, 32))
    return path


def load(target: str, archive: Path, network: Path) -> None:
    """Do in a database what lungdb spark features does without one."""
    assert load_scans.main([str(archive), "-d", target]) == 0
    assert load_network.main([str(network), "-d", target]) == 0
    with closing(connect(target)) as connection:
        run(
            connection,
            "EXECUTE dbo.GenerateFeatures @ModelName = ?, @Layer = ?, @Pooling = ?;",
            (network.name, LAYERS, POOLINGS),
        )


def stored(target: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what a database has of each series and layer."""
    with closing(connect(target)) as connection:
        rows = run(connection, _FEATURES)[0].records()
        for row in rows:
            row["pooled"] = dict(run(connection, _POOLED, (row.pop("scan_id"), row.pop("feature_set_id")))[0].rows)
    return {(row["series_uid"], row["layer"]): row for row in rows}


def stored_scans(target: str) -> dict[str, dict[str, Any]]:
    """Return what a database has of each series that is not made from pixels."""
    with closing(connect(target)) as connection:
        scans = run(connection, f"SELECT scan_id, series_uid, {', '.join(SCAN_COLUMNS)} FROM dbo.scans;")[0].records()
        slices = f"SELECT {', '.join(SLICE_COLUMNS)} FROM dbo.scan_images WHERE scan_id = ? ORDER BY slice_index;"
        for scan in scans:
            scan["slices"] = run(connection, slices, (scan.pop("scan_id"),))[0].records()
    return {scan.pop("series_uid"): json.loads(json.dumps(scan, default=lambda day: day.isoformat())) for scan in scans}


def read_output(out: Path) -> list[dict[str, Any]]:
    """Return the rows of an output, in the order of its files."""
    return [row for file in sorted((out / "features").glob("[!.]*")) for row in pq.read_table(file).to_pylist()]


def written(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what an output has of each series and layer in the form of `stored`; no row is there twice."""
    table = {}
    for row in read_output(out):
        key = row["series_uid"], row["layer_name"]
        assert key not in table, f"{key} is there twice"
        assert row["error"] == "", row["error"]
        table[key] = {
            **{name: row[name] for name in ("series_uid", "patient_id", "study_uid", "array_rows", "array_cols")},
            "layer": row["layer_name"],
            "array": np.array(row["array"], dtype="<f4").tobytes(),
            "sha256": row["sha256"],
            "content_sha256": row["content_sha256"],
            "pooled": {name: encode_vector(np.array(vector, np.float32)) for name, vector in row["pooled"]},
        }
    return table
