"""However the slices of a scan lie in the patient, the page shows them from the feet with the front above."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from io import BytesIO
from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from flask.testing import FlaskClient
from lungdb_web.administration import add_account
from lungdb_web.passwords import hash_password
from lungdb_web.scans.geometry import Geometry
from numpy.typing import NDArray
from PIL import Image

from lungdb.cli import load_scans
from lungdb.config import Settings
from lungdb.database import connect, run
from tests.dicom.make_ct import write_slice
from tests.support.databases import copy_to, target_of
from tests.support.fixtures import PASSWORD
from tests.support.web import MakeApp, sign_in

SIDES = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0)}
ORIENTATIONS = [
    columns + rows for columns, rows in permutations(SIDES, 2) if {columns, rows} not in ({"L", "R"}, {"A", "P"})
]
SHAPE = (4, 6)  # rows and columns as they are stored
MakeSite = Callable[..., FlaskClient]
SPACING = (0.5, 0.75)  # of rows, of columns, in mm


def _directions(orientation: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    columns, rows = (np.array(SIDES[side], np.float64) for side in orientation)
    return columns, rows


def _marker(orientation: str) -> tuple[int, int]:
    """Find the stored row and column that lie furthest to the patient's right and front, by DICOM's formula."""
    columns, rows = _directions(orientation)
    places = {
        (row, column): rows * row * SPACING[0] + columns * column * SPACING[1]
        for row, column in product(range(SHAPE[0]), range(SHAPE[1]))
    }
    return min(places, key=lambda cell: (places[cell][0] + places[cell][1], cell))


@pytest.fixture
def make_site(installed_file: Path, tmp_path: Path, make_app: MakeApp) -> MakeSite:
    """Give a function that loads two slices, the upper one with 1000 HU at the right and front, and signs ana in."""
    target = target_of(copy_to(tmp_path, installed_file))

    def make(orientation: str, turned: float = 0.0) -> FlaskClient:
        columns, rows = _directions(orientation)
        cosine, sine = np.cos(np.radians(turned)), np.sin(np.radians(turned))
        turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        for number in range(2):
            stored = np.full(SHAPE, 1024, np.int16)
            if number == 1:
                stored[_marker(orientation)] = 2024
            write_slice(
                tmp_path / "scan" / str(number),
                stored,
                number,
                ImageOrientationPatient=[f"{value:.6f}" for value in (*(turn @ columns), *(turn @ rows))],
                PixelSpacing=list(SPACING),
            )
        with closing(connect(target)) as connection:
            add_account(connection, "ana", hash_password(PASSWORD), "scorer", True)
        assert load_scans.main(["-d", target, "--keep-ids", str(tmp_path / "scan")]) == 0
        app = make_app(Settings(database=target, web_secret="a secret of the tests only"))
        return sign_in(app.test_client(), "ana")

    return make


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_marker_is_where_dicom_says(make_site: MakeSite, orientation: str) -> None:
    """In the volume, by nibabel; in the picture at the upper left; sizes are those of the turned slices."""
    client = make_site(orientation)
    image = nibabel.Nifti1Image.from_bytes(client.get("/patients/0/volume.nii").data)
    voxels = np.asarray(image.dataobj)
    (found,) = np.argwhere(voxels == 1000)
    x, y, z = nibabel.affines.apply_affine(image.affine, found)
    # RAS+ is DICOM's LPS with the first two turned round; the slices' first pixel lies at (-100, -120).
    columns, rows = _directions(orientation)
    row, column = _marker(orientation)
    expected = rows * SPACING[0] * row + columns * SPACING[1] * column
    assert (x, y, z) == pytest.approx((100 - expected[0], 120 - expected[1], 2.5))
    assert image.header.get_sform(coded=True)[1] == image.header.get_qform(coded=True)[1] == 1
    # The viewer's own volume has the middle of a slice at 0.
    middle = nibabel.Nifti1Image.from_bytes(client.get("/patients/0/volume.nii?place=middle").data)
    assert np.array_equal(np.asarray(middle.dataobj), voxels)
    x, y, z = nibabel.affines.apply_affine(middle.affine, found)
    half = rows * SPACING[0] * (SHAPE[0] - 1) / 2 + columns * SPACING[1] * (SHAPE[1] - 1) / 2
    assert (x, y, z) == pytest.approx((half[0] - expected[0], half[1] - expected[1], 2.5))
    picture = np.asarray(Image.open(BytesIO(client.get("/patients/0/slices/1.png?window=bone").data)).convert("L"))
    assert np.unravel_index(picture.argmax(), picture.shape) == (0, 0)
    described = client.get("/patients/0/scan.json").get_json()
    assert described["size"] == list(voxels.shape)
    assert described["spacing"] == pytest.approx(image.header.get_zooms())
    scan = client.get("/api/v1/patients/0/scan").get_json()
    assert [scan["columns"], scan["rows"], scan["slices"]] == described["size"]
    assert [scan["spacing_x"], scan["spacing_y"]] == described["spacing"][:2]
    assert "are a guess" not in client.get("/patients/0").text


@pytest.mark.parametrize("turned", [45, 135, 225, 315])
def test_half_way_between_two_right_angles_nothing_is_mirrored(make_site: MakeSite, turned: float) -> None:
    """By the sign of the affine that leads from stored pixels to the patient: turning keeps it, mirroring does not."""
    client = make_site("LP", turned)
    stored = client.get("/api/v1/patients/0/scan").get_json()["patient_orientation"]
    columns, rows = _directions(stored)
    assert np.linalg.det([columns, rows, [0, 0, 1]]) == 1


def test_a_series_whose_headers_were_corrected_is_taken_with_replace_alone(tmp_path: Path, make_site: MakeSite) -> None:
    """The pixels are the same; what they show is not."""
    make_site("LP")
    target = target_of(tmp_path / "lung_cancer_database.db")
    for number in range(2):
        stored = np.full(SHAPE, 1024, np.int16)
        if number == 1:
            stored[_marker("LP")] = 2024
        orientation = [-1, 0, 0, 0, -1, 0]
        write_slice(
            tmp_path / "again" / str(number),
            stored,
            number,
            ImageOrientationPatient=orientation,
            PixelSpacing=list(SPACING),
        )
    command = ["-d", target, "--keep-ids", str(tmp_path / "again")]
    sql = "SELECT patient_orientation FROM dbo.scans;"
    load_scans.main(command)
    with closing(connect(target)) as connection:
        assert run(connection, sql)[0].rows == [("LP",)]
        assert run(connection, "SELECT reason FROM dbo.rejected_files;")[0].rows == [("changed_series",)]
    assert load_scans.main([*command, "--replace"]) == 0
    with closing(connect(target)) as connection:
        assert run(connection, sql)[0].rows == [("RA",)]


@pytest.mark.parametrize("turned", [-20, 20])
def test_a_slice_that_lies_askew_is_turned_by_the_nearest_right_angle(make_site: MakeSite, turned: float) -> None:
    """It is shown as scanned but for that."""
    client = make_site("RA", turned)
    voxels = np.asarray(nibabel.Nifti1Image.from_bytes(client.get("/patients/0/volume.nii").data).dataobj)
    assert np.argwhere(voxels == 1000).tolist() == [[0, 0, 1]]


def test_a_scan_of_which_it_was_not_recorded_is_recorded_by_loading_it_again(
    tmp_path: Path, make_site: MakeSite
) -> None:
    """Until then the page says that it guesses; then a browser's copy, and the animation, hold no longer."""
    client = make_site("RA")
    target = target_of(tmp_path / "lung_cancer_database.db")
    with closing(connect(target)) as connection:
        run(connection, "UPDATE dbo.scans SET patient_orientation = NULL;")
    assert "are a guess" in client.get("/patients/0").text
    kept = [f"/patients/0/{name}" for name in ("volume.nii", "slices/1.png", "animation")]
    before = {address: client.get(address).headers["ETag"] for address in kept}
    assert load_scans.main(["-d", target, "--keep-ids", str(tmp_path / "scan")]) == 0
    assert "are a guess" not in client.get("/patients/0").text
    for address, tag in before.items():
        assert client.get(address, headers={"If-None-Match": tag}).status_code == 200, address
    with closing(connect(target)) as connection:
        assert run(connection, "SELECT patient_orientation FROM dbo.scans;")[0].rows == [("RA",)]


def test_a_tilted_gantry_is_told_of() -> None:
    """From one degree on, as load-scans counts them."""
    upright = Geometry(2, 2, 3, 1.0, 1.0, 2.0, (0.0, 2.0, 4.0), 0.4)
    tilted = Geometry(2, 2, 3, 1.0, 1.0, 2.0, (0.0, 2.0, 4.0), 16.3)
    assert upright.notes == []
    assert "tilted by 16°" in tilted.notes[0]
