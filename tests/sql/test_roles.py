"""The generated scripts of sql/roles/ make what the tables say, refuse what another made, and change nothing twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, install, installer, run, run_script, sql_directory
from lungdb.database.generator import read_sources
from lungdb.database.rights import PREFIX, ROLES, SECRET, read_rights, signed_procedures, tables_of_scripts
from lungdb.database.role_scripts import unsigned_batch
from lungdb.database.sources import SqlFile
from lungdb.errors import ErrorNumber, SqlError

RIGHTS = """
SELECT p.name, CONCAT(s.name, N'.', o.name), d.permission_name
FROM sys.database_permissions AS d
INNER JOIN sys.database_principals AS p ON p.principal_id = d.grantee_principal_id
INNER JOIN sys.objects AS o ON d.class = 1 AND o.object_id = d.major_id
INNER JOIN sys.schemas AS s ON s.schema_id = o.schema_id
WHERE p.name LIKE N'lungdb[_]%' AND p.type = N'{}' AND d.state = N'G';
"""
SIGNED = """
SELECT CONCAT(OBJECT_SCHEMA_NAME(c.major_id), N'.', OBJECT_NAME(c.major_id)), k.thumbprint
FROM sys.crypt_properties AS c INNER JOIN sys.certificates AS k ON k.thumbprint = c.thumbprint
WHERE k.name = N'lungdb_scripts';
"""
KEPT = "SELECT name, type, principal_id FROM sys.database_principals ORDER BY principal_id;"


@pytest.fixture(scope="module")
def files() -> list[SqlFile]:
    """Return the files of sql/."""
    return read_sources(sql_directory())


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of a database with the procedures, the roles and no signature."""
    path = tmp_path_factory.mktemp("rights") / "clinic.db"
    connection = connect(f"sqlite:///{path}")
    install(connection)
    _run(connection, "roles")
    connection.close()
    return path.read_bytes()


@pytest.fixture
def database(installed: bytes, tmp_path: Path) -> Iterator[Connection]:
    """Return a copy of it of one's own."""
    (tmp_path / "clinic.db").write_bytes(installed)
    connection = connect(f"sqlite:///{tmp_path / 'clinic.db'}")
    yield connection
    connection.close()


def _run(connection: Connection, script: str) -> str:
    said: list[str] = []
    text = (sql_directory() / "roles" / f"{script}.sql").read_text(encoding="utf-8")
    run_script(connection, text, lambda message: said.append(message.text))
    return said[-1]


def _rows(connection: Connection, sql: str) -> list[tuple[object, ...]]:
    return run(connection, sql)[-1].rows


def test_the_roles_have_the_rights_of_the_tables_and_no_others(database: Connection, files: list[SqlFile]) -> None:
    """Role, object and permission, as the catalog of the database tells them."""
    rights = read_rights(sql_directory(), files)
    assert set(_rows(database, RIGHTS.format("R"))) == set(rights.granted())
    names = {name for (name,) in _rows(database, "SELECT name FROM sys.database_principals WHERE type = 'R';")}
    assert {PREFIX + role for role in ROLES} <= names


def test_running_the_roles_again_changes_nothing(database: Connection) -> None:
    """Nothing is made, given or taken back, and the catalog is as before."""
    before = _rows(database, KEPT), _rows(database, RIGHTS.format("R"))
    assert _run(database, "roles").startswith("0 roles made, 0 rights given, 0 taken back, ")
    assert (_rows(database, KEPT), _rows(database, RIGHTS.format("R"))) == before


def test_what_a_role_may_no_more_and_what_it_lacks_is_put_right(database: Connection) -> None:
    """A right on a procedure of ours that the table does not give is taken back; a denied one is given again."""
    before = set(_rows(database, RIGHTS.format("R")))
    run(
        database,
        "GRANT EXECUTE ON dbo.DeleteModel TO lungdb_reader; REVOKE EXECUTE ON dbo.ShowPatient FROM lungdb_reader; "
        "DENY EXECUTE ON dbo.ListPatients TO lungdb_page;",
    )
    assert set(_rows(database, RIGHTS.format("R"))) != before
    assert _run(database, "roles").startswith("0 roles made, 2 rights given, 2 taken back, ")
    assert set(_rows(database, RIGHTS.format("R"))) == before


@pytest.mark.parametrize(
    ("made", "number", "told"),
    [
        ("DROP ROLE lungdb_page; CREATE USER lungdb_page WITHOUT LOGIN;", ErrorNumber.OTHER_PRINCIPAL, "lungdb_page"),
        ("GRANT EXECUTE ON SCHEMA::dbo TO lungdb_reader;", ErrorNumber.OTHER_RIGHTS, "EXECUTE on schema"),
        ("GRANT CONTROL TO lungdb_worker;", ErrorNumber.OTHER_RIGHTS, "CONTROL on database"),
        ("GRANT EXECUTE ON internal.StartRun TO lungdb_reader;", ErrorNumber.OTHER_RIGHTS, "internal.StartRun"),
        ("ALTER ROLE db_owner ADD MEMBER lungdb_page;", ErrorNumber.OTHER_RIGHTS, "membership in db_owner"),
    ],
)
def test_a_role_that_another_made_is_refused_before_anything_is_changed(
    database: Connection, made: str, number: int, told: str
) -> None:
    """The error names the role, what it has, and the way out; rights that would be put right are left alone."""
    run(database, made + "REVOKE EXECUTE ON dbo.ShowPatient FROM lungdb_scorer;")
    before = _rows(database, RIGHTS.format("R"))
    with pytest.raises(SqlError, match=re.escape(told)) as raised:
        _run(database, "roles")
    assert raised.value.number == number
    assert "run this again" in raised.value.message
    assert _rows(database, RIGHTS.format("R")) == before


def test_what_runs_scripts_is_signed_and_the_key_is_gone(database: Connection, files: list[SqlFile]) -> None:
    """The certificate's user may run scripts and read the tables of their queries; nobody can sign with it again."""
    signed = [each.makes for each in signed_procedures(files)]
    assert _run(database, "sign").startswith(f"{len(signed)} procedures")
    assert sorted(str(name) for name, _ in _rows(database, SIGNED)) == sorted(signed)
    assert "dbo.RunOnDataset" not in signed
    assert _rows(database, "SELECT pvt_key_encryption_type FROM sys.certificates;") == [("NA",)]
    given = {(str(name).lower(), permission) for _, name, permission in _rows(database, RIGHTS.format("C"))}
    assert given == {(name, "SELECT") for name in tables_of_scripts(files)}
    assert {name for name, _ in given} & SECRET == set()
    everywhere = "SELECT permission_name FROM sys.database_permissions WHERE class = 0;"
    assert _rows(database, everywhere) == [("EXECUTE ANY EXTERNAL SCRIPT",)]


def test_signing_again_replaces_the_certificate_and_signs_the_same(database: Connection) -> None:
    """The names are as before, the certificate is another; so a procedure that was altered is signed again."""
    _run(database, "sign")
    first = dict(_rows(database, SIGNED))
    (text,) = _rows(database, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'dbo.RenderMap'));")[0]
    run(database, str(text))
    assert set(first) - set(dict(_rows(database, SIGNED))) == {"dbo.RenderMap"}
    _run(database, "sign")
    second = dict(_rows(database, SIGNED))
    assert first.keys() == second.keys()
    assert set(first.values()) & set(second.values()) == set()
    assert len(_rows(database, "SELECT name FROM sys.certificates;")) == 1


def test_signing_follows_the_setting_of_the_language(database: Connection) -> None:
    """An own language has a right of its own; one that is not there leaves the signatures as they were."""
    _run(database, "sign")
    before = _rows(database, SIGNED)
    run(database, "UPDATE dbo.settings SET value = N'mine' WHERE name = N'external_language';")
    with pytest.raises(SqlError, match="mine"):
        _run(database, "sign")
    assert _rows(database, SIGNED) == before
    run(database, "CREATE EXTERNAL LANGUAGE mine FROM (CONTENT = N'x.zip', FILE_NAME = 'x.so');")
    _run(database, "sign")
    found = "SELECT permission_name FROM sys.database_permissions WHERE class_desc = N'EXTERNAL_LANGUAGE';"
    assert _rows(database, found) == [("EXECUTE EXTERNAL SCRIPT",)]


@pytest.mark.parametrize(
    ("made", "number"),
    [
        ("CREATE USER lungdb_scripts WITHOUT LOGIN;", ErrorNumber.OTHER_CERTIFICATE),
        ("CREATE ROLE lungdb_scripts;", ErrorNumber.OTHER_CERTIFICATE),
        (
            "CREATE CERTIFICATE lungdb_scripts ENCRYPTION BY PASSWORD = 'Other-9' WITH SUBJECT = 'theirs';",
            ErrorNumber.OTHER_CERTIFICATE,
        ),
        (
            "CREATE SCHEMA theirs;\nGO\nCREATE PROCEDURE theirs.p AS SELECT 1 AS one;\nGO\n"
            "CREATE CERTIFICATE lungdb_scripts ENCRYPTION BY PASSWORD = 'Other-9' "
            "WITH SUBJECT = 'lungdb: procedures that run external scripts';"
            "ADD SIGNATURE TO theirs.p BY CERTIFICATE lungdb_scripts WITH PASSWORD = 'Other-9';",
            ErrorNumber.OTHER_SIGNATURE,
        ),
    ],
)
def test_a_certificate_that_another_made_is_refused(database: Connection, made: str, number: int) -> None:
    """It stays, with what it signs; nothing of ours is signed."""
    run_script(database, made)
    kept = (KEPT, "SELECT name, subject FROM sys.certificates;", SIGNED)
    before = [_rows(database, each) for each in kept]
    with pytest.raises(SqlError, match="Nothing was changed") as raised:
        _run(database, "sign")
    assert raised.value.number == number
    assert [_rows(database, each) for each in kept] == before


def test_the_password_is_random_and_said_nowhere(database: Connection, tmp_path: Path) -> None:
    """No message has it and no file of the database; the script has none written into it."""
    script = (sql_directory() / "roles" / "sign.sql").read_text(encoding="utf-8")
    assert "CRYPT_GEN_RANDOM(32)" in script
    said: list[str] = []
    run_script(database, script, lambda message: said.append(message.text))
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not re.search(rb"[0-9A-F]{64}-a9Z", content)
    assert not re.search("[0-9A-F]{64}", "".join(said))


def test_installing_names_what_it_has_unsigned(database: Connection, files: list[SqlFile]) -> None:
    """A message, no error; where nothing was ever signed the embedded engine, which enforces nothing, says nothing."""
    batch = unsigned_batch(files)
    assert (sql_directory() / "install.sql").read_text(encoding="utf-8").count(batch) == 1
    said: list[str] = []
    run(database, batch, on_message=lambda message: said.append(message.text))
    _run(database, "sign")
    run(database, batch, on_message=lambda message: said.append(message.text))
    assert said == []
    altered = ["dbo.GenerateFeatures", "dbo.RenderMap", "internal.TrainModel"]
    for each in files:
        if each.makes in altered:
            run(database, each.text)
    run(database, batch, on_message=lambda message: said.append(message.text))
    (told,) = said
    assert re.findall(r"\b(?:dbo|internal)\.\w+", told) == altered
    assert "sql/roles/sign.sql" in told


def test_installing_signs_again_where_it_was_signed_and_says_why_where_it_cannot(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The installing script itself is left out here; a certificate of somebody else's is in the way the second time."""
    whole = installer.run_script
    monkeypatch.setattr(
        installer,
        "run_script",
        lambda c, text, say: whole(c, "SELECT 1 AS one;" if "dbo.patients" in text else text, say),
    )
    said: list[str] = []
    installer.install(database, lambda message: said.append(message.text))
    assert (said, _rows(database, SIGNED)) == ([], [])
    _run(database, "sign")
    run(database, str(_rows(database, "SELECT OBJECT_DEFINITION(OBJECT_ID(N'dbo.RenderMap'));")[0][0]))
    installer.install(database, lambda message: said.append(message.text))
    assert "dbo.RenderMap" in dict(_rows(database, SIGNED))
    run(database, "CREATE USER lungdb_other WITHOUT LOGIN; DROP USER lungdb_scripts; CREATE ROLE lungdb_scripts;")
    installer.install(database, lambda message: said.append(message.text))
    assert "stay unsigned: The database has a user or role lungdb_scripts" in said[-1]
    assert run(database, "SELECT @@TRANCOUNT;")[-1].rows == [(0,)]


def test_removing_takes_certificate_members_and_roles_along(database: Connection) -> None:
    """Nothing of ours is left among the principals, and the user who was a member stays."""
    _run(database, "sign")
    run(database, "CREATE USER ana WITHOUT LOGIN; ALTER ROLE lungdb_reader ADD MEMBER ana;")
    run_script(database, (sql_directory() / "uninstall.sql").read_text(encoding="utf-8"))
    own = "SELECT name FROM sys.database_principals WHERE principal_id BETWEEN 5 AND 16383;"
    assert _rows(database, own) == [("ana",)]
    assert _rows(database, "SELECT name FROM sys.certificates;") == []
    assert _rows(database, "SELECT name FROM sys.objects;") == []
