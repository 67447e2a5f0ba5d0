"""Roles, rights, certificates and signatures are recorded as SQL Server's catalog shows them, not enforced."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.embedded.running.connection import Connection, connect
from tests.embedded.running import error, rows, say

MADE = """
CREATE TABLE t (a INT); EXECUTE (N'CREATE PROCEDURE p AS SELECT 1 AS one');
CREATE ROLE readers; CREATE ROLE writers AUTHORIZATION dbo; CREATE USER ana WITHOUT LOGIN;
CREATE CERTIFICATE signing ENCRYPTION BY PASSWORD = 'Secret-9' WITH SUBJECT = 'what signs', EXPIRY_DATE = '20991231';
CREATE USER signer FOR CERTIFICATE signing;
"""
RIGHTS = """
SELECT p.name, d.class, d.class_desc, d.permission_name, d.state, d.state_desc
FROM sys.database_permissions AS d INNER JOIN sys.database_principals AS p ON p.principal_id = d.grantee_principal_id
ORDER BY p.name, d.class, d.permission_name
"""
SIGNED = """
SELECT OBJECT_NAME(c.major_id), c.crypt_type, k.name, p.name
FROM sys.crypt_properties AS c INNER JOIN sys.certificates AS k ON k.thumbprint = c.thumbprint
INNER JOIN sys.database_principals AS p ON p.sid = k.sid
"""


@pytest.fixture
def made(connection: Connection) -> Connection:
    """Return a database with a table, a procedure, two roles, two users and a certificate."""
    say(connection, MADE)
    return connection


def test_principals_stand_beside_the_fixed_ones_with_their_types(made: Connection) -> None:
    """The fixed numbers and type codes are those of SQL Server's documentation of sys.database_principals."""
    query = "SELECT name, type, type_desc FROM sys.database_principals WHERE principal_id BETWEEN 5 AND 16383"
    assert rows(made, f"{query} ORDER BY name") == [
        ("ana", "S", "SQL_USER"),
        ("readers", "R", "DATABASE_ROLE"),
        ("signer", "C", "CERTIFICATE_MAPPED_USER"),
        ("writers", "R", "DATABASE_ROLE"),
    ]
    fixed = "SELECT principal_id, type, is_fixed_role FROM sys.database_principals WHERE name IN ('dbo', 'db_owner')"
    assert rows(made, f"{fixed} ORDER BY 1") == [(1, "S", False), (16384, "R", True)]


def test_rights_are_given_denied_and_taken_back(made: Connection) -> None:
    """The last word counts, of each right on each thing; REVOKE leaves nothing."""
    say(
        made,
        "GRANT SELECT, INSERT ON OBJECT::dbo.t TO readers, writers; GRANT EXECUTE ON p TO readers; "
        "DENY INSERT ON t TO readers; GRANT EXECUTE ON SCHEMA::dbo TO ana; "
        "GRANT EXECUTE ANY EXTERNAL SCRIPT TO signer; "
        "REVOKE SELECT ON t FROM writers CASCADE; GRANT EXEC ON dbo.p TO readers; GRANT CONNECT TO public;",
    )
    assert rows(made, RIGHTS) == [
        ("ana", 3, "SCHEMA", "EXECUTE", "G", "GRANT"),
        ("public", 0, "DATABASE", "CONNECT", "G", "GRANT"),
        ("readers", 1, "OBJECT_OR_COLUMN", "EXECUTE", "G", "GRANT"),
        ("readers", 1, "OBJECT_OR_COLUMN", "INSERT", "D", "DENY"),
        ("readers", 1, "OBJECT_OR_COLUMN", "SELECT", "G", "GRANT"),
        ("signer", 0, "DATABASE", "EXECUTE ANY EXTERNAL SCRIPT", "G", "GRANT"),
        ("writers", 1, "OBJECT_OR_COLUMN", "INSERT", "G", "GRANT"),
    ]


def test_members_come_and_go_and_a_role_with_members_stays(made: Connection) -> None:
    """A user that is dropped is a member no more."""
    say(
        made, "ALTER ROLE readers ADD MEMBER ana; ALTER ROLE readers ADD MEMBER ana; ALTER ROLE writers ADD MEMBER ana;"
    )
    names = (
        "SELECT r.name, m.name FROM sys.database_role_members AS d "
        "INNER JOIN sys.database_principals AS r ON r.principal_id = d.role_principal_id "
        "INNER JOIN sys.database_principals AS m ON m.principal_id = d.member_principal_id ORDER BY 1"
    )
    assert rows(made, names) == [("readers", "ana"), ("writers", "ana")]
    assert error(made, "DROP ROLE readers").number == 15144
    say(made, "ALTER ROLE readers DROP MEMBER ana; DROP ROLE readers; DROP USER ana;")
    assert rows(made, names) == []


def test_altering_a_procedure_drops_its_signature_and_keeps_its_rights(made: Connection) -> None:
    """As Microsoft's page on signing says: modifying the stored procedure drops the signature entirely."""
    say(
        made,
        "GRANT EXECUTE ON p TO readers; "
        "ADD SIGNATURE TO OBJECT::dbo.p BY CERTIFICATE signing WITH PASSWORD = 'Secret-9'",
    )
    assert rows(made, SIGNED) == [("p", "SPVC", "signing", "signer")]
    say(made, "CREATE OR ALTER PROCEDURE p AS SELECT 2 AS two")
    assert rows(made, SIGNED) == []
    assert [row[3] for row in rows(made, RIGHTS)] == ["EXECUTE"]
    say(made, "DROP PROCEDURE p")
    assert rows(made, RIGHTS) == []


def test_without_its_private_key_a_certificate_signs_no_more(made: Connection) -> None:
    """What is signed stays so, and is in the certificate's way when it is to be dropped."""
    say(made, "ADD SIGNATURE TO p BY CERTIFICATE signing WITH PASSWORD = 'Secret-9'")
    say(made, "ALTER CERTIFICATE signing REMOVE PRIVATE KEY; EXECUTE (N'CREATE PROCEDURE q AS SELECT 1 AS one')")
    kept = "SELECT pvt_key_encryption_type, subject, YEAR(expiry_date), DATALENGTH(thumbprint) FROM sys.certificates"
    assert rows(made, kept) == [("NA", "what signs", 2099, 20)]
    assert error(made, "ADD SIGNATURE TO q BY CERTIFICATE signing").number == 15556
    assert error(made, "DROP CERTIFICATE signing").number == 15352
    say(made, "DROP SIGNATURE FROM p BY CERTIFICATE signing; DROP USER signer; DROP CERTIFICATE signing")
    assert rows(made, "SELECT name FROM sys.certificates") == []


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("CREATE ROLE READERS", 15023),
        ("CREATE USER readers WITHOUT LOGIN", 15023),
        ("CREATE CERTIFICATE signing ENCRYPTION BY PASSWORD = 'x' WITH SUBJECT = 's'", 15232),
        ("CREATE CERTIFICATE other WITH SUBJECT = 's'", 15581),
        ("CREATE USER second FOR CERTIFICATE signing", 15063),
        ("CREATE USER second FOR CERTIFICATE nothing", 15151),
        ("DROP ROLE nothing", 15151),
        ("DROP ROLE ana", 15151),
        ("DROP USER nothing", 15151),
        ("DROP ROLE db_owner", 15150),
        ("DROP CERTIFICATE nothing", 15151),
        ("ALTER ROLE nothing ADD MEMBER ana", 15151),
        ("ALTER ROLE readers ADD MEMBER nobody", 15151),
        ("ALTER ROLE [public] ADD MEMBER ana", 15081),
        ("GRANT SELECT ON nothing TO readers", 15151),
        ("GRANT SELECT ON t TO nobody", 15151),
        ("GRANT EXECUTE ON t TO readers", 4606),
        ("GRANT SELECT ON p TO readers", 4606),
        ("GRANT EXECUTE ON SCHEMA::nothing TO readers", 15151),
        ("GRANT EXECUTE EXTERNAL SCRIPT ON EXTERNAL LANGUAGE::nothing TO signer", 15151),
        ("ADD SIGNATURE TO p BY CERTIFICATE nothing WITH PASSWORD = 'x'", 15151),
        ("ADD SIGNATURE TO nothing BY CERTIFICATE signing WITH PASSWORD = 'x'", 15151),
        ("DROP SIGNATURE FROM p BY CERTIFICATE signing", 40517),
        ("GRANT SELECT ON t", 102),
        ("GRANT TO readers", 156),
    ],
)
def test_what_cannot_be_is_the_error_of_sql_server(made: Connection, statement: str, number: int) -> None:
    """By number; what the engine does not have is its own refusal, and nothing is recorded."""
    before = rows(made, "SELECT COUNT(*) FROM sys.database_principals"), rows(made, RIGHTS)
    assert error(made, statement).number == number
    assert (rows(made, "SELECT COUNT(*) FROM sys.database_principals"), rows(made, RIGHTS)) == before
    say(made, "DROP ROLE IF EXISTS nothing; DROP USER IF EXISTS nothing")


def test_a_right_on_an_own_language_needs_the_language(made: Connection) -> None:
    """Once it is made, the right to it is recorded in a class of its own."""
    say(made, "CREATE EXTERNAL LANGUAGE mine FROM (CONTENT = N'x.zip', FILE_NAME = 'x.so')")
    say(made, "GRANT EXECUTE EXTERNAL SCRIPT ON EXTERNAL LANGUAGE::[mine] TO signer")
    assert rows(made, RIGHTS) == [("signer", 34, "EXTERNAL_LANGUAGE", "EXECUTE EXTERNAL SCRIPT", "G", "GRANT")]


def test_a_transaction_that_is_rolled_back_takes_all_of_it_along(made: Connection) -> None:
    """Roles, rights and signatures are as before."""
    say(
        made,
        "BEGIN TRANSACTION; CREATE ROLE late; GRANT SELECT ON t TO late; ALTER ROLE readers ADD MEMBER ana; "
        "ADD SIGNATURE TO p BY CERTIFICATE signing WITH PASSWORD = 'Secret-9'; ROLLBACK",
    )
    assert rows(made, "SELECT name FROM sys.database_principals WHERE name = 'late'") == []
    assert rows(made, RIGHTS) == rows(made, SIGNED) == rows(made, "SELECT * FROM sys.database_role_members") == []
    say(made, "CREATE ROLE late")


def test_each_session_is_told_once_that_nothing_is_enforced(tmp_path: Path) -> None:
    """What one has recorded the next one sees; the message comes again only there."""
    for name in ("one", "two"):
        connection = connect(tmp_path / "shared.db")
        (told,) = say(connection, f"CREATE ROLE {name}; GRANT SELECT ON SCHEMA::dbo TO {name};").messages
        assert "not enforced" in told
        assert say(connection, f"GRANT EXECUTE ON SCHEMA::dbo TO {name};").messages == []
        connection.close()
    connection = connect(tmp_path / "shared.db")
    assert rows(connection, "SELECT name FROM sys.database_principals WHERE principal_id IN (5, 6)") == [
        ("one",),
        ("two",),
    ]
    connection.close()


def test_a_password_is_in_no_file(tmp_path: Path) -> None:
    """Not even that of a certificate which keeps its key."""
    connection = connect(tmp_path / "secret.db")
    say(connection, "CREATE CERTIFICATE c ENCRYPTION BY PASSWORD = 'hunter-two-9' WITH SUBJECT = 'kept subject'")
    connection.close()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"kept subject" in content
    assert b"hunter-two-9" not in content


def test_random_bytes_are_as_many_as_asked_for_and_others_each_time(connection: Connection) -> None:
    """CRYPT_GEN_RANDOM; NULL for a length that SQL Server refuses so."""
    query = "SELECT DATALENGTH(CRYPT_GEN_RANDOM(32)), CRYPT_GEN_RANDOM(16), CRYPT_GEN_RANDOM(16), CRYPT_GEN_RANDOM(0)"
    ((length, one, other, nothing),) = rows(connection, query)
    assert (length, nothing) == (32, None)
    assert one != other
