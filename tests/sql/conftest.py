"""Databases of the embedded engine for the tests of sql/."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """An empty database."""
    with closing(connect(f"sqlite:///{tmp_path / 'lung_cancer_database.db'}")) as opened:
        yield opened
