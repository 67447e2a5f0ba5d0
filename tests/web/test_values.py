"""Slices as values, slabs and typed windows: what NumPy makes of the stored Hounsfield units, and what is refused."""

from __future__ import annotations

import gzip
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from lungdb_web.pages import scans
from lungdb_web.scans.pictures import LEVELS, WIDTHS
from lungdb_web.scans.slabs import MOST_MILLIMETRES, covered, project
from numpy.typing import NDArray
from PIL import Image

from lungdb.imaging.codecs import decode_slice
from tests.web.looking import query

VALUES = "/patients/0/slices/{}.hu"


@pytest.fixture
def stored(web_database: Path) -> tuple[NDArray[np.int16], float]:
    """The first patient's scan, int16[slices, rows, cols], and the distance of its slices in mm."""
    rows = query(
        web_database,
        "SELECT i.pixels, image_rows, image_cols, pixels_sha256, encoding, s.spacing_z FROM dbo.scan_images AS i "
        "INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id AND s.is_primary = 1 "
        "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE p.idx = 0 ORDER BY i.slice_index;",
    )
    return np.stack([decode_slice(*row[:5]) for row in rows]), rows[0][5]


def _read(body: bytes) -> NDArray[np.int16]:
    return np.frombuffer(body, "<i2").reshape(64, 64)


def test_values_are_the_stored_ones(
    signed_in: FlaskClient, web_database: Path, stored: tuple[NDArray[np.int16], float]
) -> None:
    """Compressed for whom takes it; 304 for whom has them; a damaged slice is not sent; the audit has the view."""
    plain = signed_in.get(VALUES.format(4))
    np.testing.assert_array_equal(_read(plain.data), stored[0][4])
    packed = signed_in.get(VALUES.format(4), headers={"Accept-Encoding": "gzip"})
    assert packed.content_encoding == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    again = signed_in.get(VALUES.format(4), headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert query(web_database, "SELECT DISTINCT account, action, patient_index FROM dbo.audit "
                               "WHERE action = 'view_scan';") == [("ana", "view_scan", 0)]  # fmt: skip
    query(web_database, "UPDATE dbo.scan_images SET pixels = ? WHERE slice_index = 4;", b"no gzip")
    for address in (VALUES.format(4), VALUES.format(4) + "?slab=max&mm=5"):
        answer = signed_in.get(address)
        assert answer.status_code == 500
        assert "damaged" in answer.text


@pytest.mark.parametrize("kind", ["max", "mean"])
def test_a_slab_is_numpys(signed_in: FlaskClient, stored: tuple[NDArray[np.int16], float], kind: str) -> None:
    """Of the slices whose middle lies within half the thickness; at the ends of the scan there are fewer."""
    hu, step = stored
    for number, thickness, first, last in ((4, 2.1, 3, 5), (0, 2.1, 0, 1), (8, 2.1, 7, 8), (4, 1.9, 4, 4)):
        answer = signed_in.get(f"{VALUES.format(number)}?slab={kind}&mm={thickness * step}")
        around = hu[first : last + 1].astype(float)
        expected = around.max(0) if kind == "max" else around.mean(0)
        np.testing.assert_allclose(_read(answer.data), expected, atol=0.5)


def test_a_mean_of_extremes_does_not_overflow() -> None:
    """The highest and the lowest numbers of 16 bits; half way between two, the even one."""
    slices = [np.array([[32767, -32768, 1]], np.int16), np.array([[32767, -32768, 2]], np.int16)]
    assert project(iter(slices), "mean").tolist() == [[32767, -32768, 2]]
    assert project(iter(slices), "max").tolist() == [[32767, -32768, 2]]
    assert slices[0].tolist() == [[32767, -32768, 1]], "what was handed over was changed"


def test_a_thickness_of_whole_steps_takes_both_ends() -> None:
    """Ten millimetres of slices 2.5 mm apart, whatever rounding makes of it, are two to each side and the slice."""
    assert covered(10, 40, 10.0, 2.5) == range(8, 13)
    assert covered(10, 40, 0.6, 0.1) == range(7, 14)


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("0/slices/9.hu", 404, "no slice"),
        ("0/slices/9.hu?slab=max&mm=3", 404, "from 0 to 8"),
        ("99/slices/0.hu", 404, ""),
        ("99/slices/0.hu?slab=max&mm=3", 404, ""),
        ("0/slices/4.hu?slab=min&mm=3", 400, "max, mean"),
        ("0/slices/4.hu?slab=max", 400, "millimetres"),
        ("0/slices/4.hu?slab=max&mm=nan", 400, "millimetres"),
        ("0/slices/4.hu?slab=max&mm=1e9", 400, "100"),
        ("0/slices/4.hu?slab=mean&mm=-1", 400, "millimetres"),
        ("0/slices/4.png?level=40", 400, "width"),
        ("0/slices/4.png?level=x&width=400", 400, "level"),
        ("0/slices/4.png?level=40&width=0", 400, "from 1 to 4000"),
        ("0/slices/4.png?level=9999&width=400", 400, "from -1200 to 3000"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(
    signed_in: FlaskClient, address: str, status: int, words: str
) -> None:
    """With what may be asked for."""
    answer = signed_in.get(f"/patients/{address}")
    assert answer.status_code == status
    assert words in answer.text


def test_a_slab_of_a_wrong_spacing_does_not_read_the_whole_scan(
    signed_in: FlaskClient, web_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where slices lie a thousandth of a millimetre apart a slab has them all: more than may be, and it is refused."""
    query(web_database, "UPDATE dbo.scan_images SET position_z = NULL;")
    query(web_database, "UPDATE dbo.scans SET spacing_z = 0.001;")
    address = f"{VALUES.format(4)}?slab=max&mm=50"
    assert signed_in.get(address).status_code == 200
    monkeypatch.setattr(scans, "MOST_SLICES", 8)
    answer = signed_in.get(address)
    assert answer.status_code == 400
    assert "9 slices of this scan. Ask for at most 8" in answer.text


def test_a_typed_window_is_numpys(signed_in: FlaskClient, stored: tuple[NDArray[np.int16], float]) -> None:
    """As the page without JavaScript asks for it, and keeps it from slice to slice."""
    page = signed_in.get("/patients/0?slice=7&level=-321&width=777").text
    assert "/patients/0/slices/6.png?level=-321&amp;width=777" in page
    assert re.search(r'href="\?level=-321&amp;width=777&amp;slice=8"', page)
    picture = np.asarray(Image.open(BytesIO(signed_in.get("/patients/0/slices/6.png?level=-321&width=777").data)))
    expected = np.clip((stored[0][6].astype(float) + 321) / 777 + 0.5, 0, 1) * 255
    np.testing.assert_allclose(picture, expected, atol=0.51)
    assert "slices/6.png?window=lung" in signed_in.get("/patients/0?slice=7&level=40&width=x").text


def test_the_fields_of_the_page_take_what_the_server_takes(signed_in: FlaskClient) -> None:
    """The same lowest and highest numbers on both sides."""
    page = signed_in.get("/patients/0").text
    for name, (least, most) in (("level", LEVELS), ("width", WIDTHS)):
        fields = re.findall(rf'<input type="number" (?:id="viewer-|name="){name}".*?min="(.*?)" max="(.*?)"', page)
        assert fields == [(str(least), str(most))] * 2
    (most_thickness,) = re.findall(r'id="viewer-thickness" min="0.1" max="(\d+)"', page)
    assert float(most_thickness) == MOST_MILLIMETRES
