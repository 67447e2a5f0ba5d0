"""Fills an installed database with a small job: patients, scans, labels and a network."""

from __future__ import annotations

import hashlib
import json

from lungdb.database import Connection, run
from lungdb.imaging.codecs import content_sha256, encode_slice
from lungdb.networks.entry import network_details
from tests.sql import samples

INSERT_NETWORK = """
INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES (?, 1, N'onnx', ?, ?, ?);
"""
INSERT_PATIENT = "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
INSERT_LABEL = "INSERT INTO dbo.labels (patient_id, label, source) VALUES (?, ?, N'made up');"
INSERT_NUMBER = "INSERT INTO dbo.numeric_labels (patient_id, value, source) VALUES (?, ?, N'made up');"
INSERT_SCAN = """
INSERT INTO dbo.scans (
    patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, content_sha256
)
OUTPUT inserted.scan_id
VALUES (?, 1, ?, N'1.2.3', ?, ?, ?, ?);
"""
INSERT_SLICE = """
INSERT INTO dbo.scan_images (
    scan_id, slice_index, instance_uid, rescale_slope, rescale_intercept, pixels, pixels_sha256
)
VALUES (?, ?, ?, 1, 0, ?, ?);
"""
INSERT_IMAGE = "INSERT INTO dbo.images (name, image, label, sha256) VALUES (?, ?, ?, ?);"


def fill(connection: Connection, patients: int, pictures: int) -> None:
    """Load patients with a tiny scan, a label and a number each, half with a nodule, pictures, and the tiny network.

    The network gets the name that the sample calls of sql/execute ask for.
    """
    network = samples.tiny_network()
    values = ["demo_resnet", network, hashlib.sha256(network).digest(), json.dumps(network_details(network))]
    statement = (
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) VALUES (?, 1, N'onnx', ?, ?, ?);"
    )
    run(connection, statement, values)
    for index in range(patients):
        _fill_patient(connection, index)
    for index in range(pictures):
        data = samples.picture(index, striped=bool(index % 2))
        run(connection, INSERT_IMAGE, [f"{index}.png", data, index % 2, hashlib.sha256(data).digest()])


def _fill_patient(connection: Connection, index: int) -> None:
    patient, label = f"patient {index:03}", index % 2
    slices = [encode_slice(hu) for hu in samples.scan(index, nodule=bool(label))]
    content = content_sha256(sha256 for _, sha256 in slices)
    run(connection, INSERT_PATIENT, [patient, index])
    run(connection, INSERT_LABEL, [patient, label])
    run(connection, INSERT_NUMBER, [patient, 50.0 + 10 * label + index % 5])
    size = [samples.ROWS, samples.COLS, samples.SLICES]
    [result] = run(connection, INSERT_SCAN, [patient, f"1.2.3.{index}", *size, content])
    for place, (pixels, sha256) in enumerate(slices):
        uid = f"1.2.3.{index}.{place}"
        run(connection, INSERT_SLICE, [result.scalar(), place, uid, pixels, sha256])
