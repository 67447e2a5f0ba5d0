"""Who may do what: the two tables of sql/roles/, and which procedures are signed.

The scripts that `role_scripts` makes of them are what a DBA runs; docs/rights.md shows the same tables.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lungdb.database.sources import SqlFile
from lungdb.errors import LungdbError

ROLES = ("reader", "scorer", "trainer", "loader", "worker", "administrator", "page")
"""The roles, by their columns; in a database their names begin with `PREFIX`."""

PREFIX = "lungdb_"
CERTIFICATE = "lungdb_scripts"
"""The name of the certificate that signs, and of its user."""

UNSIGNED = frozenset({"dbo.RunOnDataset"})
"""What runs a script of its caller's: whoever calls it needs the right to run any script."""

SECRET = frozenset(
    {
        "dbo.accounts",
        "dbo.sessions",
        "dbo.access_tokens",
        "dbo.page_searches",
        "dbo.page_secrets",
        "dbo.sign_in_links",
    }
)
"""Tables that no role and no signature may read: only procedures do."""

_VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")


@dataclass(frozen=True)
class Rights:
    """The tables of sql/roles/.

    Attributes
    ----------
    procedures : dict of str to frozenset of str
        For each public procedure, dbo included, the roles that may execute it.
    tables : dict of str to dict of str to tuple of str
        For tables and views, dbo included, what each role may do with them by itself.
    """

    procedures: dict[str, frozenset[str]]
    tables: dict[str, dict[str, tuple[str, ...]]]

    def granted(self) -> list[tuple[str, str, str]]:
        """Return role, object and permission of every right, roles as they are named in a database."""
        found = [(role, name, "EXECUTE") for name, roles in self.procedures.items() for role in roles]
        found += [
            (role, name, verb) for name, each in self.tables.items() for role, verbs in each.items() for verb in verbs
        ]
        return sorted((PREFIX + role, name, verb) for role, name, verb in found)


def read_rights(folder: Path, files: Iterable[SqlFile]) -> Rights:
    """Read who may do what.

    Parameters
    ----------
    folder : Path
        With the files of sql/.
    files : iterable of SqlFile
        What is installed.

    Raises
    ------
    LungdbError
        A table cannot be read, has other columns, names what there is not, or lacks a public procedure.
    """
    made: dict[str, list[str]] = {"tables": [], "views": [], "procedures": []}
    for each in files:
        if each.makes and not each.is_internal:
            made[each.kind].append(each.makes)
    executing = _table(folder / "roles" / "rights.csv", "procedure")
    procedures = {f"dbo.{name}": _marked(name, cells) for name, cells in executing.items()}
    _same("rights.csv", procedures.keys() - set(made["procedures"]), "which is no public procedure")
    missing = sorted(set(made["procedures"]) - procedures.keys())
    if missing:
        raise LungdbError(f"rights.csv of the SQL sources lacks {', '.join(missing)}: say who may execute it.")
    tables = {f"dbo.{name}": _verbs(name, cells) for name, cells in _table(folder / "roles" / "tables.csv").items()}
    _same("tables.csv", tables.keys() - set(made["tables"] + made["views"]), "which is no table or view")
    _same("tables.csv", tables.keys() & SECRET, "which no role may touch")
    return Rights(procedures, tables)


def signed_procedures(files: Iterable[SqlFile]) -> list[SqlFile]:
    """Return the procedures that run a script of ours, which the certificate signs, in the order of their names."""
    return sorted((each for each in files if each.runs_script and each.makes not in UNSIGNED), key=lambda f: f.makes)


def tables_of_scripts(files: Iterable[SqlFile]) -> list[str]:
    """Return the tables that input queries of signed procedures read, dbo included, in the order of their names.

    Raises
    ------
    LungdbError
        One of them is secret.
    """
    found = sorted({name for each in signed_procedures(files) for name in each.script_reads})
    _same("An external script's query", SECRET.intersection(found), "which no script may read")
    return found


def _table(path: Path, first: str = "object") -> dict[str, dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LungdbError(f"{path.name} of the SQL sources cannot be read ({error.strerror}).") from error
    rows = list(csv.reader(text.splitlines()))
    if not rows or rows[0] != [first, *ROLES] or any(len(row) != len(rows[0]) for row in rows):
        raise LungdbError(f"{path.name} of the SQL sources needs the columns {first},{','.join(ROLES)} in every line.")
    names = [row[0] for row in rows[1:]]
    if names != sorted(set(names)):
        raise LungdbError(f"{path.name} of the SQL sources is not in the order of its names, or has one twice.")
    return {row[0]: dict(zip(ROLES, row[1:], strict=True)) for row in rows[1:]}


def _marked(name: str, cells: dict[str, str]) -> frozenset[str]:
    unknown = sorted(set(cells.values()) - {"", "x"})
    if unknown:
        raise LungdbError(f"rights.csv has {unknown[0]!r} at {name}; only x and nothing are known.")
    return frozenset(role for role, cell in cells.items() if cell)


def _verbs(name: str, cells: dict[str, str]) -> dict[str, tuple[str, ...]]:
    found = {role: tuple(cell.split()) for role, cell in cells.items() if cell}
    unknown = sorted({verb for verbs in found.values() for verb in verbs} - set(_VERBS))
    if unknown:
        raise LungdbError(f"tables.csv has {unknown[0]!r} at {name}; known are {', '.join(_VERBS)}.")
    return found


def _same(where: str, wrong: Iterable[str], what: str) -> None:
    names = sorted(wrong)
    if names:
        raise LungdbError(f"{where} of the SQL sources names {', '.join(names)}, {what}.")
