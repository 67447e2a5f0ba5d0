"""Features as `lungdb load-features` reads them: a folder a network and preprocessing, a row a series and layer."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungdb import __version__
from lungdb.database import Connection, run
from lungdb.errors import LungdbError
from lungdb.exporting.columns import OF_MODEL, VECTORS
from lungdb.exporting.folder import write_whole
from lungdb.exporting.reading import Chosen, KnownScan, model_of, parts, rights
from lungdb.exporting.scan_facts import scan_facts, to_json
from lungdb.exporting.tables import Row, parquet_modules, write_table
from lungdb.imaging.codecs import decode_array, decode_vector

_AT_ONCE = 16
"""Scans whose arrays are in memory: 16 MB at 128 triples of 2,048 features."""
_READ = (
    "(@Model IS NULL OR EXISTS (SELECT 1 FROM dbo.classifiers AS c WHERE c.name = @Model "
    "AND (@Version IS NULL OR c.version = @Version) AND c.feature_set_id = f.feature_set_id))"
)
_SETS = f"""{OF_MODEL}
SELECT f.feature_set_id, n.name, LOWER(CONVERT(VARCHAR(64), n.sha256, 2)), f.layer, f.width, f.preprocessing,
    p.steps, LOWER(p.digest)
FROM dbo.feature_sets AS f
INNER JOIN dbo.networks AS n ON n.network_id = f.network_id
LEFT JOIN dbo.preprocessing_list AS p ON p.name = f.preprocessing
WHERE {_READ}
ORDER BY n.name, n.sha256, f.preprocessing, f.layer;
"""
_ARRAYS = (
    "SELECT scan_id, feature_set_id, array_rows, array_cols, array, sha256 FROM dbo.features "
    "WHERE scan_id IN (?) AND feature_set_id IN (?);"
)
_POOLED = (
    "SELECT scan_id, feature_set_id, pooling, vector, vector_sha256 FROM dbo.pooled_features "
    "WHERE scan_id IN (?) AND feature_set_id IN (?);"
)
_VECTORS = (
    "DECLARE @OnlyCombined BIT = ?; "
    f"{OF_MODEL}SELECT s.series_uid, n.name, f.layer, f.preprocessing, p.pooling, p.vector, p.vector_sha256 "
    "FROM dbo.pooled_features AS p INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id "
    "INNER JOIN dbo.feature_sets AS f ON f.feature_set_id = p.feature_set_id "
    "LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id "
    f"WHERE (@OnlyCombined = 0 OR f.network_id IS NULL) AND {_READ} AND p.scan_id IN "
)


@dataclass(frozen=True)
class _Layer:
    """A layer of a folder of features."""

    number: int
    name: str
    width: int


def write_vectors(connection: Connection, folder: Path, format_: str, chosen: Chosen, *, only_combined: bool) -> int:
    """Write pooled vectors as a table, as their text stands in the database; returns how many.

    Parameters
    ----------
    only_combined : bool
        Leave out those of a network, which the folders of features have.
    """

    def chunks() -> Iterator[list[Row]]:
        for part in parts(chosen.scans, _AT_ONCE):
            sql = f"{_VECTORS}({', '.join('?' * len(part))});"
            given = (int(only_combined), *model_of(chosen), *[scan.scan_id for scan in part])
            with rights("features", "trainer"):
                rows = run(connection, sql, given)[0].rows
            for row in rows:
                _check_vector(row[5], row[6])
            yield sorted(rows, key=lambda row: tuple(str(value) for value in row[:5]))

    return write_table(folder, "vectors", format_, VECTORS, chunks())


def write_features(
    connection: Connection, folder: Path, chosen: Chosen, identity: Mapping[str, str | None]
) -> tuple[int, int]:
    """Write the features of every network and preprocessing, each in a folder features-… of its own.

    Returns
    -------
    int, int
        Rows, each of a series and layer; and those left out because only their vectors are there, without an array.
    """
    groups: dict[tuple[Any, ...], dict[int, _Layer]] = {}
    with rights("features", "trainer"):
        sets = run(connection, _SETS, model_of(chosen))[0].rows
    for number, network, sha256, layer, width, *preprocessing in sets:
        layers = groups.setdefault((network, sha256, *preprocessing), {})
        layers[number] = _Layer(len(layers) + 1, layer, width)
    rows = left_out = 0
    names: set[str] = set()
    for (network, sha256, preprocessing, steps, digest), layers in groups.items():
        kinds = _kinds(connection, layers)
        # Every row of a folder has the vectors that its lungdb.json lists.
        for poolings in sorted(set(kinds.values())):
            place = folder / _folder_name(network, preprocessing, names)
            (place / "series").mkdir(parents=True, exist_ok=True)
            (place / "features").mkdir(exist_ok=True)
            described = {
                "format": 1,
                "kind": "features",
                "lungdb": __version__,
                "source": "lungdb export",
                "network": {"name": network, "sha256": sha256},
                "layers": [vars(each) for each in layers.values()],
                "preprocessing": {"name": preprocessing, "steps": steps, "digest": digest},
                "poolings": list(poolings),
                "identity": dict(identity),
                "series_rule": "",
            }
            _write_text(place / "lungdb.json", json.dumps(described, indent=1, ensure_ascii=False) + "\n")
            wanted = {each for each, found in kinds.items() if found == poolings}
            written = _write_group(connection, place, chosen.scans, layers, wanted)
            rows, left_out = rows + written[0], left_out + written[1]
    return rows, left_out


def _write_group(
    connection: Connection,
    place: Path,
    scans: Sequence[KnownScan],
    layers: Mapping[int, _Layer],
    wanted: Collection[tuple[int, int]],
) -> tuple[int, int]:
    pa, pq = parquet_modules()
    text, of = pa.string(), pa.list_(pa.float32())
    series_schema = pa.schema(
        [("series_uid", text), ("patient_id", text), ("study_uid", text), ("number_images", pa.int32()),
         ("bytes", pa.int64()), ("files", pa.list_(pa.struct([("path", text), ("member", text)])))]
    )  # fmt: skip
    schema = pa.schema(
        [("series_uid", text), ("patient_id", text), ("study_uid", text), ("layer", pa.int32()), ("layer_name", text),
         ("array_rows", pa.int32()), ("array_cols", pa.int32()), ("array", of), ("sha256", pa.binary()),
         ("pooled", pa.map_(text, of)), ("content_sha256", pa.binary()), ("scan", text), ("error", text)]
    )  # fmt: skip
    done = left_out = 0

    def write(path: Path) -> None:
        nonlocal done, left_out
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            having = {scan_id for scan_id, _ in wanted}
            for part in parts([scan for scan in scans if scan.scan_id in having], _AT_ONCE):
                rows, missing = _rows(connection, part, layers, wanted, series)
                left_out += missing
                done += len(rows)
                if rows:
                    writer.write_table(pa.Table.from_pylist(rows, schema))

    series: list[dict[str, Any]] = []
    write_whole(place / "features" / "part-00000.parquet", write)
    write_whole(
        place / "series" / "part-00000.parquet",
        lambda path: pq.write_table(pa.Table.from_pylist(series, series_schema), path, compression="zstd"),
    )
    return done, left_out


def _rows(
    connection: Connection,
    part: Sequence[KnownScan],
    layers: Mapping[int, _Layer],
    wanted: Collection[tuple[int, int]],
    series: list[dict[str, Any]],
) -> tuple[list[dict[str, Any]], int]:
    given = (*[scan.scan_id for scan in part], *layers)

    def among(sql: str) -> str:
        for count in (len(part), len(layers)):
            sql = sql.replace("IN (?)", f"IN ({', '.join('?' * count)} )", 1)
        return sql

    with rights("arrays of features", "administrator"):
        arrays = {tuple(row[:2]): row[2:] for row in run(connection, among(_ARRAYS), given)[0].rows}
        pooled: dict[tuple[int, int], dict[str, Any]] = {}
        for scan_id, number, pooling, vector, sha256 in run(connection, among(_POOLED), given)[0].rows:
            _check_vector(vector, sha256)
            pooled.setdefault((scan_id, number), {})[pooling] = decode_vector(vector)
    facts = scan_facts(connection, part)
    rows: list[dict[str, Any]] = []
    left_out = 0
    for scan in part:
        known = facts[scan.scan_id]
        study_uid = known.pop("study_uid")
        text, before = to_json(known), len(rows)
        for number, layer in layers.items():
            place = (scan.scan_id, number)
            if place not in wanted:
                continue
            array_rows, array_cols, blob, sha256 = arrays.get(place, (0, 0, b"", b""))
            if not array_rows:
                left_out += 1
                continue
            array = decode_array(bytes(blob), array_rows, array_cols, bytes(sha256))
            rows.append(
                {
                    "series_uid": scan.series_uid,
                    "patient_id": scan.patient_id,
                    "study_uid": study_uid,
                    "layer": layer.number,
                    "layer_name": layer.name,
                    "array_rows": array_rows,
                    "array_cols": array_cols,
                    "array": array.reshape(-1),
                    "sha256": bytes(sha256),
                    "pooled": sorted(pooled.get(place, {}).items()),
                    "content_sha256": scan.content_sha256,
                    "scan": text,
                    "error": "",
                }
            )
        if len(rows) > before:
            series.append(
                {
                    "series_uid": scan.series_uid,
                    "patient_id": scan.patient_id,
                    "study_uid": study_uid,
                    "number_images": known["number_images"],
                    "bytes": 0,
                    "files": [],
                }
            )
    return rows, left_out


def _kinds(connection: Connection, layers: Mapping[int, _Layer]) -> dict[tuple[int, int], tuple[str, ...]]:
    """Return of each scan and feature set the names of the poolings that there are vectors of."""
    sql = "SELECT scan_id, feature_set_id, pooling FROM dbo.pooled_features WHERE feature_set_id IN (?);"
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    rows = run(connection, sql.replace("?", ", ".join("?" * len(layers))), list(layers))[0].rows
    for scan_id, number, pooling in sorted(rows):
        found[scan_id, number] = (*found.get((scan_id, number), ()), pooling)
    return found


def _check_vector(vector: str, sha256: bytes | None) -> None:
    if sha256 is None or hashlib.sha256(vector.encode("utf-16-le")).digest() != bytes(sha256):
        raise LungdbError(
            "A vector of features does not match its SHA-256. Make it again: EXECUTE dbo.GenerateFeatures with "
            "@Recompute = 1."
        )


def _folder_name(network: str, preprocessing: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "_", f"{network} {preprocessing}").strip("_").lower()
    name, number = f"features-{plain}", 1
    while name in taken:
        number += 1
        name = f"features-{plain}-{number}"
    taken.add(name)
    return name


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda other: other.write_text(text, encoding="utf-8"))
