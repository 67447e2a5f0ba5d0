"""The catalog views: sys.objects, sys.tables, sys.columns, INFORMATION_SCHEMA and the like."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lungdb.embedded.store.catalog import FIXED_SCHEMAS, KINDS, Catalog, CatalogObject
from lungdb.embedded.store.properties import property_rows
from lungdb.embedded.store.rights_views import (
    certificate_rows,
    member_rows,
    permission_rows,
    principal_rows,
    signature_rows,
)
from lungdb.embedded.syntax.statement_tree import ColumnDefinition
from lungdb.embedded.values.stored import Value
from lungdb.embedded.values.types import (
    BIT,
    INT,
    MAX,
    SMALLINT,
    TINYINT,
    Family,
    SqlType,
    datetime2,
    nvarchar,
    varbinary,
    varchar,
)
from lungdb.embedded.writer.scope import OutColumn

_NAME = nvarchar(128)
_WHEN = datetime2(3)
_TEXT = nvarchar()

# system_type_id of sys.types.
TYPE_IDS = {
    "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "tinyint": 48, "smallint": 52, "int": 56,
    "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61, "float": 62, "sql_variant": 98, "bit": 104,
    "decimal": 106, "smallmoney": 122, "bigint": 127, "varbinary": 165, "varchar": 167, "binary": 173, "char": 175,
    "nvarchar": 231, "nchar": 239,
}  # fmt: skip
_STORAGE = {
    "uniqueidentifier": 16, "date": 3, "time": 5, "datetime2": 8, "tinyint": 1, "smallint": 2, "int": 4,
    "smalldatetime": 4, "real": 4, "money": 8, "datetime": 8, "float": 8, "sql_variant": 8016, "bit": 1, "decimal": 17,
    "smallmoney": 4, "bigint": 8,
}  # fmt: skip
_PRECISIONS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19, "bit": 1, "real": 24, "float": 53}

Row = tuple[Value, ...]


@dataclass(frozen=True)
class CatalogView:
    """A catalog view: its columns, and its rows for a catalog and the database's name."""

    columns: tuple[OutColumn, ...]
    rows: Callable[[Catalog, str], Iterator[Row]]


def max_length(kind: SqlType) -> int:
    """Return max_length of sys.columns, in bytes; -1 for (max)."""
    if kind.length is None:
        return _STORAGE[kind.name]
    return MAX if kind.length == MAX else kind.length * (2 if kind.is_unicode else 1)


def _objects(catalog: Catalog, kind: str | None = None) -> list[CatalogObject]:
    return [each for each in catalog.objects.values() if kind in (None, each.kind)]


def _object_rows(kind: str | None) -> Callable[[Catalog, str], Iterator[Row]]:
    def rows(catalog: Catalog, database: str) -> Iterator[Row]:
        for each in _objects(catalog, kind):
            yield (
                each.name,
                each.object_id,
                catalog.schemas[each.schema],
                0,
                each.kind,
                KINDS[each.kind],
                each.created,
                each.modified,
                0,
            )

    return rows


def _columns_of(each: CatalogObject) -> Iterator[ColumnDefinition]:
    if each.kind == "U":
        yield from each.table.columns


def _column_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in _objects(catalog):
        for position, column in enumerate(_columns_of(each), start=1):
            kind = column.type
            number = TYPE_IDS[kind.name]
            precision, scale = _digits(kind)
            yield (
                each.object_id, column.name, position, number, number, max_length(kind), precision, scale,
                int(column.nullable), int(column.identity is not None), 0, 0 if column.default is None else 1,
            )  # fmt: skip


def _digits(kind: SqlType) -> tuple[int, int]:
    if kind.family == Family.DECIMAL:
        return kind.as_decimal
    return _PRECISIONS.get(kind.name, 0), kind.scale or 0


def _type_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for name, number in TYPE_IDS.items():
        yield name, number, number, 4, _STORAGE.get(name, 8000), 1, 0


def _parameter_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in _objects(catalog, "P"):
        for position, parameter in enumerate(each.module.parameters, start=1):
            number = TYPE_IDS[parameter.type.name]
            yield (
                each.object_id, parameter.name, position, number, number, max_length(parameter.type),
                *_digits(parameter.type), int(parameter.output), int(parameter.default is not None),
            )  # fmt: skip


def _index_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in catalog.tables():
        number = 0
        for constraint in each.table.keys:
            number += 1
            kind = (1, "CLUSTERED") if constraint.primary else (2, "NONCLUSTERED")
            yield (
                each.object_id, constraint.name, number, *kind, 1, int(constraint.primary),
                int(not constraint.primary), 0, None,
            )  # fmt: skip
        for index in each.table.indexes:
            number += 1
            yield (
                each.object_id, index.name, number, 2, "NONCLUSTERED", int(index.unique), 0, 0,
                int(index.filter is not None), index.filter,
            )  # fmt: skip


def _foreign_key_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in catalog.tables():
        for position, foreign in enumerate(each.table.foreign_keys):
            referenced = catalog.find(foreign.table, "U")
            yield (
                foreign.name, _constraint_id(each, 1000 + position), each.object_id,
                None if referenced is None else referenced.object_id, foreign.on_delete.replace(" ", "_"),
                foreign.on_update.replace(" ", "_"), 0,
            )  # fmt: skip


def _check_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in catalog.tables():
        for position, check in enumerate(each.table.checks):
            yield check.name, _constraint_id(each, position), each.object_id, f"({check.condition})", 0


def _default_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in catalog.tables():
        for position, column in enumerate(each.table.columns, start=1):
            if column.default is not None:
                yield (
                    column.default_name, _constraint_id(each, 2000 + position), each.object_id, position,
                    f"({column.default})",
                )  # fmt: skip


def _constraint_id(table: CatalogObject, position: int) -> int:
    # Constraints have no number of their own here; these do not meet the objects'.
    return 1_000_000_000 + table.object_id * 4000 + position


def _key_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in catalog.tables():
        for position, constraint in enumerate(each.table.keys):
            kind = ("PK", "PRIMARY_KEY_CONSTRAINT") if constraint.primary else ("UQ", "UNIQUE_CONSTRAINT")
            yield constraint.name, _constraint_id(each, 3000 + position), each.object_id, *kind


def _module_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in _objects(catalog):
        if each.kind != "U":
            yield each.object_id, each.definition, 1, 1


def _schema_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    for name, number in catalog.schemas.items():
        # The fixed schemas have owners of their own name and number; dbo owns the others.
        yield name, number, FIXED_SCHEMAS.get(name, 1)


def _language_rows(catalog: Catalog, database: str) -> Iterator[Row]:
    # SQL Server's Python has the number 2; those that are made begin at 65536.
    for number, name in zip(itertools.chain((2,), itertools.count(65536)), catalog.languages(), strict=False):
        yield number, name, None, 1


def _schema_tables(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in _objects(catalog):
        if each.kind in "UV":
            yield database, each.schema, each.name, "BASE TABLE" if each.kind == "U" else "VIEW"


def _schema_columns(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in catalog.tables():
        for position, column in enumerate(each.table.columns, start=1):
            kind = column.type
            precision, scale = _digits(kind)
            numeric = kind.is_numeric and kind.family != Family.BIT
            yield (
                database, each.schema, each.name, column.name, position,
                None if column.default is None else f"({column.default})", "YES" if column.nullable else "NO",
                kind.name, kind.length, precision if numeric else None,
                scale if numeric and kind.family != Family.FLOAT else None,
                kind.scale if kind.family == Family.DATETIME else None,
            )  # fmt: skip


def _schema_routines(catalog: Catalog, database: str) -> Iterator[Row]:
    for each in _objects(catalog, "P"):
        yield database, each.schema, each.name, "PROCEDURE", each.definition, each.created, each.modified


def _view(rows: Callable[[Catalog, str], Iterator[Row]], **columns: SqlType) -> CatalogView:
    # `class` is a word of Python.
    return CatalogView(tuple(OutColumn(name.rstrip("_"), kind) for name, kind in columns.items()), rows)


def _object_view(kind: str | None) -> CatalogView:
    return _view(
        _object_rows(kind), name=_NAME, object_id=INT, schema_id=INT, parent_object_id=INT, type=varchar(2),
        type_desc=nvarchar(60), create_date=_WHEN, modify_date=_WHEN, is_ms_shipped=BIT,
    )  # fmt: skip


CATALOG_VIEWS: dict[str, CatalogView] = {
    "sys.objects": _object_view(None),
    "sys.tables": _object_view("U"),
    "sys.views": _object_view("V"),
    "sys.procedures": _object_view("P"),
    "sys.columns": _view(
        _column_rows, object_id=INT, name=_NAME, column_id=INT, system_type_id=TINYINT, user_type_id=INT,
        max_length=SMALLINT, precision=TINYINT, scale=TINYINT, is_nullable=BIT, is_identity=BIT, is_computed=BIT,
        default_object_id=INT,
    ),
    "sys.types": _view(
        _type_rows, name=_NAME, system_type_id=TINYINT, user_type_id=INT, schema_id=INT, max_length=SMALLINT,
        is_nullable=BIT, is_user_defined=BIT,
    ),
    "sys.parameters": _view(
        _parameter_rows, object_id=INT, name=_NAME, parameter_id=INT, system_type_id=TINYINT, user_type_id=INT,
        max_length=SMALLINT, precision=TINYINT, scale=TINYINT, is_output=BIT, has_default_value=BIT,
    ),
    "sys.indexes": _view(
        _index_rows, object_id=INT, name=_NAME, index_id=INT, type=TINYINT, type_desc=nvarchar(60), is_unique=BIT,
        is_primary_key=BIT, is_unique_constraint=BIT, has_filter=BIT, filter_definition=_TEXT,
    ),
    "sys.schemas": _view(
        _schema_rows,
        name=_NAME, schema_id=INT, principal_id=INT,
    ),
    "sys.foreign_keys": _view(
        _foreign_key_rows, name=_NAME, object_id=INT, parent_object_id=INT, referenced_object_id=INT,
        delete_referential_action_desc=nvarchar(60), update_referential_action_desc=nvarchar(60), is_disabled=BIT,
    ),
    "sys.check_constraints": _view(
        _check_rows, name=_NAME, object_id=INT, parent_object_id=INT, definition=_TEXT, is_disabled=BIT
    ),
    "sys.default_constraints": _view(
        _default_rows, name=_NAME, object_id=INT, parent_object_id=INT, parent_column_id=INT, definition=_TEXT
    ),
    "sys.key_constraints": _view(
        _key_rows, name=_NAME, object_id=INT, parent_object_id=INT, type=varchar(2), type_desc=nvarchar(60)
    ),
    "sys.sql_modules": _view(
        _module_rows, object_id=INT, definition=_TEXT, uses_ansi_nulls=BIT, uses_quoted_identifier=BIT
    ),
    "sys.extended_properties": _view(
        property_rows, **{"class": TINYINT}, class_desc=nvarchar(60), major_id=INT, minor_id=INT, name=_NAME,
        value=nvarchar(3750),
    ),
    "sys.external_languages": _view(
        _language_rows, external_language_id=INT, language=_NAME, create_date=_WHEN, principal_id=INT
    ),
    "sys.databases": _view(
        lambda catalog, database: iter([(database, 5, 150, "ONLINE")]),
        name=_NAME, database_id=INT, compatibility_level=TINYINT, state_desc=nvarchar(60),
    ),
    "sys.database_principals": _view(
        principal_rows, name=_NAME, principal_id=INT, type=varchar(1), type_desc=nvarchar(60),
        default_schema_name=_NAME, create_date=_WHEN, modify_date=_WHEN, owning_principal_id=INT, sid=varbinary(85),
        is_fixed_role=BIT,
    ),
    "sys.database_role_members": _view(member_rows, role_principal_id=INT, member_principal_id=INT),
    "sys.database_permissions": _view(
        permission_rows, class_=TINYINT, class_desc=nvarchar(60), major_id=INT, minor_id=INT,
        grantee_principal_id=INT, grantor_principal_id=INT, permission_name=_NAME, state=varchar(1),
        state_desc=nvarchar(60),
    ),
    "sys.certificates": _view(
        certificate_rows, name=_NAME, certificate_id=INT, principal_id=INT, pvt_key_encryption_type=varchar(2),
        pvt_key_encryption_type_desc=nvarchar(60), subject=nvarchar(4000), thumbprint=varbinary(32), sid=varbinary(85),
        expiry_date=_WHEN, start_date=_WHEN,
    ),
    "sys.crypt_properties": _view(
        signature_rows, class_=TINYINT, class_desc=nvarchar(60), major_id=INT, thumbprint=varbinary(32),
        crypt_type=varchar(4), crypt_type_desc=nvarchar(60), crypt_property=varbinary(8000),
    ),
    "information_schema.tables": _view(
        _schema_tables, TABLE_CATALOG=_NAME, TABLE_SCHEMA=_NAME, TABLE_NAME=_NAME, TABLE_TYPE=varchar(10)
    ),
    "information_schema.columns": _view(
        _schema_columns, TABLE_CATALOG=_NAME, TABLE_SCHEMA=_NAME, TABLE_NAME=_NAME, COLUMN_NAME=_NAME,
        ORDINAL_POSITION=INT, COLUMN_DEFAULT=_TEXT, IS_NULLABLE=varchar(3), DATA_TYPE=_NAME,
        CHARACTER_MAXIMUM_LENGTH=INT, NUMERIC_PRECISION=TINYINT, NUMERIC_SCALE=INT, DATETIME_PRECISION=SMALLINT,
    ),
    "information_schema.routines": _view(
        _schema_routines, ROUTINE_CATALOG=_NAME, ROUTINE_SCHEMA=_NAME, ROUTINE_NAME=_NAME, ROUTINE_TYPE=nvarchar(20),
        ROUTINE_DEFINITION=_TEXT, CREATED=_WHEN, LAST_ALTERED=_WHEN,
    ),
}  # fmt: skip
