"""An installation killed at any commit is made whole by installing again; so is one that lacks something."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import Connection, connect, install, run
from lungdb.database.declared import declared_tables
from lungdb.database.generator import build_install_sql, read_sources
from lungdb.errors import SqlError
from tests.old_schema import DATA
from tests.sql.gates.check import SQL
from tests.support.databases import NAME, fill, target_of, vectors_and_labels
from tests.support.killing import catalog_of, check_kills, commits, contents_of, log_of, states, whole

# A process that dies by itself at once after the commit that its second argument counts.
DYING = """
import os, signal, sys
from pathlib import Path
from lungdb.database import run_script
from lungdb.embedded.store.storage import Storage
from tests.support.killing import commits, log_of, without_checkpoints
file, most, script = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]).read_text(encoding="utf-8")
execute, log = Storage.execute, log_of(file)
def dying(self, *arguments):
    done = execute(self, *arguments)
    if not self.connection.in_transaction and len(commits(log.read_bytes())) >= most:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
connection = without_checkpoints(file)
Storage.execute = dying
run_script(connection, script)
"""


def test_a_first_installation_that_was_killed_is_made_whole(tmp_path: Path, small_sql: Path) -> None:
    """After every seventh commit of tables, data, views, two procedures: catalog and rows are those of a whole one."""
    tables = len(list((small_sql / "tables").glob("*.sql")))
    check_kills(None, build_install_sql(small_sql), tmp_path, least=tables, step=7)


@pytest.mark.slow
def test_an_installation_killed_at_any_commit_is_made_whole(tmp_path: Path) -> None:
    """After every commit of install.sql, procedures included."""
    check_kills(None, (SQL / "install.sql").read_text(encoding="utf-8"), tmp_path, least=150)


@pytest.mark.slow
def test_a_process_killed_by_the_system_leaves_what_cutting_its_log_leaves(tmp_path: Path, small_sql: Path) -> None:
    """SIGKILL after the nth commit, at places over the whole script; installing again is what it is elsewhere."""
    script = tmp_path / "install.sql"
    script.write_text(build_install_sql(small_sql), encoding="utf-8")
    (tmp_path / "clean").mkdir()
    clean_file = tmp_path / "clean" / NAME
    total = len(commits(states(clean_file, script.read_text(encoding="utf-8"))[-1][1]))
    clean = whole(script.read_text(encoding="utf-8"), clean_file)
    for most in range(2, total, 9):
        folder = tmp_path / str(most)
        folder.mkdir()
        command = [sys.executable, "-c", DYING, str(folder / NAME), str(most), str(script)]
        ended = subprocess.run(command, cwd=SQL.parent, env={**os.environ, "PYTHONPATH": str(SQL.parent)}, check=False)
        assert ended.returncode == -signal.SIGKILL
        assert len(commits(log_of(folder / NAME).read_bytes())) == most
        assert whole(script.read_text(encoding="utf-8"), folder / NAME) == clean


@pytest.mark.parametrize("name", ["killed_before_indexes", "killed_before_versions"])
def test_an_installation_that_was_broken_by_a_kill_is_made_whole(
    connection: Connection, tmp_path: Path, name: str
) -> None:
    """Two of an older installer: the catalog and versions are those of a new database, and what was made is said."""
    install(connection)
    file = tmp_path / "broken" / NAME
    file.parent.mkdir()
    file.write_bytes(gzip.decompress((DATA / "broken_installations" / f"{name}.db.gz").read_bytes()))
    texts: list[str] = []
    with closing(connect(target_of(file))) as broken:
        install(broken, on_message=lambda message: texts.append(message.text))
        assert catalog_of(broken) == catalog_of(connection)
        assert contents_of(broken) == contents_of(connection)
    assert ("Made the index UX_scans_primary of dbo.scans." in texts) == (name == "killed_before_indexes")


def _drop_all(connection: Connection) -> None:
    """Drop every index, constraint and default, foreign keys first, and let columns be NULL or missing."""
    tables = declared_tables(each.text for each in read_sources(SQL) if each.kind == "tables")
    for table in tables:
        for foreign in table.foreign_keys:
            run(connection, f"ALTER TABLE dbo.{table.name} DROP CONSTRAINT {foreign.name};")
    for table in tables:
        for index in table.indexes:
            run(connection, f"DROP INDEX {index.name} ON dbo.{table.name};")
        for each in [*table.checks, *(key for key in table.keys if not key.primary)]:
            run(connection, f"ALTER TABLE dbo.{table.name} DROP CONSTRAINT {each.name};")
        keys = {column for key in table.keys if key.primary for column in key.columns}
        for column in table.columns:
            if column.default is not None:
                run(connection, f"ALTER TABLE dbo.{table.name} DROP CONSTRAINT {column.default_name};")
        free = [column for column in table.columns if column.name not in keys and column.identity is None]
        for column in free[:2]:
            run(connection, f"ALTER TABLE dbo.{table.name} ALTER COLUMN {column.name} {column.type} NULL;")
        for column in free[-1:]:
            run(connection, f"ALTER TABLE dbo.{table.name} DROP COLUMN {column.name};")
    run(connection, "ALTER TABLE dbo.rejected_files ALTER COLUMN message NVARCHAR(40) NULL; DROP TABLE dbo.settings;")


def test_what_is_missing_is_found_and_made(connection: Connection) -> None:
    """Columns, NOT NULL, lengths, keys, checks, defaults, foreign keys, indexes, a table with its rows: all dropped."""
    install(connection)
    clean, rows = catalog_of(connection), contents_of(connection)
    _drop_all(connection)
    assert catalog_of(connection) != clean
    texts: list[str] = []
    install(connection, on_message=lambda message: texts.append(message.text))
    assert catalog_of(connection) == clean
    assert contents_of(connection) == rows
    assert "Made the foreign key FK_scans_patients of dbo.scans." in texts
    assert "Changed the column message of dbo.rejected_files." in texts
    assert "Made the default DF_accounts_is_enabled of dbo.accounts." in texts


def test_a_primary_key_is_made_again(connection: Connection) -> None:
    """Of a table that no foreign key refers to."""
    install(connection)
    clean = catalog_of(connection)
    run(connection, "ALTER TABLE dbo.settings DROP CONSTRAINT PK_settings;")
    install(connection)
    assert catalog_of(connection) == clean


def _two_primaries(connection: Connection) -> None:
    fill(connection, *vectors_and_labels(2, 4, signal=1.0, seed=2), 4)
    run(connection, "DROP INDEX UX_scans_primary ON dbo.scans;")
    run(connection, "UPDATE dbo.scans SET patient_id = N'patient 0000' WHERE scan_id = 2;")


BROKEN: dict[str, tuple[Callable[[Connection], Any], str]] = {
    "rows against an index": (_two_primaries, "index UX_scans_primary of dbo.scans is missing: "),
    "rows against a key": (
        lambda connection: run(
            connection,
            "ALTER TABLE dbo.accounts DROP CONSTRAINT UQ_accounts_name;"
            "INSERT INTO dbo.accounts (name, role) VALUES (N'100%', 'reader'), (N'100%', 'reader');",
        ),
        "unique UQ_accounts_name of dbo.accounts is missing: ",
    ),
    "rows against a foreign key": (
        lambda connection: run(
            connection,
            "ALTER TABLE dbo.labels DROP CONSTRAINT FK_labels_patients;"
            "INSERT INTO dbo.labels (patient_id, label) VALUES (N'nobody', 1);",
        ),
        "foreign key FK_labels_patients of dbo.labels is missing: ",
    ),
    "rows with NULL": (
        lambda connection: run(
            connection,
            "ALTER TABLE dbo.images ALTER COLUMN image VARBINARY(MAX) NULL;"
            "INSERT INTO dbo.images (name, sha256) VALUES (N'a', 0x01);",
        ),
        "column image of dbo.images allows NULL: ",
    ),
    "another type": (
        lambda connection: run(connection, "ALTER TABLE dbo.predictions ALTER COLUMN raw_probability REAL NULL;"),
        "column raw_probability of dbo.predictions is real, not FLOAT",
    ),
    "no identity": (
        lambda connection: run(
            connection, "DROP TABLE dbo.rejected_files; CREATE TABLE dbo.rejected_files (rejected_id INT NOT NULL);"
        ),
        "column rejected_id of dbo.rejected_files differs in IDENTITY",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_mended_is_named(connection: Connection, what: str) -> None:
    """Rows that an index or constraint does not allow, a column of another type: an error, and the rows are kept."""
    install(connection)
    damage, named = BROKEN[what]
    damage(connection)
    run(connection, "DELETE FROM dbo.schema_version WHERE version > 1;")
    before = contents_of(connection)
    with pytest.raises(SqlError) as caught:
        install(connection)
    assert caught.value.number == 50250
    assert named in caught.value.message
    assert contents_of(connection).keys() == before.keys()
    assert contents_of(connection)["schema_version"] == before["schema_version"]


def test_a_longer_column_and_what_the_site_has_added_stay(connection: Connection) -> None:
    """A site may widen a text and add columns, indexes and tables of its own."""
    install(connection)
    run(
        connection,
        "ALTER TABLE dbo.labels ALTER COLUMN source NVARCHAR(1000) NULL; ALTER TABLE dbo.labels ADD ours INT NULL;"
        "CREATE INDEX IX_ours ON dbo.labels (ours); CREATE TABLE dbo.ours (i INT NULL);",
    )
    before = catalog_of(connection)
    install(connection)
    assert catalog_of(connection) == before
