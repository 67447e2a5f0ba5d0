"""An installation or upgrade killed at any commit is made whole by installing again; so is one that lacks something."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from lungdb.database import Connection, connect, install, run, run_script
from lungdb.database.declared import declared_tables
from lungdb.database.generator import build_install_sql, read_sources
from lungdb.embedded.running import session
from lungdb.embedded.syntax.statements import Batch, parse_batch
from lungdb.errors import SqlError
from tests.old_schema import DATA, old_sources
from tests.sql.gates.check import SQL
from tests.support.databases import NAME, SLICES, fill, target_of, vectors_and_labels
from tests.support.killing import catalog_of, commits, contents_of, log_of, restore, states

PATIENTS = 7
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


@pytest.fixture(scope="module", autouse=True)
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


@pytest.fixture(scope="module")
def old_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of schema version 1 with patients, a model's run, pictures and a score."""
    folder = tmp_path_factory.mktemp("old")
    file = folder / NAME
    with closing(connect(target_of(file))) as connection:
        run_script(connection, build_install_sql(old_sources(folder / "sql", 1)))
        fill(connection, *vectors_and_labels(PATIENTS, 4, signal=1.0, seed=2), 4)
        run(
            connection,
            "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
            "VALUES (N'old', 1, N'lightgbm', 1, N'mean', 0x00, 0x00, N'{}');"
            "INSERT INTO dbo.experiments (classifier_id, seed, parameters, started_at) "
            "VALUES (1, 7, N'{}', '2026-01-02');"
            "INSERT INTO dbo.experiment_patients (experiment_id, patient_id, part, probability) "
            "SELECT 1, patient_id, CASE WHEN idx < 3 THEN 'test' ELSE 'train' END, 0.25 FROM dbo.patients;"
            "INSERT INTO dbo.predictions (scan_id, classifier_id, probability) VALUES (2, 1, 0.5);"
            "INSERT INTO dbo.images (name, image, label) VALUES (N'a', 0x01, 1), (N'b', 0x02, NULL), (N'c', 0x03, 2);",
        )
    return file


def _whole(script: str, file: Path) -> tuple[dict[Any, Any], dict[str, list[Any]]]:
    """Run a script on a file and return its catalog and contents."""
    with closing(connect(target_of(file))) as connection:
        run_script(connection, script)
        return catalog_of(connection), contents_of(connection)


def _check_kills(start: Path | None, script: str, folder: Path, least: int, step: int = 1) -> None:
    """Cut a run of the script short after every step-th commit, run it again, and compare with one that was not cut."""
    file = folder / NAME
    if start is not None:
        shutil.copy(start, file)
    at = states(file, script)
    assert len(at) > least
    clean, rows = _whole(script, file)
    for place, state in list(enumerate(at))[::step]:
        again = folder / f"{place}" / NAME
        again.parent.mkdir()
        found, found_rows = _whole(script, restore(state, again))
        assert found == clean, place
        assert found_rows == rows, place
        shutil.rmtree(again.parent)


def test_a_first_installation_that_was_killed_is_made_whole(tmp_path: Path, small_sql: Path) -> None:
    """After every seventh commit of tables, data, views, two procedures: catalog and rows are those of a whole one."""
    tables = len(list((small_sql / "tables").glob("*.sql")))
    _check_kills(None, build_install_sql(small_sql), tmp_path, least=tables, step=7)


def test_an_upgrade_from_version_1_that_was_killed_is_made_whole(
    tmp_path: Path, small_sql: Path, old_file: Path
) -> None:
    """After every ninth commit, inside a migration's chunks too: each row is filled as one that was not killed does."""
    _check_kills(old_file, build_install_sql(small_sql), tmp_path, least=50, step=9)
    with closing(connect(target_of(tmp_path / NAME))) as connection:
        (raw,) = run(connection, "SELECT raw, label, CAST(out_of_fold AS INT) FROM dbo.experiment_patients;")
        assert len(raw.rows) == PATIENTS
        assert {(value, fold) for value, _, fold in raw.rows} == {(0.25, 0), (0.25, 1)}
        assert None not in [label for _, label, _ in raw.rows]
        (images,) = run(connection, "SELECT COUNT(*) FROM dbo.images WHERE sha256 = HASHBYTES('SHA2_256', image);")
        assert images.scalar() == 3
        (listed,) = run(connection, "SELECT slices, state, COUNT(*) FROM dbo.worklist GROUP BY slices, state;")
        assert sorted(listed.rows) == [(SLICES, 1, PATIENTS - 1), (SLICES, 2, 1)]


@pytest.mark.slow
def test_an_installation_killed_at_any_commit_is_made_whole(tmp_path: Path) -> None:
    """After every commit of install.sql, procedures included."""
    _check_kills(None, (SQL / "install.sql").read_text(encoding="utf-8"), tmp_path, least=150)


@pytest.mark.slow
def test_an_upgrade_killed_at_any_commit_is_made_whole(tmp_path: Path, small_sql: Path, old_file: Path) -> None:
    """After every commit of one from version 1; what replaces procedures is what makes them first."""
    _check_kills(old_file, build_install_sql(small_sql), tmp_path, least=50)


@pytest.mark.slow
def test_a_process_killed_by_the_system_leaves_what_cutting_its_log_leaves(tmp_path: Path, small_sql: Path) -> None:
    """SIGKILL after the nth commit, at places over the whole script; installing again is what it is elsewhere."""
    script = tmp_path / "install.sql"
    script.write_text(build_install_sql(small_sql), encoding="utf-8")
    (tmp_path / "clean").mkdir()
    clean_file = tmp_path / "clean" / NAME
    total = len(commits(states(clean_file, script.read_text(encoding="utf-8"))[-1][1]))
    clean = _whole(script.read_text(encoding="utf-8"), clean_file)
    for most in range(2, total, 9):
        folder = tmp_path / str(most)
        folder.mkdir()
        command = [sys.executable, "-c", DYING, str(folder / NAME), str(most), str(script)]
        ended = subprocess.run(command, cwd=SQL.parent, env={**os.environ, "PYTHONPATH": str(SQL.parent)}, check=False)
        assert ended.returncode == -signal.SIGKILL
        assert len(commits(log_of(folder / NAME).read_bytes())) == most
        assert _whole(script.read_text(encoding="utf-8"), folder / NAME) == clean


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
