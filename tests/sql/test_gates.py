"""The project's T-SQL passes the gates, and each gate refuses the files that are broken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql.gates.check import SQL, check_file, listed_error_numbers
from tests.sql.gates.dotnet import NO_RUNTIME, ROOT, has_runtime_wheel
from tests.sql.gates.findings import Finding
from tests.sql.gates.parser import parse
from tests.sql.gates.syntax import check_python_strings, name_parameters

BROKEN = Path(__file__).parent / "broken"
FILES = sorted(SQL.rglob("*.sql"))
BROKEN_FILES = sorted(BROKEN.rglob("*.sql"))
# The engine's own modules speak SQLite.
PYTHON_FILES = [
    path
    for folder in ("lungdb", "scripts", "web")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not path.is_relative_to(ROOT / "lungdb" / "embedded")
]
LISTED = listed_error_numbers((SQL / "README.md").read_text(encoding="utf-8"))

pytestmark = pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _show(findings: list[Finding]) -> str:
    return "\n".join(str(finding) for finding in findings)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_sql_file_passes_every_gate(path: Path) -> None:
    """It parses as SQL Server 2017's T-SQL, keeps the rules of the house, and its Python fits its calls."""
    findings = check_file(path, LISTED)
    assert not findings, _show(findings)


@pytest.mark.parametrize("path", BROKEN_FILES, ids=lambda path: path.relative_to(BROKEN).as_posix())
def test_a_broken_file_is_refused_by_its_gate_alone(path: Path) -> None:
    """The folder under broken/ names the gate; DacFx's files pass all others."""
    gate = path.relative_to(BROKEN).parts[0]
    expected = set() if gate == "dacfx" else {gate}
    findings = check_file(path, LISTED)
    assert {finding.gate for finding in findings} == expected, _show(findings)


def test_every_gate_has_a_broken_file() -> None:
    """No gate goes untried: the gates that any file met are the folders of broken/."""
    found = {finding.gate for path in BROKEN_FILES for finding in check_file(path, LISTED)}
    assert found | {"dacfx"} == {path.name for path in BROKEN.iterdir()}


def test_a_fault_is_reported_once_for_each_batch() -> None:
    """The second fault of a batch is an echo; the next batch is read again."""
    script = parse("SELECT FROM;\nSELECT FORM FROM;\nGO\nSELECT 1 AS one;\nGO\nSELECT FROM;\nGO\n")
    assert [fault.line for fault in script.faults] == [1, 6]


def test_the_t_sql_in_python_modules_parses() -> None:
    """The statements that loaders and commands send are T-SQL once each ? is a parameter."""
    findings = [finding for path in PYTHON_FILES for finding in check_python_strings(path)]
    assert not findings, _show(findings)


def test_a_broken_statement_in_a_python_module_is_refused(tmp_path: Path) -> None:
    """The line is the string's; pieces that make no whole statement are left alone."""
    module = tmp_path / "loader.py"
    lines = [
        'GOOD = "SELECT 1 AS one;"',
        'name = "x"',
        'BAD = "SELECT FORM dbo.patients WHERE idx ? 1;"',
        'PIECES = f"SELECT {name}" + "SELECT FROM"',
    ]
    module.write_text("\n".join(lines))
    assert [(finding.line, finding.gate) for finding in check_python_strings(module)] == [(3, "syntax")]


def test_question_marks_in_strings_and_comments_are_no_parameters() -> None:
    """Only those that a driver would bind are named."""
    assert name_parameters("SELECT ?, '?', N'it''s ?' -- ?\n, ?") == "SELECT @p1, '?', N'it''s ?' -- ?\n, @p2"
