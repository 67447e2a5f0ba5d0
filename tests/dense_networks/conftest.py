"""A database of the embedded engine as servers without external scripts have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect
from tests.support.databases import copy_to, target_of


@pytest.fixture
def networks(sql_only_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """An empty database with the tables and procedures of the networks."""
    with closing(connect(target_of(copy_to(tmp_path, sql_only_file)))) as opened:
        yield opened
