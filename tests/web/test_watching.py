"""Models in use: figures that pandas and SciPy compute from the tables, and who may see what."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from flask.testing import FlaskClient
from lungdb_web.database import Database
from lungdb_web.queries import installed as absences
from lungdb_web.watching_plots import wilson

from lungdb.database import connect, run
from lungdb.errors import SqlError
from tests.support.databases import target_of
from tests.web.looking import query

SCORES = 400


@pytest.fixture
def watched(web_database: Path) -> pd.DataFrame:
    """400 scores of the last 40 days, more on some days than on others, as a table of pandas."""
    random = np.random.default_rng(8)
    now = datetime.now().replace(microsecond=0)
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "BEGIN TRANSACTION;")
        for place in range(SCORES):
            at = now - timedelta(days=int(40 * random.random() ** 2), hours=2 + int(20 * random.random()))
            sql = (
                "INSERT INTO dbo.predictions (scan_id, classifier_id, probability, predicted_at, scope) "
                "VALUES (?, 1, ?, ?, ?);"
            )
            scope = "outside" if place % 9 == 0 else "inside"
            run(connection, sql, (1 + place % 30, float(random.beta(1, 4)), at, scope))
        run(connection, "COMMIT TRANSACTION;")
    rows = query(web_database, "SELECT scan_id, probability, predicted_at, scope FROM dbo.predictions;")
    return pd.DataFrame(rows, columns=["scan_id", "probability", "at", "scope"])


def _expected(scores: pd.DataFrame, period: str) -> pd.DataFrame:
    at = pd.to_datetime(scores["at"])
    starts = at.dt.normalize()
    if period == "week":
        starts -= pd.to_timedelta(at.dt.day_of_week, unit="D")
    probabilities = scores.groupby(starts)["probability"]
    return pd.DataFrame(
        {
            "scores": probabilities.size(),
            "scans": scores.groupby(starts)["scan_id"].nunique(),
            "outside": (scores["scope"] == "outside").groupby(starts).sum(),
            "mean": probabilities.mean(),
            "least": probabilities.min(),
            "lower": probabilities.quantile(0.25),
            "median": probabilities.median(),
            "upper": probabilities.quantile(0.75),
            "largest": probabilities.max(),
        }
    )


@pytest.mark.parametrize("period", ["day", "week"])
def test_scores_over_time_are_what_pandas_makes_of_the_table(
    watched: pd.DataFrame, web_database: Path, period: str
) -> None:
    """Counts, scans, scans out of scope, mean, least, quartiles, median and largest of every day or week."""
    rows = query_first(web_database, "EXECUTE dbo.WatchModel @Period = ?, @Days = 90;", period)
    expected = _expected(watched, period)
    assert [row[0] for row in rows] == [day.date() for day in expected.index]
    np.testing.assert_allclose(np.array([row[1:] for row in rows], float), expected.to_numpy(float), rtol=1e-9)


def query_first(database: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Give the rows of a batch's first result."""
    with closing(connect(target_of(database))) as connection:
        return run(connection, sql, parameters)[0].rows


def test_only_the_days_asked_for_are_counted(watched: pd.DataFrame, web_database: Path) -> None:
    """Today is one of them; of weeks the first is whole."""
    (latest,) = query(web_database, "SELECT CAST(SYSUTCDATETIME() AS DATE);")[0]
    at = pd.to_datetime(watched["at"]).dt.date
    for days in (1, 7, 20):
        rows = query_first(web_database, "EXECUTE dbo.WatchModel @Days = ?;", days)
        assert sum(row[1] for row in rows) == int((at > latest - timedelta(days=days)).sum())
        monday = latest - timedelta(days=days - 1)
        monday -= timedelta(days=monday.weekday())
        rows = query_first(web_database, "EXECUTE dbo.WatchModel @Period = N'week', @Days = ?;", days)
        assert sum(row[1] for row in rows) == int((at >= monday).sum())


def test_the_page_shows_the_figures_and_no_patient(watched: pd.DataFrame, reader: FlaskClient) -> None:
    """A reader without the truth sees counts and medians; the table beside the picture has each day in full."""
    page = unescape(reader.get("/watching/1?period=day&days=90").text)
    expected = _expected(watched, "day")
    for day, row in expected.iterrows():
        assert f'<td class="number">{day:%Y-%m-%d}</td><td class="number">{row["median"]:.4g}</td>' in page
    assert f"{SCORES} scores" in page
    assert "/patients/" not in page
    assert reader.get("/watching/1?period=year").status_code == 400
    assert reader.get("/watching/99").status_code == 404
    index = reader.get("/watching").text
    assert re.search(rf'lightgbm_sql version 1</a>.*?<td class="number">{SCORES}</td>', index, re.DOTALL)


@pytest.mark.parametrize(("successes", "count"), [(0, 1), (1, 1), (3, 10), (10, 10), (17, 400)])
def test_intervals_are_wilsons(successes: int, count: int) -> None:
    """To SciPy's digits, also where none or all have it."""
    expected = scipy.stats.binomtest(successes, count).proportion_ci(method="wilson")
    assert wilson(successes, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def _bins(database: Path) -> list[tuple[Any, ...]]:
    return query(
        database,
        "SELECT x, y, patients FROM dbo.model_curves WHERE classifier_id = 1 AND part = 'test' "
        "AND curve = N'calibration' AND patients > 0 ORDER BY position;",
    )


def test_who_may_not_see_the_truth_is_told_calibration_to_the_nearest_tenth(
    reader: FlaskClient, web_database: Path
) -> None:
    """Without patients or intervals, so that nobody counts how many of a bin had cancer."""
    page = unescape(reader.get("/watching/1").text)
    table = page[page.index("Calibration: points") :]
    table = table[: table.index("</table>")]
    assert "patients" not in table.removeprefix("Calibration: points")
    rows = re.findall(r'share with cancer</th><td class="number">(.*?)</td><td class="number">(.*?)</td></tr>', table)
    bins = _bins(web_database)
    assert bins
    assert rows == [(f"{x:.4g}", f"{np.round(y, 1):.4g}") for x, y, _ in bins]


def test_calibration_has_an_interval_in_every_bin(signed_in: FlaskClient, web_database: Path) -> None:
    """For who may see the truth: the table beside the picture has share and interval of each bin that was stored."""
    page = unescape(signed_in.get("/watching/1").text)
    bins = _bins(web_database)
    assert bins
    for x, y, patients in bins:
        found = scipy.stats.binomtest(round(y * patients), patients).proportion_ci(method="wilson")
        cells = (f"{x:.4g}", f"{y:.4g} ({found.low:.4g} to {found.high:.4g})", str(patients))
        assert "".join(f'<td class="number">{cell}</td>' for cell in cells) in page


def test_drift_checks_looks_and_subgroups_that_are_stored_are_shown(reader: FlaskClient, web_database: Path) -> None:
    """The alarm stands in words; of subgroups a reader without the truth is told no positives."""
    query(
        web_database,
        "INSERT INTO dbo.drift_checks (classifier_id, later_since, tested_patients, later_patients, permutations, "
        "seed, alpha, statistic, p_value, is_alarm, checked_by) "
        "VALUES (1, '2026-01-01', 30, 20, 1999, 1, 0.01, 5.25, 0.0005, 1, N'job');"
        "INSERT INTO dbo.drift_items (drift_check_id, position, kind, name, statistic, p_value, stability_index) "
        "VALUES (1, 0, 'spacing', N'spacing of slices', 5.25, 0.0005, 0.4);"
        "EXECUTE dbo.RecordLook @LookedWith = N'a notebook';",
    )
    page = unescape(reader.get("/watching/1").text)
    assert "<strong>Alarm</strong>: later patients differ, most in spacing of slices." in page
    assert "0.0005</data>" in page
    assert "a notebook" in page
    assert '<strong class="alarm">Alarm</strong>' in reader.get("/watching").text
    assert "Scans with cancer" not in page


def test_work_is_counted_as_the_tables_have_it(web_database: Path, signed_in: FlaskClient) -> None:
    """A queue with pieces in every state, a failed scan, a run that failed and one that ended without a word."""
    query(
        web_database,
        "INSERT INTO dbo.work (procedure_name, arguments, digest, is_queued) "
        "VALUES (N'GenerateFeatures', N'{}', 0x01, 1);"
        "DECLARE @Work INT = (SELECT MAX(work_id) FROM dbo.work);"
        "INSERT INTO dbo.work_items (work_id, item, bytes, state, worker, leased_until) VALUES "
        "(@Work, N'1', 1, 'open', NULL, NULL), (@Work, N'2', 1, 'open', NULL, NULL), "
        "(@Work, N'3', 1, 'leased', N'w', '2099-01-01'), "
        "(@Work, N'4', 1, 'done', N'w', NULL), (@Work, N'5', 1, 'failed', N'w', NULL);"
        "INSERT INTO dbo.scan_failures (scan_id, message) VALUES (37, N'damaged');"
        "INSERT INTO dbo.runs (procedure_name, status, done, failed, seconds, ended_at) VALUES "
        "(N'ScoreNewScans', 'failed', 8, 2, 4.0, SYSUTCDATETIME());"
        "INSERT INTO dbo.runs (procedure_name) VALUES (N'ScoreNewScans');",
    )
    with closing(connect(target_of(web_database))) as connection:
        runs, failures, queues, searches, scores = run(connection, "EXECUTE dbo.WatchWork;")
    found = {(row[0], row[1]): row[2:6] for row in runs.rows}
    assert found["ScoreNewScans", "failed"] == (1, 8, 2, 4.0)
    assert found["ScoreNewScans", "ended without a word"] == (1, 0, 0, None)
    assert failures.rows == [(date.fromisoformat(str(failures.rows[0][0])), 1)]
    assert [row[4:] for row in queues.rows] == [(2, 1, 1, 1)]
    assert (searches.rows, scores.rows) == ([], [("lightgbm_sql", 1, 0)])
    page = signed_in.get("/watching").text
    assert "ended without a word" in page
    assert (
        '<td class="number">2</td><td class="number">1</td><td class="number">1</td><td class="number">1</td>' in page
    )
    assert '<data value="0.5">0.5</data>' in page  # 4 seconds for 8


def test_what_was_not_granted_is_absent(reader: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is shown, with a sentence in its place."""
    asked = Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if "EXECUTE dbo.Watch" in sql:
            raise SqlError(229, "The EXECUTE permission was denied on the object.")
        return asked(database, sql, *arguments)

    monkeypatch.setattr(Database, "call", refusing)
    for path in ("/watching", "/watching/1"):
        answer = reader.get(path)
        assert answer.status_code == 200
        assert absences.NO_WATCHING in unescape(answer.text)
