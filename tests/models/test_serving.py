"""A name serves its champion: what is served and why, what changes it, and how often test figures were looked at."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, install, run
from tests.old_schema import unpack_schema_7
from tests.support.databases import copy_to, fill, refused, rows, said, target_of, vectors_and_labels
from tests.support.fixtures import WIDTH

STATUS = "SELECT version, reason, newest_version, versions FROM dbo.model_status WHERE name = N'lightgbm_sql';"
PREDICT = "EXECUTE dbo.PredictLungCancer @PatientIndex = 7;"


def _scores(connection: Connection) -> list[tuple[int, float]]:
    return rows(connection, "EXECUTE dbo.PredictPatients;")


def test_training_again_changes_no_served_score(trained_file: Path, tmp_path: Path) -> None:
    """With other settings, and after another network's features were made, which were taken in silence once."""
    with closing(connect(target_of(copy_to(tmp_path, trained_file)))) as connection:
        before = _scores(connection)
        run(connection, "EXECUTE dbo.TrainLungCancerModel @LearningRate = 0.3, @Seed = 1;")
        assert _scores(connection) == before
        run(connection, "EXECUTE dbo.PromoteModel @Version = 3, @Force = 1;")
        assert _scores(connection) != before


def test_the_first_version_is_the_champion_and_the_message_says_what_is_served(featured: Connection) -> None:
    """The second is not; the message names the call that promotes it, which works as it stands."""
    assert "lightgbm_sql stands for version 1, the champion as the first version of the name." in said(
        featured, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 3;"
    )
    message = said(featured, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 30;")
    assert "lightgbm_sql stands for version 1" in message
    call = "EXECUTE dbo.PromoteModel @ModelName = N'lightgbm_sql', @Version = 2;"
    assert call in message
    run(featured, call.replace(";", ", @Force = 1;"))
    assert rows(featured, "EXECUTE dbo.FindModel;")[0][2] == 2


def test_the_setting_newest_serves_what_was_trained_last(trained: Connection) -> None:
    """And says so; a version asked for is taken all the same, and champion is the default."""
    assert rows(trained, STATUS) == [(1, "the champion as the first version of the name", 2, 2)]
    run(trained, "UPDATE dbo.settings SET value = N'newest' WHERE name = N'serve';")
    assert rows(trained, STATUS) == [(2, "the newest version, because the setting serve is newest", 2, 2)]
    assert rows(trained, "EXECUTE dbo.FindModel;") == [(2, "lightgbm_sql", 2, False)]
    assert rows(trained, "EXECUTE dbo.FindModel @Version = 1;") == [(1, "lightgbm_sql", 1, True)]
    run(trained, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 2;")
    assert rows(trained, "EXECUTE dbo.FindModel;")[0][2] == 3
    assert "Served is version 3, because the setting serve is newest" in said(
        trained, "EXECUTE dbo.PromoteModel @Version = 2, @Force = 1;"
    )
    run(trained, "DELETE FROM dbo.settings WHERE name = N'serve';")
    assert rows(trained, "EXECUTE dbo.FindModel;")[0][2] == 2


@pytest.mark.parametrize("value", ["latest 100%", "", "champion "])
def test_another_value_of_the_setting_is_refused(trained: Connection, value: str) -> None:
    """With the value, by whatever has no version given; trailing blanks are none to T-SQL."""
    run(trained, "UPDATE dbo.settings SET value = ? WHERE name = N'serve';", (value,))
    if value.strip() == "champion":
        assert rows(trained, "EXECUTE dbo.FindModel;")[0][2] == 1
        return
    for call in ("PredictLungCancer @PatientIndex = 1", "PredictPatients", "FindModel", "WrongCases"):
        assert f"The setting serve is '{value}'" in refused(trained, f"EXECUTE dbo.{call};", 50101)
    assert rows(trained, "EXECUTE dbo.FindModel @Version = 2;")[0][2] == 2


def test_a_name_without_a_champion_keeps_what_it_served_when_a_version_is_stored(trained: Connection) -> None:
    """A name whose versions were inserted by hand: its newest is served, before and after the next training."""
    run(trained, "DELETE FROM dbo.model_promotions;")
    assert rows(trained, STATUS) == [(2, "the newest version, because none is the champion", 2, 2)]
    before = _scores(trained)
    run(trained, "EXECUTE dbo.TrainLungCancerModel @LearningRate = 0.3;")
    assert _scores(trained) == before
    expected = "the champion as the version that was served before another was stored"
    assert rows(trained, STATUS) == [(2, expected, 3, 3)]


def test_an_upgrade_promotes_what_was_served_and_leaves_champions_alone(tmp_path: Path) -> None:
    """The newest version of a name without a champion; recorded as such, and once however often it is installed."""
    with closing(connect(target_of(unpack_schema_7(tmp_path)))) as connection:
        install(connection)
        install(connection)
        found = rows(
            connection,
            "SELECT name, version, metric, CAST(forced AS INT) FROM dbo.promotion_history ORDER BY promotion_id;",
        )
        assert [row for row in found if row[0] == "kept"] == [("kept", 2, "migration", 0)]
        assert [row[:2] for row in found if row[0] == "promoted"] == [("promoted", 1)]
        assert rows(connection, "SELECT name, version FROM dbo.model_status ORDER BY name;") == [
            ("kept", 2),
            ("promoted", 1),
        ]


def test_a_promotion_is_told_with_its_figures(trained: Connection) -> None:
    """By whom, when, by which figure, and whether by force."""
    run(trained, "EXECUTE dbo.PromoteModel @Version = 2, @Force = 1;")
    [(value, previous, by)] = rows(
        trained,
        "SELECT TOP (1) value, previous_value, promoted_by FROM dbo.model_promotions ORDER BY promotion_id DESC;",
    )
    [(reason, promoted_by)] = rows(
        trained, "SELECT reason, promoted_by FROM dbo.model_status WHERE name = N'lightgbm_sql';"
    )
    assert reason == f"the champion by auc {value:.4f}, before {previous:.4f}, by force"
    assert promoted_by == by


def test_looks_at_the_test_part_are_counted_by_version_and_name(trained: Connection) -> None:
    """Each computation of test figures after training once for each version; a refused one is none."""
    looks = "SELECT name, version, test_looks FROM dbo.model_versions WHERE name = N'lightgbm_sql' ORDER BY version;"
    assert rows(trained, looks) == [("lightgbm_sql", 1, 0), ("lightgbm_sql", 2, 0)]
    run(trained, "EXECUTE dbo.CompareModels @A = N'lightgbm_sql', @B = N'lightgbm_sql', @VersionB = 2;")
    run(trained, "EXECUTE dbo.CompareFigures @A = N'lightgbm_sql', @B = N'100% linear';")
    run(trained, "EXECUTE dbo.WrongCases @Version = 2;")
    run(trained, "EXECUTE dbo.RecordLook @LookedWith = N'notebook';")
    refused(trained, "EXECUTE dbo.WrongCases @Threshold = 101;", 50101)
    assert "@LookedWith" in refused(trained, "EXECUTE dbo.RecordLook;", 50101)
    assert rows(trained, looks) == [("lightgbm_sql", 1, 3), ("lightgbm_sql", 2, 2)]
    status = "SELECT test_looks, test_looks_of_name FROM dbo.model_status WHERE name = N'lightgbm_sql';"
    assert rows(trained, status) == [(3, 5)]
    run(trained, "EXECUTE dbo.PromoteModel @Version = 2, @Force = 1;")
    assert rows(trained, status) == [(2, 5)]
    run(trained, PREDICT)
    assert rows(trained, status) == [(2, 5)]


def test_several_scans_of_a_patient_are_compared_scan_by_scan(installed: Connection) -> None:
    """Two members of each patient in both runs make two pairs of him, of the same scan each; he counts once."""
    fill(installed, *vectors_and_labels(60, WIDTH, signal=2.0, seed=3), WIDTH)
    run(installed, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 5;")
    run(installed, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 5, @Seed = 8;")
    run(
        installed,
        "INSERT INTO dbo.experiment_patients (experiment_id, patient_id, part, fold, probability, scan_id, "
        "vector_sha256, label, raw, out_of_fold, member) SELECT experiment_id, patient_id, part, fold, 0.25, "
        "scan_id + 1000, vector_sha256, label, raw, out_of_fold, 1 FROM dbo.experiment_patients;",
    )
    [(members,)] = rows(
        installed, "SELECT COUNT(*) FROM dbo.experiment_patients WHERE experiment_id = 1 AND part = 'train';"
    )
    text = "DECLARE @N INT, @A FLOAT, @B FLOAT; CREATE TABLE #pairs (patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT "
    text += "NOT NULL, label INT NOT NULL, a FLOAT NOT NULL, b FLOAT NOT NULL); EXECUTE internal.MeasurePairs 1, 2, "
    text += (
        "N'auc', 0, @N OUTPUT, @A OUTPUT, @B OUTPUT; SELECT @N, COUNT(*), SUM(CASE WHEN a = 0.25 AND b = 0.25 THEN 1 "
    )
    text += "ELSE 0 END) FROM #pairs;"
    assert rows(installed, text) == [(members // 2, members, members // 2)]
