"""The loading of a classifier that was trained elsewhere: LightGBM's model text, or ONNX with a vector in."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lungdb.database import Connection, run
from lungdb.database.retrying import retried
from lungdb.database.run_log import logged_load
from lungdb.database.site import open_database
from lungdb.errors import LungdbError, Message, ProcedureError
from lungdb.isolation import Bounds, Workers
from lungdb.learning import onnx_classifier
from lungdb.learning.model_text import count_trees
from lungdb.learning.nodes import NotAsNodesError, read_ensemble
from lungdb.learning.scoring import score_all
from lungdb.networks.graphs.external import keeps_weights_outside
from lungdb.networks.wording import printable

MOST_BYTES = 256 * 2**20
_LONGEST_NAME = 128
_TRIED = 5  # made-up patients
_ALIKE = 1e-5  # a score alone and beside others

_SETS = """
SELECT f.feature_set_id, COALESCE(n.name, N''), f.layer, f.preprocessing, f.width
FROM dbo.feature_sets AS f
LEFT JOIN dbo.networks AS n ON n.network_id = f.network_id
ORDER BY f.feature_set_id;
"""
_STORE = """
EXECUTE dbo.StoreClassifier @ModelName = ?, @FeatureSetId = ?, @Pooling = ?, @Library = ?, @Classifier = ?,
    @Details = ?, @Dataset = ?, @DatasetVersion = ?;
"""
_CAN_STORE_NODES = "SELECT CASE WHEN OBJECT_ID(N'dbo.StoreModelNodes') IS NULL THEN 0 ELSE 1 END;"
_STORE_NODES = "EXECUTE dbo.StoreModelNodes @ModelName = ?, @Version = ?;"

_REASONS = {
    "time_limit": "Reading the classifier took {detail}. Use a smaller one.",
    "memory_limit": "Reading the classifier took {detail} of memory. Use a smaller one.",
    "reader_crashed": "The process that read the classifier died of it: the file is damaged. Export it again.",
    "refused": "{detail}",
}


class ClassifierError(LungdbError):
    """A file that cannot be loaded as a classifier: a reason of `_REASONS` and a detail, the limit or whole message."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        """Say what is wrong and what to do."""
        return _REASONS[self.reason].format(detail=self.detail)


_BOUNDS = Bounds(seconds=120.0, megabytes=4000, refusal=ClassifierError, preload=__name__)


@dataclass(frozen=True)
class Features:
    """What a classifier reads: the number of a feature set or its network, layer and preprocessing; and the pooling."""

    feature_set: int | None
    network: str | None
    layer: str | None
    preprocessing: str | None
    pooling: str


@dataclass(frozen=True)
class TrainedOn:
    """The data set that a classifier learnt from: its name, and its version or None for the newest."""

    dataset: str
    version: int | None


@dataclass(frozen=True)
class Examined:
    """What a file holds: `lightgbm` or `onnx`, the bytes to store, the number of features, and of trees."""

    library: str
    model: bytes
    width: int
    trees: int | None


@dataclass(frozen=True)
class StoredClassifier:
    """Where a classifier is in the database."""

    name: str
    version: int
    examined: Examined
    feature_set: int


def read_trained_on(text: str | None) -> TrainedOn | None:
    """Read ``name`` or ``name:version``; what stands behind the last colon is the version where it is a number."""
    if text is None:
        return None
    name, colon, version = text.rpartition(":")
    if colon and name and version.isascii() and version.isdigit() and len(version) < 10:
        return TrainedOn(name, int(version))
    return TrainedOn(text, None)


def load_classifier(
    target: str | None,
    file: Path,
    name: str | None,
    features: Features,
    prevalence: float | None,
    on_message: Callable[[Message], None],
    trained_on: TrainedOn | None = None,
) -> StoredClassifier:
    """Load a classifier.

    Parameters
    ----------
    target : str or None
        As `lungdb.database.site.open_database` takes it.
    file : Path
        LightGBM's model text, or ONNX.
    name : str or None
        Name in the database; None is the file's. What is there of it is an older version.
    features : Features
        What it reads.
    prevalence : float or None
        Share of positives among the patients that it learnt from, where that is known.
    on_message : callable
        Called with what is to be told about its scope and about scoring it in plain T-SQL.
    trained_on : TrainedOn or None
        The data set that it learnt from, where that is known; scores then say whether their scans stand outside.

    Raises
    ------
    LungdbError
        The file is no such classifier, no one feature set is meant, or that has another number of features; nothing is
        stored.
    """
    name = file.stem if name is None else name
    if not name or len(name) > _LONGEST_NAME:
        raise LungdbError(f"The name '{printable(name)}' has {len(name)} characters. Give one of 1 to 128 with --name.")
    if prevalence is not None and not 0 < prevalence < 1:
        raise LungdbError(f"The prevalence {prevalence} is no share. Give a number above 0 and below 1.")
    content = _read(file)
    with open_database(target) as connection:
        feature_set = retried(lambda: _feature_set(connection, features), connection)
    with Workers(1, _BOUNDS) as workers:
        [(_, found)] = workers.map(examine, [content])
    if isinstance(found, ClassifierError):
        raise found
    origin = {
        "kind": "imported",
        "file": printable(file.name),
        "sha256": hashlib.sha256(content).hexdigest(),
        "load_id": uuid.uuid4().hex,  # by which StoreClassifier knows what a lost answer has left
    }
    details = {
        "width": found.width,
        "parameters": {"algorithm": "imported"},
        "best_iteration": found.trees or 0,
        "trees": found.trees,
        "l2": None,
        "calibration": None,
        "prevalence": prevalence,
        "training_curve": {"train": [], "validation": []},
        "notes": [],
        "origin": origin,
    }
    given = {"name": name, "feature_set_id": feature_set, "pooling": features.pooling}
    with open_database(target) as connection, logged_load(connection, "load-classifier", given) as load:
        said = (trained_on.dataset, trained_on.version) if trained_on else (None, None)
        values = (name, feature_set, features.pooling, found.library, found.model, json.dumps(details), *said)
        stored = retried(lambda: run(connection, _STORE, values, on_message=on_message)[-1].rows, connection)
        version = int(stored[0][1])
        load.result = f"Version {version}."
        if found.library == "lightgbm":
            retried(lambda: _store_nodes(connection, name, version, on_message), connection)
    return StoredClassifier(name, version, found, feature_set)


def examine(content: bytes) -> Examined:
    """Read a classifier and try it on made-up patients; it may be hostile, so this runs in a process of its own.

    Raises
    ------
    ClassifierError
        It is neither of the two forms, or gives no probability of its own for each patient.
    """
    try:
        found = _lightgbm(content) if content.startswith(b"tree") else _onnx(content)
        _try(found)
    except NotAsNodesError as refusal:
        raise ClassifierError(
            "refused", f"The file is no LightGBM classifier of two classes: {refusal.reason}."
        ) from None
    except ProcedureError as refusal:
        raise ClassifierError("refused", refusal.message) from None
    return found


def _lightgbm(content: bytes) -> Examined:
    # tree_sizes counts the bytes of lines that end as LightGBM writes them.
    text = content.replace(b"\r\n", b"\n")
    trees = count_trees(text)
    read = read_ensemble(text)
    if read.task == "regression":
        raise NotAsNodesError("its objective is regression, which predicts a number")
    return Examined("lightgbm", text, read.width, trees)


def _onnx(content: bytes) -> Examined:
    import onnx

    try:
        graph = onnx.load_model_from_string(content)
    except Exception:  # protobuf raises its own kinds, by version
        raise ClassifierError(
            "refused",
            "The file is neither LightGBM's model text nor ONNX. Save a booster with save_model, or export it to ONNX.",
        ) from None
    if keeps_weights_outside(graph):
        raise ClassifierError("refused", "The classifier's weights lie in another file. Export it as one file.")
    return Examined("onnx", content, onnx_classifier.load(content).width, None)


def _try(found: Examined) -> None:
    patients = np.random.default_rng(20).normal(size=(_TRIED, found.width)).astype(np.float32)
    together = score_all(found.library, found.model, patients)
    alone = np.concatenate([score_all(found.library, found.model, patient[None]) for patient in patients[::-1]])[::-1]
    if np.abs(together - alone).max() > _ALIKE:
        raise ClassifierError(
            "refused",
            "What the classifier gives for a patient depends on the patients beside him. Export it for inference.",
        )


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise LungdbError(
                f"The file '{file}' has {file.stat().st_size:,} bytes, and a classifier may have {MOST_BYTES:,}. "
                "Use a smaller one."
            )
        content = file.read_bytes()
    except OSError as error:
        raise LungdbError(f"The file '{file}' cannot be read ({error.strerror}). Check its path.") from error
    if not content:
        raise LungdbError(f"The file '{file}' is empty. Give LightGBM's model text or ONNX.")
    return content


def _store_nodes(connection: Connection, name: str, version: int, on_message: Callable[[Message], None]) -> None:
    if run(connection, _CAN_STORE_NODES)[0].scalar():
        run(connection, _STORE_NODES, (name, version), on_message=on_message)


def _feature_set(connection: Connection, features: Features) -> int:
    sets: list[tuple[Any, ...]] = run(connection, _SETS)[0].rows
    fitting = [
        row
        for row in sets
        if features.feature_set in (None, row[0])
        and features.network in (None, row[1])
        and features.layer in (None, row[2])
        and features.preprocessing in (None, row[3])
    ]
    if len(fitting) == 1:
        return int(fitting[0][0])
    told = "; ".join(f"{row[0]}: {row[1] or 'combined'}, {row[2]}, {row[3]}, {row[4]} features" for row in sets[:10])
    raise LungdbError(
        f"{len(fitting)} feature sets of the database fit what is said of the classifier's features. Name one with "
        f"--feature-set; there are: {printable(told) or 'none'}."
    )
