"""Six phantoms whose lungs are known, in memory and in a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from lungdb.imaging.codecs import content_sha256, encode_slice
from lungdb.imaging.volumes.geometry import Geometry
from lungdb.imaging.volumes.lungs import lungs_of
from lungdb.imaging.volumes.masks import encode_mask
from lungdb.phantoms import Phantom, make_phantom
from tests.support.databases import copy_to, target_of

PHANTOMS = 6
FIRST_SEED = 11


def geometry_of(phantom: Phantom) -> Geometry:
    """Where the voxels of a phantom lie."""
    z, y, x = phantom.spacing
    return Geometry(phantom.origin, ((0.0, 0.0, z), (0.0, y, 0.0), (x, 0.0, 0.0)))


def _add_scan(connection: Connection, index: int, phantom: Phantom) -> None:
    encoded = [encode_slice(hu) for hu in phantom.hu]
    slices, rows, cols = phantom.hu.shape
    z, y, x = phantom.spacing
    content = content_sha256(sha256 for _, sha256 in encoded)
    run(connection, "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);", (f"phantom {index}", index))
    run(
        connection,
        "INSERT INTO dbo.scans (patient_id, is_primary, series_uid, study_uid, image_rows, image_cols, number_images, "
        "spacing_z, spacing_y, spacing_x, origin_x, origin_y, origin_z, row_x, row_y, row_z, "
        "column_x, column_y, column_z, step_x, step_y, step_z, content_sha256) "
        "VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, 0, 0, 1, 0, 0, 0, ?, ?);",
        (f"phantom {index}", f"1.{index}", f"2.{index}", rows, cols, slices, z, y, x, *phantom.origin, z, content),
    )
    for place, (blob, sha256) in enumerate(encoded):
        run(
            connection,
            "INSERT INTO dbo.scan_images (scan_id, slice_index, position_z, instance_uid, rescale_slope, "
            "rescale_intercept, pixels, pixels_sha256) VALUES (?, ?, ?, ?, 1, 0, ?, ?);",
            (index + 1, place, z * place, f"3.{index}.{place}", blob, sha256),
        )
    lungs = lungs_of(phantom.lungs, geometry_of(phantom))
    mask, sha256 = encode_mask(lungs.mask)
    (top, front, right), (bottom, back, left) = lungs.box
    run(
        connection,
        "INSERT INTO dbo.lung_masks (scan_id, method, content_sha256, millilitres, first_slice, last_slice, first_row, "
        "last_row, first_col, last_col, mask, mask_sha256) VALUES (?, N'truth', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);",
        (index + 1, content, lungs.millilitres, top, bottom - 1, front, back - 1, right, left - 1, mask, sha256),
    )


@pytest.fixture(scope="package")
def phantoms() -> list[Phantom]:
    """Three with cancer, three without."""
    return [make_phantom(FIRST_SEED + place, cancer=place % 2 == 0, slices=20, size=96) for place in range(PHANTOMS)]


@pytest.fixture(scope="package")
def phantoms_file(installed_file: Path, phantoms: list[Phantom], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The phantoms as scans 1 to 6 with their lungs as truth; no test writes to it."""
    file = copy_to(tmp_path_factory.mktemp("phantoms"), installed_file)
    with closing(connect(target_of(file))) as connection:
        for index, phantom in enumerate(phantoms):
            _add_scan(connection, index, phantom)
    return file


@pytest.fixture
def database(phantoms_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A copy of it to change."""
    with closing(connect(target_of(copy_to(tmp_path, phantoms_file)))) as connection:
        yield connection
