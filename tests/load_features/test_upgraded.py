"""A database of schema version 10 gets the column and the table, and keeps its rows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from lungdb.database import connect, install
from tests.old_schema import unpack_schema_10
from tests.support.databases import rows, target_of

KEPT = ("patients", "features", "pooled_features", "predictions", "series_choices", "scan_images")


def test_scans_of_version_10_have_their_pixels_here(tmp_path: Path) -> None:
    """Every row of before is as it was; no scan has a source, and nothing is staged."""
    with closing(connect(target_of(unpack_schema_10(tmp_path)))) as connection:
        names = ", ".join(
            f"[{name}]"
            for (name,) in rows(
                connection, "SELECT name FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.scans') ORDER BY column_id;"
            )
        )
        assert "source_uri" not in names
        queries = [f"SELECT {names} FROM dbo.scans;", *(f"SELECT * FROM dbo.{table};" for table in KEPT)]
        before = [sorted(rows(connection, query), key=repr) for query in queries]
        install(connection)
        assert [sorted(rows(connection, query), key=repr) for query in queries] == before
        assert before[0]
        assert rows(connection, "SELECT DISTINCT source_uri FROM dbo.scans;") == [(None,)]
        assert rows(connection, "SELECT COUNT(*) FROM dbo.staged_features;") == [(0,)]
