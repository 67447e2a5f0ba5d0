"""The reference pages of the manual, as Markdown, made of the files of sql/ and the modules of lungdb."""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import lungdb.client
from lungdb.cli.main import COMMANDS
from lungdb.cli.main import main as command
from lungdb.database import sql_directory
from lungdb.database.generator import read_sources
from lungdb.database.helping import column_comments
from lungdb.database.sources import SqlFile
from lungdb.errors import LungdbError

_HELP = re.compile(r"\bIF @Help = 1\s+BEGIN\s+PRINT N'((?:[^']|'')*)'", re.S)
_PARAMETERS = re.compile(r"\bCREATE OR ALTER PROCEDURE \S+\n(.*?)\nAS\n", re.S)
_PARAMETER = re.compile(
    r"\s*(@\w+)\s+([^,=]*?(?:\([^)]*\))?)\s*(?:=\s*((?:N?'(?:[^']|'')*'|[^,\s]+)))?\s*(OUTPUT)?\s*,?\s*-- (.*)"
)
_COLUMN = re.compile(r"^ {4}(\w+) ([A-Z]+[0-9]*(?:\([\w, ]+\))?)(?: IDENTITY\([^)]*\))?( NOT NULL| NULL)?", re.M)
_MADE = "<!-- made by scripts/manual_reference.py -->\n\n"


def reference_pages(root: Path) -> dict[str, str]:
    """Return the pages by the names of their files."""
    files = read_sources(sql_directory())
    return {
        "procedures.md": _procedures([each for each in files if each.kind == "procedures" and not each.is_internal]),
        "tables.md": _tables([each for each in files if each.kind in ("tables", "views")]),
        "errors.md": _errors((root / "sql" / "README.md").read_text(encoding="utf-8")),
        "commands.md": _commands(),
        "python.md": _python(),
    }


def _procedures(files: list[SqlFile]) -> str:
    by_capability: dict[str, list[SqlFile]] = defaultdict(list)
    for each in files:
        by_capability[each.path.split("/")[1].replace("_", " ")].append(each)
    lines = [
        "# Procedures\n",
        "The public procedures of the schema `dbo`, by capability. `@Help = 1` of each prints the same, and "
        "`EXECUTE dbo.Help;` lists those that are installed.\n",
    ]
    for capability in sorted(by_capability):
        lines.append(f"## {capability.capitalize()}\n")
        for each in sorted(by_capability[capability], key=lambda file: file.makes.lower()):
            lines += _procedure(each)
    return _MADE + "\n".join(lines)


def _procedure(file: SqlFile) -> Iterator[str]:
    name = file.makes.partition(".")[2]
    said = _HELP.search(file.text)
    if said is None:
        raise LungdbError(f"{file.path} has no help to make the manual of.")
    text, _, example = re.split(r"\n?(Examples?:)\n", said[1].replace("''", "'") + "\nExample:\n", maxsplit=1)
    prose, _, _ = text.partition("\nParameters:")
    yield f"### {name}\n"
    said_once = " ".join(prose.split()).removeprefix(f"dbo.{name}").removeprefix(":").strip()
    yield _plain(said_once[:1].upper() + said_once[1:]) + "\n"
    found = _PARAMETERS.search(file.text)
    rows = [row for row in map(_PARAMETER.match, found[1].split("\n") if found else []) if row]
    if rows:
        yield "| parameter | type | default | meaning |\n|---|---|---|---|"
        for row in rows:
            kind = f"{row[2].strip()}{' OUTPUT' if row[4] else ''}"
            default = "needed" if row[3] is None else f"`{row[3]}`"
            yield f"| `{row[1]}` | `{kind}` | {default} | {_cell(row[5])} |"
        yield ""
    shown = inspect.cleandoc(example.removesuffix("\nExample:\n").rstrip())
    if shown:
        yield f"```sql\n{shown}\n```\n"


def _tables(files: list[SqlFile]) -> str:
    lines = [
        "# Tables and views\n",
        "The tables and views of the schema `dbo`. SSMS shows the same descriptions (MS_Description).\n",
    ]
    for kind, heading in (("tables", "Tables"), ("views", "Views")):
        lines.append(f"## {heading}\n")
        for each in sorted((file for file in files if file.kind == kind), key=lambda file: file.makes):
            above = re.split(r"^CREATE ", each.text, maxsplit=1, flags=re.M)[0]
            first = " ".join(line[2:].strip() for line in above.splitlines() if line.startswith("--"))
            lines.append(f"### {each.makes.partition('.')[2]}\n\n{_plain(first)}\n")
            if kind == "tables":
                said = column_comments(each.text)
                lines.append("| column | type | |\n|---|---|---|")
                for column, sql_type, null in _COLUMN.findall(each.text):
                    if column.isupper():
                        continue
                    shown = f"`{sql_type}`{'' if null == ' NOT NULL' else ', may be NULL'}"
                    lines.append(f"| `{column}` | {shown} | {_cell(said.get(column, ''))} |")
                lines.append("")
    return _MADE + "\n".join(lines)


def _errors(readme: str) -> str:
    rows = re.findall(r"^\| (5\d{4}) \| (.*) \|$", readme, re.M)
    lines = [
        "# Error numbers\n",
        "Messages say what is wrong with the value and what to do; the numbers are for programs.\n",
        "| number | meaning |\n|---|---|",
        *(f"| {number} | {meaning} |" for number, meaning in rows),
        "",
    ]
    return _MADE + "\n".join(lines)


def _commands() -> str:
    lines = [
        "# Commands\n",
        "What `lungdb COMMAND --help` prints. TARGET is `sqlite:///FILE.db` or an ODBC connection string.\n",
    ]
    for name, purpose in COMMANDS.items():
        lines.append(f"## lungdb {name}\n\n{purpose[:1].upper()}{purpose[1:]}.\n\n```text\n{_help_of(name)}\n```\n")
    return _MADE + "\n".join(lines)


def _help_of(name: str) -> str:
    printed = StringIO()
    os.environ["COLUMNS"] = "100"
    with redirect_stdout(printed):
        try:
            command([name, "--help"])
        except SystemExit as ended:
            if ended.code:
                raise LungdbError(f"lungdb {name} --help does not print its help.") from None
    return printed.getvalue().rstrip()


def _python() -> str:
    lines = [
        "# Python client\n",
        "`lungdb.open(TARGET)` gives a `Database`. [The Python client](client.md) shows how it is used.\n",
    ]
    for name in sorted(lungdb.client.__all__, key=lambda each: (each != "Database", each)):
        kind = getattr(lungdb.client, name)
        lines.append(f"## {name}\n\n{_docstring(kind)}\n")
        for member, value in vars(kind).items():
            function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
            if member.startswith("_") or not (inspect.isfunction(function) or isinstance(value, property)):
                continue
            shown = "" if isinstance(value, property) else _signature(function)
            lines.append(f"### {name}.{member}\n\n```python\n{member}{shown}\n```\n\n{_docstring(value)}\n")
    lines.append("## Extensions\n\n" + _docstring(importlib.import_module("lungdb.extensions")) + "\n")
    return _MADE + "\n".join(lines)


def _signature(function: Any) -> str:
    given = inspect.signature(function)
    own = [each for each in given.parameters.values() if each.name not in ("self", "cls")]
    # Annotations are text in modules that ask for it, and text is shown with quotation marks.
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(given.replace(parameters=own)))


def _docstring(value: Any) -> str:
    """Return a docstring of NumPy's form as Markdown: its sections as bold words, its items as a list."""
    lines: list[str] = []
    said = (inspect.getdoc(value) or "").splitlines()
    for place, line in enumerate(said):
        following = said[place + 1] if place + 1 < len(said) else ""
        if re.fullmatch(r"-{3,}", line):
            continue
        if re.fullmatch(r"-{3,}", following):
            lines += [f"**{line}**", ""]
        elif line and following.startswith("    ") and not line.startswith(" "):
            lines.append(f"- `{line}`: ")
        elif line.startswith("    ") and lines and lines[-1].startswith("- "):
            lines[-1] += ("" if lines[-1].endswith(" ") else " ") + line.strip()
        else:
            lines.append(line)
    return _plain("\n".join(lines).replace("``", "`"))


def _plain(text: str) -> str:
    """Keep what Markdown would take for markup outside of code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"(?<=\w)_|_(?=\w)|[<#]", r"\\\g<0>", part) for part in parts
    )


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
