"""PromoteModel, RollbackModel, DeleteModel: which version a name stands for, and what is kept."""

from __future__ import annotations

import pytest
from sklearn.metrics import roc_auc_score

from lungdb.database import Connection, run
from tests.support.databases import refused, rows, said

LINEAR = "N'100% linear'"


def _versions_used(connection: Connection) -> list[int]:
    """Give the version by which each prediction was made."""
    sql = (
        "SELECT c.version FROM dbo.predictions AS p INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = p.classifier_id ORDER BY p.prediction_id;"
    )
    return [version for (version,) in rows(connection, sql)]


def _auc(connection: Connection, experiment: int) -> float:
    sql = (
        "SELECT label, probability FROM dbo.experiment_patients "
        "WHERE experiment_id = ? AND out_of_fold = 1 AND part <> 'test';"
    )
    labels, scores = zip(*rows(connection, sql, (experiment,)), strict=True)
    return float(roc_auc_score(labels, scores))


def test_a_name_means_its_champion_which_is_its_first_version_until_another_is_promoted(trained: Connection) -> None:
    """Before, between and after promotions, rollbacks and trainings, and an explicit version over all."""
    predict = "EXECUTE dbo.PredictLungCancer @PatientIndex = 0"
    run(trained, f"{predict};")
    run(trained, "EXECUTE dbo.PromoteModel @Version = 2, @Force = 1;")
    run(trained, f"{predict};")
    run(trained, f"{predict}, @Version = 1;")
    run(trained, "EXECUTE dbo.TrainLungCancerModel @Seed = 4;")
    run(trained, f"{predict};")
    run(trained, "EXECUTE dbo.PredictPatients @Patients = N'5';")
    run(trained, "EXECUTE dbo.RollbackModel;")
    run(trained, f"{predict};")
    assert _versions_used(trained) == [1, 2, 1, 2, 2, 1]


def test_find_model_says_which_version_a_name_stands_for(trained: Connection) -> None:
    """The first, then the one promoted, then the one asked for; what is not there is refused with what is."""
    assert rows(trained, "EXECUTE dbo.FindModel;") == [(1, "lightgbm_sql", 1, True)]
    run(trained, "EXECUTE dbo.PromoteModel @Version = 2, @Force = 1;")
    assert rows(trained, "EXECUTE dbo.FindModel @ModelName = N'LIGHTGBM_SQL';") == [(2, "lightgbm_sql", 2, True)]
    assert rows(trained, "EXECUTE dbo.FindModel @Version = 1;") == [(1, "lightgbm_sql", 1, False)]
    assert rows(trained, f"EXECUTE dbo.FindModel @ModelName = {LINEAR};") == [(3, "100% linear", 1, True)]
    assert "1 to 2" in refused(trained, "EXECUTE dbo.FindModel @Version = 9;", 50108)
    assert "lightgbm_sql" in refused(trained, "EXECUTE dbo.FindModel @ModelName = N'no such';", 50108)


def test_a_worse_version_is_refused_with_both_figures(trained: Connection) -> None:
    """The message has scikit-learn's AUC of both on the same patients; @Force = 1 promotes and records it."""
    one, two = _auc(trained, 1), _auc(trained, 2)
    better, worse = (1, 2) if one > two else (2, 1)
    run(trained, f"EXECUTE dbo.PromoteModel @Version = {worse}, @Force = 1;")
    run(trained, f"EXECUTE dbo.PromoteModel @Version = {better};")
    message = refused(trained, f"EXECUTE dbo.PromoteModel @Version = {worse};", 50141)
    assert f"{min(one, two):.4f}" in message
    assert f"{max(one, two):.4f}" in message
    run(trained, f"EXECUTE dbo.PromoteModel @Version = {worse}, @Force = 1;")
    found = rows(
        trained,
        "SELECT c.version, p.forced, p.value, p.previous_value, p.metric, p.promoted_by FROM dbo.model_promotions AS p "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = p.classifier_id "
        "WHERE p.name = N'lightgbm_sql' ORDER BY p.promotion_id DESC;",
    )
    assert [row[:2] for row in found[:2]] == [(worse, True), (better, False)]
    assert found[1][2:4] == (pytest.approx(max(one, two)), pytest.approx(min(one, two)))
    assert found[0][2:5] == (pytest.approx(min(one, two)), pytest.approx(max(one, two)), "auc")
    assert found[0][5]


def test_log_loss_is_better_when_it_is_less(trained: Connection) -> None:
    """The version with the larger log loss is refused after the other, and the other way round it is taken."""
    losses = dict(
        rows(
            trained,
            "SELECT experiment_id, AVG(-LOG(CASE WHEN label = 1 THEN probability ELSE 1 - probability END)) "
            "FROM dbo.experiment_patients WHERE out_of_fold = 1 AND part <> 'test' GROUP BY experiment_id;",
        )
    )
    better, worse = (1, 2) if losses[1] < losses[2] else (2, 1)
    if better == 2:
        run(trained, "EXECUTE dbo.PromoteModel @Version = 2, @Metric = N'log_loss';")
    refused(trained, f"EXECUTE dbo.PromoteModel @Version = {worse}, @Metric = N'log_loss';", 50141)
    run(trained, f"EXECUTE dbo.PromoteModel @Version = {worse}, @Metric = N'log_loss', @Force = 1;")
    run(trained, f"EXECUTE dbo.PromoteModel @Version = {better}, @Metric = N'log_loss';")
    assert rows(trained, "EXECUTE dbo.FindModel;")[0][2] == better


def test_only_common_training_patients_are_compared(trained: Connection) -> None:
    """A version without out-of-fold scores has none in common: 50144 with the remedy, unless forced."""
    run(trained, "EXECUTE dbo.TrainLungCancerModel @Folds = 0, @Calibration = N'none';")
    message = refused(trained, "EXECUTE dbo.PromoteModel @Version = 3;", 50144)
    assert "0 out-of-fold scores of training patients in common" in message
    assert "with folds" in message
    run(trained, "EXECUTE dbo.PromoteModel @Version = 3, @Force = 1;")
    assert rows(trained, "SELECT value, previous_value FROM dbo.model_promotions WHERE forced = 1;") == [(None, None)]


def test_the_test_part_has_no_say_in_a_promotion(trained: Connection) -> None:
    """Whatever the scores of test patients are, the same version is refused with the same figures."""
    one, two = _auc(trained, 1), _auc(trained, 2)
    better, worse = (1, 2) if one > two else (2, 1)
    run(trained, f"EXECUTE dbo.PromoteModel @Version = {better}, @Force = 1;")
    call = f"EXECUTE dbo.PromoteModel @Version = {worse};"
    before = refused(trained, call, 50141)
    run(
        trained,
        "UPDATE dbo.experiment_patients SET probability = CASE WHEN experiment_id = ? THEN label ELSE 1 - label END "
        "WHERE part = 'test';",
        (worse,),
    )
    assert refused(trained, call, 50141) == before


def test_rollbacks_go_back_one_promotion_each(trained: Connection) -> None:
    """Version 1 by itself, then 2, 1 promoted; two rollbacks give 2 and 1, and keep every promotion; no third."""
    for version in (2, 1):
        run(trained, f"EXECUTE dbo.PromoteModel @Version = {version}, @Force = 1;")
    champion = (
        "SELECT c.version FROM dbo.champions AS ch "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = ch.classifier_id WHERE c.name = N'lightgbm_sql';"
    )
    champions = [rows(trained, champion)]
    for _ in range(2):
        run(trained, "EXECUTE dbo.RollbackModel;")
        champions.append(rows(trained, champion))
    assert champions == [[(1,)], [(2,)], [(1,)]]
    kept = "SELECT COUNT(*) FROM dbo.model_promotions WHERE rolled_back_at IS NOT NULL AND rolled_back_by IS NOT NULL;"
    assert rows(trained, kept) == [(2,)]
    assert "no champion before version 1" in refused(trained, "EXECUTE dbo.RollbackModel;", 50142)


def test_the_champion_promoted_again_is_left_as_it_is(trained: Connection) -> None:
    """No second row, and a message that says so."""
    run(trained, "EXECUTE dbo.PromoteModel @Force = 1;")
    assert "version 2 is the champion already" in said(trained, "EXECUTE dbo.PromoteModel;")
    assert rows(trained, "SELECT COUNT(*) FROM dbo.model_promotions WHERE name = N'lightgbm_sql';") == [(2,)]


def test_a_name_with_a_percent_sign_is_a_name_like_any_other(trained: Connection) -> None:
    """Promotion, score, rollback and deletion of '100% linear'."""
    run(trained, f"EXECUTE dbo.TrainLungCancerModel @ModelName = {LINEAR}, @Algorithm = N'logistic', @L2 = 9;")
    assert "100% linear version 2 is the champion now" in said(
        trained, f"EXECUTE dbo.PromoteModel @ModelName = {LINEAR}, @Force = 1;"
    )
    run(trained, f"EXECUTE dbo.PredictLungCancer @PatientIndex = 1, @ModelName = {LINEAR};")
    assert "'100% linear' cannot be deleted: 1 predictions and 1 promotions" in refused(
        trained, f"EXECUTE dbo.DeleteModel @ModelName = {LINEAR}, @Version = 2;", 50143
    )
    assert "100% linear version 1 is the champion again" in said(
        trained, f"EXECUTE dbo.RollbackModel @ModelName = {LINEAR};"
    )
    assert "'100% linear'" in refused(trained, f"EXECUTE dbo.RollbackModel @ModelName = {LINEAR};", 50142)


def test_a_model_that_nothing_refers_to_is_deleted_with_its_run(trained: Connection) -> None:
    """No row of the version is left anywhere, and those of the others are untouched."""
    run(trained, "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 2;")
    assert rows(trained, "SELECT version FROM dbo.classifiers WHERE name = N'lightgbm_sql';") == [(1,)]
    for table in ("experiments", "experiment_patients", "experiment_metrics", "experiment_curves"):
        assert rows(trained, f"SELECT DISTINCT experiment_id FROM dbo.{table} ORDER BY experiment_id;") == [(1,), (3,)]


def test_the_only_version_of_a_name_is_deleted_though_it_is_the_champion(trained: Connection) -> None:
    """With the promotion that it got by itself; beside another version it is what the name stands for, and stays."""
    run(trained, f"EXECUTE dbo.DeleteModel @ModelName = {LINEAR}, @Version = 1;")
    assert rows(trained, "SELECT DISTINCT name FROM dbo.classifiers;") == [("lightgbm_sql",)]
    assert rows(trained, "SELECT DISTINCT name FROM dbo.model_promotions;") == [("lightgbm_sql",)]
    delete = "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 1;"
    assert "0 predictions and 1 promotions" in refused(trained, delete, 50143)


REFUSALS = {
    "an unknown name": ("PromoteModel @ModelName = N'5%d'", 50108, "'5%d'"),
    "an unknown version": ("PromoteModel @Version = 9", 50108, "no version 9. Its versions run from 1 to 2"),
    "an unknown metric": ("PromoteModel @Metric = N'accuracy%'", 50101, "'accuracy%'"),
    "a NULL force": ("PromoteModel @Force = NULL", 50101, "@Force"),
    "a rollback of an unknown name": ("RollbackModel @ModelName = N'x'", 50108, "'x'"),
    "a deletion without version": ("DeleteModel @ModelName = N'lightgbm_sql'", 50101, "@Version is NULL"),
    "a deletion without name": ("DeleteModel @Version = 1", 50101, "@ModelName is NULL"),
    "a deletion of an unknown version": (
        "DeleteModel @ModelName = N'lightgbm_sql', @Version = 7",
        50108,
        "no version 7",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_is_refused_and_every_table_is_as_before(trained: Connection, case: str) -> None:
    """Number and value are in the error."""
    call, number, part = REFUSALS[case]
    assert part in refused(trained, f"EXECUTE dbo.{call};", number)


def test_a_deletion_with_predictions_is_refused(trained: Connection) -> None:
    """Until the predictions are gone."""
    run(trained, "EXECUTE dbo.PredictLungCancer @PatientIndex = 1, @Version = 2;")
    delete = "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 2;"
    assert "1 predictions and 0 promotions" in refused(trained, delete, 50143)
    run(trained, f"DELETE FROM dbo.predictions; {delete}")
    assert rows(trained, "SELECT COUNT(*) FROM dbo.classifiers;") == [(2,)]
