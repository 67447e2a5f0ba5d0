"""DacFx's offline model of the database resolves every name in the project's T-SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql.gates.check import SQL
from tests.sql.gates.dacfx import DacfxUnavailableError, Source, check_references, sources_of_file, sources_of_python
from tests.sql.gates.dotnet import NO_RUNTIME, ROOT, has_runtime_wheel
from tests.sql.gates.findings import Finding
from tests.sql.gates.house import is_internal

BROKEN = Path(__file__).parent / "broken" / "dacfx"

pytestmark = pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)


def project_sources() -> list[Source]:
    """All but what is there twice: generated scripts repeat the rest, or hold the parts that they are made of.

    DacFx does not look at the DROPs of uninstall.sql.
    """
    files = [path for path in sorted(SQL.rglob("*.sql")) if path.parent != SQL and not _is_repeated(path)]
    modules = [path for folder in ("lungdb", "scripts", "web") for path in sorted((ROOT / folder).rglob("*.py"))]
    spoken = [path for path in modules if not path.is_relative_to(ROOT / "lungdb" / "embedded")]
    return [source for path in files for source in sources_of_file(path)] + [
        source for path in spoken for source in sources_of_python(path)
    ]


def _is_repeated(part: Path) -> bool:
    return part.parent.name == "parts" and (part.parent.parent / part.name).exists()


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    """What DacFx says about the project and the broken files in one model: one start of the runtime for all tests."""
    broken = [source for path in sorted(BROKEN.rglob("*.sql")) for source in sources_of_file(path)]
    try:
        return check_references([*project_sources(), *broken])
    except DacfxUnavailableError as error:
        pytest.skip(str(error))


def test_every_name_resolves(findings: list[Finding]) -> None:
    """Tables, columns, procedures, arguments and variables that files and loaders' statements name are there."""
    ours = [finding for finding in findings if not finding.path.is_relative_to(BROKEN)]
    assert not ours, "\n".join(str(finding) for finding in ours)


@pytest.mark.parametrize("path", sorted(BROKEN.rglob("*.sql")), ids=lambda path: path.stem)
def test_a_name_that_nothing_has_is_refused(findings: list[Finding], path: Path) -> None:
    """Each broken file is refused, in the same model in which the project's own files pass."""
    assert [finding for finding in findings if finding.path == path]


def test_the_model_holds_the_whole_schema() -> None:
    """Each table, view and procedure file makes a source of its name: the gate does look at them."""
    names = {source.name for source in project_sources()}
    expected = {
        f"[{'internal' if is_internal(path) else 'dbo'}].[{path.stem}]"
        for folder in ("tables", "views", "procedures")
        for path in (SQL / folder).rglob("*.sql")
    }
    assert expected
    assert expected <= names
