"""Plain T-SQL scores LightGBM models as LightGBM does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from lungdb.database import Connection, connect, run
from lungdb.errors import ProcedureError, SqlError
from lungdb.learning.nodes import read_ensemble
from tests.support import trees
from tests.support.databases import target_of
from tests.support.fixtures import MakeDatabase

ALLOWED = 1e-6


@pytest.fixture(scope="session")
def hard_file(make_database: MakeDatabase) -> Path:
    """200 patients whose vectors have missing values, zeros of all kinds and extremes."""
    return make_database("hard", lambda connection: trees.fill(connection, trees.hard_vectors()))


@pytest.fixture
def hard(hard_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of it."""
    with closing(connect(target_of(Path(shutil.copy(hard_file, tmp_path))))) as connection:
        yield connection


def _difference(connection: Connection, seed: int) -> float:
    vectors = trees.hard_vectors()
    model = trees.random_model(seed, vectors)
    trees.store(connection, "random", model)
    run(connection, "EXECUTE dbo.StoreModelNodes @ModelName = N'random';")
    found = trees.scores(connection, "EXECUTE dbo.PredictPatientsSql @ModelName = N'random';")
    return float(np.abs(found - trees.expected(model, vectors)).max())


@pytest.mark.parametrize("seed", [1, 6, 7])
def test_a_random_model_scores_as_lightgbm_does(hard: Connection, seed: int) -> None:
    """Missing values, both missing settings, thresholds equal to values, averaged trees, two objectives."""
    assert _difference(hard, seed) < ALLOWED


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_fifty_random_models_score_as_lightgbm_does(hard: Connection, seed: int) -> None:
    """Depths 1 to 12, up to 500 trees."""
    assert _difference(hard, seed) < ALLOWED


def test_the_random_models_try_what_they_claim() -> None:
    """Among the fifty are averaged trees, every missing rule, both directions, and single and 500 trees."""
    vectors = trees.hard_vectors()
    read = [read_ensemble(trees.random_model(seed, vectors).encode()) for seed in range(50)]
    assert {missing for each in read for missing in each.rows.missing} == {None, "none", "zero", "nan"}
    assert {direction for each in read for direction in np.unique(each.rows.default_left)} == {0, 1}
    assert {each.divisor > 1 for each in read} == {True, False}
    assert {1, 500} <= {each.trees for each in read}
    assert {each.steepness for each in read} >= {0.7, 1.0, 2.0}


def test_a_tree_of_one_leaf_and_a_margin_past_exp_are_scored(hard: Connection) -> None:
    """A model that has learnt nothing has one leaf; a leaf of 10,000 would overflow EXP."""
    vectors = trees.hard_vectors()
    for name, value in (("flat", 0.25), ("sure", 1e4), ("never", -1e4)):
        model = lightgbm.train(
            {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 1000},
            lightgbm.Dataset(vectors, np.arange(len(vectors)) % 2),
            1,
        ).model_to_string()
        assert "num_leaves=1\n" in model
        head, _, tail = model.partition("leaf_value=")
        model = trees.without_sizes(f"{head}leaf_value={value}\n{tail.partition(chr(10))[2]}")
        trees.store(hard, name, model)
        run(hard, f"EXECUTE dbo.StoreModelNodes @ModelName = N'{name}';")
        found = trees.scores(hard, f"EXECUTE dbo.PredictPatientsSql @ModelName = N'{name}';")
        assert np.abs(found - trees.expected(model, vectors)).max() < 1e-15


def test_thresholds_keep_their_exact_double(hard: Connection) -> None:
    """Every threshold and leaf value in the table is the double that LightGBM's own dump gives."""
    model = trees.random_model(7, trees.hard_vectors())
    trees.store(hard, "exact", model)
    run(hard, "EXECUTE dbo.StoreModelNodes @ModelName = N'exact';")
    stored = run(hard, "SELECT threshold, leaf_value FROM dbo.model_nodes;")[0].rows
    wanted: dict[str, list[float]] = {"threshold": [], "leaf_value": []}
    waiting = [tree["tree_structure"] for tree in lightgbm.Booster(model_str=model).dump_model()["tree_info"]]
    while waiting:
        node = waiting.pop()
        kind = "leaf_value" if "leaf_value" in node else "threshold"
        wanted[kind].append(node[kind])
        waiting += [node[side] for side in ("left_child", "right_child") if side in node]
    assert sorted(row[1] for row in stored if row[1] is not None) == sorted(wanted["leaf_value"])
    assert sorted(row[0] for row in stored if row[0] is not None) == sorted(wanted["threshold"])


def _trained(columns: int = 4, categorical: list[int] | None = None, **settings: object) -> bytes:
    rng = np.random.default_rng(0)
    features = rng.integers(0, 5, size=(300, columns)).astype(float)
    labels = np.arange(300) % 3 if "num_class" in settings else (features[:, 0] % 2).astype(int)
    parameters = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_per_group": 1, **settings}
    data = lightgbm.Dataset(features, labels, params=parameters, categorical_feature=categorical or [])
    return lightgbm.train(parameters, data, 2).model_to_string().encode()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"categorical": [0]}, "categorical split on feature 0"),
        ({"linear_tree": True}, "linear"),
        ({"objective": "multiclass", "num_class": 3}, "3 classes"),
        ({"objective": "poisson"}, "poisson"),
    ],
)
def test_what_nodes_cannot_say_is_refused_by_name(settings: dict[str, object], word: str) -> None:
    """Categorical splits, linear leaves, several classes and other links would be scored wrongly."""
    with pytest.raises(ProcedureError, match=word) as caught:
        read_ensemble(_trained(**settings))
    assert caught.value.number == 50152


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("left_child=", "left_child=0 "),
        ("\nend of trees\n", "\n"),
        ("threshold=", "threshold=nan "),
        ("split_feature=", "split_feature=99 "),
        ("leaf_value=", "leaf_value=x "),
    ],
)
def test_a_damaged_model_is_refused(was: str, becomes: str) -> None:
    """Nothing of it becomes rows."""
    model = _trained().decode()
    damaged = model.replace(was, becomes)
    assert damaged != model
    with pytest.raises(ProcedureError) as caught:
        read_ensemble(damaged.encode())
    assert caught.value.number == 50152


def test_a_refused_model_leaves_no_rows(hard: Connection) -> None:
    """The call fails with the number, and no table has a row of the model."""
    trees.store(hard, "categorical", _trained(trees.WIDTH, categorical=[0]).decode())
    with pytest.raises(SqlError, match="categorical") as caught:
        run(hard, "EXECUTE dbo.StoreModelNodes @ModelName = N'categorical';")
    assert caught.value.number == 50152
    for table in ("model_scoring", "model_nodes", "model_calibration", "model_checks"):
        assert run(hard, f"SELECT COUNT(*) FROM dbo.{table};")[0].rows == [(0,)]
