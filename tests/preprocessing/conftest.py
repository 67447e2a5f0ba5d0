"""A small database: three scans of nine slices, a small network, and a stored preprocessing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from lungdb.database import Connection, connect, run
from lungdb.imaging.codecs import content_sha256, encode_slice
from lungdb.networks.entry import network_details
from tests.support.databases import copy_to, target_of
from tests.support.networks import write_network

SOFT = (
    '[{"step": "window", "level": 40, "width": 400}, {"step": "resize", "size": "network", "interpolation": "linear"}]'
)
STORE = "EXECUTE dbo.StorePreprocessing @Name = ?, @Steps = ?;"
SCANS, SLICES, SIDE = 3, 9, 96


def _add_scan(connection: Connection, index: int) -> None:
    volume = np.random.default_rng(index).integers(-1024, 1200, (SLICES, SIDE, SIDE)).astype(np.int16)
    encoded = [encode_slice(hu) for hu in volume]
    patient = f"patient {index}"
    run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);", (patient, index))
    run(
        connection,
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "spacing_z, spacing_y, spacing_x, content_sha256) VALUES (?, 1, ?, ?, ?, ?, ?, 2.5, 0.7, 0.7, ?);",
        (patient, f"1.{index}", f"2.{index}", SIDE, SIDE, SLICES, content_sha256(sha256 for _, sha256 in encoded)),
    )
    for place, (blob, sha256) in enumerate(encoded):
        run(
            connection,
            "INSERT INTO dbo.scan_images (scan_id, slice_index, position_z, instance_uid, rescale_slope, "
            "rescale_intercept, pixels, pixels_sha256) VALUES (?, ?, ?, ?, 1, -1024, ?, ?);",
            (index + 1, place, 2.5 * place, f"3.{index}.{place}", blob, sha256),
        )


@pytest.fixture(scope="package")
def few_file(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing of it is written to by a test."""
    file = copy_to(tmp_path_factory.mktemp("few"), installed_file)
    model = write_network(224, 224)
    with closing(connect(target_of(file))) as connection:
        run(
            connection,
            "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
            "VALUES (N'small', 1, N'onnx', ?, ?, ?);",
            (model, hashlib.sha256(model).digest(), json.dumps(network_details(model))),
        )
        for index in range(SCANS):
            _add_scan(connection, index)
        run(connection, STORE, ("soft", SOFT))
    return file


@pytest.fixture
def few(few_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A copy to change."""
    with closing(connect(target_of(copy_to(tmp_path, few_file)))) as connection:
        yield connection
