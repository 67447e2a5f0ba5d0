"""A database of schema version 2 with pictures in it is upgraded: each gets the hash of its bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from lungdb.database import Connection, install, run, run_script
from lungdb.database.generator import build_install_sql
from lungdb.errors import SqlError
from tests.old_schema import old_sources


def test_pictures_of_version_2_are_kept_and_get_their_hash(connection: Connection, tmp_path: Path) -> None:
    """Python's SHA-256 of the stored bytes, labels as they were, and no picture without a hash from then on."""
    sql = old_sources(tmp_path / "sql", 2)
    run_script(connection, build_install_sql(sql))
    assert run(connection, "SELECT MAX(version) FROM dbo.schema_version;")[0].rows == [(2,)]
    pictures = {"a.png": (b"a" * 20_000, 3), "b.jpg": (b"b", None)}
    for name, (data, label) in pictures.items():
        run(connection, "INSERT INTO dbo.images (name, image, label) VALUES (?, ?, ?);", [name, data, label])
    install(connection)
    (found,) = run(connection, "SELECT name, image, label, sha256 FROM dbo.images ORDER BY name;")
    assert found.rows == [
        (name, data, label, hashlib.sha256(data).digest()) for name, (data, label) in pictures.items()
    ]
    with pytest.raises(SqlError) as caught:
        run(connection, "INSERT INTO dbo.images (name, image) VALUES (N'c.png', 0x00);")
    assert caught.value.number == 515
