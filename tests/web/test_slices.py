"""Slices as pictures: the right window, the size that the spacing asks for, nothing that is not there."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient
from lungdb_web.scans.pictures import MOST_STRETCH, WINDOWS, Window, grey, picture
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing

from lungdb.database import connect, run
from lungdb.imaging.codecs import decode_slice
from tests.support.databases import target_of


def _stored(file: Path, number: int) -> NDArray[np.int16]:
    sql = """
        SELECT i.pixels, 64, 64, i.pixels_sha256, i.encoding FROM dbo.scan_images AS i
        INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id AND s.is_primary = 1
        INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
        WHERE p.idx = 0 AND i.slice_index = ?;"""
    with closing(connect(target_of(file))) as connection:
        [stored] = run(connection, sql, (number,))[0].rows
    return decode_slice(*stored)


@pytest.mark.parametrize(
    ("key", "level", "width"),
    [("lung", -600, 1500), ("wide-lung", -400, 1600), ("mediastinum", 40, 400), ("bone", 300, 1500)],
)
def test_a_slice_is_drawn_as_pydicom_would(
    signed_in: FlaskClient, web_database: Path, key: str, level: int, width: int
) -> None:
    """pydicom's LINEAR_EXACT window of the stored Hounsfield units, read back by OpenCV."""
    answer = signed_in.get(f"/patients/0/slices/4.png?window={key}")
    assert answer.mimetype == "image/png"
    drawn = cv2.imdecode(np.frombuffer(answer.data, np.uint8), cv2.IMREAD_UNCHANGED)
    window = Dataset()
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = level, width, "LINEAR_EXACT"
    window.PhotometricInterpretation, window.BitsStored, window.PixelRepresentation = "MONOCHROME2", 16, 1
    # pydicom spreads a window over the whole range of 16 bit.
    expected = (apply_windowing(_stored(web_database, 4), window) + 32768) / 65535 * 255
    np.testing.assert_allclose(drawn, expected, atol=0.51)


def test_lung_is_the_default(signed_in: FlaskClient) -> None:
    """Without a window in the address it is the lung window."""
    slices = "/patients/0/slices/4.png"
    assert signed_in.get(slices).data == signed_in.get(f"{slices}?window=lung").data
    assert signed_in.get(slices).data != signed_in.get(f"{slices}?window=bone").data


def test_the_ends_of_a_window_are_black_and_white() -> None:
    """Level 40, width 400: -160 HU and less is 0, 240 HU and more is 255, 40 HU is in the middle."""
    shown = grey(np.array([[-32768, -160, 40, 240, 32767]], np.int16), WINDOWS["mediastinum"])
    assert shown.tolist() == [[0, 0, 128, 255, 255]]


@pytest.mark.parametrize(
    ("pixel", "size"),
    [((0.7, 0.7), (60, 40)), ((1.4, 0.7), (60, 80)), ((0.5, 1.0), (120, 40)), ((0.5, 500.0), (480, 40))],
)
def test_a_millimetre_is_as_long_down_as_across(pixel: tuple[float, float], size: tuple[int, int]) -> None:
    """The finer spacing is kept, the other stretched, at most MOST_STRETCH times; sizes are width, height."""
    hu = np.zeros((40, 60), np.int16)
    assert picture(hu, Window("any", 0, 100), pixel).size == size
    assert size[0] <= 60 * MOST_STRETCH


@pytest.mark.parametrize("path", ["0/slices/9.png", "0/slices/4000000000.png", "0/slices/-1.png", "99/slices/0.png"])
def test_a_slice_that_is_not_there_is_a_404(signed_in: FlaskClient, path: str) -> None:
    """The scan has the slices 0 to 8, the database the patients 0 to 39."""
    assert signed_in.get(f"/patients/{path}").status_code == 404


def test_an_unknown_window_is_refused_with_those_that_are_there(signed_in: FlaskClient) -> None:
    """400, in words, and what was asked for is not repeated."""
    answer = signed_in.get("/patients/0/slices/0.png?window=<b>brain")
    assert answer.status_code == 400
    assert "lung, wide-lung, mediastinum, bone" in answer.text
    assert "brain" not in answer.text


def test_a_browser_asks_whether_a_slice_changed(signed_in: FlaskClient) -> None:
    """304 for the same window, another tag for another one."""
    slices = "/patients/0/slices/4.png"
    first = signed_in.get(slices)
    assert first.cache_control.private
    again = signed_in.get(slices, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert signed_in.get(f"{slices}?window=bone").headers["ETag"] != first.headers["ETag"]


def test_a_damaged_slice_is_not_drawn(signed_in: FlaskClient, web_database: Path) -> None:
    """One byte more or less: an error in words, no picture."""
    with closing(connect(target_of(web_database))) as connection:
        run(connection, "UPDATE dbo.scan_images SET pixels = ? WHERE slice_index = 4;", (b"no gzip",))
    answer = signed_in.get("/patients/0/slices/4.png")
    assert answer.status_code == 500
    assert "damaged" in answer.text
    assert signed_in.get("/patients/0/slices/3.png").status_code == 200


def test_nobody_sees_a_slice_without_signing_in(client: FlaskClient) -> None:
    """Neither slices nor the volume nor the animation nor what the viewer is told."""
    for path in ("slices/0.png", "volume.nii", "animation", "scan.json"):
        assert client.get(f"/patients/0/{path}").status_code in (303, 401)


def test_the_page_shows_a_slice_without_javascript(signed_in: FlaskClient) -> None:
    """The address chooses slice and window; nonsense there falls back to the middle and the lung window."""
    assert "/patients/0/slices/6.png?window=bone" in signed_in.get("/patients/0?slice=7&window=bone").text
    for query in ("", "?slice=x&window=y", "?slice="):
        assert "/patients/0/slices/4.png?window=lung" in signed_in.get(f"/patients/0{query}").text
    assert "/patients/0/slices/8.png?window=lung" in signed_in.get("/patients/0?slice=99999999999").text
    assert "/patients/0/slices/0.png?window=lung" in signed_in.get("/patients/0?slice=-3").text


def test_the_picture_is_grey_and_of_the_stored_size(signed_in: FlaskClient) -> None:
    """Eight bit, one channel, one pixel a voxel where voxels are square."""
    image = Image.open(BytesIO(signed_in.get("/patients/0/slices/0.png").data))
    assert (image.mode, image.size) == ("L", (64, 64))
