"""Numbers that are learnt: against scikit-learn, SciPy and LightGBM itself, and what is refused."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from lungdb.errors import ProcedureError
from lungdb.learning.parameters import TrainingParameters, read_parameters, recorded
from lungdb.learning.regression import check_targets, figures_of_numbers, intervals, mae, r2, rmse, spearman
from lungdb.learning.scoring import score_all
from lungdb.learning.training import train

ALGORITHMS = ("lightgbm", "random_forest", "extra_trees")


def made_up(patients: int = 100, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of six features, the first of which tells a number around 1000 that differs by about 10."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(patients, 6)).astype(np.float32)
    return vectors, 1000 + 10 * vectors[:, 0].astype(np.float64) + rng.normal(size=patients)


def parameters(algorithm: str = "lightgbm", **others: int) -> TrainingParameters:
    """A regression with few trees."""
    trees = {"max_iterations": 40} | others
    return TrainingParameters(algorithm=algorithm, task="regression", **trees)  # type: ignore[arg-type]


def test_figures_equal_those_of_scikit_learn_and_scipy() -> None:
    """Of numbers with ties; the constant is the mean that was given."""
    rng = np.random.default_rng(3)
    targets = rng.normal(50, 9, size=70).round()
    predicted = (targets + rng.normal(0, 6, size=70)).round(1)
    assert rmse(targets, predicted) == pytest.approx(mean_squared_error(targets, predicted) ** 0.5)
    assert mae(targets, predicted) == pytest.approx(mean_absolute_error(targets, predicted))
    assert r2(targets, predicted) == pytest.approx(r2_score(targets, predicted))
    assert spearman(targets, predicted) == pytest.approx(spearmanr(targets, predicted)[0])
    found = figures_of_numbers(targets, predicted, np.ones(70, dtype=bool), None, 51.5, 1)
    assert found["rmse_constant"] == pytest.approx(mean_squared_error(targets, np.full(70, 51.5)) ** 0.5)
    assert found["r2_constant"] == pytest.approx(r2_score(targets, np.full(70, 51.5)))
    assert found["patients"] == 70


def test_figures_that_are_not_defined_are_none() -> None:
    """R² where all targets are the same, a rank correlation where either side is, everything without patients."""
    same, rising = np.full(5, 2.0), np.arange(5.0)
    assert r2(same, rising) is None
    assert spearman(same, rising) is spearman(rising, same) is None
    nobody = np.empty(0)
    assert [measure(nobody, nobody) for measure in (rmse, mae, r2, spearman)] == [None] * 4
    found = intervals(same, rising, None, seed=1)
    assert found["r2"] is found["spearman"] is None
    assert found["rmse"] is not None


@pytest.mark.parametrize("scans", [1, 2])
def test_intervals_are_those_of_patients_drawn_one_after_another(scans: int) -> None:
    """The same resamples as a loop draws, whose figures scikit-learn and SciPy compute; all scans of one together."""
    rng = np.random.default_rng(8)
    targets = rng.normal(size=30).round(1)
    predicted = targets + rng.normal(size=30)
    owners = np.repeat(np.arange(30 // scans), scans)
    found = intervals(targets, predicted, owners if scans > 1 else None, seed=4, resamples=200)
    drawn = np.random.default_rng(4)
    wanted: dict[str, list[float]] = {"rmse": [], "mae": [], "r2": [], "spearman": []}
    for _ in range(2):
        for patients in drawn.integers(0, 30 // scans, (100, 30 // scans)):
            rows = np.concatenate([np.flatnonzero(owners == patient) for patient in patients])
            one, other = targets[rows], predicted[rows]
            wanted["rmse"].append(mean_squared_error(one, other) ** 0.5)
            wanted["mae"].append(mean_absolute_error(one, other))
            wanted["r2"].append(r2_score(one, other))
            wanted["spearman"].append(spearmanr(one, other)[0])
    for name, values in wanted.items():
        assert found[name] == pytest.approx(tuple(np.percentile(values, [2.5, 97.5]))), name


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_model_is_lightgbms_on_standardised_numbers(algorithm: str) -> None:
    """Its text alone gives the numbers in their own unit, and equals LightGBM trained without us."""
    vectors, targets = made_up()
    trained = train(vectors, targets, parameters(algorithm, folds=5))
    chosen = parameters(algorithm)
    trees = trained.best_iteration
    bag = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.632}
    kind = {"learning_rate": chosen.learning_rate} if algorithm == "lightgbm" else bag
    mean, sd = targets.mean(), targets.std()
    own = lightgbm.train(
        {
            "objective": "regression", **kind, "num_leaves": chosen.num_leaves, "min_data_in_leaf": 10,
            "extra_trees": algorithm != "random_forest", "feature_fraction": chosen.feature_fraction,
            "seed": chosen.seed, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
        },
        lightgbm.Dataset(vectors, (targets - mean) / sd),
        num_boost_round=trees,
    )  # fmt: skip
    booster = lightgbm.Booster(model_str=trained.model.decode())
    np.testing.assert_allclose(booster.predict(vectors), mean + sd * own.predict(vectors), rtol=1e-12)
    np.testing.assert_allclose(
        score_all("lightgbm", trained.model, vectors, "regression"), booster.predict(vectors), rtol=1e-15
    )
    assert np.isnan(trained.probabilities).all()
    assert trained.prevalence is None
    assert trained.out_of_fold.all()


def test_trees_of_a_forest_that_find_no_split_say_the_mean() -> None:
    """LightGBM gives such a tree the value 0, which would draw numbers far from 0 towards it."""
    vectors, targets = made_up(60)
    trained = train(vectors, targets, parameters("extra_trees", min_data_in_leaf=15, folds=0))
    text = trained.model.decode()
    assert "num_leaves=1\n" in text
    learnt_from = targets[trained.parts == "train"]
    found = lightgbm.Booster(model_str=text).predict(vectors)
    assert abs(found.mean() - learnt_from.mean()) < learnt_from.std() / 2


@pytest.mark.parametrize(("factor", "added"), [(1e-12, 0.0), (1e12, 0.0), (1.0, 1e9)])
def test_the_unit_of_the_numbers_changes_nothing_but_the_unit(factor: float, added: float) -> None:
    """Small, large and far from 0: predictions are those of the plain numbers, in the other unit."""
    vectors, targets = made_up()
    plain = train(vectors, targets, parameters(folds=4)).raw
    other = train(vectors, factor * targets + added, parameters(folds=4)).raw
    np.testing.assert_allclose((other - added) / factor, plain, rtol=1e-5)


def test_the_scans_of_a_patient_are_in_one_fold() -> None:
    """Folds and the validation part are of patients, and differ in size by one at most."""
    vectors, targets = made_up(120)
    owners = np.repeat(np.arange(40), 3)
    trained = train(vectors, targets, parameters(folds=5), owners)
    of_patient = trained.folds.reshape(40, 3)
    assert (of_patient == of_patient[:, :1]).all()
    assert sorted(np.bincount(of_patient[:, 0])) == [8] * 5
    parts = train(vectors, targets, parameters(folds=0), owners).parts.reshape(40, 3)
    assert (parts == parts[:, :1]).all()
    assert (parts[:, 0] == "validation").sum() == 8


def test_permuted_numbers_are_not_learnt() -> None:
    """Over 20 seeds the mean of R² out of fold is not above 0 by three standard errors; that of true numbers is."""
    found = []
    for seed in range(20):
        vectors, targets = made_up(80, seed)
        permuted = np.random.default_rng(seed).permutation(targets)
        value = r2(permuted, train(vectors, permuted, parameters(folds=4, seed=seed)).raw)
        assert value is not None
        found.append(value)
    assert np.mean(found) < 3 * np.std(found) / np.sqrt(len(found))
    vectors, targets = made_up(80)
    learnt = r2(targets, train(vectors, targets, parameters(folds=4)).raw)
    assert learnt is not None
    assert learnt > 0.3


@pytest.mark.parametrize(
    ("targets", "folds", "number", "part"),
    [
        ([1.0, 2.0, np.nan, 4.0, 5.0, 6.0], 0, 50310, "not finite"),
        ([1.0, 2.0, np.inf, 4.0, 5.0, 6.0], 0, 50310, "not finite"),
        ([1.0, 2.0, 1e200, 4.0, 5.0, 6.0], 0, 50310, "beyond 1e+100"),
        ([7.5] * 8, 0, 50310, "the numeric label 7.5"),
        ([1.0, 2.0, 3.0], 0, 50113, "3 patients with a numeric label"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 10, 50113, "Load at least 10"),
        ([1.0, 2.0, 3.0, 4.0, 5.0], 2, 50113, "a fold of 2 would learn from 2"),
    ],
)
def test_numbers_from_which_nothing_can_be_learnt_are_refused(
    targets: list[float], folds: int, number: int, part: str
) -> None:
    """With what is wrong and what to do."""
    with pytest.raises(ProcedureError) as refusal:
        check_targets(np.array(targets), folds)
    assert refusal.value.number == number
    assert part in refusal.value.message


def test_too_few_patients_for_two_leaves_are_refused() -> None:
    """As of a classifier."""
    vectors, targets = made_up(18)
    with pytest.raises(ProcedureError) as refusal:
        train(vectors, targets, parameters(folds=0))
    assert refusal.value.number == 50113


@pytest.mark.parametrize(
    "other", ['"algorithm": "logistic"', '"algorithm": "network"', '"calibration": "platt"',
              '"imbalance": "undersample"']
)  # fmt: skip
def test_what_no_regression_reads_is_refused(other: str) -> None:
    """50101 with the value."""
    with pytest.raises(ProcedureError) as refusal:
        read_parameters(f'{{"task": "regression", {other}}}')
    assert refusal.value.number == 50101
    assert "with the task regression" in refusal.value.message


def test_what_is_recorded_of_a_classifier_has_no_task() -> None:
    """So the details of classifiers are the bytes that they were; those of a regression read back the same."""
    assert "task" not in recorded(TrainingParameters())
    chosen = parameters("random_forest")
    told = recorded(chosen)
    assert told["task"] == "regression"
    assert not told.keys() & {"calibration", "imbalance", "l2", "hidden"}
