"""What the order of installation is computed from, compared with what Microsoft's parser reads in the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.database.generator import read_sources, without_scripts
from lungdb.database.sources import SqlFile
from tests.sql.gates.check import SQL
from tests.sql.gates.dotnet import NO_RUNTIME, has_runtime_wheel
from tests.sql.gates.external_calls import external_calls
from tests.sql.gates.house import is_internal
from tests.sql.gates.parser import parse
from tests.sql.gates.tree import Script

# The nodes whose names are objects that must be there.
NAMING = ("NamedTableReference", "ExecutableProcedureReference", "ForeignKeyConstraintDefinition")


@pytest.fixture(scope="module")
def files() -> list[SqlFile]:
    """The files of sql/ in the order of installation."""
    return read_sources(SQL)


def _named(script: Script) -> set[str]:
    found = set()
    for kind in NAMING:
        for node in script.find(kind):
            name = next(node.find("SchemaObjectName"), None)
            schema = None if name is None else name.part("SchemaIdentifier")
            if name is not None and schema is not None:
                last = name.parts["BaseIdentifier"][0].text("Value")
                found.add(f"{schema.text('Value')}.{last}".lower())
    return found


@pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)
def test_the_references_are_those_that_microsofts_parser_reads(files: list[SqlFile]) -> None:
    """Tables, views and procedures of each file, the queries of its scripts included; and which file has a script."""
    for file in files:
        script = parse(file.text)
        calls = external_calls(script)
        named = _named(script).union(*(_named(parse(call.query)) for call in calls if call.query is not None))
        assert file.refers == {name for name in named if not name.startswith("sys.")} - {file.makes.lower()}, file.path
        assert file.runs_script == bool(calls), file.path


def test_everything_comes_after_what_it_refers_to(files: list[SqlFile]) -> None:
    """Every file is there, once."""
    seen: set[str] = set()
    for file in files:
        assert file.refers <= seen, file.path
        seen.add(file.makes.lower())
    folders = ("tables", "data", "views", "procedures")
    there = [path.relative_to(SQL).as_posix() for folder in folders for path in (SQL / folder).rglob("*.sql")]
    assert sorted(file.path for file in files) == sorted(there)


def test_without_external_scripts_everything_works_that_needs_none(files: list[SqlFile]) -> None:
    """Accounts, worklist, lineage and registry are there; what is left out reaches a script or serves only that."""
    kept = without_scripts(files)
    assert not any(file.runs_script for file in kept)
    made = {file.makes.lower() for file in kept}
    assert all(file.refers <= made for file in kept)
    callers = {file.makes: [each for each in files if file.makes.lower() in each.refers] for file in files}
    for file in files:
        if file in kept:
            assert not file.is_internal or any(caller in kept for caller in callers[file.makes]), file.path
        elif file.is_internal and not file.runs_script and file.refers <= made:
            assert not any(caller in kept for caller in callers[file.makes]), file.path
        else:
            assert file.runs_script or file.refers - made, file.path
    for name in ("StoreAccount", "ListPatients", "LineageOf", "RollbackModel", "FindModel", "PredictPatientsSql"):
        assert f"dbo.{name}".lower() in made


def test_python_calls_no_internal_procedure() -> None:
    """The page, reports, copies, commands and loaders call what has @Help; the rest may change without them."""
    root = SQL.parent
    folders = ("web/lungdb_web", "scripts", *(f"lungdb/{name}" for name in ("reporting", "copying", "cli", "loading")))
    modules = [path for folder in folders for path in sorted((root / folder).rglob("*.py"))]
    assert {path.relative_to(root).parts[0] for path in modules} == {"web", "scripts", "lungdb"}
    calling = [path for path in modules if "internal." in path.read_text(encoding="utf-8")]
    assert calling == []


def test_internal_are_those_that_nobody_can_ask_for_help() -> None:
    """Every procedure outside internal/ has @Help, and none inside."""
    paths = sorted((SQL / "procedures").rglob("*.sql"))
    helping = {path for path in paths if _has_help(path)}
    assert helping == {path for path in paths if not is_internal(path)}
    assert helping < set(paths)


def _has_help(path: Path) -> bool:
    head = path.read_text(encoding="utf-8").partition("\nAS\n")[0]
    return "\n    @Help BIT = 0 " in head
