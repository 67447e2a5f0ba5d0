"""`lungdb check` finds what is wrong with evaluations, drift checks and the data sets that they were made on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from lungdb.operating import checking
from lungdb.operating.evaluations import EVALUATION_CHECKS
from tests.evaluation.test_check_drift import add_patients
from tests.support.databases import copy_to, target_of
from tests.support.once import Once


@pytest.fixture(scope="session")
def evaluated_file(once: Once, measurable_file: Path) -> Path:
    """Two evaluations on one data set, one with subgroups, and a drift check."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, measurable_file)
        with closing(connect(target_of(file))) as connection:
            add_patients(connection, 20, seed=1)
            for _ in range(2):
                run(connection, "EXECUTE dbo.EvaluateModel @Dataset = N'held out', @Subgroups = N'sex';")
            run(connection, "EXECUTE dbo.CheckDrift @Dataset = N'later';")
        return file

    return once("evaluated", make)


@pytest.fixture
def file(evaluated_file: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return copy_to(tmp_path, evaluated_file)


@pytest.fixture
def connection(file: Path) -> Iterator[Connection]:
    """A connection to the copy."""
    with closing(connect(target_of(file))) as opened:
        yield opened


def found(connection: Connection) -> list[str]:
    """Give the faults that speak of evaluations, drift checks or data sets."""
    faults: list[str] = []
    checking.check(connection, faults.append, lambda what, done, total: None)
    words = ("evaluation", "drift", "data sets")
    return [fault for fault in faults if any(word in fault.lower() for word in words)]


# What is changed, and what is then said.
DAMAGE = {
    "a member of a set": (
        "UPDATE dbo.dataset_members SET content_sha256 = 0x00 WHERE dataset_version_id = 2 AND position = 1;",
        "Versions of data sets whose members are not those of their SHA-256: dataset_version_id 2, name everybody, ",
    ),
    "a member away": (
        "DELETE FROM dbo.dataset_members WHERE dataset_version_id = 2 AND position = 1;",
        "Versions of data sets whose members are not those of their SHA-256: dataset_version_id 2, name everybody, ",
    ),
    "another vector": (
        "UPDATE dbo.pooled_features SET vector_sha256 = 0x00 WHERE scan_id = "
        "(SELECT MIN(scan_id) FROM dbo.evaluation_scores);",
        "Evaluations of scans or features that are gone or are others now: evaluation_id 2, scans 1 (1 in all).",
    ),
    "a vector away": (
        "DELETE FROM dbo.pooled_features WHERE scan_id = (SELECT MIN(scan_id) FROM dbo.evaluation_scores);",
        "Evaluations of scans or features that are gone or are others now: evaluation_id 2, scans 1 (1 in all).",
    ),
    "another scan": (
        "UPDATE dbo.scans SET content_sha256 = HASHBYTES('SHA2_256', N'other') WHERE scan_id = "
        "(SELECT MIN(scan_id) FROM dbo.evaluation_scores);",
        "Evaluations on data sets of which members are gone or are others now: evaluation_id 2, members 1 (1 in all).",
    ),
    "a score away": (
        "DELETE FROM dbo.evaluation_scores WHERE evaluation_id = 1 AND scan_id = "
        "(SELECT MIN(scan_id) FROM dbo.evaluation_scores);",
        "Evaluations that count other patients or scans than they have scores of: evaluation_id 1 (1 in all).",
    ),
    "no figures": (
        "DELETE FROM dbo.evaluation_metrics WHERE evaluation_id = 2 AND group_id = 0;",
        "Evaluations without figures of all their scans: evaluation_id 2 (1 in all).",
    ),
    "an AUC above 1": (
        "UPDATE dbo.evaluation_metrics SET value = 1.01 WHERE evaluation_id = 1 AND group_id = 0 "
        "AND source = 'model' AND metric = N'auc';",
        "Figures of evaluations that are out of their range: evaluation_id 1, group_id 0, source model, metric auc (1 ",
    ),
    "an interval turned round": (
        "UPDATE dbo.evaluation_metrics SET low = high, high = low WHERE evaluation_id = 1 AND group_id = 1 "
        "AND source = 'columns' AND metric = N'brier';",
        "group_id 1, source columns, metric brier (1 in all).",
    ),
    "a negative count": (
        "UPDATE dbo.evaluation_metrics SET value = -1 WHERE evaluation_id = 2 AND group_id = 0 "
        "AND source = 'model' AND metric = N'true_positives_at_50';",
        "group_id 0, source model, metric true_positives_at_50 (1 in all).",
    ),
    "another Brier score": (
        "UPDATE dbo.evaluation_metrics SET value = 0.1 WHERE evaluation_id = 2 AND group_id = 0 "
        "AND source = 'model' AND metric = N'brier';",
        "Evaluations whose Brier score is not that of their scores: evaluation_id 2 (1 in all).",
    ),
    "a small subgroup": (
        "UPDATE dbo.evaluation_groups SET patients = 9 WHERE evaluation_id = 1 AND group_id = 1;",
        "Subgroups of evaluations of more scans than the evaluation, or of fewer than ten patients: evaluation_id 1, ",
    ),
    "a point above a curve": (
        "UPDATE dbo.evaluation_curves SET y = 1.5 WHERE evaluation_id = 1 AND source = 'model' AND curve = N'roc' "
        "AND position = 3;",
        "outside their axes: evaluation_id 1, source model, curve roc, position 3 (1 in all).",
    ),
    "drift without items": (
        "DELETE FROM dbo.drift_items;",
        "Drift checks without items, or whose largest difference is not that of their items: drift_check_id 1 (1 in ",
    ),
}


def test_evaluations_as_they_were_made_have_no_fault(connection: Connection) -> None:
    """Each check has rows to look at."""
    assert found(connection) == []
    for each in EVALUATION_CHECKS:
        assert not each.keys or run(connection, each.keys)[-1].rows, each.says


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_to_an_evaluation_is_found_and_named(connection: Connection, what: str) -> None:
    """What was changed, by the numbers of its rows, and no patient."""
    sql, said = DAMAGE[what]
    run(connection, sql)
    text = "\n".join(found(connection))
    assert said in text
    assert "patient_id" not in text


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("classifiers", "FK_evaluations_classifiers of dbo.evaluations does not allow: number_of_rows 2"),
        ("dataset_versions", "FK_evaluations_dataset_versions of dbo.evaluations does not allow: number_of_rows 2"),
        ("evaluations", "FK_evaluation_scores_evaluations of dbo.evaluation_scores does not allow"),
    ],
)
def test_evaluations_whose_model_or_set_another_program_has_removed_are_found(
    file: Path, table: str, said: str
) -> None:
    """With SQLite's own enforcement off."""
    with closing(sqlite3.connect(file)) as raw, raw:
        raw.create_collation("tsql_text", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
        raw.execute(f"DELETE FROM {table}")
    with closing(connect(target_of(file))) as connection:
        assert said in "\n".join(found(connection))


def test_measuring_again_takes_the_place_of_an_evaluation_whose_scans_were_replaced(connection: Connection) -> None:
    """The fault that is told is told no more, though the earlier evaluation is kept."""
    run(
        connection,
        "UPDATE dbo.scans SET content_sha256 = HASHBYTES('SHA2_256', N'other') WHERE scan_id = "
        "(SELECT MIN(scan_id) FROM dbo.evaluation_scores);",
    )
    assert len(found(connection)) == 1
    run(
        connection,
        "EXECUTE dbo.CreateDataset @Name = N'held out', @Query = N'SELECT s.scan_id FROM dbo.scans AS s "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id WHERE p.part = ''test''';"
        "EXECUTE dbo.EvaluateModel @Dataset = N'held out';",
    )
    assert found(connection) == []
