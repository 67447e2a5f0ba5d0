"""Tables of features as `lungdb spark features` writes them, made here of random numbers with a signal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lungdb.dicom.identity import Identity

KEY = "correct horse battery staple 7"
WIDTH = 12
SCHEMA = pa.schema(
    [
        ("series_uid", pa.string()),
        ("patient_id", pa.string()),
        ("layer", pa.int32()),
        ("pooled", pa.map_(pa.string(), pa.list_(pa.float32()))),
        ("error", pa.string()),
    ]
)


def drawn(patients: int, seed: int = 3) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Give ids as DICOM files have them, float32 vectors whose first features tell the label, and the labels."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(patients) < 0.4).astype(int)
    vectors = rng.normal(size=(patients, WIDTH)).astype(np.float32)
    vectors[:, :4] += 0.5 * labels[:, None].astype(np.float32)
    return [f"PAT-{number}" for number in range(patients)], vectors, labels


def write_features(folder: Path, ids: list[str], vectors: np.ndarray, files: int = 3, group: int = 150) -> Path:
    """Write vectors as the pooling mean of layer 2, of which layer 1 has others, with series that failed and no rows.

    Ids are stored hashed, as by default.
    """
    who = Identity("keyed", KEY)
    (folder / "features").mkdir(parents=True)
    described = {
        "format": 1,
        "kind": "features",
        "network": {"name": "made up", "sha256": "ab" * 32},
        "layers": [{"number": 1, "name": "conv", "width": 3}, {"number": 2, "name": "penultimate", "width": WIDTH}],
        "preprocessing": {"name": "lung", "steps": None, "digest": None},
        "poolings": ["mean", "max"],
        "identity": {"mode": "keyed", "key_check": who.key_check},
    }
    (folder / "lungdb.json").write_text(json.dumps(described))
    for number, places in enumerate(np.array_split(np.arange(len(ids)), files)):
        found = [_row(f"failed {number}", "", 0, {}, "no pixels")]
        for place in places:
            stored = who.patient(ids[place])
            other = {"mean": [9.0] * 3, "max": [9.0] * 3}
            meant = {"max": [7.0] * WIDTH, "mean": vectors[place].tolist()}
            found += [_row(f"1.2.{place}", stored, 1, other), _row(f"1.2.{place}", stored, 2, meant)]
        table = pa.Table.from_pylist(found, schema=SCHEMA)
        pq.write_table(table, folder / "features" / f"part-{number}.parquet", row_group_size=group)
    pq.write_table(SCHEMA.empty_table(), folder / "features" / "part-empty.parquet")
    return folder


def write_labels(file: Path, ids: list[str], labels: np.ndarray) -> Path:
    """Write labels by the ids of the DICOM files."""
    lines = [f"{name},{label}" for name, label in zip(ids, labels, strict=True)]
    file.write_text("\n".join(["id,cancer", *lines]) + "\n")
    return file


def write_plain(folder: Path, vectors: list[list[float] | None], labels: list[float | None], **columns: object) -> Path:
    """Write a table of another make: the columns who, v and y, or others in their place."""
    folder.mkdir(parents=True, exist_ok=True)
    held = {
        "who": [f"p{number}" for number in range(len(vectors))],
        "v": pa.array(vectors, pa.list_(pa.float64())),
        "y": pa.array(labels, pa.float64()),
    }
    pq.write_table(pa.table({**held, **columns}), folder / "only.parquet", row_group_size=50)
    return folder


def _row(series: str, patient: str, layer: int, pooled: dict[str, list[float]], error: str = "") -> dict[str, object]:
    return {"series_uid": series, "patient_id": patient, "layer": layer, "pooled": list(pooled.items()), "error": error}
