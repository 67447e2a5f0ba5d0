"""A database of the embedded engine as servers without external scripts have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect
from tests.support import dense_networks


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Connection]:
    """An empty database with the tables and procedures of the networks."""
    with closing(connect(f"sqlite:///{tmp_path / 'lung_cancer_database.db'}")) as opened:
        dense_networks.install(opened)
        yield opened
