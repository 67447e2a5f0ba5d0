"""Scans as rows without pixels, for tests of what only reads their columns."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from lungdb.database import connect, run
from lungdb.dicom.identity import Identity

AXIAL = {
    "spacing_z": 2.5, "spacing_y": 0.7, "spacing_x": 0.7, "slice_thickness": 2.5,
    "origin_x": -100.0, "origin_y": -90.0, "origin_z": -120.0, "row_x": 1.0, "row_y": 0.0, "row_z": 0.0,
    "column_x": 0.0, "column_y": 1.0, "column_z": 0.0, "step_x": 0.0, "step_y": 0.0, "step_z": 2.5,
}  # fmt: skip
"""The geometry of an axial scan whose first slice lies at z = -120 mm."""


def begin(target: str, identity: Identity) -> None:
    """Note the identity that scans are loaded with."""
    with closing(connect(target)) as connection:
        check = None if identity.mode == "kept" else identity.key_check
        run(
            connection,
            "INSERT INTO dbo.settings (name, value) VALUES (N'id_mode', ?), (N'id_key_check', ?);",
            (identity.mode, check),
        )


def add_scan(
    target: str,
    identity: Identity,
    patient: str,
    series: str,
    slices: Sequence[tuple[str, float]] = (),
    size: int = 128,
    **columns: Any,
) -> None:
    """Store a scan, and its patient where that is a new one; the first scan of a patient is primary.

    Parameters
    ----------
    slices : sequence of (str, float)
        SOPInstanceUID and position of each.
    size : int
        Rows and columns.
    columns : Any
        Other columns of dbo.scans.
    """
    names = ["series_uid", "study_uid", "image_rows", "image_cols", "number_images", "content_sha256", *columns]
    content = hashlib.sha256(series.encode()).digest()
    values = [identity.uid(series), "1.2", size, size, max(1, len(slices)), content, *columns.values()]
    patient_id = identity.patient(patient)
    with closing(connect(target)) as connection:
        if not run(connection, "SELECT 1 FROM dbo.patients WHERE patient_id = ?;", (patient_id,))[0].rows:
            run(
                connection,
                "INSERT INTO dbo.patients (patient_id, idx) SELECT ?, COUNT(*) FROM dbo.patients;",
                (patient_id,),
            )
        run(
            connection,
            f"INSERT INTO dbo.scans (patient_id, is_primary, {', '.join(names)}) "
            f"SELECT ?, CASE COUNT(*) WHEN 0 THEN 1 ELSE 0 END, {', '.join('?' * len(names))} "
            "FROM dbo.scans WHERE patient_id = ?;",
            (patient_id, *values, patient_id),
        )
        for index, (uid, position) in enumerate(slices):
            run(
                connection,
                "INSERT INTO dbo.scan_images (scan_id, slice_index, position_z, instance_uid, rescale_slope, "
                "rescale_intercept, pixels, pixels_sha256) SELECT MAX(scan_id), ?, ?, ?, 1, 0, 0x, 0x FROM dbo.scans;",
                (index, position, identity.uid(uid)),
            )
