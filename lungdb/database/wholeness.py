"""How far a database is from what the files of sql/ make: what it lacks or has otherwise, rows against constraints."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lungdb.database.connection import Connection
from lungdb.database.declared import comparing_batch, declared_tables, declaring_batches, read_whole
from lungdb.database.installer import INSTALLERS
from lungdb.database.run import run, run_script
from lungdb.database.sql_files import sql_directory
from lungdb.embedded.syntax.statement_tree import ForeignKey, TableDefinition

_MADE = re.compile(r"^CREATE OR ALTER (VIEW|PROCEDURE) (\w+\.\w+)", re.M)
_SETTING = re.compile(r"\(N'(\w+)',")
_FAULTS = "SELECT what, fault FROM #faults ORDER BY position;"
_OBJECTS = (
    "SELECT CONCAT(SCHEMA_NAME(o.schema_id), N'.', o.name) FROM sys.objects AS o WHERE o.type IN ('U', 'V', 'P');"
)
_SETTINGS = "SELECT name FROM dbo.settings;"
_VERSION = "SELECT COALESCE(MAX(version), 0) FROM dbo.schema_version;"


def missing_parts(connection: Connection) -> list[str]:
    """Return what an installation lacks or has otherwise, a clause each, such as ``index IX_a of dbo.b is missing``.

    An installation without the procedures that run Python lacks none of them.

    Raises
    ------
    SqlError
        The catalog cannot be read.
    """
    folder = sql_directory()
    tables = _tables(folder)
    run_script(connection, read_whole("declare"))
    for batch in (*declaring_batches(tables), comparing_batch()):
        run(connection, batch)
    found = [f"{what} {fault}" for what, fault in run(connection, _FAULTS)[-1].rows]
    there = {str(name).lower() for (name,) in run(connection, _OBJECTS)[-1].rows}
    whole, smaller = (_made_by(folder / script) for script in INSTALLERS)
    wanted = whole if any(name.lower() in there for name in whole.keys() - smaller.keys()) else smaller
    found += [f"{kind.lower()} {name} is missing" for name, kind in wanted.items() if name.lower() not in there]
    if "dbo.settings" in there:
        known = {str(name).lower() for (name,) in run(connection, _SETTINGS)[-1].rows}
        names = _SETTING.findall((folder / "data" / "settings.sql").read_text(encoding="utf-8"))
        found += [f"setting {name} is missing" for name in names if name.lower() not in known]
    latest = max(int(path.name[:4]) for path in (folder / "migrations").glob("[0-9]*.sql"))
    if "dbo.schema_version" in there:
        version = run(connection, _VERSION)[-1].scalar()
        if version != latest:
            found.append(f"schema version is {version}, not {latest}")
    return found


def constraint_queries() -> Iterator[tuple[str, str]]:
    """Yield the name of each foreign key and check, and T-SQL that gives a row with a count where rows break it."""
    tables = _tables(sql_directory())
    keys = {table.name: key.columns for table in tables for key in table.keys if key.primary}
    for table in tables:
        for foreign in table.foreign_keys:
            yield f"{foreign.name} of dbo.{table.name}", _orphans(table, foreign, keys[foreign.table])
        for check in table.checks:
            query = f"FROM dbo.{table.name} WHERE NOT ({check.condition}) HAVING COUNT(*) > 0;"
            yield f"{check.name} of dbo.{table.name}", f"SELECT COUNT(*) AS number_of_rows {query}"


def _tables(folder: Path) -> list[TableDefinition]:
    return declared_tables(path.read_text(encoding="utf-8") for path in sorted((folder / "tables").glob("*.sql")))


def _made_by(script: Path) -> dict[str, str]:
    return {name: kind for kind, name in _MADE.findall(script.read_text(encoding="utf-8"))}


def _orphans(table: TableDefinition, foreign: ForeignKey, key: tuple[str, ...]) -> str:
    pairs = list(zip(foreign.columns, foreign.referenced or key, strict=True))
    given = " AND ".join(f"c.{column} IS NOT NULL" for column, _ in pairs)
    same = " AND ".join(f"p.{other} = c.{column}" for column, other in pairs)
    return (
        f"SELECT COUNT(*) AS number_of_rows FROM dbo.{table.name} AS c WHERE {given} "
        f"AND NOT EXISTS (SELECT 1 FROM dbo.{foreign.table} AS p WHERE {same}) HAVING COUNT(*) > 0;"
    )
