"""A commit whose answer was lost has stored everything: what is done again finds it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from lungdb.database import Connection
from lungdb.database.transaction import transaction
from lungdb.errors import SqlError
from lungdb.loading import pictures
from tests.support.databases import rows


def test_pictures_whose_commit_was_not_answered_are_loaded_once(
    installed: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost after the commit: each picture is there once, with its label, and counts as loaded."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for grey in (10, 200):
        Image.new("L", (8, 8), grey).save(folder / f"{grey}.png")
    errors = [SqlError(10054, "lost", severity=20)]

    @contextmanager
    def unanswered(connection: Connection) -> Iterator[None]:
        with transaction(connection):
            yield
        if errors:
            raise errors.pop()

    monkeypatch.setattr(pictures, "transaction", unanswered)
    report = pictures.load_pictures(installed, folder, {"10.png": 1, "200.png": 0})
    assert dict(report.pictures) == {"loaded": 2}
    assert rows(installed, "SELECT name, label FROM dbo.images ORDER BY name;") == [("10.png", 1), ("200.png", 0)]
    assert errors == []
