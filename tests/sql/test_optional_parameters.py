"""A query with a parameter that may be left out is planned for the values of each call, not for those of the first."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.sql.gates.check import SQL

# A condition that a parameter switches off, as in: WHERE @Layer IS NULL OR fs.layer = @Layer
OPTIONAL = re.compile(r"@\w+ IS NULL OR \w+\.?\w* (?:=|<|>|IN|LIKE)|@\w+ = 1\s+OR \(?SELECT|WHERE @\w+ = 1\s+OR ")
READS = re.compile(r"\bFROM (?:dbo\.|#)")
# Of a name's few versions, or of one row.
SMALL = {"FindDataset", "DeleteDataset", "FindStagedFaults", "ListDatasets", "StoreNodes"}


def _statements(text: str) -> list[str]:
    body = re.sub(r"--[^\n]*", "", text)
    return [each for each in body.split(";") if OPTIONAL.search(each) and READS.search(each)]


@pytest.mark.parametrize("path", sorted((SQL / "procedures").rglob("*.sql")), ids=lambda path: path.stem)
def test_a_query_with_an_optional_parameter_is_compiled_again(path: Path) -> None:
    """It ends with OPTION (RECOMPILE), unless it reads a few rows only."""
    if path.stem in SMALL:
        return
    wanting = [each for each in _statements(path.read_text(encoding="utf-8")) if "OPTION (RECOMPILE)" not in each]
    assert not wanting


def test_such_queries_are_found() -> None:
    """The search sees those that are there."""
    found = {path.stem for path in (SQL / "procedures").rglob("*.sql") if _statements(path.read_text(encoding="utf-8"))}
    assert found > {"FindFeatureSet", "FindSingleMatrices", "FindScansToDo", "ListScores", "ReadAudit", "TakePage"}
    assert found > SMALL
    assert _statements("SELECT 1 FROM dbo.a AS a WHERE @X IS NULL OR a.x = @X")
