"""The page of runs shows what dbo.runs has, and tells a call that works from one that was killed."""

from __future__ import annotations

import re
from contextlib import closing
from html import unescape
from pathlib import Path

from flask.testing import FlaskClient

from lungdb.database import connect, run
from tests.support.databases import target_of
from tests.web.looking import query

ROWS = """
DELETE FROM dbo.runs;
INSERT INTO dbo.runs (procedure_name, started_at, ended_at, status, run_by, done, total, failed, message) VALUES
    (N'GenerateFeatures', '2026-01-05T08:00:00', '2026-01-05T09:30:00', 'done', N'ana', 120, 120, 3, NULL),
    (N'TrainLungCancerModel', '2026-01-06T08:00:00', '2026-01-06T08:01:00', 'failed', N'ana', 0, NULL, 0,
        N'There are only 3 < 20 patients.'),
    (N'RunSearch', '2026-01-07T08:00:00', NULL, 'running', N'rob', 4, 60, 0, NULL),
    (N'GenerateFeatures', SYSUTCDATETIME(), NULL, 'running', N'rob', 7, 40, 0, NULL);
INSERT INTO dbo.run_steps (run_id, step, at, message)
SELECT (SELECT MIN(run_id) FROM dbo.runs) + v.place, v.step, COALESCE(CAST(v.at AS DATETIME2(3)), SYSUTCDATETIME()),
    v.message
FROM (VALUES (0, 1, '2026-01-05T08:10:00', N'20 of 120'), (0, 2, '2026-01-05T09:20:00', N'120 of 120'),
    (3, 1, NULL, N'7 of 40 scans, 3 minutes left')) AS v (place, step, at, message);
"""


def _cells(html: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    plain = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in row] for row in plain]


LOCK = """
DECLARE @Resource NVARCHAR(255);
SELECT @Resource = CONCAT(N'lungdb run ', MAX(run_id) - {back}) FROM dbo.runs;
EXECUTE sp_getapplock @Resource = @Resource, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0;
"""


def test_runs_are_listed_newest_first_with_what_they_said_last(signed_in: FlaskClient, web_database: Path) -> None:
    """A run whose session is there but silent is marked, and so is one whose session is gone; an error is text."""
    query(web_database, ROWS)
    with closing(connect(target_of(web_database))) as session:
        run(session, LOCK.format(back=0))
        _, *listed = _cells(signed_in.get("/runs").text)
        assert listed[1][1] == "ended without a word"
        run(session, LOCK.format(back=1))
        _, *listed = _cells(signed_in.get("/runs").text)
    assert [row[:3] for row in listed] == [
        ["GenerateFeatures", "running", "7 of 40"],
        ["RunSearch", "not heard of", "4 of 60"],
        ["TrainLungCancerModel", "failed", ""],
        ["GenerateFeatures", "done", "120 of 120 3 failed"],
    ]
    assert listed[3][3:] == [
        "2026-01-05 08:00 UTC",
        "2026-01-05 09:30 UTC",
        "ana",
        "120 of 120 2026-01-05 09:20 UTC",
    ]
    assert listed[2][6] == "There are only 3 < 20 patients. 2026-01-06 08:00 UTC"
    assert listed[0][6].startswith("7 of 40 scans, 3 minutes left")


def test_before_the_first_run_the_page_says_so(signed_in: FlaskClient, web_database: Path) -> None:
    """An empty table has no header to read."""
    query(web_database, "DELETE FROM dbo.runs;")
    page = signed_in.get("/runs").text
    assert "has been called yet" in page
    assert "<table>" not in page
