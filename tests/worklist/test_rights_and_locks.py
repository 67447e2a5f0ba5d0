"""What only a SQL Server can refuse or let wait, told from the texts: rights of a caller, and the order of locks."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.cli import load_patients, load_scans
from lungdb.database import connect, run
from lungdb.loading import people, scan_store
from lungdb.phantoms.dataset import make_dataset
from tests.support.databases import copy_to, target_of

PROCEDURES = Path(__file__).parents[2] / "sql" / "procedures"
QUERY = re.compile(r"@input_data_1 = N'((?:[^']|'')*)'")
WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM) dbo\.(\w+)|\bDELETE \w+\s+FROM dbo\.(\w+)")
LOCKS = "FROM dbo.worklist WITH (UPDLOCK, HOLDLOCK)"
NEED_SELECT = {
    "GenerateFeatures", "FeaturizeImages", "PredictPatients", "RunSearch", "TrainModel", "ReadModelNodes",
    "CreateEnsemble", "RepeatExperiment", "ScoreEvaluated", "TrainImageClassifier", "PredictImages",
    "DrawSlices", "ExplainRegions", "FeatureImportance", "FindTopTriples", "KeepMaps", "MaximiseImage",
    "PreviewPreprocessing", "TransformImages", "FindLungs", "ScoreCrops",
}  # fmt: skip
"""Whose queries read tables: those that docs/install-sql-server.md names, and what they call."""


def test_the_queries_of_the_page_read_no_table() -> None:
    """A script's query runs with the caller's rights: only what is documented to need SELECT reads dbo."""
    queries = {path.stem: QUERY.findall(path.read_text(encoding="utf-8")) for path in PROCEDURES.rglob("*.sql")}
    assert any(queries["CompareVectors"])
    assert any(queries["RefreshBinaryVectors"])
    assert any(queries["CompareScores"])
    assert any(queries["ExplainScans"])
    assert {name for name, texts in queries.items() if any("dbo." in text for text in texts)} == NEED_SELECT


@pytest.mark.parametrize("name", ["StorePredictions", "StoreFeatures", "ReportFailedScans", "TakeCopiedScans"])
def test_the_worklist_is_locked_before_anything_is_written(name: str) -> None:
    """One order for all: two who change the same scan wait for each other at the first lock, not crosswise."""
    (file,) = PROCEDURES.rglob(f"{name}.sql")
    text = file.read_text(encoding="utf-8")
    first = WRITES.search(text)
    assert first is not None
    assert 0 < text.find(LOCKS) < first.start()


def test_vectors_are_locked_before_what_is_made_of_them_is_deleted() -> None:
    """As StoreFeatures deletes: pooled_features first, and by its cascade binary_vectors."""
    text = (PROCEDURES / "worklist" / "internal" / "RefreshBinaryVectors.sql").read_text(encoding="utf-8")
    work = text[text.index("BEGIN TRANSACTION;") :]
    locked = work.index("FROM dbo.pooled_features WITH (UPDLOCK, HOLDLOCK)")
    assert locked < work.index("DELETE FROM dbo.binary_vectors")
    text = (PROCEDURES / "worklist" / "internal" / "RefreshStandardVectors.sql").read_text(encoding="utf-8")
    work = text[text.index("BEGIN TRANSACTION;") :]
    locked = work.index("FROM dbo.binary_vectors WITH (UPDLOCK, HOLDLOCK)")
    assert locked < work.index("DELETE FROM dbo.standard_vectors")


def test_loaders_lock_the_worklist_before_they_write(
    installed_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan, and a name: the first statement that writes comes after the lock."""
    statements: list[str] = []

    def noting(connection: Any, sql: str, *parameters: Any) -> Any:
        statements.append(sql)
        return run(connection, sql, *parameters)

    target = target_of(copy_to(tmp_path, installed_file))
    make_dataset(tmp_path / "scans", patients=1, slices=9, size=64)
    monkeypatch.setattr(scan_store, "run", noting)
    assert load_scans.main(["-d", target, "--keep-ids", str(tmp_path / "scans")]) == 0
    writes = [place for place, sql in enumerate(statements) if WRITES.search(sql)]
    locks = [place for place, sql in enumerate(statements) if LOCKS in sql]
    assert writes
    assert locks[0] < writes[0]

    statements.clear()
    monkeypatch.setattr(people, "run", noting)
    with closing(connect(target)) as connection:
        ((patient,),) = run(connection, "SELECT patient_id FROM dbo.patients;")[0].rows
    names = tmp_path / "names.csv"
    names.write_text(f"patient_id,display_name,sex,birth_year\n{patient},Ana,F,1960\n", encoding="utf-8")
    assert load_patients.main(["-d", target, str(names)]) == 0
    assert LOCKS in statements[0]
