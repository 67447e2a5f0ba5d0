"""A row that was altered in its table is refused with a sentence, never scored or trained on."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable
from typing import Any

import pytest

from lungdb.database import Connection, run
from lungdb.errors import SqlError
from tests.support.databases import refused, rows, said

ALTERED = {
    "a number of a vector": "UPDATE dbo.pooled_features SET vector = JSON_MODIFY(vector, '$[0]', 9) WHERE scan_id = 6;",
    "two vectors swapped": (
        "UPDATE a SET a.vector = b.vector FROM dbo.pooled_features AS a INNER JOIN dbo.pooled_features AS b "
        "ON b.scan_id = 11 - a.scan_id WHERE a.scan_id IN (5, 6);"
    ),
    "a hash that is gone": "UPDATE dbo.pooled_features SET vector_sha256 = NULL WHERE scan_id = 6;",
}
READERS = {
    "PredictLungCancer @PatientIndex = 5": 50105,
    "PredictLungCancerSql @PatientIndex = 5": 50105,
    "PredictPatientsSql": 50105,
    "ScorePatientsSql": 50105,
    "TrainLungCancerModel": 50105,
    "StoreModelNodes": 50105,
    "SimilarPatients @PatientIndex = 0": 50105,
    "SearchModels": 50105,
}


@pytest.mark.parametrize("change", ALTERED)
def test_an_altered_vector_is_refused_by_whoever_reads_it(trained: Connection, change: str) -> None:
    """The error names the scan, and nothing is stored."""
    run(trained, "EXECUTE dbo.AssignSplits;")
    run(trained, ALTERED[change])
    for call, number in READERS.items():
        message = refused(trained, f"EXECUTE dbo.{call};", number)
        assert "SHA-256" in message, call
        assert re.search(r"\b6\b", message), call


@pytest.mark.parametrize("change", ALTERED)
def test_patients_whose_vectors_are_as_stored_are_scored_and_the_others_named(trained: Connection, change: str) -> None:
    """PredictPatients leaves out what was altered: error 50120 says whom and why."""
    run(trained, ALTERED[change])
    with pytest.raises(SqlError, match=r"index 5: The vector .* does not match its SHA-256") as caught:
        run(trained, "EXECUTE dbo.PredictPatients;")
    assert caught.value.number == 50120
    left_out = 2 if "swapped" in change else 1
    assert rows(trained, "SELECT COUNT(*) FROM dbo.predictions;") == [(120 - left_out,)]
    assert rows(trained, "SELECT COUNT(*) FROM dbo.predictions WHERE scan_id = 6;") == [(0,)]


def test_the_hash_of_a_vector_is_that_of_its_text_in_utf_16(trained: Connection) -> None:
    """Little-endian and without a mark, as Python hashes it."""
    for text, sha256 in rows(trained, "SELECT vector, vector_sha256 FROM dbo.pooled_features;"):
        assert sha256 == hashlib.sha256(text.encode("utf-16-le")).digest()


TREES, LINE = "lightgbm_sql", "100% linear"
ROWS = {
    "a leaf": (TREES, "UPDATE dbo.model_nodes SET leaf_value = leaf_value + 1e-3 WHERE tree = 0;"),
    "a threshold": (TREES, "UPDATE dbo.model_nodes SET threshold = threshold + 1 WHERE tree = 0 AND node = 0;"),
    "two children": (
        TREES,
        "UPDATE dbo.model_nodes SET left_node = right_node, right_node = left_node WHERE tree = 0 AND node = 0;",
    ),
    "a feature": (TREES, "UPDATE dbo.model_nodes SET feature_index = 11 - feature_index WHERE tree = 0 AND node = 0;"),
    "a default direction": (TREES, "UPDATE dbo.model_nodes SET default_left = 1 - default_left WHERE node = 0;"),
    "a steepness": (TREES, "UPDATE dbo.model_scoring SET steepness = 2 WHERE trees > 0;"),
    "a prevalence": (TREES, "UPDATE dbo.model_scoring SET prevalence = 0.5;"),
    "a calibration": (TREES, "UPDATE dbo.model_calibration SET y = y + 1;"),
    "the model itself": (TREES, "UPDATE dbo.classifiers SET sha256 = HASHBYTES('SHA2_256', 0x00);"),
    "a digest that is gone": (TREES, "UPDATE dbo.model_scoring SET rows_sha256 = NULL;"),
    "a coefficient": (LINE, "UPDATE dbo.model_coefficients SET coefficient = -coefficient WHERE feature_index = 0;"),
    "a mean": (LINE, "UPDATE dbo.model_coefficients SET mean = mean + 1 WHERE feature_index = 3;"),
    "a scale": (LINE, "UPDATE dbo.model_coefficients SET scale = 2 * scale WHERE feature_index = 3;"),
    "an intercept": (LINE, "UPDATE dbo.model_scoring SET intercept = intercept + 1 WHERE trees = 0;"),
    "a row of another model": (
        TREES,
        "UPDATE a SET a.leaf_value = b.leaf_value FROM dbo.model_nodes AS a INNER JOIN dbo.model_nodes AS b "
        "ON b.classifier_id = 3 - a.classifier_id AND b.tree = a.tree AND b.node = a.node "
        "WHERE a.classifier_id IN (1, 2) AND a.leaf_value IS NOT NULL;",
    ),
}


@pytest.mark.parametrize("change", ROWS)
def test_altered_rows_of_a_model_are_refused_by_whoever_scores_from_them(trained: Connection, change: str) -> None:
    """With the call that makes them again from the model, where the model is whole."""
    name, text = ROWS[change]
    run(trained, text)
    for call in ("PredictLungCancerSql @PatientIndex = 3,", "PredictPatientsSql", "ScorePatientsSql", "CheckModelSql"):
        message = refused(trained, f"EXECUTE dbo.{call} @ModelName = N'{name}', @Version = 1;", 50105)
        assert "do not match their SHA-256" in message
    if change != "the model itself":
        help_call = message[message.index("EXECUTE") : message.index(";") + 1]
        assert "can be scored with T-SQL alone" in said(trained, help_call)
        run(trained, f"EXECUTE dbo.PredictPatientsSql @ModelName = N'{name}', @Version = 1;")


def test_rows_that_were_others_are_told_when_they_are_made_again(trained: Connection) -> None:
    """StoreModelNodes says so where the digest is another one, and not where it is the same."""
    call = "EXECUTE dbo.StoreModelNodes @ModelName = N'lightgbm_sql', @Version = 1;"
    assert "were others" not in said(trained, call)
    run(trained, "UPDATE dbo.model_scoring SET rows_sha256 = HASHBYTES('SHA2_256', 0x00);")
    assert "The rows that were stored before were others." in said(trained, call)


def _hexadecimal(value: float | None) -> str:
    return "" if value is None else struct.pack(">d", value + 0.0).hex().upper()


def _text(value: Any) -> str:
    if isinstance(value, float):
        return _hexadecimal(value)
    return "" if value is None else str(int(value) if isinstance(value, bool) else value)


@pytest.mark.parametrize("classifier", [1, 3])
def test_the_digest_is_of_the_text_that_is_documented(trained: Connection, classifier: int) -> None:
    """Built in Python from the rows: a line a row, floats by their eight bytes."""

    def read(sql: str) -> list[tuple[Any, ...]]:
        return rows(trained, sql, (classifier,))

    [(sha256, digest)] = read(
        "SELECT c.sha256, s.rows_sha256 FROM dbo.classifiers AS c "
        "INNER JOIN dbo.model_scoring AS s ON s.classifier_id = c.classifier_id WHERE c.classifier_id = ?;"
    )
    parts: list[tuple[str, str, str]] = [
        ("", "model_scoring", "width, trees, divisor, steepness, intercept, prevalence"),
        (
            "n",
            "model_nodes",
            "tree, node, feature_index, threshold, missing, default_left, left_node, right_node, leaf_value",
        ),
        ("c", "model_coefficients", "feature_index, mean, scale, coefficient"),
        ("p", "model_calibration", "position, method, x, y"),
    ]
    lines = []
    for letter, table, columns in parts:
        order = {"n": "ORDER BY tree, node", "c": "ORDER BY feature_index", "p": "ORDER BY position"}.get(letter, "")
        found = read(f"SELECT {columns} FROM dbo.{table} WHERE classifier_id = ? {order};")
        lines.append("\n".join(letter + ",".join(map(_text, row)) for row in found))
    text = f"{sha256.hex().upper()},{lines[0]}\n" + "".join(f"{line}\n" for line in lines[1:])
    assert digest == hashlib.sha256(text.encode("ascii")).digest()


def _cut(model: bytes) -> bytes:
    """Take the last tree out, and out of the head: a text that is whole."""
    number = model.count(b"Tree=") - 1
    start, end = model.index(b"Tree=%d\n" % number), model.index(b"end of trees")
    cut = model[:start] + model[end:]
    return re.sub(rb"(tree_sizes=.*) \d+\n", rb"\1\n", cut)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_cut, "trees, and .* were trained"),
        (lambda model: re.sub(rb"(tree_sizes=.*) \d+\n", rb"\1\n", model), "not of those sizes"),
        (lambda model: model[: model.index(b"Tree=1\n")] + model[model.index(b"end of trees") :], "not of those sizes"),
    ],
)
def test_a_model_that_was_cut_is_refused_though_its_hash_fits(
    trained: Connection, damage: Callable[[bytes], bytes], says: str
) -> None:
    """By every procedure that hands it to Python."""
    [(model,)] = rows(trained, "SELECT model FROM dbo.classifiers WHERE classifier_id = 1;")
    assert model.count(b"Tree=") > 2
    cut = damage(model)
    run(
        trained,
        "UPDATE dbo.classifiers SET model = ?, sha256 = ? WHERE classifier_id = 1;",
        (cut, hashlib.sha256(cut).digest()),
    )
    for call in ("PredictLungCancer @PatientIndex = 5,", "PredictPatients", "StoreModelNodes"):
        message = refused(trained, f"EXECUTE dbo.{call} @ModelName = N'lightgbm_sql', @Version = 1;", 50116)
        assert re.search(says, message)


def test_the_number_of_trees_is_kept_with_a_model(trained: Connection) -> None:
    """What LightGBM's text holds; none for a logistic regression."""
    for library, model, details in rows(trained, "SELECT library, model, details FROM dbo.classifiers;"):
        trees = json.loads(details)["trees"]
        assert trees == (model.count(b"\nTree=") if library == "lightgbm" else None)
