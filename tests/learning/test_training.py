"""Training learns, keeps its parts apart, and calibrates on what the models have not seen."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from lungdb.errors import ProcedureError
from lungdb.learning import logistic
from lungdb.learning.calibration import apply_calibration, fit_calibration
from lungdb.learning.parameters import TrainingParameters
from lungdb.learning.scoring import score_all
from lungdb.learning.training import cross_validate, train

HOLD_OUT = TrainingParameters()
FOLDS = TrainingParameters(folds=5)
LOGISTIC = TrainingParameters(algorithm="logistic", folds=5)


@pytest.fixture
def learnt(cohort):
    """Vectors and labels of the 70 training patients."""
    vectors, labels, is_test = cohort
    return vectors[~is_test], labels[~is_test]


@pytest.mark.parametrize("parameters", [HOLD_OUT, FOLDS, LOGISTIC], ids=["hold-out", "folds", "logistic"])
def test_the_model_finds_what_a_logistic_regression_finds(cohort, parameters):
    """AUC on the test patients within 0.1 of a linear model's, which is right for these data."""
    vectors, labels, is_test = cohort
    linear = LogisticRegression().fit(vectors[~is_test], labels[~is_test]).predict_proba(vectors[is_test])[:, 1]
    trained = train(vectors[~is_test], labels[~is_test], parameters)
    learned = roc_auc_score(labels[is_test], score_all(trained.library, trained.model, vectors[is_test]))
    assert learned > roc_auc_score(labels[is_test], linear) - 0.1


def test_lightgbm_reads_the_model_and_gives_the_same_scores(learnt):
    """The text is LightGBM's own and holds the best iteration only."""
    trained = train(*learnt, HOLD_OUT)
    booster = lightgbm.Booster(model_str=trained.model.decode())
    assert booster.num_trees() == trained.best_iteration < HOLD_OUT.max_iterations
    np.testing.assert_array_equal(booster.predict(learnt[0]), trained.raw)


def test_the_training_curve_is_the_log_loss_after_each_tree(learnt):
    """As scikit-learn computes it from the model cut off there; the validation part's is least at the best."""
    trained = train(*learnt, HOLD_OUT)
    booster = lightgbm.Booster(model_str=trained.model.decode())
    for part in ("train", "validation"):
        chosen = trained.parts == part
        for trees in (1, trained.best_iteration):
            predicted = booster.predict(learnt[0][chosen], num_iteration=trees)
            assert trained.curve[part][trees - 1] == pytest.approx(log_loss(learnt[1][chosen], predicted))
    assert np.argmin(trained.curve["validation"]) == trained.best_iteration - 1


def test_the_validation_part_is_drawn_within_each_class(learnt):
    """A fifth of each class, another one for another seed; it is what is out of fold."""
    trained = train(*learnt, HOLD_OUT)
    assert [np.sum(trained.parts[learnt[1] == label] == "validation") for label in (0, 1)] == [7, 7]
    assert [np.sum(trained.parts[learnt[1] == label] == "train") for label in (0, 1)] == [28, 28]
    np.testing.assert_array_equal(trained.out_of_fold, trained.parts == "validation")
    assert (train(*learnt, TrainingParameters(seed=1)).parts != trained.parts).any()


@pytest.mark.parametrize("parameters", [FOLDS, LOGISTIC], ids=["lightgbm", "logistic"])
def test_a_fold_is_scored_by_a_model_that_has_not_seen_it(learnt, parameters):
    """Other features of one patient of a fold change no other score of that fold, but those of other folds."""
    vectors, labels = learnt
    before = cross_validate(vectors, labels, parameters)
    fold = before.folds == 2
    changed = vectors.copy()
    changed[np.flatnonzero(fold)[0]] = 50
    after = cross_validate(changed, labels, parameters)
    np.testing.assert_array_equal(after.folds, before.folds)
    assert (after.raw != before.raw)[fold].sum() <= 1
    assert (after.raw != before.raw)[~fold].any()


def test_the_final_model_learns_from_all_patients_with_the_median_of_the_trees(learnt):
    """As LightGBM itself fits it, without a validation part."""
    vectors, labels = learnt
    trained = train(vectors, labels, FOLDS)
    trees = [each.best_iteration for each in cross_validate(vectors, labels, FOLDS).fitted]
    assert trained.best_iteration == round(np.median(trees))
    settings = {
        "objective": "binary", "learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 10, "extra_trees": True,
        "feature_fraction": 0.5, "seed": FOLDS.seed, "deterministic": True, "force_row_wise": True, "num_threads": 1,
        "verbosity": -1,
    }  # fmt: skip
    bare = lightgbm.train(settings, lightgbm.Dataset(vectors, labels), trained.best_iteration)
    np.testing.assert_array_equal(score_all("lightgbm", trained.model, vectors), bare.predict(vectors))
    assert set(trained.parts) == {"train"}
    assert trained.out_of_fold.all()


def test_the_final_penalty_is_the_median_of_the_folds(learnt):
    """And a given one is taken as it is, with scikit-learn's coefficients."""
    vectors, labels = learnt
    penalties = [each.l2 for each in cross_validate(vectors, labels, LOGISTIC).fitted]
    assert train(vectors, labels, LOGISTIC).l2 == pytest.approx(np.median(penalties))
    trained = train(vectors, labels, replace(LOGISTIC, l2=20.0))
    exact = vectors.astype(np.float64)
    standardised = (exact - exact.mean(axis=0)) / exact.std(axis=0)
    linear = LogisticRegression(C=1 / 20, tol=1e-10, max_iter=1000).fit(standardised, labels)
    fitted = logistic.from_json(trained.model.decode())
    np.testing.assert_allclose(fitted.coefficients, linear.coef_[0], atol=1e-4)


def test_with_a_given_penalty_a_fold_learns_from_all_the_others(learnt):
    """Nothing is to be chosen, so nobody is kept for it."""
    vectors, labels = learnt
    found = cross_validate(vectors, labels, replace(LOGISTIC, l2=20.0))
    others = logistic.fit(vectors[found.folds != 1], labels[found.folds != 1], 20.0)
    expected = others.probabilities(vectors[found.folds == 1])
    np.testing.assert_array_equal(found.raw[found.folds == 1], expected)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_calibration_is_fitted_on_scores_out_of_fold(learnt, method):
    """The stored one on all of them; a fold's probabilities by one that has not seen the fold."""
    _, labels = learnt
    trained = train(*learnt, replace(FOLDS, calibration=method))
    plain = train(*learnt, FOLDS)
    np.testing.assert_array_equal(trained.raw, plain.raw)
    assert trained.calibration == fit_calibration(method, plain.raw, labels)
    others = fit_calibration(method, plain.raw[plain.folds != 3], labels[plain.folds != 3])
    expected = apply_calibration(others, plain.raw[plain.folds == 3])
    np.testing.assert_array_equal(trained.probabilities[plain.folds == 3], expected)


def test_without_folds_calibration_is_fitted_on_the_validation_part(learnt):
    """Never on what the model was fitted to."""
    trained = train(*learnt, replace(HOLD_OUT, calibration="platt"))
    kept = trained.parts == "validation"
    assert trained.calibration == fit_calibration("platt", trained.raw[kept], learnt[1][kept])


def test_too_few_patients_are_not_calibrated_and_a_note_says_so(learnt):
    """Four of a class in the validation part."""
    trained = train(learnt[0][:40], learnt[1][:40], TrainingParameters(calibration="platt"))
    assert trained.calibration is None
    np.testing.assert_array_equal(trained.probabilities, trained.raw)
    assert len(trained.notes) == 1
    assert "not calibrated: 4 patients of a class" in trained.notes[0]


@pytest.fixture
def rare(learnt):
    """The same with a quarter of the positives."""
    vectors, labels = learnt
    kept = (labels == 0) | (np.cumsum(labels) % 4 == 0)
    return vectors[kept], labels[kept]


@pytest.mark.parametrize("imbalance", ["class_weight", "undersample"])
def test_balancing_raises_raw_scores_and_calibration_brings_them_back(rare, imbalance):
    """Probabilities are made for half and half, and after calibration for the share of the patients."""
    vectors, labels = rare
    parameters = replace(LOGISTIC, folds=4, imbalance=imbalance, l2=10.0)
    plain = train(vectors, labels, replace(parameters, imbalance="none"))
    balanced = train(vectors, labels, parameters)
    assert plain.prevalence == pytest.approx(labels.mean())
    assert balanced.prevalence == 0.5
    assert balanced.raw.mean() > plain.raw.mean() + 0.1
    calibrated = train(vectors, labels, replace(parameters, calibration="platt"))
    assert calibrated.prevalence == pytest.approx(labels.mean())
    assert abs(calibrated.probabilities.mean() - labels.mean()) < 0.05


def test_class_weights_are_scikit_learns(rare):
    """Its logistic regression with class_weight='balanced' on the same standardised features."""
    vectors, labels = rare
    trained = train(vectors, labels, replace(LOGISTIC, folds=4, imbalance="class_weight", l2=5.0))
    fitted = logistic.from_json(trained.model.decode())
    standardised = (vectors - fitted.mean) / fitted.scale
    linear = LogisticRegression(C=1 / 5, class_weight="balanced", tol=1e-10, max_iter=1000).fit(standardised, labels)
    np.testing.assert_allclose(fitted.coefficients, linear.coef_[0], atol=1e-4)


def test_undersampling_learns_from_as_many_of_each_class(rare):
    """Every tree's root holds twice the smaller class."""
    vectors, labels = rare
    trained = train(vectors, labels, TrainingParameters(folds=4, imbalance="undersample", min_data_in_leaf=2))
    dump = lightgbm.Booster(model_str=trained.model.decode()).dump_model()
    root = dump["tree_info"][0]["tree_structure"]
    assert root["internal_count"] == 2 * labels.sum() < labels.size


def test_too_few_patients_for_the_leaves_are_refused(learnt):
    """A tree that cannot split would give everybody the same probability."""
    with pytest.raises(
        ProcedureError, match=r"56 patients are left .* leaves of 29\. .*lower @MinDataInLeaf"
    ) as caught:
        train(*learnt, TrainingParameters(min_data_in_leaf=29))
    assert caught.value.number == 50113
    with pytest.raises(ProcedureError, match=r"18 patients are left .*lower @MinDataInLeaf, or take @Folds = 0\.$"):
        train(learnt[0][:28], learnt[1][:28], FOLDS)


@pytest.mark.parametrize("parameters", [HOLD_OUT, FOLDS, LOGISTIC], ids=["hold-out", "folds", "logistic"])
def test_one_class_is_refused(learnt, parameters):
    """Whatever else is asked for."""
    with pytest.raises(ProcedureError) as caught:
        train(learnt[0], np.zeros(70, np.int64), parameters)
    assert caught.value.number == 50112
