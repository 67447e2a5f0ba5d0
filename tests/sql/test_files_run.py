"""Every .sql file runs on the embedded engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lungdb.database import Connection, install, run, run_script
from lungdb.database.generator import generated_scripts, read_sources
from lungdb.errors import SqlError
from tests.sql import nodule_database, samples, small_database
from tests.sql.gates.check import SQL
from tests.support.databases import NAME, target_of

EXECUTE = sorted((SQL / "execute").glob("*.sql"))
BROKEN = Path(__file__).parent / "broken"
PATIENTS = 48
PICTURES = 12
DATASET_COUNTS = """
SELECT COUNT(DISTINCT e.example_id), COUNT(*), (
    SELECT COUNT(*) FROM dbo.example_labels AS l WHERE l.dataset IN (N'ct_train_scaled', N'ct_test_scaled'))
FROM dbo.examples AS e
WHERE e.dataset IN (N'ct_train_scaled', N'ct_test_scaled');
"""


def test_the_files_run_one_by_one_in_the_order_of_installation(connection: Connection) -> None:
    """As a DBA may run them, without install.sql's guards, once the schema of the internal procedures is there."""
    run(connection, "CREATE SCHEMA internal AUTHORIZATION dbo;")
    for file in read_sources(SQL):
        _run_file(connection, SQL / file.path)


@pytest.mark.parametrize("name", ["dacfx/views/of_nothing.sql", "syntax/tables/missing_comma.sql"])
def test_a_broken_file_does_not_run(connection: Connection, name: str) -> None:
    """The engine refuses a view of a table that is not there, and what is no T-SQL."""
    with pytest.raises(SqlError):
        run_script(connection, (BROKEN / name).read_text(encoding="utf-8"))


def test_no_file_is_left_untried() -> None:
    """What is installed, the generated scripts and their parts, sample calls, what only SQL Server has: all of them."""
    tried = {SQL / file.path for file in read_sources(SQL)} | {SQL / script for script in generated_scripts(SQL)}
    tried |= set(EXECUTE)
    folders = ("agent", "migrations", "operations", "whole", "roles/parts")
    parts = {path for folder in folders for path in (SQL / folder).glob("*.sql")}
    # They work with logins and EXECUTE AS, which the embedded engine has not.
    untried = {SQL / "roles" / "owner.sql", SQL / "roles" / "try_role.sql"}
    assert set(SQL.rglob("*.sql")) - tried == parts | untried


def test_the_sample_calls_run_in_the_order_of_the_job(connection: Connection, tmp_path: Path) -> None:
    """Each as it stands, on a small database: check, features, model, score, pictures, data sets, numbers, nodules."""
    install(connection)
    small_database.fill(connection, PATIENTS, PICTURES)
    by_file = {}
    for path in EXECUTE:
        if path.name == "24_nodules.sql":
            nodule_database.add(connection, target_of(tmp_path / NAME), tmp_path)
        by_file[path.name] = _run_file(connection, path)
    found = [row for row in by_file["24_nodules.sql"] if row[:2] == ("my_detector", "") and len(row) == 6]
    # Every marked square is found, and nothing else: of half the patients.
    assert [row[3] for row in found] == [1.0] * len(found)
    nodules = "SELECT source, COUNT(*) FROM dbo.nodules GROUP BY source ORDER BY source;"
    assert run(connection, nodules)[0].rows == [("network", PATIENTS // 2), ("truth", PATIENTS // 2)]
    items = {row[0]: row[1] for row in by_file["00_check_installation.sql"]}
    assert "onnxruntime" in items
    assert items["runtime"] == "ok"
    counts = (
        "SELECT COUNT(*), COUNT(DISTINCT scan_id) FROM dbo.pooled_features "
        "WHERE pooling {} N'combined' AND pooling <> N'top5';"
    )
    # Means and maxima of all, and means of the four scans that a preprocessing of one's own is tried on.
    assert run(connection, counts.format("<>"))[0].rows == [(2 * PATIENTS + 4, PATIENTS)]
    assert run(connection, counts.format("="))[0].rows == [(2 * PATIENTS, PATIENTS)]
    assert {part for part, *_ in by_file["02_train_model.sql"]} == {"train", "test"}
    [(percent,)] = by_file["03_predict.sql"]
    stored = run(connection, "SELECT TOP (1) 100 * probability FROM dbo.predictions ORDER BY prediction_id;")[0].rows
    assert stored == [(pytest.approx(percent),)]
    assert 0 <= percent <= 100
    served = run(connection, "SELECT name, version FROM dbo.model_status;")[0].rows
    assert {("lightgbm_sql", 1), ("logistic_sql", 1)} <= set(served)
    [(held_out,)] = run(connection, "SELECT members FROM dbo.dataset_list WHERE name = N'inclusive, held out';")[0].rows
    assert 0 < held_out < PATIENTS
    counted = "SELECT COUNT(probability), COUNT(predicted) FROM dbo.predictions;"
    assert run(connection, counted)[0].rows == [(2 + 3 * PATIENTS + held_out, PATIENTS)]
    assert len([row for row in by_file["08_predict_a_number.sql"] if len(row) == 2]) == PATIENTS
    alone = by_file["21_score_without_python.sql"]
    assert {row[2] for row in alone if len(row) == 5} == {PATIENTS}
    assert sum(len(row) == 2 for row in alone) == PATIENTS
    assert alone[-1] == (pytest.approx(percent),)
    steps = {row[1] for row in by_file["05_experiments.sql"] if len(row) == 5}
    assert {"prediction", "model", "experiment", "vector", "features", "network", "scan", "slice"} <= steps
    assert run(connection, "SELECT COUNT(*) FROM dbo.image_features;")[0].rows == [(PICTURES,)]
    assert run(connection, DATASET_COUNTS)[0].rows == [(PATIENTS, PATIENTS * samples.WIDTH, PATIENTS)]
    measured = {row[1]: row[2] for row in by_file["20_ct_features_as_a_data_set.sql"] if len(row) == 3 and row[0] == -1}
    held_out = run(connection, "SELECT COUNT(*) FROM dbo.example_labels WHERE dataset = N'ct_test';")[0].scalar()
    assert measured["examples"] == held_out > 0


def _run_file(connection: Connection, path: Path) -> list[tuple[Any, ...]]:
    try:
        results = run_script(connection, path.read_text(encoding="utf-8"))
    except SqlError as error:
        pytest.fail(f"{path.name}: {error}")
    return [row for result in results for row in result.rows]
