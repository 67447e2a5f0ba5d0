"""The batch of docs/explaining.md that makes maps of all explained scores."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from lungdb.database import Connection, run
from tests.support.databases import rows

DOCS = Path(__file__).parents[2] / "docs" / "explaining.md"
MADE = "SELECT prediction_id, COUNT(*) FROM dbo.score_maps GROUP BY prediction_id ORDER BY prediction_id;"


def test_the_documented_batch_makes_maps_where_there_are_none(explained: Connection) -> None:
    """Of each score that has none; what was made before stays as it is, also when the batch is run again."""
    found = re.search(r"^    DECLARE @Id .*?^    END;$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    batch = dedent(found[0])
    run(explained, "EXECUTE dbo.ExplainRegions @PredictionId = 2, @Slices = N'4', @Grid = 3;")
    kept = rows(explained, "SELECT slice_index, map FROM dbo.score_maps WHERE prediction_id = 2;")
    run(explained, batch)
    assert rows(explained, MADE) == [(1, 3), (2, 1)]
    assert run(explained, batch) == []
    assert rows(explained, "SELECT slice_index, map FROM dbo.score_maps WHERE prediction_id = 2;") == kept
