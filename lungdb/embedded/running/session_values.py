"""The values of ``@@`` variables and system functions."""

from __future__ import annotations

import decimal
import getpass
import os
import platform
import socket
import sqlite3
from collections.abc import Callable

from lungdb.embedded.running.events import StatementError
from lungdb.embedded.running.frames import Frame
from lungdb.embedded.running.session import Session
from lungdb.embedded.store.applocks import check_kind
from lungdb.embedded.store.catalog import DBO, FIXED_SCHEMAS, CatalogObject
from lungdb.embedded.store.catalog_views import TYPE_IDS, max_length
from lungdb.embedded.syntax.lexer import Kind, tokenize
from lungdb.embedded.values.names import key, quoted
from lungdb.embedded.values.stored import Value, encode_decimal
from lungdb.errors import SqlError

VERSION = (
    f"lungdb embedded engine on SQLite {sqlite3.sqlite_version}, Python {platform.python_version()}, "
    f"{platform.system() or 'unknown system'}"
)

Reader = Callable[[Session, Frame], Value]


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"


def _caught(read: Callable[[StatementError], Value]) -> Reader:
    return lambda session, frame: read(session.caught[-1]) if session.caught else None


def _number(value: int | None) -> Value:
    return None if value is None else encode_decimal(decimal.Decimal(value))


def _scope_identity(session: Session, frame: Frame) -> Value:
    return _number(frame.lasting().scope_identity)


SESSION_READERS: dict[str, Reader] = {
    "@@ROWCOUNT": lambda session, frame: session.row_count,
    "ROWCOUNT_BIG": lambda session, frame: _number(session.row_count),
    "@@ERROR": lambda session, frame: session.last_error,
    "@@TRANCOUNT": lambda session, frame: session.transactions.count,
    "@@IDENTITY": lambda session, frame: _number(session.identity),
    "@@VERSION": lambda session, frame: VERSION,
    "@@SERVERNAME": lambda session, frame: socket.gethostname(),
    "@@SPID": lambda session, frame: os.getpid() % 32768,
    "@@NESTLEVEL": lambda session, frame: frame.nesting,
    "@@PROCID": lambda session, frame: _procedure_id(session, frame),
    "@@LOCK_TIMEOUT": lambda session, frame: session.storage.busy_milliseconds,
    "@@MAX_PRECISION": lambda session, frame: 38,
    "@@LANGUAGE": lambda session, frame: "us_english",
    "XACT_STATE": lambda session, frame: session.transactions.state,
    "ERROR_NUMBER": _caught(lambda error: error.number),
    "ERROR_SEVERITY": _caught(lambda error: error.severity),
    "ERROR_STATE": _caught(lambda error: error.state),
    "ERROR_LINE": _caught(lambda error: error.line),
    "ERROR_PROCEDURE": _caught(lambda error: error.procedure),
    "ERROR_MESSAGE": _caught(lambda error: error.message),
    "SCOPE_IDENTITY": _scope_identity,
    **dict.fromkeys(("ORIGINAL_LOGIN", "SUSER_SNAME", "SUSER_NAME", "SYSTEM_USER"), lambda session, frame: _login()),
    **dict.fromkeys(("USER_NAME", "CURRENT_USER", "SESSION_USER", "USER", "SCHEMA_NAME"), lambda session, frame: DBO),
    "DB_NAME": lambda session, frame: session.database,
    "DB_ID": lambda session, frame: 5,
    "SCHEMA_ID": lambda session, frame: FIXED_SCHEMAS[DBO],
    "HOST_NAME": lambda session, frame: socket.gethostname(),
    "APP_NAME": lambda session, frame: "lungdb",
}


def _procedure_id(session: Session, frame: Frame) -> int:
    return 0 if frame.module is None else frame.module.object_id


def split_name(text: str) -> tuple[str, ...] | None:
    """Return the parts of a name in a text, such as ``N'dbo.[my table]'``; None for a text that is none."""
    try:
        tokens = tokenize(text)[:-1]
    except SqlError:
        return None
    parts = [""]
    for token in tokens:
        if token.text == ".":
            parts.append("")
        elif token.kind in (Kind.NAME, Kind.QUOTED):
            parts[-1] = token.value if token.kind == Kind.QUOTED else token.text
        else:
            return None
    return tuple(parts)


def register_session_functions(session: Session) -> None:
    """Make the functions of `SYSTEM_FUNCTIONS` callable from SQLite text."""
    create = session.storage.create_function

    def find(name: Value) -> CatalogObject | None:
        parts = split_name(str(name))
        frame = session.active[-1] if session.active else session.root
        placed = None if parts is None else session.sight(frame).placed(parts)
        return None if placed is None else session.catalog.find(placed[1], schema=placed[0] or DBO)

    def object_id(name: Value, kind: Value = None) -> Value:
        parts = split_name(str(name))
        if name is not None and parts is not None and parts[-1].startswith("#"):
            frame = session.active[-1] if session.active else session.root
            local = frame.local_table(parts[-1])
            return None if local is None else -1 - hash(local.physical) % 2**30
        found = None if name is None else find(name)
        if found is None or (kind is not None and str(kind).strip().upper() != found.kind):
            return None
        return found.object_id

    def with_object(read: Callable[[CatalogObject], Value]) -> Callable[..., Value]:
        def body(number: Value, database: Value = None) -> Value:
            found = session.catalog.by_id(int(number)) if isinstance(number, int) else None
            return None if found is None else read(found)

        return body

    def column_length(table: Value, column: Value) -> Value:
        found = find(table)
        if found is None or found.kind != "U" or column is None:
            return None
        kinds = [each.type for each in found.table.columns if key(each.name) == key(str(column))]
        return max_length(kinds[0]) if kinds else None

    def identity_of(table: Value) -> Value:
        found = find(table)
        if found is None or found.kind != "U":
            return None
        seeds = [each.identity[0] for each in found.table.columns if each.identity is not None]
        sql = f"SELECT seq FROM main.sqlite_sequence WHERE name = {quoted(found.name)}".replace('"', "'")
        row = session.storage.execute(sql).fetchone() if seeds else None
        return _number(None if not seeds else seeds[0] if row is None else int(row[0]))

    def schema_name(number: Value) -> Value:
        return next((name for name, each in session.catalog.schemas.items() if each == number), None)

    bodies: dict[str, tuple[int, Callable[..., Value]]] = {
        "object_id": (2, object_id),
        "object_name": (2, with_object(lambda found: found.name)),
        "object_schema_name": (2, with_object(lambda found: found.schema)),
        "object_definition": (1, with_object(lambda found: None if found.kind == "U" else found.definition)),
        "schema_name": (1, schema_name),
        "schema_id": (1, lambda name: (session.catalog.find_schema(str(name)) or (None, None))[1]),
        "db_name": (1, lambda number: session.database if number == 5 else None),
        "db_id": (1, lambda name: 5 if key(str(name)) == key(session.database) else None),
        "type_name": (1, lambda number: {each: name for name, each in TYPE_IDS.items()}.get(int(number or 0))),
        "col_length": (2, column_length),
        "ident_current": (1, identity_of),
        "session_context": (1, lambda name: session.context.get(key(str(name)), (None, False))[0]),
        "serverproperty": (1, _server_property),
    }
    create("tsql_applock_test", 4, lambda who, name, mode, owner: _is_grantable(session, name, mode, owner))
    create("tsql_applock_mode", 3, lambda who, name, owner: _held_mode(session, name, owner))
    for name, (most, body) in bodies.items():
        for count in range(1, most + 1):
            create(f"tsql_{name}", count, body)


def _server_property(name: Value) -> Value:
    properties: dict[str, Value] = {
        "servername": socket.gethostname(),
        "machinename": socket.gethostname(),
        "edition": "lungdb embedded engine",
        "productversion": sqlite3.sqlite_version,
        "engineedition": 0,
        "collation": "case-insensitive",
        "isadvancedanalyticsinstalled": 1,
    }
    return properties.get(key(str(name)))


def _is_grantable(session: Session, resource: Value, mode: Value, owner: Value) -> Value:
    """APPLOCK_TEST: 1 where the session could have the lock."""
    if resource is None or mode is None:
        return None
    check_kind(mode, owner)
    return int(session.storage.applocks.is_free(str(resource)))


def _held_mode(session: Session, resource: Value, owner: Value) -> Value:
    """APPLOCK_MODE: Exclusive where the session has the lock, else NoLock."""
    if resource is None:
        return None
    check_kind("Exclusive", owner)
    return "Exclusive" if session.storage.applocks.holds(str(resource)) else "NoLock"
