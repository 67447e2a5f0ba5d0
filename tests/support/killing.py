"""What a database file is after a kill: its states at every commit, and its whole catalog to compare.

SQLite appends every commit to the file's write-ahead log, whose frames say which of them ends a commit
(https://www.sqlite.org/fileformat2.html#walformat). A process killed after a commit, or inside the next transaction,
leaves the file with the log up to that frame, so that cutting the log there gives the same database.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from lungdb.database import Connection, connect, run_script
from lungdb.embedded.running.connection import Connection as EmbeddedConnection
from tests.support.databases import NAME, target_of

_LOG_HEADER = 32
_FRAME_HEADER = 24


def without_checkpoints(file: Path) -> Connection:
    """Open a file whose log keeps every commit until it is closed."""
    connection = connect(target_of(file))
    assert isinstance(connection, EmbeddedConnection)
    connection.session.storage.connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def log_of(file: Path) -> Path:
    """Return the write-ahead log of a file."""
    return file.with_name(f"{file.name}-wal")


def commits(log: bytes) -> list[int]:
    """Return how long a log is after each commit."""
    (page,) = struct.unpack_from(">I", log, 8)
    frame = _FRAME_HEADER + page
    starts = range(_LOG_HEADER, len(log) - frame + 1, frame)
    return [start + frame for start in starts if struct.unpack_from(">I", log, start + 4)[0]]


def states(file: Path, script: str) -> list[tuple[bytes, bytes]]:
    """Run a script on a file and return its state, as file and log, before it and after each of its commits."""
    with closing(without_checkpoints(file)) as connection:
        log = log_of(file)
        before = log.read_bytes() if log.exists() else b""
        run_script(connection, script)
        content, after = file.read_bytes(), log.read_bytes()
    assert after.startswith(before)
    return [(content, before), *((content, after[:end]) for end in commits(after) if end > len(before))]


def restore(state: tuple[bytes, bytes], file: Path) -> Path:
    """Write a state as a file with its log."""
    file.write_bytes(state[0])
    log_of(file).write_bytes(state[1])
    return file


def catalog_of(connection: Connection) -> dict[Any, Any]:
    """Return all that a catalog says and SQLite's indexes, in an order that does not depend on when each was made."""
    assert isinstance(connection, EmbeddedConnection)
    session = connection.session
    session.catalog.refresh()
    found: dict[Any, Any] = {"schemas": set(session.catalog.schemas), "indexes": set()}
    for each in session.catalog.objects.values():
        if each.kind != "U":
            found[each.kind, each.schema, each.name] = each.definition
            continue
        table = each.table
        checks = tuple(replace(check, condition=" ".join(check.condition.split())) for check in table.checks)
        parts = (table.columns, table.keys, table.foreign_keys, checks, table.indexes)
        found[each.kind, each.name] = [sorted(part, key=lambda member: str(member.name)) for part in parts]
    execute = session.storage.connection.execute
    found["indexes"] = {name for (name,) in execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert execute("PRAGMA foreign_key_check").fetchall() == []
    return found


def contents_of(connection: Connection) -> dict[str, list[Any]]:
    """Return the rows of every table by column name, without the times at which what installs came."""

    installed = {
        ("model_promotions", "promoted_at"),
        ("preprocessings", "created_at"),
        ("installations", "installed_at"),
    }

    def read() -> Iterator[tuple[str, list[Any]]]:
        cursor = connection.cursor()
        cursor.execute("SELECT name FROM sys.tables ORDER BY name;")
        for (name,) in cursor.fetchall():
            cursor.execute(f"SELECT {'version' if name == 'schema_version' else '*'} FROM dbo.[{name}];")
            columns = [column[0] for column in cursor.description]
            rows = [
                sorted(pair for pair in zip(columns, row, strict=True) if (name, pair[0]) not in installed)
                for row in cursor.fetchall()
            ]
            yield name, sorted(rows, key=repr)

    return dict(read())


def whole(script: str, file: Path) -> tuple[dict[Any, Any], dict[str, list[Any]]]:
    """Run a script on a file and return its catalog and contents."""
    with closing(connect(target_of(file))) as connection:
        run_script(connection, script)
        return catalog_of(connection), contents_of(connection)


def check_kills(start: Path | None, script: str, folder: Path, least: int, step: int = 1) -> None:
    """Cut a run of the script short after every step-th commit, run it again, and compare with one that was not cut."""
    file = folder / NAME
    if start is not None:
        shutil.copy(start, file)
    at = states(file, script)
    assert len(at) > least
    clean, rows = whole(script, file)
    for place, state in list(enumerate(at))[::step]:
        again = folder / f"{place}" / NAME
        again.parent.mkdir()
        found, found_rows = whole(script, restore(state, again))
        assert found == clean, place
        assert found_rows == rows, place
        shutil.rmtree(again.parent)
