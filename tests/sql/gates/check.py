"""Every gate that needs one file alone."""

from __future__ import annotations

import re
from pathlib import Path

from tests.sql.gates.dotnet import ROOT
from tests.sql.gates.findings import Finding
from tests.sql.gates.house import check_house, error_numbers
from tests.sql.gates.parser import parse
from tests.sql.gates.scripts import check_scripts
from tests.sql.gates.signed import check_signed
from tests.sql.gates.syntax import check_syntax

SQL = ROOT / "sql"


def check_file(path: Path, listed_numbers: set[int]) -> list[Finding]:
    """Run every gate over one .sql file.

    Parameters
    ----------
    path : Path
        The file; the name of its folder says what it makes, as in sql/.
    listed_numbers : set of int
        The error numbers that sql/README.md documents.

    Returns
    -------
    list of Finding
        By line; those of syntax alone where the file does not parse.
    """
    script = parse(path.read_text(encoding="utf-8"))
    findings = check_syntax(path, script)
    if not script.faults:
        findings += check_house(path, script) + check_scripts(path, script) + check_signed(path, script)
        findings += [
            Finding(path, line, "error-number", f"{number} is thrown but not listed in sql/README.md")
            for number, line in error_numbers(script).items()
            if number not in listed_numbers
        ]
    return sorted(findings)


def listed_error_numbers(readme: str) -> set[int]:
    """Return the error numbers in the table of a README: rows that begin with a number of 50000 or more."""
    return {int(number) for number in re.findall(r"^\|\s*`?(5\d{4})`?\s*\|", readme, re.MULTILINE)}
