"""An empty database for each test of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect

pytest.register_assert_rewrite("tests.embedded.running")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """An empty database named clinic."""
    with connect(tmp_path / "clinic.db") as opened:
        yield opened
