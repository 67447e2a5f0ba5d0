"""What triples of slices do to a margin, against pooling by hand, closed forms and all subsets."""

from __future__ import annotations

from itertools import permutations

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray

from lungdb.errors import ErrorNumber, LungdbError, ProcedureError
from lungdb.extensions import Extension
from lungdb.learning import logistic
from lungdb.learning.explaining.margins import margins
from lungdb.learning.explaining.slices import explain_triples
from lungdb.learning.explaining.vectors import Part, TripleScan, along, check_scan, reference_of, without_each
from lungdb.learning.pooling import pool

RNG = np.random.default_rng(2)
POOLINGS = ("mean", "max", "mean_max_std", "thirds", "pca1")


def made_scan(pooling: str, triples: int = 5) -> TripleScan:
    """Make a scan of a column, features of four values, and means of two more from another layer."""
    first = RNG.gamma(2.0, size=(triples, 4)).astype(np.float32)
    second = RNG.normal(size=(triples, 2)).astype(np.float32)
    front = pool(first, pooling)
    vector = np.concatenate([[61], front, pool(second, "mean")]).astype(np.float32)
    return TripleScan(vector, (Part(pooling, 1, front.size), Part("mean", 1 + front.size, 2)), (first, second))


def trees(scan: TripleScan) -> bytes:
    """Fit trees on vectors around that of a scan."""
    vectors = scan.vector + RNG.normal(size=(200, scan.vector.size)).astype(np.float32)
    labels = (vectors[:, 1] + vectors[:, 2] * vectors[:, -1] > np.median(vectors[:, 1])).astype(int)
    given = {"objective": "binary", "num_leaves": 6, "min_data_in_leaf": 5, "verbosity": -1}
    return str(lightgbm.train(given, lightgbm.Dataset(vectors, labels), 10).model_to_string()).encode()


def means_of(scan: TripleScan) -> NDArray[np.float64]:
    """Give training means near the scan; none of the column, which no triple changes."""
    means = scan.vector.astype(np.float64) + RNG.normal(scale=0.5, size=scan.vector.size)
    means[0] = np.nan
    return means


@pytest.mark.parametrize("pooling", POOLINGS)
def test_leaving_a_triple_out_is_scoring_the_scan_without_it(pooling: str) -> None:
    """Features of all parts lose the triple, the column stays, and the change is of the margin."""
    scan = made_scan(pooling)
    model = trees(scan)
    found = explain_triples("lightgbm", model, {}, scan, means_of(scan), 0, 0)
    booster = lightgbm.Booster(model_str=model.decode())
    whole = booster.predict(scan.vector[None], raw_score=True)[0]
    for triple in range(5):
        kept = [np.delete(array, triple, axis=0) for array in scan.arrays]
        vector = np.concatenate([[61], pool(kept[0], pooling), kept[1].mean(axis=0)])
        changed = booster.predict(vector[None].astype(np.float32), raw_score=True)[0] - whole
        assert found.without[triple] == pytest.approx(changed, abs=1e-9)
    assert found.margin == pytest.approx(whole, abs=1e-12)
    assert found.method == ""
    assert np.isnan(found.reference_margin)


@pytest.mark.parametrize("pooling", ["mean", "thirds"])
def test_shares_of_a_linear_model_are_exact_and_sum_to_the_margin(pooling: str) -> None:
    """With the intercept and the term of the column, which is no triple's, and each as replacing its triple says."""
    scan = made_scan(pooling)
    vectors = scan.vector + RNG.normal(size=(50, scan.vector.size)).astype(np.float32)
    model = logistic.fit(vectors, (vectors[:, 1] > scan.vector[1]).astype(int), 1.0)
    text = model.to_json().encode()
    found = explain_triples("logistic", text, {}, scan, np.full(scan.vector.size, np.nan), 64, 0)
    column = (61 - model.mean[0]) / model.scale[0] * model.coefficients[0]
    assert found.method == "share"
    assert np.isnan(found.errors).all()
    assert model.intercept + column + found.values.sum() == pytest.approx(found.margin, abs=1e-6)
    assert found.reference_margin == pytest.approx(model.intercept + column, abs=1e-6)
    reference = reference_of(scan, model.mean)
    for triple in range(5):
        order = np.array([each for each in range(5) if each != triple] + [triple])
        last = margins("logistic", text, {}, along(scan, reference, order)[-2:])
        assert found.values[triple] == pytest.approx(last[1] - last[0], abs=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_estimates_lie_within_their_error_of_the_values_over_all_permutations(pooling: str) -> None:
    """All 120 orders of five triples; the sum is the margin minus that of the reference, exactly."""
    scan = made_scan(pooling)
    model, means = trees(scan), means_of(scan)
    reference = reference_of(scan, means)
    exact = np.zeros(5)
    for each in permutations(range(5)):
        order = np.array(each)
        exact[order] += np.diff(margins("lightgbm", model, {}, along(scan, reference, order))) / 120
    found = explain_triples("lightgbm", model, {}, scan, means, 60, 4)
    assert found.method == "shapley"
    assert (np.abs(found.values - exact) <= 4 * found.errors + 1e-9).all()
    assert found.values.sum() == pytest.approx(found.margin - found.reference_margin, abs=1e-9)
    assert found.reference_margin == margins("lightgbm", model, {}, reference[None].astype(np.float32))[0]
    again = explain_triples("lightgbm", model, {}, scan, means, 60, 4)
    assert again.values.tolist() == found.values.tolist()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_triples_that_are_absent_are_left_out_or_stand_at_the_training_mean(pooling: str) -> None:
    """Along a path: linear poolings have the mean row in their place, of the others those that are there are pooled."""
    scan = made_scan(pooling)
    reference = reference_of(scan, means_of(scan))
    order = np.array([3, 0, 4, 2, 1])
    path = along(scan, reference, order)
    assert path[0].tolist() == reference.astype(np.float32).tolist()
    assert path[-1].tolist() == scan.vector.tolist()
    width, there = scan.parts[0].width, np.sort(order[:3])
    if pooling == "mean":
        rows = np.where(np.isin(np.arange(5), there)[:, None], scan.arrays[0], reference[1 : 1 + width])
        wanted = rows.mean(axis=0)
    elif pooling == "thirds":
        pieces = []
        for third in range(3):
            mean = reference[1 + 4 * third : 5 + 4 * third]
            rows = np.where(np.isin(np.arange(5), there)[:, None], scan.arrays[0], mean).astype(np.float32)
            pieces.append(pool(rows, "thirds")[4 * third : 4 * third + 4])
        wanted = np.concatenate(pieces)
    else:
        wanted = pool(scan.arrays[0][there], pooling)
    assert path[3, 1 : 1 + width] == pytest.approx(wanted, abs=1e-5)
    assert path[3, 0] == 61


def ends(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pool as a package may, with the order minded: the median, the first and the last triple."""
    return np.concatenate([np.median(features, axis=0), features[0], features[-1]])


def test_a_packages_pooling_is_asked_of_the_triples_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the scan's order, left out and added; one that makes other numbers of fewer triples is refused by its name."""
    monkeypatch.setattr("lungdb.learning.pooling.extension", lambda group, name: Extension(ends, "extra 1"))
    array = RNG.normal(size=(4, 2)).astype(np.float32)
    scan = TripleScan(ends(array), (Part("ends", 0, 6),), (array,))
    check_scan(scan)
    path = along(scan, np.zeros(6), np.array([2, 0, 3, 1]))
    np.testing.assert_allclose(
        path, [np.zeros(6), ends(array[[2]]), ends(array[[0, 2]]), ends(array[[0, 2, 3]]), ends(array)]
    )
    np.testing.assert_allclose(without_each(scan)[1], ends(array[[0, 2, 3]]))
    monkeypatch.setattr(
        "lungdb.learning.pooling.extension",
        lambda group, name: Extension(lambda features: ends(features)[: 2 * min(3, len(features) - 1)], "extra 1"),
    )
    with pytest.raises(LungdbError, match=r"'ends' makes 4 numbers of 3 triples and 6 of all"):
        without_each(scan)
    monkeypatch.setattr("lungdb.learning.pooling.extension", lambda group, name: None)
    with pytest.raises(ProcedureError, match="Pooling 'ends' is not supported") as caught:
        check_scan(scan)
    assert caught.value.number == ErrorNumber.NOT_REGISTERED


def test_a_scan_of_one_triple_has_an_estimate_and_nothing_without_it() -> None:
    """The one triple makes all the difference to the reference, with no spread."""
    scan = made_scan("max", triples=1)
    found = explain_triples("lightgbm", trees(scan), {}, scan, means_of(scan), 4, 0)
    assert found.without.size == 0
    assert found.values.tolist() == [found.margin - found.reference_margin]
    assert found.errors.tolist() == [0.0]


def test_arrays_that_are_not_what_was_scored_are_refused() -> None:
    """Another number of triples, other columns, and values that do not pool to the vector."""
    scan = made_scan("mean")
    check_scan(scan)
    first, second = scan.arrays
    for arrays, said in (
        ((first, second[:3]), "3 and 5 rows"),
        ((first[:, :3], second), "mean has 3 numbers where the model reads 4"),
        ((first + 1, second), "not the vector"),
    ):
        with pytest.raises(ProcedureError, match=said) as refusal:
            check_scan(TripleScan(scan.vector, scan.parts, arrays))
        assert refusal.value.number == ErrorNumber.SCORE_OUTDATED


def test_training_means_that_are_not_known_are_refused() -> None:
    """Nothing can stand in for what is absent; without permutations nothing has to."""
    scan = made_scan("mean")
    nowhere = np.full(scan.vector.size, np.nan)
    with pytest.raises(ProcedureError, match="model_scope_features") as refusal:
        explain_triples("lightgbm", trees(scan), {}, scan, nowhere, 8, 0)
    assert refusal.value.number == ErrorNumber.NO_REFERENCE
