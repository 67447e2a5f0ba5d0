"""What PromoteModel decides by is computed in T-SQL: scikit-learn's figures, and no external script is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from lungdb.database import Connection, connect, run
from lungdb.database.generator import read_sources, without_scripts
from lungdb.errors import ErrorNumber, SqlError
from tests.sql.gates.check import SQL
from tests.support.databases import copy_to, refused, rows, target_of

FIGURES: dict[str, Callable[..., float]] = {
    "auc": roc_auc_score,
    "average_precision": average_precision_score,
    "log_loss": log_loss,
    "brier": brier_score_loss,
}
MORE_IS_BETTER = ("auc", "average_precision")
MEASURE = """
CREATE TABLE #pairs (
    patient_id NVARCHAR(64) COLLATE DATABASE_DEFAULT NOT NULL PRIMARY KEY,
    label INT NOT NULL, a FLOAT NOT NULL, b FLOAT NOT NULL);
DECLARE @Patients INT, @A FLOAT, @B FLOAT;
EXECUTE internal.MeasurePairs 1, 2, ?, 0, @Patients OUTPUT, @A OUTPUT, @B OUTPUT;
SELECT @Patients, @A, @B;
DROP TABLE #pairs;
"""


@pytest.fixture
def without_python(trained_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """The database with models, less every procedure that install_sql_only.sql does not bring."""
    files = read_sources(SQL)
    with closing(connect(target_of(copy_to(tmp_path, trained_file)))) as connection:
        for each in set(files) - set(without_scripts(files)):
            run(connection, f"DROP PROCEDURE {each.makes};")
        yield connection


def _give_scores(connection: Connection, seed: int, decimals: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the training patients out-of-fold scores of both versions, the second worse for odd seeds; give all."""
    rng = np.random.default_rng(seed)
    patients = rows(
        connection,
        "SELECT patient_id, label FROM dbo.experiment_patients WHERE experiment_id = 1 AND part <> 'test' "
        "AND out_of_fold = 1 ORDER BY patient_id;",
    )
    labels = np.array([label for _, label in patients])
    common = rng.standard_normal(labels.size) + labels
    noises = (0.2, 3.0) if seed % 2 else (3.0, 0.2)
    margins = [common + noise * rng.standard_normal(labels.size) for noise in noises]
    scores = [np.round(1 / (1 + np.exp(-margin)), decimals) for margin in margins]
    scores[seed % 2][:2] = 1 - labels[:2]
    for experiment, of_model in enumerate(scores, start=1):
        for (patient, _), score in zip(patients, of_model.tolist(), strict=True):
            run(
                connection,
                "UPDATE dbo.experiment_patients SET probability = ? WHERE experiment_id = ? AND patient_id = ?;",
                (score, experiment, patient),
            )
    return labels, scores[0], scores[1]


@pytest.mark.parametrize("decimals", [1, 15])
def test_every_figure_is_scikit_learns(trained: Connection, decimals: int) -> None:
    """To 1e-12, on random scores with and without ties, some of them 0 or 1 and wrong."""
    labels, a, b = _give_scores(trained, decimals, decimals)
    assert (np.unique(a).size < 12) == (decimals == 1)
    for metric, figure in FIGURES.items():
        [(patients, value_a, value_b)] = rows(trained, MEASURE, (metric,))
        assert patients == labels.size
        assert value_a == pytest.approx(figure(labels, a), rel=0, abs=1e-12), metric
        assert value_b == pytest.approx(figure(labels, b), rel=0, abs=1e-12), metric


@pytest.mark.parametrize("metric", FIGURES)
def test_a_version_is_refused_when_scikit_learn_finds_it_worse_and_only_then(
    without_python: Connection, metric: str
) -> None:
    """For scores better, worse and equal, by each figure, on a server without external scripts."""
    outcomes = set()
    for seed in range(2):
        labels, a, b = _give_scores(without_python, seed, 1)
        one, two = FIGURES[metric](labels, a), FIGURES[metric](labels, b)
        run(without_python, f"EXECUTE dbo.PromoteModel @Version = 1, @Force = 1, @Metric = N'{metric}';")
        call = f"EXECUTE dbo.PromoteModel @Version = 2, @Metric = N'{metric}';"
        is_worse = two < one if metric in MORE_IS_BETTER else two > one
        outcomes.add(is_worse)
        if is_worse:
            message = refused(without_python, call, ErrorNumber.WORSE_THAN_CHAMPION)
            assert f"{metric} {two:.4f} and the champion, version 1, has {one:.4f} on the same" in message
        else:
            run(without_python, call)
            kept = "SELECT TOP (1) value, previous_value FROM dbo.model_promotions ORDER BY promotion_id DESC;"
            assert rows(without_python, kept)[0] == pytest.approx((two, one))
            run(without_python, "EXECUTE dbo.RollbackModel;")
    assert outcomes == {True, False}
    run(without_python, "UPDATE dbo.experiment_patients SET probability = 0.3 WHERE part <> 'test';")
    run(without_python, f"EXECUTE dbo.PromoteModel @Version = 1, @Metric = N'{metric}';")
    run(without_python, f"EXECUTE dbo.PromoteModel @Version = 2, @Metric = N'{metric}';")


@pytest.mark.parametrize("metric", FIGURES)
def test_patients_of_one_class_define_no_figure(without_python: Connection, metric: str) -> None:
    """Of any kind, though log loss and Brier score could be computed: the promotion is refused unless forced."""
    run(without_python, "UPDATE dbo.experiment_patients SET label = 1;")
    [(patients, *values)] = rows(without_python, MEASURE, (metric,))
    assert patients > 0
    assert values == [None, None]
    message = refused(
        without_python, f"EXECUTE dbo.PromoteModel @Version = 2, @Metric = N'{metric}';", ErrorNumber.NOT_COMPARABLE
    )
    assert f"{patients} out-of-fold scores of training patients in common, on which {metric} is not defined" in message


def test_a_figure_that_is_none_is_refused(without_python: Connection) -> None:
    """Before anything is compared, also where there is no champion."""
    with pytest.raises(SqlError, match=r"'50% luck' for the parameter @Metric"):
        run(without_python, "EXECUTE dbo.PromoteModel @Metric = N'50% luck';")


def test_promoting_reaches_no_external_script() -> None:
    """Neither PromoteModel nor what it calls; CompareModels does, for its interval."""
    kept = {each.makes for each in without_scripts(read_sources(SQL))}
    assert {"dbo.PromoteModel", "internal.MeasurePairs", "dbo.RollbackModel"} <= kept
    assert not {"dbo.CompareModels", "dbo.CompareFigures", "internal.CompareScores"} & kept
