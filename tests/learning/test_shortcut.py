"""A model on columns alone is scikit-learn's on the same table, with what is missing filled as documented."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lungdb.learning.shortcut import MOST_KINDS, Columns, score_by_columns


def draw(scans, seed):
    """Columns, some missing; one scanner has most of the positives."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, scans)
    age = rng.normal(60, 9, scans) + 4 * labels
    age[rng.random(scans) < 0.2] = np.nan
    maker = np.where(rng.random(scans) < 0.8, np.where(labels == 1, "A", "B"), "C").astype(object)
    maker[rng.random(scans) < 0.1] = None
    return labels, Columns({"age": age, "never": np.full(scans, np.nan)}, {"maker": maker.tolist()})


def test_probabilities_are_those_of_scikit_learn():
    """Means and indicators of what is missing, indicators of texts, standardised, C = 1."""
    labels, learning = draw(200, 1)
    _, scans = draw(60, 2)

    def table(columns):
        return pd.DataFrame(
            {"age": columns.numbers["age"], "maker": [text or "none" for text in columns.texts["maker"]]}
        )

    reference = make_pipeline(
        make_column_transformer(
            (SimpleImputer(add_indicator=True), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["maker"])
        ),
        StandardScaler(with_mean=False),
        LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000),
    ).fit(table(learning), labels)
    expected = reference.predict_proba(table(scans))[:, 1]
    found = score_by_columns(learning, labels, scans)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert roc_auc_score(draw(60, 2)[0], found) > 0.85


def test_a_text_that_training_lacks_says_nothing():
    """It is none of the texts known, and only so many are."""
    labels = np.tile([0, 1], 60)
    texts = [f"kind {number // 4}" for number in range(120)]
    learning = Columns({}, {"maker": texts})
    found = score_by_columns(learning, labels, Columns({}, {"maker": ["never seen", f"kind {MOST_KINDS + 9}", None]}))
    assert found == pytest.approx([found[0]] * 3)
