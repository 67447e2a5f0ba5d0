"""The gate of DacFx, Microsoft's offline model of a database: every table and column that is named is there."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.sql.gates.dotnet import PACKAGES, ROOT
from tests.sql.gates.external_calls import external_calls
from tests.sql.gates.findings import Finding
from tests.sql.gates.house import INTERNAL, called_by, file_of
from tests.sql.gates.parser import parse
from tests.sql.gates.syntax import statements_in_python
from tests.sql.gates.tree import Node, Script

USUAL = "SQL_Latin1_General_CP1_CI_AS"
_OBJECTS = ("CreateTableStatement", "CreateIndexStatement", "ViewStatementBody", "ProcedureStatementBody")
# What the model lacks: temporary tables whose CREATE TABLE no file has, and what every server has.
_UNKNOWABLE = re.compile(
    r"(to object|following objects:) (\[#|\[sys\]|(\[dbo\]\.)?\[sp_)|following objects: .*\[sys\]", re.IGNORECASE
)
_ELEMENT = re.compile(r"validating element (\[[^:]+\]): ")
_LIBRARIES = {
    "libssl.so.1.1": "psycopg2_binary.libs/libssl-*.so.1.1",
    "libcrypto.so.1.1": "psycopg2_binary.libs/libcrypto-*.so.1.1",
    "libicuuc.so.77.1": "pyicu_wheels.libs/libicuuc-*.so.77.1",
    "libicui18n.so.77.1": "pyicu_wheels.libs/libicui18n-*.so.77.1",
    "libicudata.so.77.1": "pyicu_wheels.libs/libicudata-*.so.77.1",
}


class DacfxUnavailableError(Exception):
    """DacFx cannot be loaded on this machine; the message says why."""


@dataclass(frozen=True)
class Source:
    """A CREATE statement for the model, with the place that it came from; ``name`` as DacFx writes it."""

    name: str
    text: str
    path: Path
    line: int


def sources_of_file(path: Path) -> list[Source]:
    """Return what a .sql file gives to the model.

    Tables, indexes, views and procedures as they stand; batches that make none of these, and the queries that are sent
    to external scripts, as procedures made for the check. Temporary tables become tables, because the model is silent
    about a whole query when one of its tables is temporary.
    """
    script = parse(path.read_text(encoding="utf-8"))
    temporary = temporary_tables(path, script)
    sources = [
        Source(temporary[name], _with_tables(script.source(table), temporary), path, table.line)
        for name, table in _own_temporary_tables(script).items()
    ]
    for batch in script.batches:
        statements = batch.parts.get("Statements", [])
        made = [
            statement
            for statement in statements
            if not statement.bases.isdisjoint(_OBJECTS) and not _makes_temporary_table(statement)
        ]
        for statement in made:
            text = re.sub(r"^CREATE\s+OR\s+ALTER\b", "CREATE", script.source(statement), flags=re.IGNORECASE)
            names = next(statement.find("SchemaObjectName")).parts["Identifiers"]
            name = ".".join(f"[{identifier.text('Value')}]" for identifier in names)
            sources.append(Source(name, _with_tables(text, temporary), path, statement.line))
        if statements and not made:
            sources.append(_probe(path, batch.line, "", _with_tables(script.source(batch), temporary)))
    for call in external_calls(script):
        if call.query is not None:
            parameters = ", ".join(f"@{parameter.name} {parameter.type}" for parameter in call.declared or ())
            sources.append(_probe(path, call.line, parameters, _with_tables(call.query, temporary)))
    return sources


def temporary_tables(path: Path, script: Script) -> dict[str, str]:
    """Map the temporary tables that a file can see, its own and its caller's, to names of tables in the model."""
    names = {name: f"[dbo].[{path.stem} {name[1:]}]" for name in _own_temporary_tables(script)}
    # The batches of whole/ share a session, whose tables declare.sql makes.
    caller = "declare" if path.parent.name == "whole" and path.stem != "declare" else called_by(script)
    caller_path = None if caller is None else file_of(caller, path)
    if caller_path is None:
        return names
    return {**temporary_tables(caller_path, parse(caller_path.read_text(encoding="utf-8"))), **names}


def _own_temporary_tables(script: Script) -> dict[str, Node]:
    tables = {}
    for table in script.find("CreateTableStatement"):
        name = next(table.find("SchemaObjectName")).parts["BaseIdentifier"][0].text("Value")
        if name.startswith("#"):
            tables[name] = table
    return tables


def _makes_temporary_table(statement: Node) -> bool:
    name = next(statement.find("SchemaObjectName"), None)
    return name is not None and name.parts["BaseIdentifier"][0].text("Value").startswith("#")


def _with_tables(text: str, temporary: dict[str, str]) -> str:
    return re.sub(r"#\w+", lambda match: temporary.get(match.group(), match.group()), text)


def sources_of_python(path: Path) -> list[Source]:
    """Return the T-SQL statements in a Python module as procedures made for the check."""
    sources = []
    for line, text in statements_in_python(path):
        names = re.findall(r"@p\d+\b", text)
        sources.append(_probe(path, line, ", ".join(f"{name} NVARCHAR(4000)" for name in names), text))
    return sources


def check_references(sources: Sequence[Source], collation: str = USUAL) -> list[Finding]:
    """Report what does not resolve in a database of a collation, made of the sources.

    Raises
    ------
    DacfxUnavailableError
        Its libraries cannot be loaded here.
    """
    findings = []
    # Made by the installing scripts, the scripts of roles and try_role.sql, and by no file of their own.
    made = [
        (f"[{INTERNAL}]", f"CREATE SCHEMA [{INTERNAL}] AUTHORIZATION [dbo];"),
        ("[lungdb_reader]", "CREATE ROLE [lungdb_reader];"),
        ("[lungdb_trial]", "CREATE USER [lungdb_trial] WITHOUT LOGIN;"),
    ]
    for message in _run([*made, *((source.name, source.text) for source in sources)], collation):
        if _UNKNOWABLE.search(message):
            continue
        element = _ELEMENT.search(message)
        name = element.group(1) if element else ""
        source = next((item for item in sources if f"{name}.".startswith(f"{item.name}.")), None)
        path, line = (source.path, source.line) if source else (ROOT / "sql", 1)
        findings.append(Finding(path, line, "dacfx", message))
    return sorted(findings)


def _probe(path: Path, line: int, parameters: str, body: str) -> Source:
    name = f"[dbo].[{path.stem} line {line}]"
    return Source(name, f"CREATE PROCEDURE {name} {parameters} AS\n{body}", path, line)


def _run(statements: list[tuple[str, str]], collation: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.sql.gates.dacfx_model", collation],
            input=json.dumps(statements),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **_environment(Path(folder))},
            check=False,
        )
    # The runtime aborts where it finds no ICU or OpenSSL of its time.
    if done.returncode < 0:
        raise DacfxUnavailableError(f"DacFx cannot run here: {done.stderr.strip()[:300]}")
    if done.returncode != 0:
        raise RuntimeError(f"DacFx failed:\n{done.stderr}")
    messages: list[str] = json.loads(done.stdout)
    return messages


def _environment(folder: Path) -> dict[str, str]:
    """Return what the loader needs on Linux: ICU and OpenSSL 1.1 of the wheels in .tsql, under their usual names."""
    if platform.system() != "Linux":
        return {}
    for name, pattern in _LIBRARIES.items():
        library = next(PACKAGES.glob(pattern), None)
        if library is None:
            raise DacfxUnavailableError(
                f"DacFx cannot run here: {name} is not in {PACKAGES}; remove that and run `make test`"
            )
        (folder / name).symlink_to(library)
    places = [str(folder), *(str(PACKAGES / name) for name in ("psycopg2_binary.libs", "pyicu_wheels.libs"))]
    return {
        "LD_LIBRARY_PATH": os.pathsep.join([*places, os.environ.get("LD_LIBRARY_PATH", "")]).rstrip(os.pathsep),
        "CLR_ICU_VERSION_OVERRIDE": "77.1",
    }
