"""Databases of the embedded engine for the tests of sql/."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import Connection, connect
from lungdb.embedded.running import session
from lungdb.embedded.syntax.statements import Batch, parse_batch
from tests.sql.gates.check import SQL


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """An empty database."""
    with closing(connect(f"sqlite:///{tmp_path / 'lung_cancer_database.db'}")) as opened:
        yield opened


@pytest.fixture(scope="module")
def parsed_once() -> Iterator[None]:
    """The same batches are run by hundreds of connections, each of which would parse them anew: half of the time."""
    kept: dict[tuple[str, tuple[tuple[str, Any], ...]], Batch] = {}

    def parse(text: str, declared: dict[str, Any] | None = None) -> Batch:
        known = text, tuple((declared or {}).items())
        if known not in kept:
            kept[known] = parse_batch(text, declared)
        return kept[known]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "parse_batch", parse)
        yield


@pytest.fixture(scope="module")
def small_sql(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of sql/ with two procedures, whose migrations fill two rows at a time."""
    folder = tmp_path_factory.mktemp("small") / "sql"
    shutil.copytree(SQL, folder)
    for path in (folder / "procedures").rglob("*.sql"):
        if path.stem not in ("ReadSettings", "FindClassifier"):
            path.unlink()
    for path in (folder / "migrations").glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"TOP \(\d+\)", "TOP (2)", text), encoding="utf-8")
    return folder
