"""EvaluateModel refuses what a model may have learnt from, says so in counts, and records it where it is forced."""

from __future__ import annotations

import json

import pytest

from lungdb.database import Connection, run
from tests.support.databases import refused, rows

HELD_OUT = "EXECUTE dbo.EvaluateModel @Dataset = N'held out'"
EVERYBODY = "EXECUTE dbo.EvaluateModel @Dataset = N'everybody'"
ONE_TRAINED = (
    "(SELECT TOP (1) t.{column} FROM dbo.experiment_patients AS t WHERE t.part = 'train' ORDER BY t.patient_id)"
)
ONE_TESTED = "(SELECT MIN(t.scan_id) FROM dbo.experiment_patients AS t WHERE t.part = 'test')"


def forced(connection: Connection, call: str) -> str:
    """Evaluate by force; give what was recorded."""
    run(connection, f"{call}, @Force = 1;")
    ((is_forced, overlap),) = rows(
        connection, "SELECT TOP (1) is_forced, overlap FROM dbo.model_evaluations ORDER BY evaluation_id DESC;"
    )
    assert is_forced == 1
    return str(overlap)


def test_patients_trained_on_are_refused_in_counts_and_recorded_by_force(measurable: Connection) -> None:
    """All of the run's training patients; no id is in the message."""
    ((trained,),) = rows(
        measurable, "SELECT COUNT(*) FROM dbo.experiment_patients WHERE experiment_id = 2 AND part <> 'test';"
    )
    message = refused(measurable, f"{EVERYBODY};", 50285)
    assert message.startswith(f"{trained} patients of the data set were used to fit, stop or calibrate the model")
    assert "@Force = 1" in message
    assert "patient 0" not in message
    assert forced(measurable, EVERYBODY) in message


def test_patients_kept_to_stop_early_are_refused(measurable: Connection) -> None:
    """The validation part of a hold-out run."""
    run(measurable, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'held', @Folds = 0;")
    run(
        measurable,
        "EXECUTE dbo.CreateDataset @Name = N'stopped', @Query = N'SELECT t.scan_id FROM dbo.experiment_patients AS t "
        "WHERE t.part = ''validation''';",
    )
    ((count,),) = rows(measurable, "SELECT COUNT(*) FROM dbo.experiment_patients WHERE part = 'validation';")
    message = refused(measurable, "EXECUTE dbo.EvaluateModel @ModelName = N'held', @Dataset = N'stopped';", 50285)
    assert message.startswith(f"{count} patients")


def test_test_patients_are_not_refused(measurable: Connection) -> None:
    """Forced or not, nothing speaks against them."""
    for force in (0, 1):
        run(measurable, f"{HELD_OUT}, @Force = {force};")
    assert rows(measurable, "SELECT is_forced, overlap FROM dbo.model_evaluations;") == [(0, None)] * 2


def test_the_same_pixels_under_another_patient_are_refused(measurable: Connection) -> None:
    """A test scan that is a copy of a training scan."""
    run(
        measurable,
        "UPDATE dbo.scans SET content_sha256 = (SELECT s.content_sha256 FROM dbo.scans AS s WHERE s.scan_id = "
        f"{ONE_TRAINED.format(column='scan_id')}) WHERE scan_id = {ONE_TESTED};",
    )
    run(measurable, "EXECUTE dbo.CreateDataset @Name = N'held out', @From = N'everybody', @Part = N'test';"
        "UPDATE m SET m.content_sha256 = s.content_sha256 FROM dbo.dataset_members AS m INNER JOIN dbo.scans AS s "
        "ON s.scan_id = m.scan_id;")  # fmt: skip
    assert refused(measurable, f"{HELD_OUT};", 50285).startswith("1 scans have the pixels of one that was used")
    assert forced(measurable, HELD_OUT).startswith("1 scans have the pixels")


def test_the_same_features_under_another_patient_are_refused(measurable: Connection) -> None:
    """Also where the training scan is gone; but not of columns alone, which many patients share."""
    run(
        measurable,
        "UPDATE f SET f.vector = (SELECT g.vector FROM dbo.pooled_features AS g WHERE g.scan_id = "
        f"{ONE_TRAINED.format(column='scan_id')}), f.vector_sha256 = {ONE_TRAINED.format(column='vector_sha256')} "
        f"FROM dbo.pooled_features AS f WHERE f.scan_id = {ONE_TESTED};",
    )
    assert refused(measurable, f"{HELD_OUT};", 50285).startswith("1 scans have the features of one that was used")
    run(measurable, "UPDATE dbo.feature_sets SET network_id = NULL;")
    run(measurable, f"{HELD_OUT};")


def test_patients_of_the_search_that_chose_the_settings_are_refused(measurable: Connection) -> None:
    """A search looks at all labelled training patients, also at those that the model itself was not fitted on."""
    run(
        measurable,
        "INSERT INTO dbo.searches (name, settings, seed, folds, metric, rungs, skip_missing, planned, classifier_id) "
        "VALUES (N'lightgbm_sql', N'{}', 1, 2, 'auc', 1, 0, 1, 2);"
        "DELETE FROM dbo.experiment_patients WHERE part = 'train' AND experiment_id = 2 AND patient_id <> "
        f"{ONE_TRAINED.format(column='patient_id')};",
    )
    ((trained,),) = rows(measurable, "SELECT COUNT(*) FROM dbo.splits WHERE part = 'train';")
    message = refused(measurable, f"{EVERYBODY};", 50285)
    assert message.startswith("1 patients of the data set were used to fit")
    assert f" {trained - 1} patients were used in the search that chose its settings." in message


def test_scans_that_the_network_was_trained_on_are_refused(measurable: Connection) -> None:
    """As far as its details record their SHA-256."""
    ((first, second),) = rows(
        measurable,
        "SELECT MIN(CONVERT(VARCHAR(64), s.content_sha256, 2)), MAX(CONVERT(VARCHAR(64), s.content_sha256, 2)) "
        "FROM dbo.scans AS s "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id WHERE p.part = 'test';",
    )
    run(
        measurable,
        "UPDATE dbo.networks SET details = ?;",
        (json.dumps({"trained_on": [first.lower(), second.upper(), "00" * 32]}),),
    )
    assert refused(measurable, f"{HELD_OUT};", 50285).startswith("2 scans were used to train its network.")
    assert "is not recorded" not in forced(measurable, HELD_OUT)


def test_a_model_that_was_made_elsewhere_needs_force(measurable: Connection) -> None:
    """Without a training run nothing is known of it; then there is no constant prediction and no threshold but 0.5."""
    run(
        measurable,
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "SELECT N'imported', 1, library, feature_set_id, pooling, model, sha256, details FROM dbo.classifiers "
        "WHERE name = N'100% linear';",
    )
    call = HELD_OUT.replace("@Dataset", "@ModelName = N'imported', @Dataset")
    message = refused(measurable, f"{call};", 50285)
    assert message.startswith("What the model or a member of it was trained on is not known here.")
    assert forced(measurable, call) == "What the model or a member of it was trained on is not known here. "
    names = {name for (name,) in rows(measurable, "SELECT metric FROM dbo.evaluation_metrics WHERE source = 'model';")}
    assert {name for name in names if "_at_" in name and not name.endswith("_at_50")} == set()
    assert rows(
        measurable, "SELECT value FROM dbo.evaluation_metrics WHERE metric = N'log_loss_constant' AND source = 'model';"
    ) == [(None,)]
    ((auc,),) = rows(
        measurable, "SELECT COUNT(*) FROM dbo.evaluation_metrics WHERE source = 'columns' AND metric = N'auc';"
    )
    assert auc == 1


def test_what_a_member_of_an_ensemble_has_learnt_from_is_refused(measurable: Connection) -> None:
    """Of each member that is stored; one whose row is gone is not known any more."""
    member = {"library": "logistic", "first_index": 0, "width": 12, "calibration": None, "prevalence": 0.3}
    model = {
        "width": 12,
        "prevalence": 0.3,
        "members": [member | {"name": "lightgbm_sql", "version": 1}, member | {"name": "100% linear", "version": 1}],
    }
    run(
        measurable,
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "VALUES (N'both', 1, N'ensemble', 1, N'mean', ?, 0x00, N'{}');",
        (json.dumps(model).encode(),),
    )
    call = EVERYBODY.replace("@Dataset", "@ModelName = N'both', @Dataset")
    ((trained,),) = rows(measurable, "SELECT COUNT(*) FROM dbo.splits WHERE part = 'train';")
    message = refused(measurable, f"{call};", 50285)
    assert message.startswith(f"{trained} patients of the data set were used")
    assert "is not known here" not in message
    run(measurable, "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 1;")
    assert "a member of it was trained on is not known here" in refused(measurable, f"{call};", 50285)


@pytest.mark.parametrize(
    ("call", "number", "word"),
    [
        (f"{HELD_OUT}, @Seed = -1, @Horizon = -5, @Force = NULL, @SkipMissing = NULL", 50101, "@Seed"),
        (f"{HELD_OUT}, @Prevalence = 1", 50101, "@Prevalence"),
        (f"{HELD_OUT}, @ModelName = N'nobody'", 50108, "nobody"),
        ("EXECUTE dbo.EvaluateModel", 50171, "NULL"),
        ("EXECUTE dbo.EvaluateModel @Dataset = N'no such'", 50171, "held out"),
        (f"{HELD_OUT}, @DatasetVersion = 7", 50171, "no version 7"),
        (f"{HELD_OUT}, @Horizon = 400", 50111, "within 400 days"),
        (f"{HELD_OUT}, @Subgroups = N'sex', @SubgroupsFrom = N'dbo.nothing'", 50287, "dbo.nothing"),
        (f"{HELD_OUT}, @Subgroups = N'sex, no such', @SubgroupsFrom = N'dbo.told'", 50287, "no such"),
        (f"{HELD_OUT}, @Subgroups = N'], x FROM dbo.labels --', @SubgroupsFrom = N'dbo.told'", 50287, "columns"),
        (f"{HELD_OUT}, @Subgroups = N',', @SubgroupsFrom = N'dbo.told'", 50287, "column"),
        (f"{HELD_OUT}, @Subgroups = N'label', @SubgroupsFrom = N'dbo.labels'", 50287, "scan_id"),
        (f"BEGIN TRANSACTION; {HELD_OUT}", 50100, "transaction"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_number(measurable: Connection, call: str, number: int, word: str) -> None:
    """With the value, and nothing is written."""
    assert word in refused(measurable, f"{call};", number)


def test_every_wrong_argument_is_named_at_once(measurable: Connection) -> None:
    """One error for all."""
    message = refused(measurable, f"{HELD_OUT}, @Seed = -1, @Horizon = -5, @Force = NULL, @SkipMissing = NULL;", 50101)
    assert all(name in message for name in ("@Seed", "@Horizon", "@Force", "@SkipMissing"))


@pytest.mark.parametrize(
    ("before", "number", "word"),
    [
        ("DELETE FROM dbo.labels;", 50111, "load_labels"),
        ("UPDATE dbo.labels SET label = 2;", 50289, "the label 2"),
        ("UPDATE dbo.classifiers SET task = 'regression';", 50289, "task regression"),
        ("DELETE FROM dbo.pooled_features;", 50140, "@ModelName = N'made up', @Layer = N'penultimate'"),
        ("UPDATE dbo.pooled_features SET vector = N'[1]';", 50105, "SHA-256"),
        ("UPDATE dbo.classifiers SET model = 0x00;", 50105, "SHA-256"),
        ("UPDATE dbo.scans SET content_sha256 = 0x00;", 50271, "replaced"),
    ],
)  # fmt: skip
def test_a_set_that_cannot_be_measured_is_refused(measurable: Connection, before: str, number: int, word: str) -> None:
    """With the remedy, and nothing is written."""
    run(measurable, before)
    assert word in refused(measurable, f"{HELD_OUT};", number)


def test_members_that_are_gone_or_without_features_are_left_out_when_asked(measurable: Connection) -> None:
    """Counted in the evaluation."""
    run(
        measurable,
        f"DELETE FROM dbo.pooled_features WHERE scan_id = {ONE_TESTED};"
        "UPDATE dbo.scans SET content_sha256 = 0x00 WHERE scan_id = (SELECT MAX(scan_id) "
        "FROM dbo.dataset_members WHERE dataset_version_id = 1);",
    )
    ((members,),) = rows(measurable, "SELECT members FROM dbo.dataset_versions WHERE dataset_version_id = 1;")
    assert refused(measurable, f"{HELD_OUT};", 50271).startswith(f"1 of the {members} scans")
    run(measurable, f"{HELD_OUT}, @SkipMissing = 1;")
    assert rows(measurable, "SELECT scans, left_out FROM dbo.evaluations;") == [(members - 2, 2)]


def test_a_data_set_of_pictures_is_refused(measurable: Connection) -> None:
    """It has no patients to measure on."""
    run(measurable, "INSERT INTO dbo.datasets (name, kind) VALUES (N'films', 'images');")
    assert "images" in refused(measurable, "EXECUTE dbo.EvaluateModel @Dataset = N'films';", 50273)
