"""Functions and ``@@`` variables that tell about the session, the database and its objects."""

from __future__ import annotations

from lungdb.embedded.functions.base import Function, TypedCall, Types, call_text
from lungdb.embedded.values.types import INT, SMALLINT, VARIANT, SqlType, decimal_type, nvarchar

SYSNAME = nvarchar(128)

GLOBALS: dict[str, SqlType] = {
    "@@ROWCOUNT": INT,
    "@@ERROR": INT,
    "@@TRANCOUNT": INT,
    "@@IDENTITY": decimal_type(38, 0),
    "@@VERSION": nvarchar(300),
    "@@SERVERNAME": SYSNAME,
    "@@SPID": SMALLINT,
    "@@NESTLEVEL": INT,
    "@@PROCID": INT,
    "@@LOCK_TIMEOUT": INT,
    "@@MAX_PRECISION": INT,
    "@@LANGUAGE": SYSNAME,
}

SESSION_VALUES: dict[str, SqlType] = {
    "XACT_STATE": SMALLINT,
    "ERROR_NUMBER": INT,
    "ERROR_SEVERITY": INT,
    "ERROR_STATE": INT,
    "ERROR_LINE": INT,
    "ERROR_PROCEDURE": SYSNAME,
    "ERROR_MESSAGE": nvarchar(4000),
    "SCOPE_IDENTITY": decimal_type(38, 0),
    "ROWCOUNT_BIG": decimal_type(19, 0),
    "ORIGINAL_LOGIN": SYSNAME,
    "SUSER_SNAME": SYSNAME,
    "SUSER_NAME": SYSNAME,
    "SYSTEM_USER": SYSNAME,
    "USER_NAME": SYSNAME,
    "CURRENT_USER": SYSNAME,
    "SESSION_USER": SYSNAME,
    "USER": SYSNAME,
    "DB_NAME": SYSNAME,
    "DB_ID": SMALLINT,
    "HOST_NAME": SYSNAME,
    "APP_NAME": SYSNAME,
    "SCHEMA_NAME": SYSNAME,
    "SCHEMA_ID": INT,
}


def _function(
    name: str, most: int, parameters: tuple[SqlType, ...], result: SqlType, least: int | None = None
) -> Function:
    def rule(types: Types) -> TypedCall:
        return TypedCall(parameters[: len(types)], result, call_text(name.lower(), len(types)))

    return Function(name, (1 if least is None else least, most), rule)


SYSTEM_FUNCTIONS: dict[str, Function] = {
    each.name: each
    for each in (
        _function("OBJECT_ID", 2, (nvarchar(600), nvarchar(2)), INT),
        _function("OBJECT_NAME", 2, (INT, INT), SYSNAME),
        _function("OBJECT_SCHEMA_NAME", 2, (INT, INT), SYSNAME),
        _function("OBJECT_DEFINITION", 1, (INT,), nvarchar()),
        _function("SCHEMA_NAME", 1, (INT,), SYSNAME),
        _function("SCHEMA_ID", 1, (SYSNAME,), INT),
        _function("DB_NAME", 1, (INT,), SYSNAME),
        _function("DB_ID", 1, (SYSNAME,), SMALLINT),
        _function("TYPE_NAME", 1, (INT,), SYSNAME),
        _function("COL_LENGTH", 2, (nvarchar(600), SYSNAME), SMALLINT),
        _function("IDENT_CURRENT", 1, (nvarchar(600),), decimal_type(38, 0)),
        _function("APPLOCK_TEST", 4, (SYSNAME, nvarchar(255), nvarchar(32), nvarchar(32)), SMALLINT, 4),
        _function("APPLOCK_MODE", 3, (SYSNAME, nvarchar(255), nvarchar(32)), nvarchar(32), 3),
        _function("SESSION_CONTEXT", 1, (SYSNAME,), VARIANT),
        _function("SERVERPROPERTY", 1, (SYSNAME,), VARIANT),
    )
}
