"""Loaders leave their runs in the log, say nothing of patients in it, and load without it too."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli import load_labels, load_patients
from lungdb.database import Connection, connect, run
from lungdb.database.retrying import retried
from lungdb.database.run_log import logged_load
from lungdb.errors import LungdbError, SqlError
from tests.support.databases import copy_to, refused, rows, target_of

LOGGED = "SELECT procedure_name, state, scans, slices, failed, result, error FROM dbo.run_log ORDER BY run_id;"
LABELS = "id,cancer\npatient 0001,1\nnobody 77,1\n"


def test_a_load_is_a_run_with_its_counts_and_arguments(installed: Connection) -> None:
    """While it goes on it runs; then it is done, with scans, slices and what was not taken, and has a rate."""
    with logged_load(installed, "load-scans", {"replace": True, "series_rule": None}) as load:
        run(installed, "EXECUTE dbo.PurgeLog @KeepDays = 1;")  # has a run of its own
        assert rows(installed, LOGGED)[0][:2] == ("load-scans", "running")
        assert rows(installed, "EXECUTE dbo.ListRuns;")[1][2] == "running"
        load.scans, load.slices, load.failed, load.result = 3, 120, 2, "3 loaded"
    assert rows(installed, LOGGED)[0] == ("load-scans", "done", 3, 120, 2, "3 loaded", None)
    [(arguments,)] = rows(installed, "SELECT arguments FROM dbo.runs WHERE run_id = 1;")
    assert json.loads(arguments) == {"replace": True, "series_rule": None}
    assert rows(installed, "SELECT procedure_name, runs, scans, slices FROM dbo.run_rates;") == [
        ("load-scans", 1, 3, 120)
    ]


@pytest.mark.parametrize("error", [LungdbError("Jane Doe has no label."), KeyboardInterrupt()])
def test_a_load_that_an_error_ends_is_a_failed_run_without_its_words(
    installed: Connection, error: BaseException
) -> None:
    """An error's message may name a patient or a file: the log has its kind. It is raised all the same."""
    with pytest.raises(type(error)), logged_load(installed, "load-labels", {}):
        raise error
    [(_, state, *_, said)] = rows(installed, LOGGED)
    assert state == "failed"
    assert said == f"Ended by {type(error).__name__}; what was committed stays."


@pytest.mark.parametrize(
    "damage",
    [
        "DROP PROCEDURE dbo.StartLoad;",
        "DROP PROCEDURE dbo.EndLoad;",
        "ALTER TABLE dbo.runs ADD CONSTRAINT CK_full CHECK (run_id < 0);",
        "ALTER TABLE dbo.run_steps ADD CONSTRAINT CK_full CHECK (run_id < 0);",
    ],
)
def test_a_load_goes_on_without_a_log(installed: Connection, damage: str) -> None:
    """Of an older schema, or a log that is full: what is loaded in the block is loaded."""
    run(installed, damage)
    with logged_load(installed, "load-labels", {}):
        run(installed, "INSERT INTO dbo.settings (name, value) VALUES (N'loaded', N'1');")
    assert rows(installed, "SELECT COUNT(*) FROM dbo.settings WHERE name = N'loaded';") == [(1,)]


def test_commands_that_load_leave_runs(featured_file: Path, tmp_path: Path) -> None:
    """load-labels and load-patients of a patient and somebody unknown: two runs, each with one that was not taken."""
    target = target_of(copy_to(tmp_path, featured_file))
    with closing(connect(target)) as connection:
        run(connection, "INSERT INTO dbo.settings (name, value) VALUES (N'id_mode', N'kept');")
    (tmp_path / "labels.csv").write_text(LABELS, encoding="utf-8")
    people = "patient_id,display_name,sex,birth_year\npatient 0001,Joe Bloggs,M,1950\nnobody 77,Jane Doe,F,1950\n"
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    assert load_labels.main([str(tmp_path / "labels.csv"), "-d", target]) == 0
    assert load_patients.main([str(tmp_path / "people.csv"), "-d", target]) == 0
    with closing(connect(target)) as connection:
        found = rows(connection, LOGGED)
        texts = rows(connection, "SELECT CONCAT(r.arguments, r.result, r.message) FROM dbo.runs AS r;")
    assert [(name, state, failed) for name, state, _, _, failed, _, _ in found] == [
        ("load-labels", "done", 1),
        ("load-patients", "done", 1),
    ]
    assert [text for (text,) in texts if "nobody 77" in text or "0001" in text or "Doe" in text] == []


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("StartLoad", "NULL for the parameter @Loader"),
        ("StartLoad @Loader = N'DROP TABLE'", "'DROP TABLE' for the parameter @Loader"),
        ("StartLoad @Loader = N'load-scans', @Arguments = N'no'", "@Arguments is no JSON object"),
        ("StartLoad @Loader = N'load-scans', @Arguments = N'[1]'", "@Arguments is no JSON object"),
        ("StoreIdentity", "NULL for the parameter @Mode"),
        ("StoreIdentity @Mode = N'100%'", "'100%' for the parameter @Mode"),
        ("StoreIdentity @Mode = N'kept', @KeyCheck = N'0123456789abcdef'", "mode keyed alone"),
        ("StoreIdentity @Mode = N'keyed'", "16 hexadecimal digits"),
        ("StoreIdentity @Mode = N'keyed', @KeyCheck = N'0123456789abcdeg'", "16 hexadecimal digits"),
        ("EndLoad @RunId = 7", "7 for the parameter @RunId"),
        ("EndLoad @RunId = 7, @Slices = -1", "counts, 0 and up"),
    ],
)
def test_nonsense_is_refused(installed: Connection, call: str, named: str) -> None:
    """No name, a name of other signs, no JSON object, a run that this session did not begin."""
    assert named in refused(installed, f"EXECUTE dbo.{call};", 50101)


def test_a_run_of_another_session_cannot_be_ended(installed: Connection, tmp_path: Path) -> None:
    """Only the session that has its lock."""
    (file,) = tmp_path.glob("*.db")
    with closing(connect(target_of(file))) as other, logged_load(other, "load-scans", {}):
        assert "gave this session" in refused(installed, "EXECUTE dbo.EndLoad @RunId = 1;", 50101)


def test_a_run_whose_session_was_lost_can_be_ended_by_the_next(installed: Connection, tmp_path: Path) -> None:
    """A loader that opened its connection again ends its run there, once, and the result says what was done again."""
    (file,) = tmp_path.glob("*.db")
    errors = [SqlError(1205, "deadlock")]

    def store() -> None:
        if errors:
            raise errors.pop()

    with closing(connect(target_of(file))) as lost:
        with logged_load(lost, "load-scans", {}) as load:
            load.result = "3 loaded"
            retried(store, say=lambda _: None, first_seconds=0.001)
        run(lost, "EXECUTE dbo.StartLoad @Loader = N'load-images';")
    run(installed, "EXECUTE dbo.EndLoad @RunId = 2, @Result = N'4 loaded';")
    refused(installed, "EXECUTE dbo.EndLoad @RunId = 2;", 50101)
    assert rows(installed, "SELECT status, result FROM dbo.runs ORDER BY run_id;") == [
        ("done", "3 loaded; done again after error 1205 1 times"),
        ("done", "4 loaded"),
    ]


def test_the_identity_is_written_before_the_first_patient_and_never_after(installed: Connection) -> None:
    """The two settings and no other; who may load may not turn a keyed database into one that keeps ids."""
    before = rows(installed, "SELECT name, value FROM dbo.settings ORDER BY name;")
    run(installed, "EXECUTE dbo.StoreIdentity @Mode = N'kept';")
    run(installed, "EXECUTE dbo.StoreIdentity @Mode = N'keyed', @KeyCheck = N'0123456789abcdef';")
    stored = [("id_key_check", "0123456789abcdef"), ("id_mode", "keyed")]
    assert rows(installed, "SELECT name, value FROM dbo.settings ORDER BY name;") == sorted([*before, *stored])
    run(installed, "INSERT INTO dbo.patients (idx, patient_id) VALUES (0, N'a');")
    assert "holds patients" in refused(installed, "EXECUTE dbo.StoreIdentity @Mode = N'kept';", 50434)
    assert rows(installed, "SELECT value FROM dbo.settings WHERE name = N'id_mode';") == [("keyed",)]
