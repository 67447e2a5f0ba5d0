"""A database of the embedded engine with sql_only installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect
from tests.sql_only import network_database


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Connection]:
    """An empty database with the tables and procedures of the networks."""
    with closing(connect(f"sqlite:///{tmp_path / 'lung_cancer_database.db'}")) as opened:
        network_database.install(opened)
        yield opened
