"""Damaged database files: one sentence, error 824, whatever is wrong with the bytes."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import split_batches
from lungdb.embedded.running.connection import connect
from lungdb.embedded.store.failures import is_damage, translated
from lungdb.errors import LungdbError, SqlError

DAMAGED = 824
SCRIPT = """
    CREATE TABLE patients (id INT NOT NULL CONSTRAINT pk PRIMARY KEY, name NVARCHAR(60) NOT NULL, born DATE);
    CREATE TABLE labels (id INT IDENTITY, patient INT NOT NULL REFERENCES patients (id), x FLOAT CHECK (x >= 0));
    CREATE UNIQUE INDEX ix_name ON patients (name);
    GO
    CREATE VIEW named AS SELECT name FROM patients;
    GO
    CREATE SCHEMA own;
    GO
    CREATE PROCEDURE own.p AS SELECT COUNT(*) FROM patients;
    GO
"""
QUESTIONS = """
    SELECT name FROM sys.objects;
    GO
    SELECT name, born FROM patients ORDER BY name;
    GO
    SELECT COUNT(*) FROM labels JOIN patients ON patient = patients.id;
    GO
    EXECUTE own.p; SELECT MAX(name) FROM named;
    GO
    INSERT INTO patients VALUES (-1, N'new', NULL); UPDATE labels SET x = x + 1; DELETE FROM labels WHERE id % 2 = 0;
    GO
    BEGIN TRANSACTION; ALTER TABLE labels ADD y INT NULL; ROLLBACK;
    GO
"""


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database of some hundred pages."""
    file = tmp_path_factory.mktemp("healthy") / "clinic.db"
    with connect(file) as connection:
        for batch, _ in split_batches(SCRIPT):
            connection.execute(batch)
        people = [(number, f"Ángel {number}", "1950-01-01") for number in range(3000)]
        connection.cursor().executemany("INSERT INTO patients VALUES (?, ?, ?)", people)
        connection.cursor().executemany(
            "INSERT INTO labels (patient, x) VALUES (?, ?)", [(number, number / 7) for number in range(3000)]
        )
    return file


def ask(file: Path) -> list[int]:
    """Ask a database everything and return the numbers of the errors; any other exception goes on."""
    numbers = []
    try:
        with connect(file, create=False) as connection:
            for batch, _ in split_batches(QUESTIONS):
                cursor = connection.cursor()
                step: Callable[[], object] = lambda: cursor.execute(batch)  # noqa: B023, E731 called before the next
                while True:
                    try:
                        if step() is None:
                            break
                        if cursor.description is not None:
                            cursor.fetchall()
                    except SqlError as error:
                        numbers.append(error.number)
                    step = cursor.nextset
    except SqlError as error:
        numbers.append(error.number)
    return numbers


def test_the_questions_have_answers(healthy: Path, tmp_path: Path) -> None:
    """In a file that is whole."""
    shutil.copyfile(healthy, tmp_path / "clinic.db")
    assert ask(tmp_path / "clinic.db") == []


def spoil(file: Path, sql: str) -> None:
    """Change the catalog behind the engine's back."""
    with closing(sqlite3.connect(file)) as raw:
        raw.create_collation("tsql_text", lambda a, b: (a > b) - (a < b))
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute(sql)
        raw.commit()


NO_TEXT = "CAST(replace(CAST(definition AS BLOB), 'name', X'C3C3C3C3') AS TEXT)"


@pytest.mark.parametrize(
    "sql",
    [
        f'UPDATE "tsql$objects" SET definition = {NO_TEXT}',
        "UPDATE \"tsql$objects\" SET definition = '{' WHERE kind = 'U'",
        "UPDATE \"tsql$objects\" SET definition = '[]' WHERE kind = 'U'",
        "UPDATE \"tsql$objects\" SET definition = replace(definition, '\"columns\"', '\"cols\"') WHERE kind = 'U'",
        "UPDATE \"tsql$objects\" SET definition = 'SELECT 1' WHERE kind <> 'U'",
        'UPDATE "tsql$objects" SET schema_id = 77',
        "DELETE FROM \"tsql$state\" WHERE name = 'catalog'",
        "UPDATE \"tsql$state\" SET value = 'two' WHERE name = 'format'",
        "UPDATE sqlite_master SET sql = CAST(replace(CAST(sql AS BLOB), 'born', X'C4C4C4C4') AS TEXT)",
        "UPDATE sqlite_master SET sql = 'CREATE TABLE' WHERE name = 'labels'",
        "UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'patients'",
        "UPDATE patients SET born = CAST(X'FF41' AS TEXT) WHERE id = 5",
    ],
)
def test_a_spoiled_row_is_named_as_damage(healthy: Path, tmp_path: Path, sql: str) -> None:
    """Bytes that are no UTF-8, JSON that is none, numbers that mean nothing: error 824, and no other from SQLite."""
    file = tmp_path / "clinic.db"
    shutil.copyfile(healthy, file)
    spoil(file, sql)
    numbers = ask(file)
    assert DAMAGED in numbers
    assert 8630 not in numbers


def damage(content: bytearray, numbers: random.Random) -> bytearray:
    """Flip bytes, clear pages or cut the end off, at random."""
    match numbers.randrange(4):
        case 0:
            for _ in range(numbers.choice((1, 20, 400))):
                content[numbers.randrange(len(content))] ^= 1 << numbers.randrange(8)
        case 1:
            for _ in range(numbers.randint(1, 5)):
                at = numbers.randrange(len(content) // 4096) * 4096
                content[at : at + 4096] = bytes(4096)
        case 2:
            del content[numbers.randrange(len(content)) :]
        case 3:
            # Where the tables of the catalog lie.
            for _ in range(30):
                content[numbers.randrange(min(len(content), 8 * 4096))] = numbers.randrange(256)
    return content


def fuzz(healthy: Path, folder: Path, seed: int, rounds: int) -> int:
    """Ask damaged copies, and return how many said that they are damaged."""
    numbers = random.Random(seed)
    original = healthy.read_bytes()
    said = 0
    for _ in range(rounds):
        file = folder / "clinic.db"
        for name in folder.glob("clinic.db*"):
            name.unlink()
        file.write_bytes(damage(bytearray(original), numbers))
        try:
            found = ask(file)
        except LungdbError as error:
            if "another program" not in str(error) and "later version" not in str(error):
                raise
            continue
        assert 8630 not in found
        said += DAMAGED in found
    return said


def test_random_damage_gives_sentences_only(healthy: Path, tmp_path: Path) -> None:
    """No traceback and no 8630; most damage is noticed."""
    assert fuzz(healthy, tmp_path, 1, 60) > 30


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_much_random_damage_gives_sentences_only(healthy: Path, tmp_path: Path, seed: int) -> None:
    """The same with other seeds and more files."""
    assert fuzz(healthy, tmp_path, seed, 400) > 200


@pytest.mark.parametrize(
    ("error", "damage", "number"),
    [
        (sqlite3.OperationalError("disk I/O error"), True, DAMAGED),
        (sqlite3.DatabaseError("database disk image is malformed"), True, DAMAGED),
        (sqlite3.DatabaseError("file is not a database"), True, DAMAGED),
        (sqlite3.OperationalError("Could not decode to UTF-8 column 'name' with text 'x'"), True, DAMAGED),
        (sqlite3.OperationalError("database is locked"), False, 1222),
        (sqlite3.OperationalError("database or disk is full"), False, 1105),
        (sqlite3.OperationalError("attempt to write a readonly database"), False, 3906),
        (sqlite3.DataError("string or blob too big"), False, 8115),
        (sqlite3.OperationalError("no such column: malformed"), False, 8630),
        (sqlite3.OperationalError("no such table: disk I/O error"), False, 8630),
        (MemoryError(), False, 701),
    ],
)
def test_errors_without_a_code_are_told_apart_too(error: Exception, damage: bool, number: int) -> None:
    """As Python 3.10 raises them: by their class, and by the text that SQLite has for each code."""
    assert is_damage(error) is damage
    found = translated(error, 30)
    assert isinstance(found, SqlError)
    assert found.number == number


def test_a_code_goes_before_words() -> None:
    """An error of statement text is none of the file, whatever names stand in it."""
    with closing(sqlite3.connect(":memory:")) as raw, pytest.raises(sqlite3.OperationalError) as caught:
        raw.execute('SELECT * FROM "database disk image is malformed"')
    assert not is_damage(caught.value)
