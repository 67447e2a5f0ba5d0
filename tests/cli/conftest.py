"""A database with lungdb's tables on the embedded engine, and a look into it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import connect, install, run

Query = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the target of an installed database; no setting of the developer's own reaches the test."""
    for name in ("LUNGDB_CONFIG", "LUNGDB_DATABASE", "LUNGDB_ID_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    target = f"sqlite:///{tmp_path / 'lung_cancer_database.db'}"
    with closing(connect(target)) as connection:
        install(connection)
    return target


@pytest.fixture
def query(target: str) -> Query:
    """Give a function that runs one batch on a connection of its own and returns the last result's rows."""

    def rows(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(connect(target)) as connection:
            results = run(connection, sql, parameters)
        return results[-1].rows if results else []

    return rows


@pytest.fixture
def contents(query: Query) -> Callable[[], dict[str, list[tuple[Any, ...]]]]:
    """Give a function that returns every row of the tables that loaders write."""
    tables = {
        "patients": "patient_id",
        "scans": "scan_id",
        "scan_images": "scan_id, slice_index",
        "rejected_files": "rejected_id",
        "labels": "patient_id",
        "settings": "name",
        "networks": "network_id",
    }
    return lambda: {table: query(f"SELECT * FROM dbo.{table} ORDER BY {key};") for table, key in tables.items()}
