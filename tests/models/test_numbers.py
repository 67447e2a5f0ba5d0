"""Models that predict a number: trained, stored, scored in Python and plain T-SQL alike, promoted, or refused."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from tests.support.databases import copy_to, refused, rows, said, target_of

ALGORITHMS = {"age": "lightgbm", "random_forest": "random_forest", "extra_trees": "extra_trees"}
TRAIN = "EXECUTE dbo.TrainLungCancerModel"
REGRESS = f"{TRAIN} @ModelName = N'new', @Task = N'regression', @MaxIterations = 5"
_SCORES = (
    "SELECT target, predicted FROM dbo.experiment_scores WHERE classifier_id = ? AND part = ? ORDER BY patient_id;"
)


def _classifier(connection: Connection, name: str, version: int = 1) -> int:
    sql = "SELECT classifier_id FROM dbo.classifiers WHERE name = ? AND version = ?;"
    return int(rows(connection, sql, (name, version))[0][0])


def _numbers(connection: Connection, classifier: int, part: str) -> tuple[np.ndarray, np.ndarray]:
    targets, predicted = np.array(rows(connection, _SCORES, (classifier, part)), dtype=np.float64).T
    return targets, predicted


@pytest.mark.parametrize("name", ALGORITHMS)
def test_python_plain_t_sql_and_lightgbm_predict_the_same(numbered: Connection, name: str) -> None:
    """For every patient; and the check that is stored says so."""
    given = dict(rows(numbered, f"EXECUTE dbo.PredictPatients @ModelName = N'{name}';"))
    found = dict(rows(numbered, f"EXECUTE dbo.PredictPatientsSql @ModelName = N'{name}';"))
    assert len(found) == 120
    assert found == pytest.approx(given, abs=1e-6)
    [(model,)] = rows(numbered, "SELECT model FROM dbo.classifiers WHERE name = ?;", (name,))
    vectors = [json.loads(text) for (text,) in rows(numbered, "SELECT vector FROM dbo.pooled_features;")]
    own = lightgbm.Booster(model_str=bytes(model).decode()).predict(np.array(vectors, dtype=np.float32))
    np.testing.assert_allclose([given[patient] for patient in range(120)], own, rtol=1e-12)
    check = "SELECT patients, max_difference FROM dbo.model_checks WHERE classifier_id = ?;"
    [(patients, difference)] = rows(numbered, check, (_classifier(numbered, name),))
    assert patients == 120
    assert difference < 1e-6
    raw = rows(numbered, f"EXECUTE dbo.ScorePatientsSql @ModelName = N'{name}';")
    assert [(patient, probability) for patient, _, probability in raw] == [(patient, None) for patient in range(120)]
    assert [score for _, score, _ in raw] == pytest.approx(list(found.values()))


@pytest.mark.parametrize("procedure", ["PredictLungCancer", "PredictLungCancerSql"])
def test_one_patients_number_is_given_and_kept_without_a_probability(numbered: Connection, procedure: str) -> None:
    """As OUTPUT, as a row named predicted, and in dbo.predictions; also where the site has a prevalence."""
    run(numbered, "UPDATE dbo.settings SET value = N'0.1' WHERE name = N'prevalence';")
    results = run(
        numbered,
        f"DECLARE @Result FLOAT; EXECUTE dbo.{procedure} @PatientIndex = 3, @ModelName = N'age', "
        "@PredictionResult = @Result OUTPUT; SELECT @Result;",
    )
    assert results[0].columns == ("predicted",)
    number = results[0].scalar()
    assert results[-1].scalar() == number
    assert number == pytest.approx(dict(rows(numbered, "EXECUTE dbo.PredictPatients N'age';"))[3])
    sql = "SELECT predicted, probability, raw_probability, prevalence FROM dbo.predictions WHERE prediction_id = 1;"
    assert rows(numbered, sql) == [(number, None, None, None)]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_stored_figures_are_those_of_the_stored_predictions(numbered: Connection, name: str) -> None:
    """Computed by scikit-learn and SciPy; the constant is the training patients' mean."""
    classifier = _classifier(numbered, name)
    stored = dict(
        rows(numbered, "SELECT metric, value FROM dbo.model_figures WHERE classifier_id = ? AND part = 'test';",
             (classifier,))
    )  # fmt: skip
    targets, predicted = _numbers(numbered, classifier, "test")
    mean = np.full(targets.size, _numbers(numbered, classifier, "train")[0].mean())
    wanted = {
        "patients": targets.size,
        "rmse": mean_squared_error(targets, predicted) ** 0.5,
        "rmse_constant": mean_squared_error(targets, mean) ** 0.5,
        "mae": mean_absolute_error(targets, predicted),
        "mae_constant": mean_absolute_error(targets, mean),
        "r2": r2_score(targets, predicted),
        "r2_constant": r2_score(targets, mean),
        "spearman": spearmanr(targets, predicted)[0],
    }
    assert {metric: stored[metric] for metric in wanted} == pytest.approx(wanted)
    for metric in ("rmse", "mae", "r2", "spearman"):
        assert stored[f"{metric}_low"] < stored[metric] < stored[f"{metric}_high"]


def test_a_run_keeps_numbers_in_place_of_labels(numbered: Connection) -> None:
    """The target is the patient's number; there is no label, raw score or probability, and no test patient learnt."""
    classifier = _classifier(numbered, "age")
    sql = (
        "SELECT COUNT(*), COUNT(p.label), COUNT(p.raw), COUNT(p.probability), "
        "SUM(CASE WHEN p.target = n.value THEN 1 ELSE 0 END), COUNT(p.predicted), "
        "SUM(CASE WHEN s.part <> p.part THEN 1 ELSE 0 END) "
        "FROM dbo.experiment_patients AS p INNER JOIN dbo.numeric_labels AS n ON n.patient_id = p.patient_id "
        "INNER JOIN dbo.splits AS s ON s.patient_id = p.patient_id "
        "INNER JOIN dbo.experiments AS e ON e.experiment_id = p.experiment_id WHERE e.classifier_id = ?;"
    )
    assert rows(numbered, sql, (classifier,)) == [(120, 0, 0, 0, 120, 120, 0)]
    assert rows(numbered, "SELECT task FROM dbo.model_status WHERE name = N'age';") == [("regression",)]


def test_a_classification_is_what_it_was_without_the_argument(numbered: Connection) -> None:
    """Naming the default gives the same bytes, details and scores."""
    run(numbered, f"{TRAIN} @MaxIterations = 10, @Task = N'Classification';")
    sql = "SELECT sha256, JSON_MODIFY(details, N'$.seconds', NULL) FROM dbo.classifiers WHERE name = N'lightgbm_sql';"
    one, two = rows(numbered, sql)
    assert one == two
    assert "task" not in one[1]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_training_is_repeated_with_the_same_bytes(numbered: Connection, name: str) -> None:
    """RepeatExperiment; a number that changed since is named, without its value."""
    [row] = rows(numbered, f"EXECUTE dbo.RepeatExperiment @ModelName = N'{name}';")
    assert row[3] == row[4]
    run(numbered, "UPDATE dbo.numeric_labels SET value = 98765;")
    told = refused(numbered, f"EXECUTE dbo.RepeatExperiment @ModelName = N'{name}';", 50292)
    assert "has another number in dbo.numeric_labels" in told
    assert "98765" not in told


def test_the_lower_rmse_out_of_fold_is_promoted_and_the_higher_refused(numbered: Connection) -> None:
    """Of the training patients both have; MAE where it is asked for, and a figure of classes is refused."""
    run(numbered, f"{TRAIN} @ModelName = N'age', @Task = N'regression', @MaxIterations = 1;")
    found = [
        mean_squared_error(*_numbers(numbered, _classifier(numbered, "age", version), "train")) ** 0.5
        for version in (1, 2)
    ]
    assert found[0] < found[1]
    told = refused(numbered, "EXECUTE dbo.PromoteModel @ModelName = N'age', @Version = 2;", 50141)
    assert f"has rmse {found[1]:.6g} and" in told
    assert f"has {found[0]:.6g} on" in told
    refused(numbered, "EXECUTE dbo.PromoteModel @ModelName = N'age', @Version = 2, @Metric = N'mae';", 50141)
    told = refused(numbered, "EXECUTE dbo.PromoteModel @ModelName = N'age', @Version = 2, @Metric = N'auc';", 50101)
    assert "rmse and mae" in told
    run(numbered, "EXECUTE dbo.PromoteModel @ModelName = N'age', @Version = 2, @Force = 1;")
    said_of_it = said(numbered, "EXECUTE dbo.PromoteModel @ModelName = N'age', @Version = 1;")
    assert f"scores: {found[0]:.6g}, before {found[1]:.6g}." in said_of_it
    assert rows(numbered, "SELECT reason FROM dbo.model_status WHERE name = N'age';") == [
        (f"the champion by rmse {found[0]:.6g}, before {found[1]:.6g}",)
    ]
    sql = "SELECT TOP (1) metric, value, previous_value FROM dbo.promotion_history WHERE name = N'age' " \
        "ORDER BY promotion_id DESC;"  # fmt: skip
    assert rows(numbered, sql) == [("rmse", pytest.approx(found[0]), pytest.approx(found[1]))]


OTHER_TASKS = {
    "a regression under a classifier's name": f"{TRAIN} @Task = N'regression', @MaxIterations = 5;",
    "a classifier under a regression's name": f"{TRAIN} @ModelName = N'age', @MaxIterations = 5;",
    "a search under a regression's name": "EXECUTE dbo.SearchModels @ModelName = N'age', @Trials = 1;",
    "a classifier from elsewhere": "EXECUTE dbo.StoreClassifier @ModelName = N'age', @FeatureSetId = 1, "
    "@Library = N'onnx', @Classifier = 0x00, @Details = N'{\"width\": 12}';",
}


@pytest.mark.parametrize("case", OTHER_TASKS)
def test_a_name_has_one_task(numbered: Connection, case: str) -> None:
    """Nothing is stored under a name whose versions are of another."""
    told = refused(numbered, OTHER_TASKS[case], 50311)
    assert "Give another name" in told


def test_an_ensemble_cannot_have_a_regressions_name(numbered: Connection) -> None:
    """Although its members are classifiers."""
    run(numbered, f"{TRAIN} @ModelName = N'b', @MaxIterations = 5;")
    call = "EXECUTE dbo.CreateEnsemble @ModelName = N'age', @Members = N'lightgbm_sql:1, b:1';"
    refused(numbered, call, 50311)


ARGUMENTS = {
    "a task that is none": (f"{TRAIN} @Task = N'ranking';", "'ranking' for the parameter @Task"),
    "no task": (f"{TRAIN} @Task = NULL;", "NULL for the parameter @Task"),
    "logistic": (f"{REGRESS}, @Algorithm = N'logistic';", "'logistic' for the parameter @Algorithm"),
    "network": (f"{REGRESS}, @Algorithm = N'network';", "'network' for the parameter @Algorithm"),
    "ensemble": (f"{REGRESS}, @Algorithm = N'ensemble', @Members = N'a:1, b:1';", "'ensemble' for the parameter"),
    "weights of classes": (f"{REGRESS}, @Imbalance = N'class_weight';", "'class_weight' for the parameter @Imbalance"),
    "a calibration": (f"{REGRESS}, @Calibration = N'isotonic';", "'isotonic' for the parameter @Calibration"),
    "a horizon": (f"{REGRESS}, @Horizon = 365;", "@Horizon = 365 has no meaning"),
    "classes": (f"{REGRESS}, @PositiveFrom = 2;", "@PositiveFrom = 2 has no meaning"),
    "a prevalence": (
        "EXECUTE dbo.PredictPatients @ModelName = N'age', @Prevalence = 0.2;",
        "0.2 for the parameter @Prevalence",
    ),
    "a prevalence in T-SQL": (
        "EXECUTE dbo.PredictLungCancerSql @PatientIndex = 1, @ModelName = N'age', @Prevalence = 0.2;",
        "0.2 for the parameter @Prevalence",
    ),
    "scores of no task": ("EXECUTE dbo.ListScores @PatientIndex = 1, @Task = N'x';", "'x' for the parameter @Task"),
    "a score of no task": (
        "EXECUTE dbo.PredictLungCancer @PatientIndex = 1, @ModelName = N'age', @Task = N'classificaton';",
        "'classificaton' for the parameter @Task",
    ),
    "a score of no task in T-SQL": (
        "EXECUTE dbo.PredictLungCancerSql @PatientIndex = 1, @ModelName = N'age', @Task = N'';",
        "'' for the parameter @Task",
    ),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_an_argument_that_makes_no_sense_is_refused(numbered: Connection, case: str) -> None:
    """With its value, and nothing is stored."""
    call, part = ARGUMENTS[case]
    assert part in refused(numbered, call, 50101)


READERS = {
    "WrongCases": ("EXECUTE dbo.WrongCases @ModelName = N'age';", 50312),
    "CompareModels": ("EXECUTE dbo.CompareModels @A = N'age', @B = N'random_forest';", 50312),
    "CompareFigures with a classifier": ("EXECUTE dbo.CompareFigures @A = N'lightgbm_sql', @B = N'age';", 50312),
    "RankScore": ("EXECUTE dbo.RankScore @PredictionId = 1;", 50312),
    "the page": ("EXECUTE dbo.PredictLungCancer @PatientIndex = 1, @ModelName = N'age', @Task = N'classification';",
                 50312),
    "the page in T-SQL": (
        "EXECUTE dbo.PredictLungCancerSql @PatientIndex = 1, @ModelName = N'age', @Task = N'classification';", 50312),
    "CreateEnsemble": ("EXECUTE dbo.CreateEnsemble @ModelName = N'e', @Members = N'lightgbm_sql:1, age:1';", 50291),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["", "Sql"])
def test_a_number_asked_for_is_not_taken_from_a_classifier(numbered: Connection, suffix: str) -> None:
    """With @Task = regression, which the model of numbers passes in any case of letters."""
    call = f"EXECUTE dbo.PredictLungCancer{suffix} @PatientIndex = 1, @Task = N'Regression'"
    assert "is of the task classification" in refused(numbered, f"{call};", 50312)
    run(numbered, f"{call}, @ModelName = N'age';")
    assert rows(numbered, "SELECT COUNT(*), COUNT(probability) FROM dbo.predictions;") == [(1, 0)]


@pytest.mark.parametrize("case", READERS)
def test_what_needs_probabilities_refuses_a_number(numbered: Connection, case: str) -> None:
    """Naming the model's task, and nothing is stored or counted."""
    run(numbered, "EXECUTE dbo.PredictPatientsSql @ModelName = N'age', @Patients = N'1';")
    call, number = READERS[case]
    assert "task" in refused(numbered, call, number)


def test_a_number_never_takes_the_place_of_a_score(numbered: Connection) -> None:
    """The worklist and ListScores keep the probability; the number stands with its own task, and in the lineage."""
    run(numbered, "EXECUTE dbo.RefreshWorklist; EXECUTE dbo.PredictPatientsSql @Patients = N'1';")
    run(numbered, "EXECUTE dbo.PredictPatientsSql @ModelName = N'age', @Patients = N'1, 2';")
    listed = rows(numbered, "EXECUTE dbo.ListPatients @Limit = 3;")
    [percent] = [row[1] for row in rows(numbered, "EXECUTE dbo.ListScores @PatientIndex = 1;")]
    assert [row[6] for row in listed] == [None, percent, None]
    assert [row[10] for row in listed] == ["not scored", "scored", "not scored"]
    assert rows(numbered, "EXECUTE dbo.ListScores @PatientIndex = 2;") == []
    [row] = rows(numbered, "EXECUTE dbo.ListScores @PatientIndex = 2, @Task = N'regression';")
    assert row[1:4] == (pytest.approx(rows(numbered, "EXECUTE dbo.ScorePatientsSql N'age', N'2';")[0][1]), "age", 1)
    chain = rows(numbered, f"EXECUTE dbo.LineageOf @PredictionId = {row[0]};")
    assert chain[0][3].startswith("predicted ")
    told = {(kind, name): detail for _, kind, name, detail, _ in chain}
    assert "mean of their numbers" in told["patients", "train"]
    assert ("test figure", "rmse") in told


def test_only_new_scans_are_predicted_again(numbered: Connection) -> None:
    """@Only = N'new' counts a number as a score of its model."""
    run(numbered, "EXECUTE dbo.PredictPatientsSql @ModelName = N'age', @Patients = N'1, 2';")
    found = rows(numbered, "EXECUTE dbo.PredictPatientsSql @ModelName = N'age', @Only = N'new';")
    assert len(found) == 118


UNLEARNABLE = {
    "no numbers at all": ("DELETE FROM dbo.numeric_labels;", "", 50310, "those of 0 patients"),
    "all the same": ("UPDATE dbo.numeric_labels SET value = 7;", "", 50310, "the numeric label 7"),
    "one that is too large": (
        "UPDATE dbo.numeric_labels SET value = CAST(N'1e308' AS FLOAT) WHERE patient_id = N'patient 0001';",
        "",
        50310,
        "beyond 1e+100",
    ),
    "one of a test patient that is too large": (
        "UPDATE dbo.numeric_labels SET value = CAST(N'-1e200' AS FLOAT) WHERE patient_id = N'patient 0000';",
        "",
        50310,
        "beyond 1e+100",
    ),
    "three patients": (
        "DELETE FROM dbo.numeric_labels WHERE patient_id NOT IN (SELECT TOP (3) patient_id FROM dbo.splits "
        "WHERE part = 'train' ORDER BY patient_id);",
        "",
        50113,
        "3 patients with a numeric label",
    ),
    "none of the data set": (
        "EXECUTE dbo.CreateDataset @Name = N'first', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id < 20'; "
        "DELETE FROM dbo.numeric_labels WHERE patient_id < N'patient 0030';",
        ", @Dataset = N'first'",
        50310,
        "of the data set",
    ),
    "patients without features": (
        "DELETE FROM dbo.pooled_features WHERE scan_id = 5;",
        "",
        50140,
        "1 labelled patients have no features",
    ),
}


@pytest.mark.parametrize("case", UNLEARNABLE)
def test_numbers_from_which_nothing_can_be_learnt_are_refused(numbered: Connection, case: str) -> None:
    """With a number, what is wrong and what to do; nothing is stored."""
    change, argument, number, part = UNLEARNABLE[case]
    run(numbered, change)
    assert part in refused(numbered, f"{REGRESS}{argument};", number)


def test_patients_without_a_number_have_no_part_in_it(numbered: Connection) -> None:
    """As those without a label in a classification; they are scored all the same."""
    run(numbered, "DELETE FROM dbo.numeric_labels WHERE patient_id < N'patient 0030';")
    run(numbered, f"{REGRESS};")
    sql = "SELECT COUNT(*), MIN(patient_id) FROM dbo.experiment_scores WHERE classifier_id = ?;"
    assert rows(numbered, sql, (_classifier(numbered, "new"),)) == [(90, "patient 0030")]
    assert len(rows(numbered, "EXECUTE dbo.PredictPatientsSql @ModelName = N'new';")) == 120


def test_a_data_set_and_columns_are_trained_on(numbered: Connection) -> None:
    """Columns beside the features, a missing value among them, and the members alone."""
    run(
        numbered,
        "EXECUTE dbo.CreateDataset @Name = N'most', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id > 20';"
        "UPDATE dbo.patients SET sex = N'F' WHERE idx % 3 <> 0;",
    )
    run(numbered, f"{REGRESS}, @Dataset = N'most', @Columns = N'spacing_z, sex';")
    classifier = _classifier(numbered, "new")
    sql = "SELECT COUNT(*), MIN(scan_id) FROM dbo.experiment_scores WHERE classifier_id = ?;"
    assert rows(numbered, sql, (classifier,)) == [(100, 21)]
    [(names,)] = rows(
        numbered, "SELECT JSON_QUERY(details, N'$.feature_names') FROM dbo.classifiers WHERE name = N'new';"
    )
    assert len(json.loads(names)) == 14
    given = dict(rows(numbered, "EXECUTE dbo.PredictPatients @ModelName = N'new';"))
    assert dict(rows(numbered, "EXECUTE dbo.PredictPatientsSql @ModelName = N'new';")) == pytest.approx(given, abs=1e-6)


def test_a_row_that_was_turned_into_the_other_task_is_not_scored_with(numbered: Connection) -> None:
    """The digest covers the task in T-SQL; Python reads it from the details."""
    run(numbered, "UPDATE dbo.classifiers SET task = 'regression' WHERE name = N'lightgbm_sql';")
    refused(numbered, "EXECUTE dbo.PredictPatientsSql;", 50105)
    refused(numbered, "EXECUTE dbo.PredictPatients;", 50230)


def test_drift_is_checked_by_the_numbers_too(numbered: Connection) -> None:
    """The score among the items is the number that the model predicts."""
    run(
        numbered,
        "EXECUTE dbo.CreateDataset @Name = N'later', @Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id <= 30';"
        "DELETE FROM dbo.numeric_labels WHERE patient_id < N'patient 0030';",
    )
    run(numbered, f"{REGRESS};")
    run(numbered, "EXECUTE dbo.CheckDrift @ModelName = N'new', @Dataset = N'later', @Permutations = 999;")
    [(statistic,)] = rows(numbered, "SELECT statistic FROM dbo.drift_items WHERE kind = 'score';")
    assert statistic is not None


def test_a_copied_model_predicts_the_same_where_no_scripts_run(
    numbered_file: Path, sql_only_file: Path, tmp_path: Path
) -> None:
    """With its task; a copy onto a classifier's name is refused."""
    file = copy_to(tmp_path, sql_only_file)
    copy = ["copy", "--from", target_of(numbered_file), "--to", target_of(file), "--patients", "0,5,7"]
    assert main([*copy, "--model", "age"]) == 0
    with closing(connect(target_of(numbered_file))) as connection:
        wanted = rows(connection, "EXECUTE dbo.ScorePatientsSql @ModelName = N'age', @Patients = N'0,5,7';")
    with closing(connect(target_of(file))) as connection:
        assert rows(connection, "SELECT name, task FROM dbo.classifiers;") == [("age", "regression")]
        found = rows(connection, "EXECUTE dbo.PredictPatientsSql @ModelName = N'age';")
        assert [number for _, number in found] == [number for _, number, _ in wanted]
        run(connection, "UPDATE dbo.classifiers SET name = N'lightgbm_sql', version = 7;")
    assert main([*copy, "--model", "lightgbm_sql"]) == 1


def test_training_says_how_good_it_is(numbered: Connection) -> None:
    """RMSE with its interval beside that of the mean, in one sentence."""
    told = said(numbered, f"{REGRESS};")
    assert "test patients: RMSE " in told
    assert "of the mean " in told
    assert "AUC" not in told
