"""`lungdb job`: features and scores of what is new, damage found, one process at a time, and what a log may hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from lungdb.operating.jobs import JOBS
from tests.support.databases import NAME, copy_to, hash_vectors, rows, target_of

LOCK = (
    "DECLARE @r INT; EXECUTE @r = sp_getapplock @Resource = N'lungdb job score', @LockMode = 'Exclusive', "
    "@LockOwner = 'Session', @LockTimeout = 0; SELECT @r;"
)
COUNT = "SELECT COUNT(*) FROM dbo.predictions;"
MISSING = "DELETE FROM dbo.pooled_features WHERE scan_id IN (2, 5); DELETE FROM dbo.features WHERE scan_id IN (2, 5);"


@pytest.fixture
def file(trained_file: Path, tmp_path: Path) -> Path:
    """120 patients whose scans have features, two versions of a model and a logistic regression; no scores."""
    return copy_to(tmp_path, trained_file)


@pytest.fixture
def database(file: Path) -> Iterator[Connection]:
    """A connection to it."""
    with closing(connect(target_of(file))) as connection:
        yield connection


def _job(file: Path, *arguments: str) -> int:
    return main(["job", *arguments, "-d", target_of(file)])


def test_scores_are_those_that_lightgbm_gives_and_are_made_once(
    database: Connection, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every scan by the served version of every name; again it does nothing; nobody's index or score is printed."""
    assert _job(file, "score") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("score: done in ")
    assert printed.out.count("\n") == 1
    assert "lightgbm_sql version 1 has scored 120 scans." in printed.err
    assert "prediction_percent" not in printed.out + printed.err
    text = rows(database, "SELECT model FROM dbo.classifiers WHERE name = N'lightgbm_sql' AND version = 1;")[0][0]
    scored = rows(
        database,
        "SELECT f.vector, p.raw_probability FROM dbo.predictions AS p "
        "INNER JOIN dbo.pooled_features AS f ON f.scan_id = p.scan_id "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = p.classifier_id WHERE c.name = N'lightgbm_sql';",
    )
    expected = lightgbm.Booster(model_str=bytes(text).decode()).predict(np.array([json.loads(v) for v, _ in scored]))
    np.testing.assert_allclose([raw for _, raw in scored], expected, atol=1e-9)
    assert rows(database, COUNT) == [(240,)]
    assert _job(file, "score") == 0
    assert rows(database, COUNT) == [(240,)]


def test_only_new_scans_are_scored(database: Connection, file: Path) -> None:
    """A scan whose vector changed, and one that came, of one model alone where that is asked for."""
    assert _job(file, "score", "--model", "lightgbm_sql") == 0
    assert rows(database, COUNT) == [(120,)]
    run(
        database,
        "UPDATE dbo.pooled_features SET vector = (SELECT vector FROM dbo.pooled_features WHERE scan_id = 9) "
        "WHERE scan_id = 7;",
    )
    hash_vectors(database)
    assert _job(file, "score", "--model", "lightgbm_sql") == 0
    assert rows(database, "SELECT scan_id FROM dbo.predictions WHERE prediction_id > 120;") == [(7,)]


def test_a_model_that_cannot_score_stops_no_other(
    database: Connection, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named in the last line with its error; a percent sign in its name is a sign like any other."""
    run(database, "UPDATE dbo.classifiers SET model = 0x00 WHERE name = N'100% linear';")
    assert _job(file, "score") == 1
    out = capsys.readouterr().out
    assert out.startswith("score: failed after ")
    assert "1 of 2 models failed" in out
    assert "100% linear version 1: error 50105" in out
    assert rows(database, COUNT) == [(120,)]


def test_where_no_python_runs_scores_are_made_in_t_sql(
    database: Connection, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same scores within 1e-9, by ScoreNewScansSql."""
    assert _job(file, "score") == 0
    known = dict(rows(database, "SELECT 1000 * classifier_id + scan_id, raw_probability FROM dbo.predictions;"))
    run(database, "DELETE FROM dbo.predictions; DROP PROCEDURE dbo.ScoreNewScans;")
    capsys.readouterr()
    assert _job(file, "score") == 0
    assert "dbo.ScoreNewScansSql has done all of it." in capsys.readouterr().out
    found = dict(rows(database, "SELECT 1000 * classifier_id + scan_id, raw_probability FROM dbo.predictions;"))
    assert found == pytest.approx(known, abs=1e-9)
    assert len(found) == 240


@pytest.mark.parametrize("job", ["features", "drift"])
def test_what_needs_python_says_so_where_there_is_none(
    sql_only_file: Path, tmp_path: Path, job: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence of what is not there and one of what to do."""
    assert _job(copy_to(tmp_path, sql_only_file), job) == 1
    out = capsys.readouterr().out
    assert "The database has no procedure dbo." in out
    assert "external scripts, which are not installed there" in out


def test_features_are_made_that_served_models_read_and_no_others(done_file: Path, tmp_path: Path) -> None:
    """Two scans lost theirs: they get bit for bit what they had, of the pooling that the model reads alone."""
    file = copy_to(tmp_path, done_file)
    vectors = "SELECT scan_id, pooling, vector FROM dbo.pooled_features WHERE pooling = N'mean' ORDER BY scan_id;"
    with closing(connect(target_of(file))) as connection:
        before = rows(connection, vectors)
        run(connection, MISSING)
        assert _job(file, "features") == 0
        assert rows(connection, vectors) == before
        others = "SELECT COUNT(*) FROM dbo.pooled_features WHERE pooling = N'max' AND scan_id IN (2, 5);"
        assert rows(connection, others) == [(0,)]
        run(connection, "DELETE FROM dbo.runs;")
        assert _job(file, "features") == 0
        assert rows(connection, "SELECT total FROM dbo.runs WHERE procedure_name = N'GenerateFeatures';") == [(0,)]


def test_a_broken_network_fails_the_job_and_not_silently(
    done_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line says which features and which error."""
    file = copy_to(tmp_path, done_file)
    with closing(connect(target_of(file))) as connection:
        run(connection, f"{MISSING} UPDATE dbo.networks SET sha256 = 0x00;")
        assert _job(file, "features") == 1
        out = capsys.readouterr().out
        assert "1 of 1 kinds of features could not be made" in out
        assert "layer penultimate" in out.lower()
        assert "error 50105" in out


def test_a_second_process_does_nothing_and_says_so(
    database: Connection, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its status is its own, 75; another job is not held up; when the first has ended it is done."""
    assert rows(database, LOCK) == [(0,)]
    assert _job(file, "score") == 75
    assert capsys.readouterr().out == (
        "score: not done. Another process does the job score on this database. This one did nothing.\n"
    )
    assert rows(database, COUNT) == [(0,)]
    assert _job(file, "features") == 0
    run(database, "EXECUTE sp_releaseapplock @Resource = N'lungdb job score', @LockOwner = 'Session';")
    assert _job(file, "score") == 0


def test_the_check_finds_damage_and_the_job_fails(
    done_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What lungdb check finds; without damage the status is 0."""
    file = copy_to(tmp_path, done_file)
    assert _job(file, "check") == 0
    assert "No fault was found." in capsys.readouterr().out
    with closing(connect(target_of(file))) as connection:
        run(connection, "UPDATE dbo.classifiers SET model = 0x00;")
    assert _job(file, "check") == 1
    printed = capsys.readouterr()
    assert "Models that do not match their SHA-256: classifier_id 1" in printed.err
    assert printed.out.startswith("check: failed after ")


def test_old_runs_and_audit_go_each_after_its_own_days(database: Connection, file: Path) -> None:
    """The log keeps 365 days and the audit ten years, unless told otherwise; what is newer stays."""
    run(
        database,
        "DELETE FROM dbo.runs; INSERT INTO dbo.runs (procedure_name, status, started_at, ended_at) "
        "SELECT N'GenerateFeatures', 'done', d.at, d.at FROM (VALUES (DATEADD(DAY, -366, SYSUTCDATETIME())), "
        "(DATEADD(DAY, -364, SYSUTCDATETIME()))) AS d (at);"
        "INSERT INTO dbo.audit (at, action, outcome) "
        "SELECT d.at, 'sign in', 'ok' FROM (VALUES (DATEADD(DAY, -3651, SYSUTCDATETIME())), "
        "(DATEADD(DAY, -3649, SYSUTCDATETIME()))) AS d (at);",
    )
    kept = (
        "SELECT COUNT(*) FROM dbo.runs WHERE procedure_name = N'GenerateFeatures';",
        "SELECT COUNT(*) FROM dbo.audit;",
    )
    assert _job(file, "purge") == 0
    assert [rows(database, sql) for sql in kept] == [[(1,)], [(1,)]]
    assert _job(file, "purge", "--keep-days", "363", "--keep-audit-days", "3648") == 0
    assert [rows(database, sql) for sql in kept] == [[(0,)], [(0,)]]
    assert _job(file, "purge", "--keep-days", "0") == 1


def test_options_of_another_job_are_refused(file: Path) -> None:
    """With the status of wrong usage, as is no job at all."""
    for arguments in (("score", "--days", "3"), ("purge", "--model", "a"), (), ("nightly",)):
        with pytest.raises(SystemExit) as caught:
            _job(file, *arguments)
        assert caught.value.code == 2


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong path in a crontab leaves no empty database behind."""
    assert _job(tmp_path / NAME, "score") == 1
    assert "file is not there" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_jobs_are_listed_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each, and none is done."""
    assert main(["job", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["features", "score", "drift", "purge", "check"] == list(JOBS)
