"""The T-SQL that stores scans and rejections, the same on both engines; one transaction a series."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from lungdb.cli.support import transaction
from lungdb.database import Connection, run
from lungdb.dicom import Extent, Identity, RejectedError, Rejection, Series, choose_primary
from lungdb.imaging.codecs import content_sha256, encode_slice

# Taken first in every transaction, this lock lets one loader write at a time, so idx has no gaps and nothing deadlocks.
_NEXT_IDX = "SELECT COALESCE(MAX(idx), -1) + 1 AS idx FROM dbo.patients WITH (UPDLOCK, HOLDLOCK);"
_FIND_PATIENT = "SELECT patient_id FROM dbo.patients WHERE patient_id = ?;"
_INSERT_PATIENT = "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);"
_FIND_SCAN = "SELECT scan_id, content_sha256 FROM dbo.scans WHERE series_uid = ?;"
_EXTENTS = "SELECT series_uid, spacing_z, number_images FROM dbo.scans WHERE patient_id = ?;"
_NONE_PRIMARY = "UPDATE dbo.scans SET is_primary = 0 WHERE patient_id = ? AND is_primary = 1;"
_SET_PRIMARY = "UPDATE dbo.scans SET is_primary = 1 WHERE series_uid = ?;"
_INSERT_SCAN = """
INSERT INTO dbo.scans (
    patient_id, is_primary, series_uid, study_uid, study_date, manufacturer, image_rows, image_cols, number_images,
    spacing_z, spacing_y, spacing_x, content_sha256
)
OUTPUT inserted.scan_id
VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
"""
_INSERT_SLICE = """
INSERT INTO dbo.scan_images (
    scan_id, slice_index, position_z, instance_uid, rescale_slope, rescale_intercept, pixels, pixels_sha256
)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);
"""
_DELETE_SCAN = (
    "DELETE FROM dbo.pooled_features WHERE scan_id = ?;",
    "DELETE FROM dbo.features WHERE scan_id = ?;",
    "DELETE FROM dbo.predictions WHERE scan_id = ?;",
    "DELETE FROM dbo.scan_images WHERE scan_id = ?;",
    "DELETE FROM dbo.scans WHERE scan_id = ?;",
)
_INSERT_REJECTION = """
IF NOT EXISTS (SELECT 1 FROM dbo.rejected_files WITH (UPDLOCK, HOLDLOCK) WHERE path_hash = ? AND reason = ?)
    INSERT INTO dbo.rejected_files (reason, message, path_hash) VALUES (?, ?, ?);
"""


@dataclass(frozen=True)
class EncodedScan:
    """A series as it is stored: ids replaced, slices compressed.

    Attributes
    ----------
    extent : Extent
        With the stored series_uid.
    columns : tuple
        study_uid, study_date, manufacturer, image_rows, image_cols of dbo.scans.
    spacing : tuple of float
        spacing_y, spacing_x in mm.
    slices : list of tuple
        position_z, instance_uid, rescale_slope, rescale_intercept, pixels, pixels_sha256 of dbo.scan_images.
    content_sha256 : bytes
        Over the slices' hashes.
    clipped : int
        Pixels whose HU did not fit int16.
    """

    patient_id: str
    extent: Extent
    columns: tuple[Any, ...]
    spacing: tuple[float, ...]
    slices: list[tuple[Any, ...]]
    content_sha256: bytes
    clipped: int


def stored_extent(series: Series, identity: Identity) -> Extent:
    """Return a series' extent with the UID that the database knows it by."""
    extent = series.extent
    return Extent(identity.uid(extent.series_uid), extent.spacing_z, extent.number_images)
