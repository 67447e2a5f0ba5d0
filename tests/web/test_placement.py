"""A volume lies in the patient where its DICOM files lie, however its slices are turned, tilted or stacked."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from lungdb_web.administration import add_account
from lungdb_web.passwords import hash_password
from lungdb_web.scans.placement import Placement, is_sheared

from lungdb.cli import load_scans
from lungdb.config import Settings
from lungdb.database import connect, run
from tests.dicom.make_ct import write_slice
from tests.support.databases import copy_to, target_of
from tests.support.fixtures import PASSWORD
from tests.support.web import MakeApp, sign_in

SHAPE = (4, 6)
SPACING = (0.5, 0.75)


def _turned(about_x: float, about_z: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn the directions of columns and rows, in degrees: first the gantry, then the patient."""
    (cx, cz), (sx, sz) = (function(np.radians([about_x, about_z])) for function in (np.cos, np.sin))
    turn = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return turn @ [1, 0, 0], turn @ [0, cx, -sx]


@pytest.mark.parametrize(
    ("about_x", "about_z", "mirrored", "step", "qform"),
    [
        (0, 0, False, (0, 0, 2.5), 1),
        (0, 20, False, (0, 0, 2.5), 1),
        (0, 195, True, (0, 0, -2.5), 1),  # named from head to feet, rows from back to front
        (18, 0, False, (0, 0, 3.0), 0),  # a tilted gantry: the table goes along z
        (-12, 70, False, (0, 0, 3.0), 0),
        (15, 0, False, None, 1),  # an oblique reformat, stacked on its normal
    ],
)
def test_every_voxel_lies_where_its_file_says(
    tmp_path: Path,
    installed_file: Path,
    make_app: MakeApp,
    about_x: float,
    about_z: float,
    mirrored: bool,
    step: tuple[float, ...] | None,
    qform: int,
) -> None:
    """By PS3.3 C.7.6.2.1.1 from pydicom's reading of each file: a pixel is known by its value."""
    target = target_of(copy_to(tmp_path, installed_file))
    row, column = _turned(about_x, about_z)
    column = -column if mirrored else column
    along = np.cross(row, column) * 2 if step is None else np.array(step)
    for number in range(4):
        stored = (1024 + 100 * number + np.arange(24)).reshape(SHAPE).astype(np.int16)
        position = np.array([-100.0, -120.0, 80.0]) + number * along
        write_slice(
            tmp_path / "scan" / str(number),
            stored,
            number,
            ImagePositionPatient=[f"{value:.8f}" for value in position],
            ImageOrientationPatient=[f"{value:.8f}" for value in (*row, *column)],
            PixelSpacing=list(SPACING),
        )
    with closing(connect(target)) as connection:
        add_account(connection, "ana", hash_password(PASSWORD), "scorer", True)
    assert load_scans.main(["-d", target, "--keep-ids", str(tmp_path / "scan")]) == 0
    client = sign_in(make_app(Settings(database=target, web_secret="a secret of the tests only")).test_client(), "ana")
    image = nibabel.Nifti1Image.from_bytes(client.get("/patients/0/volume.nii").data)
    voxels = np.asarray(image.dataobj)
    for path in (tmp_path / "scan").iterdir():
        dataset = pydicom.dcmread(path)
        cosines = np.array(dataset.ImageOrientationPatient, float)
        for (r, c), value in np.ndenumerate(dataset.pixel_array):
            place = np.array(dataset.ImagePositionPatient, float)
            place = place + c * SPACING[1] * cosines[:3] + r * SPACING[0] * cosines[3:]
            (found,) = np.argwhere(voxels == value - 1024)
            x, y, z = nibabel.affines.apply_affine(image.affine, found)
            assert (-x, -y, z) == pytest.approx(place, abs=1e-4)
    assert image.header.get_sform(coded=True)[1] == 1
    assert image.header.get_qform(coded=True)[1] == qform
    api = client.get("/api/v1/patients/0/scan/volume").data
    assert np.array_equal(nibabel.Nifti1Image.from_bytes(api).affine, image.affine)
    with closing(connect(target)) as connection:
        run(connection, "UPDATE dbo.scans SET origin_x = NULL;")
    centred = nibabel.Nifti1Image.from_bytes(client.get("/patients/0/volume.nii").data)
    assert centred.header.get_sform(coded=True)[1] == 2, "where it is not recorded, no scanner is named"


def test_a_single_slice_is_placed_by_its_normal() -> None:
    """There is no other slice to lead to."""
    placement = Placement((1.0, 2.0, 3.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), None)
    affine = placement.affine((0.5, 0.75), 4.0)
    assert affine.tolist() == [[-0.75, 0, 0, -1], [0, -0.5, 0, -2], [0, 0, 4, 3], [0, 0, 0, 1]]
    assert not is_sheared(affine)
