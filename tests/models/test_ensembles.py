"""CreateEnsemble: mean log-odds at one prevalence, recalibrated on those no member has learnt from; its refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import expit, logit

from lungdb.database import Connection, run
from tests.support.databases import refused, rows, said

ENSEMBLE = "EXECUTE dbo.CreateEnsemble @ModelName = N'both',"
MEMBERS = {
    "one feature set": "random_forest:1, network",
    "two feature sets": "extra_trees:1, of: max:1, network:1",
}


def _recorded(connection: Connection, name: str, part: str) -> dict[str, tuple[float, float, int]]:
    """Give raw score, probability and label of each patient that a version has scored without learning from it."""
    found = rows(
        connection,
        "SELECT p.patient_id, p.raw, p.probability, p.label FROM dbo.experiment_patients AS p "
        "INNER JOIN dbo.experiments AS e ON e.experiment_id = p.experiment_id "
        "INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id "
        "WHERE c.name = ? AND p.part = ? AND p.out_of_fold = 1;",
        (name, part),
    )
    return {patient: (raw, probability, label) for patient, raw, probability, label in found}


def _prevalence(connection: Connection, name: str) -> float:
    sql = "SELECT CAST(JSON_VALUE(details, N'$.prevalence') AS FLOAT) FROM dbo.classifiers WHERE name = ?;"
    return float(rows(connection, sql, (name,))[0][0])


@pytest.mark.parametrize("case", MEMBERS)
def test_the_raw_score_is_the_mean_of_log_odds_at_one_prevalence(many_algorithms: Connection, case: str) -> None:
    """Computed again from what the members' runs recorded, of training patients out of fold and of test patients."""
    run(many_algorithms, f"{ENSEMBLE} @Members = N'{MEMBERS[case]}';")
    names = [each.strip().removesuffix(":1") for each in MEMBERS[case].split(",")]
    common = _prevalence(many_algorithms, "both")
    for part, least in (("train", 50), ("test", 20)):
        found = _recorded(many_algorithms, "both", part)
        members = [_recorded(many_algorithms, name, part) for name in names]
        assert len(found) == len(members[0]) > least
        for patient, (raw, _, label) in found.items():
            odds = [
                logit(np.clip(member[patient][1], 1e-12, 1 - 1e-12))
                + logit(common) - logit(_prevalence(many_algorithms, name))
                for name, member in zip(names, members, strict=True)
            ]  # fmt: skip
            assert raw == pytest.approx(expit(np.mean(odds)), abs=1e-9)
            assert label == members[0][patient][2]


def test_a_test_probability_is_platts_curve_over_the_raw_score(many_algorithms: Connection) -> None:
    """The curve in details is fitted on the training patients: their share of positives is what it is made for."""
    run(many_algorithms, f"{ENSEMBLE} @Members = N'random_forest:1, network';")
    [(details,)] = rows(many_algorithms, "SELECT details FROM dbo.classifiers WHERE name = N'both';")
    curve = json.loads(details)["calibration"]
    for raw, probability, _ in _recorded(many_algorithms, "both", "test").values():
        assert probability == pytest.approx(expit(curve["slope"] * logit(raw) + curve["intercept"]), abs=1e-9)
    train = _recorded(many_algorithms, "both", "train")
    assert _prevalence(many_algorithms, "both") == np.mean([label for _, _, label in train.values()])
    assert np.mean([probability for _, probability, _ in train.values()]) == pytest.approx(
        _prevalence(many_algorithms, "both"), abs=0.03
    )


@pytest.mark.parametrize("case", MEMBERS)
def test_plain_t_sql_scores_an_ensemble_as_python_does(many_algorithms: Connection, case: str) -> None:
    """Within 1e-6 of a probability, at another prevalence too; the stored test scores are what scoring gives."""
    run(many_algorithms, f"{ENSEMBLE} @Members = N'{MEMBERS[case]}';")
    given = dict(rows(many_algorithms, "EXECUTE dbo.PredictPatients @ModelName = N'both', @Prevalence = 0.04;"))
    found = dict(rows(many_algorithms, "EXECUTE dbo.PredictPatientsSql @ModelName = N'both', @Prevalence = 0.04;"))
    assert len(found) == 120
    assert found == pytest.approx(given, abs=1e-4)  # percent
    scored = dict(rows(many_algorithms, "EXECUTE dbo.PredictPatientsSql @ModelName = N'both';"))
    of_test = {
        int(patient.split()[-1]): 100 * probability
        for patient, (_, probability, _) in _recorded(many_algorithms, "both", "test").items()
    }
    assert {index: scored[index] for index in of_test} == pytest.approx(of_test, abs=1e-4)


def test_members_of_other_features_make_a_combined_set_once(many_algorithms: Connection) -> None:
    """Its parts are the members' features in their order; the same members find it again."""
    for _ in range(2):
        run(many_algorithms, f"{ENSEMBLE} @Members = N'of: max, network';")
    assert rows(
        many_algorithms,
        "SELECT part_feature_set_id, pooling, first_index, width FROM dbo.feature_parts ORDER BY position;",
    ) == [(1, "max", 0, 12), (1, "mean", 12, 12)]
    assert rows(
        many_algorithms, "SELECT first_index FROM dbo.ensemble_members WHERE classifier_id = 5 ORDER BY position;"
    ) == [
        (0,),
        (12,),
    ]


def test_the_digest_of_an_ensemble_covers_the_rows_of_its_members(many_algorithms: Connection) -> None:
    """A leaf of a member that was changed is found, though the member's own digest was brought in line with it."""
    run(many_algorithms, f"{ENSEMBLE} @Members = N'random_forest:1, network';")
    run(
        many_algorithms,
        "UPDATE dbo.model_nodes SET leaf_value = 3 WHERE classifier_id = 1 AND tree = 0 AND leaf_value IS NOT NULL;"
        "DECLARE @Sha256 VARBINARY(32); EXECUTE internal.DigestModelRows 1, @Sha256 OUTPUT;"
        "UPDATE dbo.model_scoring SET rows_sha256 = @Sha256 WHERE classifier_id = 1;",
    )
    refused(many_algorithms, "EXECUTE dbo.PredictPatientsSql @ModelName = N'both';", 50105)


def test_a_member_without_folds_leaves_the_ensemble_uncalibrated_where_too_few_are_left(
    many_algorithms: Connection,
) -> None:
    """A validation part was looked at to stop early, so none of it is out of fold: the message and details say so."""
    run(
        many_algorithms,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'held out', @Folds = 0, @Calibration = N'none', "
        "@ValidationFraction = 0.05;",
    )
    message = said(many_algorithms, f"{ENSEMBLE} @Members = N'held out, network';")
    assert "The ensemble is not calibrated: 0 patients of a class are out of fold for every member" in message
    [(details,)] = rows(many_algorithms, "SELECT details FROM dbo.classifiers WHERE name = N'both';")
    assert json.loads(details)["calibration"] is None


def test_a_member_cannot_be_deleted_before_its_ensemble(many_algorithms: Connection) -> None:
    """And after it can; deleting the ensemble leaves the members' rows."""
    run(many_algorithms, f"{ENSEMBLE} @Members = N'random_forest, network';")
    message = refused(many_algorithms, "EXECUTE dbo.DeleteModel @ModelName = N'network', @Version = 1;", 50143)
    assert "member of the ensemble both version 1" in message
    run(many_algorithms, "EXECUTE dbo.DeleteModel @ModelName = N'both', @Version = 1;")
    assert len(rows(many_algorithms, "EXECUTE dbo.PredictPatientsSql @ModelName = N'network';")) == 120


def test_training_with_the_algorithm_ensemble_makes_the_same_model(many_algorithms: Connection) -> None:
    """TrainLungCancerModel hands its members on."""
    run(many_algorithms, f"{ENSEMBLE} @Members = N'random_forest, network';")
    run(
        many_algorithms,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'both', @Algorithm = N'ensemble', "
        "@Members = N'random_forest:1, network:1';",
    )
    one, two = rows(many_algorithms, "SELECT sha256 FROM dbo.classifiers WHERE name = N'both' ORDER BY version;")
    assert one == two


REFUSALS = {
    "none": ("", 50101, "@Members is ''"),
    "one alone": ("network:1", 50101, "Give two models or more"),
    "a name left out": ("network,, random_forest", 50101, "Give two models or more"),
    "one twice": ("network:1, random_forest, network", 50290, "'network' version 1 is named twice"),
    "one that is not there": ("network, 50% more:1", 50108, "'50% more'"),
    "a version that is not there": ("network:7, random_forest", 50108, "no version 7"),
    "itself": ("network, both:1", 50290, "names itself"),
    "an ensemble": ("network, inner:1", 50290, "Name its members instead: random_forest:1, extra_trees:1"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_a_member_is_refused(many_algorithms: Connection, case: str) -> None:
    """By number and name, and no combined feature set or row is left behind."""
    run(many_algorithms, "EXECUTE dbo.CreateEnsemble @ModelName = N'inner', @Members = N'random_forest, extra_trees';")
    members, number, part = REFUSALS[case]
    assert part in refused(many_algorithms, f"{ENSEMBLE} @Members = N'{members}';", number)


CHANGES = {
    "another label": (
        "UPDATE dbo.experiment_patients SET label = 1 - label WHERE experiment_id = 2 AND patient_id IN "
        "(SELECT TOP (3) patient_id FROM dbo.patients ORDER BY idx);",
        50291,
        "different labels of 3 patients",
    ),
    "another horizon": ("UPDATE dbo.experiments SET horizon_days = 365 WHERE experiment_id = 2;", 50291, "365 days"),
    "another task": (
        "UPDATE dbo.classifiers SET task = 'regression' WHERE name = N'extra_trees';",
        50291,
        "regression",
    ),
    "no prevalence": (
        "UPDATE dbo.classifiers SET details = JSON_MODIFY(details, N'$.prevalence', NULL) WHERE name = N'extra_trees';",
        50154,
        "'extra_trees' version 1",
    ),
    "damaged bytes": (
        "UPDATE dbo.classifiers SET model = CAST(N'tree' AS VARBINARY(MAX)) WHERE name = N'extra_trees';",
        50105,
        "SHA-256",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_members_that_do_not_belong_together_are_refused(many_algorithms: Connection, case: str) -> None:
    """Trained on other labels, for another horizon or task, or no longer whole."""
    change, number, part = CHANGES[case]
    run(many_algorithms, change)
    assert part in refused(many_algorithms, f"{ENSEMBLE} @Members = N'of: max, extra_trees';", number)


@pytest.mark.slow
def test_permuted_labels_through_an_ensemble_give_an_auc_of_a_half(featured: Connection) -> None:
    """Over 20 seeds the mean AUC on the test part lies within three standard errors of 0.5."""
    rng = np.random.default_rng(4)
    found = []
    for seed in range(20):
        run(
            featured,
            "UPDATE l SET l.label = CAST(j.[value] AS TINYINT) FROM dbo.labels AS l "
            "INNER JOIN dbo.patients AS p ON p.patient_id = l.patient_id "
            "INNER JOIN OPENJSON(?) AS j ON CAST(j.[key] AS INT) = p.idx;",
            (json.dumps(rng.permutation(np.arange(120) % 2).tolist()),),
        )
        for algorithm, settings in (("random_forest", "@MaxIterations = 20"), ("logistic", "@L2 = 10")):
            run(
                featured,
                f"EXECUTE dbo.TrainLungCancerModel @ModelName = N'{algorithm}', @Algorithm = N'{algorithm}', "
                f"@Seed = {seed}, @Folds = 2, {settings};",
            )
        run(featured, f"{ENSEMBLE} @Members = N'random_forest:{seed + 1}, logistic:{seed + 1}';")
        found += rows(
            featured,
            "SELECT value FROM dbo.experiment_metrics WHERE experiment_id = (SELECT MAX(experiment_id) "
            "FROM dbo.experiments) AND part = 'test' AND metric = N'auc';",
        )
    areas = np.array(found).ravel()
    assert areas.size == 20
    assert abs(areas.mean() - 0.5) <= 3 * areas.std(ddof=1) / np.sqrt(20)


def test_an_ensemble_is_given_no_data_of_its_own(many_algorithms: Connection) -> None:
    """What its members were trained with is what it has; anything else would be passed over without a word."""
    message = refused(
        many_algorithms,
        "EXECUTE dbo.TrainLungCancerModel @ModelName = N'both', @Algorithm = N'ensemble', "
        "@Members = N'random_forest, network', @Horizon = 365, @Columns = N'age';",
        50101,
    )
    assert "@Columns, @Horizon" in message


def test_an_ensemble_of_members_of_one_data_set_is_of_it_too(many_algorithms: Connection) -> None:
    """Its run names the version; of members of several versions, or of all patients, it names none."""
    for first in (1, 2):
        run(
            many_algorithms,
            "EXECUTE dbo.CreateDataset @Name = N'd', "
            f"@Query = N'SELECT scan_id FROM dbo.scans WHERE scan_id >= {first}';"
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'a', @Dataset = N'd', @MaxIterations = 5;"
            "EXECUTE dbo.TrainLungCancerModel @ModelName = N'b', @Dataset = N'd', @MaxIterations = 5, @Seed = 2;",
        )
    found = []
    for number, members in enumerate(("a:1, b:1", "a:1, b:2", "a:1, network:1")):
        run(
            many_algorithms,
            "EXECUTE dbo.CreateEnsemble @ModelName = ?, @Members = ?;",
            (f"ensemble {number}", members),
        )
        found += rows(
            many_algorithms,
            "SELECT e.dataset_version_id FROM dbo.experiments AS e "
            "INNER JOIN dbo.classifiers AS c ON c.classifier_id = e.classifier_id WHERE c.name = ?;",
            (f"ensemble {number}",),
        )
    assert found == [(1,), (None,), (None,)]
    message = refused(many_algorithms, "EXECUTE dbo.DeleteDataset @Name = N'd', @Version = 1;", 50275)
    assert message.startswith("3 trainings")
