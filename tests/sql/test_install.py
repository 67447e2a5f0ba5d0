"""install.sql is current, can be repeated, upgrades with data in place, and can be undone."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, build_install_sql, connect, install, run, run_script
from lungdb.errors import LungdbError, SqlError
from tests.sql.gates.check import SQL

OBJECTS = "SELECT name, type FROM sys.objects WHERE is_ms_shipped = 0 ORDER BY type, name;"
COLUMNS = """
SELECT o.name, c.name, t.name, c.max_length, c.is_nullable
FROM sys.columns AS c
INNER JOIN sys.objects AS o ON o.object_id = c.object_id
INNER JOIN sys.types AS t ON t.user_type_id = c.user_type_id
WHERE o.is_ms_shipped = 0
ORDER BY o.name, c.name;
"""
VERSIONS = "SELECT version FROM dbo.schema_version ORDER BY version;"


def _rows(connection: Connection, sql: str) -> list[tuple[object, ...]]:
    return run(connection, sql)[-1].rows


def _next_version() -> int:
    return max((int(path.name[:4]) for path in (SQL / "migrations").glob("[0-9]*.sql")), default=1) + 1


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A copy of sql/ one version on: a column of dbo.patients with its migration, which also fills it."""
    folder = tmp_path / "sql"
    shutil.copytree(SQL, folder)
    table = folder / "tables" / "patients.sql"
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("    idx INT NOT NULL,", "    idx INT NOT NULL,\n    cohort NVARCHAR(20) NULL,"))
    (folder / "migrations").mkdir(exist_ok=True)
    (folder / "migrations" / f"{_next_version():04}_cohort.sql").write_text(
        "ALTER TABLE dbo.patients ADD cohort NVARCHAR(20) NULL;\nGO\nUPDATE dbo.patients SET cohort = N'it''s first';\n"
    )
    return folder


def test_install_sql_is_what_its_parts_make() -> None:
    """`make sql` was run after the last change of a part."""
    assert (SQL / "install.sql").read_text(encoding="utf-8") == build_install_sql(SQL)


def test_a_changed_part_makes_install_sql_stale(newer: Path) -> None:
    """The comparison sees a change of one column."""
    assert (newer / "install.sql").read_text(encoding="utf-8") != build_install_sql(newer)


def test_every_object_file_is_in_the_build_order_once() -> None:
    """A file that is not listed would never be installed; one listed twice would hide a slip."""
    names = (SQL / "build_order.txt").read_text(encoding="utf-8").split()
    folders = ("tables", "data", "views", "procedures", "sql_only/tables", "sql_only/procedures")
    files = [path.relative_to(SQL).as_posix() for folder in folders for path in (SQL / folder).glob("*.sql")]
    assert sorted(names) == sorted(files)


def test_installing_makes_an_object_of_every_file(connection: Connection) -> None:
    """Tables, views and procedures are there under their files' names."""
    install(connection)
    made = {(str(name), str(kind).strip()) for name, kind in _rows(connection, OBJECTS)}
    kinds = {"tables": "U", "views": "V", "procedures": "P", "sql_only/tables": "U", "sql_only/procedures": "P"}
    wanted = {(path.stem, kind) for folder, kind in kinds.items() for path in (SQL / folder).glob("*.sql")}
    assert wanted <= made


def test_installing_twice_changes_nothing(connection: Connection) -> None:
    """Objects, settings and versions are the same, a chosen setting and the data are kept."""
    install(connection)
    run(connection, "UPDATE dbo.settings SET value = N'33' WHERE name = N'test_percent';")
    run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'a patient', 0);")
    questions = (OBJECTS, COLUMNS, VERSIONS, "SELECT name, value FROM dbo.settings ORDER BY name;")
    before = [_rows(connection, question) for question in questions]
    install(connection)
    assert [_rows(connection, question) for question in questions] == before
    assert _rows(connection, "SELECT value FROM dbo.settings WHERE name = N'test_percent';") == [("33",)]
    assert _rows(connection, "SELECT patient_id, idx FROM dbo.patients;") == [("a patient", 0)]


def test_installing_over_the_previous_version_keeps_the_data(connection: Connection, newer: Path) -> None:
    """The migration runs once on the old database, and its rows have the new column."""
    install(connection)
    run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'a patient', 0);")
    run(connection, "INSERT INTO dbo.labels (patient_id, label) VALUES (N'a patient', 1);")
    script = build_install_sql(newer)
    run_script(connection, script)
    assert _rows(connection, "SELECT patient_id, cohort FROM dbo.patients;") == [("a patient", "it's first")]
    assert _rows(connection, "SELECT label FROM dbo.labels;") == [(1,)]
    run(connection, "UPDATE dbo.patients SET cohort = N'kept';")
    run_script(connection, script)
    assert _rows(connection, "SELECT cohort FROM dbo.patients;") == [("kept",)]
    assert _rows(connection, VERSIONS)[-1] == (_next_version(),)


def test_an_upgraded_database_is_like_a_new_one(connection: Connection, newer: Path, tmp_path: Path) -> None:
    """The same objects, columns and versions, whichever way they came."""
    install(connection)
    run_script(connection, build_install_sql(newer))
    with closing(connect(f"sqlite:///{tmp_path / 'new.db'}")) as fresh:
        run_script(fresh, build_install_sql(newer))
        for question in (OBJECTS, COLUMNS, VERSIONS):
            assert _rows(connection, question) == _rows(fresh, question)


def test_a_migration_that_fails_leaves_no_half_of_itself(connection: Connection, newer: Path) -> None:
    """Its first statement is undone with its second, and the version is not marked as there."""
    install(connection)
    before = _rows(connection, COLUMNS)
    [migration] = (newer / "migrations").glob(f"{_next_version():04}_*.sql")
    migration.write_text(re.sub(r"UPDATE.*", "UPDATE dbo.patients SET no_such_column = 1;", migration.read_text()))
    with pytest.raises(SqlError, match="no_such_column"):
        run_script(connection, build_install_sql(newer))
    run(connection, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;")
    assert _rows(connection, COLUMNS) == before
    assert _rows(connection, VERSIONS)[-1] == (_next_version() - 1,)


def test_a_file_outside_the_build_order_is_refused(newer: Path) -> None:
    """It would be forgotten by every installation."""
    (newer / "views" / "forgotten.sql").write_text("CREATE OR ALTER VIEW dbo.forgotten AS SELECT 1 AS one;\n")
    with pytest.raises(LungdbError, match=r"views/forgotten\.sql"):
        build_install_sql(newer)


def test_uninstalling_leaves_nothing(connection: Connection) -> None:
    """Data does not stop it, it can be repeated, and installing again afterwards works."""
    uninstall = (SQL / "uninstall.sql").read_text(encoding="utf-8")
    install(connection)
    run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (N'a patient', 0);")
    objects = _rows(connection, OBJECTS)
    run_script(connection, uninstall)
    assert _rows(connection, OBJECTS) == []
    run_script(connection, uninstall)
    install(connection)
    assert _rows(connection, OBJECTS) == objects
