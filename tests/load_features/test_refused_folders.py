"""What cannot be loaded is refused with a sentence that says what to do, and the database is as it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lungdb.database import connect, run
from tests.load_features.conftest import Writer
from tests.support.databases import contents, target_of
from tests.support.feature_folders import SCHEMA, failed_row, write_rows

Load = Callable[..., tuple[int, str]]
Rows = list[dict[str, Any]]
HASH = "0" * 64


def _unchanged(file: Path, call: Callable[[], tuple[int, str]]) -> str:
    """Make a call that is to be refused without a trace in any table; give what it said."""
    with closing(connect(target_of(file))) as connection:
        before = contents(connection)
    status, said = call()
    assert status == 1, said
    with closing(connect(target_of(file))) as connection:
        assert contents(connection) == before
    return said


DESCRIPTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "another kind": ({"kind": "labels"}, "of the kind labels"),
    "another format": ({"format": 2}, "in the format 2"),
    "no layers": ({"layers": []}, "names no layers"),
    "something missing": ({"poolings": None}, "lacks something or has a wrong value"),
    "another network": ({"network": {"name": "other", "sha256": HASH}}, "lungdb load-network"),
    "an unknown preprocessing": (
        {"preprocessing": {"name": "mine", "steps": None, "digest": None}}, "dbo.StorePreprocessing",
    ),
    "other steps": ({"preprocessing": {"name": "lung", "steps": None, "digest": HASH}}, "has other steps"),
    "an unknown pooling": ({"poolings": ["median"]}, "does not know the pooling 'median'"),
    "combined": ({"poolings": ["combined"]}, "does not know the pooling 'combined'"),
    "a long source": ({"source": "s3://" + "x" * 400}, "has 405 characters"),
}  # fmt: skip


@pytest.mark.parametrize("case", DESCRIPTIONS)
def test_a_folder_of_something_else_is_refused(case: str, fresh: Path, small: Writer, load: Load) -> None:
    """By what lungdb.json says, before any row is read."""
    changes, wanted = DESCRIPTIONS[case]
    folder = small(**changes)
    said = _unchanged(fresh, lambda: load(folder, fresh))
    assert wanted in said


def _set(column: str, value: Any) -> Callable[[Rows], None]:
    return lambda found: found[3].update({column: value})


def _number(value: float) -> Callable[[Rows], None]:
    def change(found: Rows) -> None:
        array = found[3]["array"].copy()
        array[5] = value
        found[3]["array"] = array

    return change


def _nan(found: Rows) -> None:
    _number(np.nan)(found)
    found[3]["sha256"] = hashlib.sha256(found[3]["array"].tobytes()).digest()
    found[3]["array"] = found[3]["array"].tolist()  # of an array Arrow makes it null


def _pooled(pooling: str, change: Callable[[Any], Any]) -> Callable[[Rows], None]:
    def apply(found: Rows) -> None:
        pooled = found[3]["pooled"]
        found[3]["pooled"] = {**pooled, pooling: change(pooled.get(pooling, pooled["mean"]))}

    return apply


def _scan(**changes: Any) -> Callable[[Rows], None]:
    def change(found: Rows) -> None:
        scan = {**json.loads(found[3]["scan"]), **changes}
        found[3]["scan"] = json.dumps({name: value for name, value in scan.items() if value is not ...}, default=str)

    return change


def _lacks(name: str) -> Callable[[Rows], None]:
    def change(found: Rows) -> None:
        scan = json.loads(found[3]["scan"])
        del scan[name]
        found[3]["scan"] = json.dumps(scan)

    return change


ROWS: dict[str, tuple[Callable[[Rows], None], str]] = {
    "a damaged array": (_number(7.0), "not that of its SHA-256"),
    "another hash": (_set("sha256", b"x" * 32), "not that of its SHA-256"),
    "NaN": (_nan, "array with NaN or infinity"),
    "fewer numbers": (_set("array_rows", 9), "numbers, not 9 x"),
    "another width": (_set("array_cols", 5), "does not list with this number, name and width"),
    "an unknown layer": (_set("layer_name", "stem"), "does not list with this number, name and width"),
    "another number of layer": (_set("layer", 7), "does not list with this number, name and width"),
    "a vector too many": (_pooled("pca1", lambda mean: mean), "has vectors of the poolings max, mean, pca1"),
    "an unknown vector": (_pooled("median", lambda mean: mean), "of the pooling 'median'"),
    "a short vector": (_pooled("mean", lambda vector: vector[:-1]), "vector of the pooling mean with"),
    "a vector with NaN": (_pooled("max", lambda vector: vector * np.nan), "vector with NaN"),
    "no JSON": (_set("scan", "[1"), "no JSON object"),
    "a list": (_set("scan", "[]"), "no JSON object"),
    "a column too many": (_scan(colour=1), "has the column colour"),
    "a column missing": (_lacks("kvp"), "lacks the column kvp"),
    "no size": (_scan(image_rows=None), "image_rows is not what"),
    "a number as text": (_scan(spacing_z="2"), "spacing_z is not what"),
    "no day": (_scan(study_date="yesterday"), "study_date is not what"),
    "a long text": (_scan(manufacturer="x" * 65), "manufacturer is not what"),
    "no patient": (_set("patient_id", ""), "patient_id of 1 to 64"),
    "a missing value": (_set("series_uid", None), "has no series_uid"),
    "a short content": (_set("content_sha256", b"x"), "content_sha256 that is no SHA-256"),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_wrong_row_is_named_and_nothing_of_its_chunk_is_stored(
    case: str, fresh: Path, small: Writer, load: Load
) -> None:
    """Three good rows come before it. The patient's id is not said."""
    change, wanted = ROWS[case]
    patients: list[str] = []

    def changed(found: Rows) -> None:
        patients.extend(row["patient_id"] for row in found)
        change(found)

    folder = small(changed)
    said = _unchanged(fresh, lambda: load(folder, fresh))
    assert "Row 4 of 'part-00000.parquet'" in said
    assert wanted in said
    assert not [patient for patient in patients if patient in said]


def test_a_folder_that_is_none_is_refused(fresh: Path, small: Writer, load: Load, tmp_path: Path) -> None:
    """Not there, an unknown protocol, without lungdb.json, with another text in it, without rows."""
    said = _unchanged(fresh, lambda: load(tmp_path / "nowhere", fresh))
    assert "There is no folder" in said
    said = _unchanged(fresh, lambda: load("carrier-pigeon://coop/features", fresh))
    assert "cannot be opened" in said
    assert "Protocol not known" in said
    folder = small()
    shutil.move(folder / "features", folder / "elsewhere")
    assert "no Parquet files" in _unchanged(fresh, lambda: load(folder, fresh))
    (folder / "lungdb.json").write_text("[1]")
    assert "no JSON object" in _unchanged(fresh, lambda: load(folder, fresh))
    (folder / "lungdb.json").write_text("{")
    assert "cannot be read" in _unchanged(fresh, lambda: load(folder, fresh))
    (folder / "lungdb.json").unlink()
    assert "holds no lungdb.json" in _unchanged(fresh, lambda: load(folder, fresh))


def test_parquet_that_is_damaged_or_of_another_schema_is_refused(fresh: Path, small: Writer, load: Load) -> None:
    """A file cut short, one of noise, a column of another type, a column less."""
    folder = small()
    (file,) = (folder / "features").iterdir()
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:100], b"", os.urandom(500)):
        file.write_bytes(content)
        assert "cannot be read as Parquet" in _unchanged(fresh, lambda: load(folder, fresh))
    wide = SCHEMA.set(SCHEMA.get_field_index("array"), pa.field("array", pa.list_(pa.float64())))
    write_rows(file, [failed_row("1.2", "x")], wide)
    assert "The column array of 'part-00000.parquet' is list" in _unchanged(fresh, lambda: load(folder, fresh))
    write_rows(file, [failed_row("1.2", "x")], SCHEMA.remove(SCHEMA.get_field_index("pooled")))
    assert "has no column pooled" in _unchanged(fresh, lambda: load(folder, fresh))


def test_bytes_damaged_inside_parquet_never_store_other_features(fresh: Path, small: Writer, load: Load) -> None:
    """Whatever bit of the pages flips: refused, or the same features as without."""
    folder = small()
    (file,) = (folder / "features").iterdir()
    whole = bytearray(file.read_bytes())
    for place in range(50, len(whole) - 2000, len(whole) // 6):
        damaged = whole.copy()
        damaged[place] ^= 0x10
        file.write_bytes(damaged)
        status, said = load(folder, fresh)
        with closing(connect(target_of(fresh))) as connection:
            wrong = run(connection, "SELECT COUNT(*) FROM dbo.features WHERE sha256 <> HASHBYTES('SHA2_256', array);")[
                0
            ].scalar()
        assert wrong == 0
        assert status in (0, 1)
        assert said


def test_another_identity_is_refused(fresh: Path, small: Writer, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another key than is set here, and ids as they are in a database of hashes."""
    monkeypatch.setenv("LUNGDB_ID_KEY", "7f3a9c51e08b42d6a1c4590be2d87f16")
    keyed = small(identity={"mode": "keyed", "key_check": "0123456789abcdef"})
    assert "made with another id_key" in _unchanged(fresh, lambda: load(keyed, fresh))
    kept = small()
    with closing(connect(target_of(fresh))) as connection:
        run(connection, "EXECUTE dbo.StoreIdentity @Mode = N'keyed', @KeyCheck = N'0123456789abcdef';")
        run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'a hash', 0);")
    said = _unchanged(fresh, lambda: load(kept, fresh))
    assert "those of the database are not" in said


def test_series_that_failed_are_counted_with_their_reasons(fresh: Path, small: Writer, load: Load) -> None:
    """They are no scans; the others are loaded, and the log counts them."""

    def change(found: Rows) -> Rows:
        return [failed_row("9.1", "It has no pixels."), *found, failed_row("9.2", "It has no pixels.")]

    status, said = load(small(change), fresh)
    assert status == 0
    assert "Of 2 series the job could make no features" in said
    assert "2  It has no pixels." in said
    with closing(connect(target_of(fresh))) as connection:
        assert run(connection, "SELECT COUNT(*) FROM dbo.scans WHERE series_uid LIKE N'9%';")[0].scalar() == 0
        failed = run(connection, "SELECT failed FROM dbo.run_log WHERE procedure_name = N'load-features';")
    assert failed[0].scalar() == 2
