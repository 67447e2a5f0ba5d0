"""Pictures with features whose classes can be told, in groups and of patients, without a network that runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from lungdb.database import Connection, run

WIDTH = 6


def add_network(connection: Connection, name: str = "made up", layer: str = "penultimate") -> None:
    """Insert a network that is not run, and a feature set of pictures."""
    run(
        connection,
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (?, 1, N'onnx', 0x00, 0x00, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) "
        "VALUES ((SELECT MAX(network_id) FROM dbo.networks), ?, N'image', ?);",
        (name, layer, WIDTH),
    )


def add_picture(
    connection: Connection,
    name: str,
    vector: NDArray[np.float32],
    labels: Sequence[int] = (),
    patient: str | None = None,
    group: str | None = None,
    order: int | None = None,
    part: str | None = None,
) -> None:
    """Insert a picture of the feature set 1 with its features and classes."""
    data, array = name.encode(), vector.astype("<f4").tobytes()
    run(
        connection,
        "INSERT INTO dbo.images (name, image, sha256, label, patient_id, group_name, group_order) "
        "VALUES (?, ?, ?, ?, ?, ?, ?);"
        "INSERT INTO dbo.image_features (name, feature_set_id, array_rows, array_cols, array, sha256) "
        "VALUES (?, 1, 1, ?, ?, ?);",
        (name, data, hashlib.sha256(data).digest(), labels[0] if len(labels) == 1 else None, patient, group, order,
         name, vector.size, array, hashlib.sha256(array).digest()),
    )  # fmt: skip
    for label in labels:
        run(connection, "INSERT INTO dbo.image_labels (name, label) VALUES (?, ?);", (name, label))
    if part:
        run(
            connection,
            "IF NOT EXISTS (SELECT 1 FROM dbo.image_splits WHERE is_group = ? AND name = ?) "
            "INSERT INTO dbo.image_splits (is_group, name, part) VALUES (?, ?, ?);",
            (int(group is not None), group or name, int(group is not None), group or name, part),
        )


def draw(rng: np.random.Generator, classes: Sequence[int], signal: float = 3.0) -> NDArray[np.float32]:
    """Draw a vector that is higher by `signal` at the place of each class."""
    vector = rng.normal(size=WIDTH)
    vector[list(classes)] += signal
    return vector.astype(np.float32)


@pytest.fixture
def pictures(installed: Connection) -> Connection:
    """A database with a feature set of pictures and none of them."""
    add_network(installed)
    return installed
