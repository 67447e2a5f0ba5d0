"""The report shows explained scores when it is asked to, and only then."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from lungdb.cli import report
from lungdb.database import Connection, run
from tests.support.databases import rows, target_of


def test_explained_scores_are_in_the_report_when_asked_for(
    explained: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Features, triples and the map, which is RenderMap's own picture; without the option no slice is in the page."""
    run(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 1, @Slices = N'4', @Grid = 2;")
    png = bytes(rows(explained, "EXECUTE dbo.RenderMap @PredictionId = 1;")[0][-1])
    strongest = rows(
        explained,
        "SELECT TOP (1) name, contribution FROM dbo.explained_features WHERE prediction_id = 1 AND feature IS NOT NULL "
        "ORDER BY ABS(contribution) DESC;",
    )
    page = tmp_path / "report.html"
    database = ["-d", target_of(next(tmp_path.glob("*.db"))), "-o", str(page)]
    assert report.main(database) == 0
    assert "Explained scores" not in page.read_text(encoding="utf-8")
    assert report.main([*database, "--explained"]) == 0
    text = page.read_text(encoding="utf-8")
    assert "Score 1:" in text
    for name, contribution in strongest:
        assert name in text
        assert f"{contribution:+.4f}" in text
    assert re.findall(r"<title>slices (\d+) to (\d+): (\S+)</title>", text) == [
        ("0", "2", "-0.1000"),
        ("3", "5", "+0.3000"),
        ("6", "8", "-0.2000"),
    ]
    assert base64.b64encode(png).decode() in text
    assert report.main([*database, "--explained", "--models", "line:1"]) == 1
    assert "--explained goes with --model" in capsys.readouterr().err
