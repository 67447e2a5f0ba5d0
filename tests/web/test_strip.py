"""The strip below the slices and the maps over them: what dbo tables hold, at the slices that it is of."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from lungdb_web.queries import installed as absences
from lungdb_web.queries.reasons import MapNumbers
from lungdb_web.scans.maps import overlay
from PIL import Image

from lungdb.database import connect, run
from lungdb.errors import ErrorNumber, LungdbError
from lungdb.imaging.map_pictures import colours
from tests.support.databases import copy_to, refused, target_of
from tests.support.once import Once
from tests.web.looking import audit, query

PAGE, OVERLAY = "/patients/3", "/patients/3/scores/1/maps/4/overlay.png"
READ = "EXECUTE dbo.ReadMap @PredictionId = 1, @SliceIndex = 4;"
MARK = re.compile(
    r'data-first="(\d+)"[^>]*aria-label="([^"]+)">.*?<rect class="why-\w+"[^>]* y="([-\d.]+)"[^>]* height="([\d.]+)"/>'
    r'\s*<path class="strip-error" d="M[\d.]+ ([-\d.]+)V([-\d.]+)"/>',
    re.DOTALL,
)


@pytest.fixture(scope="session")
def web_database_file(once: Once, web_database_file: Path) -> Path:
    """Score 1 of patient 3 is explained and has a map of the slice 4."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, web_database_file)
        with closing(connect(target_of(file))) as connection:
            run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = 3;")
            run(connection, "EXECUTE dbo.ExplainScans @PredictionId = 1, @Permutations = 4;")
            run(connection, "EXECUTE dbo.ExplainRegions @PredictionId = 1, @Slices = N'4', @Grid = 2;")
        return file

    return once("web_strip", make)


def test_the_strip_has_every_triple_with_its_value_and_its_error(reader: FlaskClient, web_database: Path) -> None:
    """As dbo.score_slices has them, from the feet up; heights are proportional to values, lines to errors."""
    query(web_database, "UPDATE dbo.score_slices SET standard_error = 0.05 * (triple + 1) WHERE method = 'shapley';")
    rows = query(
        web_database,
        "SELECT first_slice, value, standard_error FROM dbo.score_slices "
        "WHERE prediction_id = 1 AND method = 'shapley' ORDER BY first_slice;",
    )
    marks = MARK.findall(reader.get(PAGE).text)
    assert [int(mark[0]) for mark in marks] == [first + 1 for first, *_ in rows]
    unit = 18 / max(abs(value) + error for _, value, error in rows)
    for (first, words, *drawn), (_, value, error) in zip(marks, rows, strict=True):
        direction = "raises" if value > 0 else "lowers"
        sign = "+" if value > 0 else "\N{MINUS SIGN}"
        slices = f"Slices {first} to {int(first) + 2}"
        assert words == f"{slices}: {sign}{abs(value):.3f} ± {error:.3f}, {direction} the score"
        lengths = (
            20 - max(value, 0) * unit,
            abs(value) * unit,
            20 - (value - error) * unit,
            20 - (value + error) * unit,
        )
        assert tuple(map(float, drawn)) == pytest.approx(lengths, abs=0.01)


def test_a_mark_is_a_link_to_its_first_slice_and_the_page_there_says_its_value(reader: FlaskClient) -> None:
    """Without JavaScript the strip still leads there."""
    links = re.findall(r'class="strip-mark" href="([^"#]+)#viewer"[^>]*aria-label="([^"]+)"', reader.get(PAGE).text)
    assert len(links) == 3
    address, words = links[-1]
    there = reader.get(unescape(address)).text
    assert f'<span id="strip-said">{words}</span>' in there
    assert 'id="viewer-place">Slice 7 of' in there


def test_a_scan_without_an_explanation_has_no_strip(reader: FlaskClient) -> None:
    """The place is kept for what a score brings."""
    page = reader.get("/patients/2").text
    assert '<div id="strip" hidden></div>' in page
    assert "strip-mark" not in page


def test_the_overlay_is_the_map_and_its_view_is_recorded(reader: FlaskClient, web_database: Path) -> None:
    """Cell by cell: opacity by the share of the largest value, colour as RenderMap's."""
    [(data, rows, cols, top, bottom, left, right, high, wide)] = query(
        web_database,
        "SELECT m.map, m.map_rows, m.map_cols, m.first_row, m.end_row, m.first_col, m.end_col, s.image_rows, "
        "s.image_cols FROM dbo.score_maps AS m INNER JOIN dbo.predictions AS p ON p.prediction_id = "
        "m.prediction_id INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id;",
    )
    values = np.frombuffer(data, "<f4").reshape(rows, cols)
    assert np.abs(values).max() > 0
    answer = reader.get(f"{OVERLAY}?method=occlusion")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    drawn = np.asarray(Image.open(io.BytesIO(answer.data)))
    assert drawn.shape == (high, wide, 4)
    for row in range(rows):
        for col in range(cols):
            share = values[row, col] / np.abs(values).max()
            pixel = drawn[
                top + int((row + 0.5) * (bottom - top) / rows), left + int((col + 0.5) * (right - left) / cols)
            ]
            assert pixel[3] == pytest.approx(255 * 0.7 * abs(share), abs=0.51)
            if share:
                assert pixel[:3].tolist() == colours(np.array(share)).tolist()
                assert (pixel[0] > pixel[2]) == (share > 0), "orange raises, blue lowers"
    assert ("rob", "view_scan", 3, "ok") in audit(web_database)
    assert reader.get(OVERLAY, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [("LP", lambda stored: stored), ("RA", lambda stored: stored[::-1, ::-1]), ("PL", lambda stored: stored.T)],
)
def test_the_overlay_is_turned_as_the_slice_is(orientation: str, turned: Callable[[Any], Any]) -> None:
    """Of who lay on the belly, and where rows run to the back; beside the map it is clear."""
    data = np.array([[1.0, 0.0], [0.0, -0.5]], "<f4").tobytes()
    found = _map(data, 2, (0, 2, 1, 5), orientation)
    stored = np.zeros((4, 6))
    stored[0, 1:3], stored[1, 3:5] = 0.7, 0.35
    assert overlay(found)[..., 3] == pytest.approx(np.rint(255 * turned(stored)), abs=1)


def test_a_damaged_map_is_not_shown(reader: FlaskClient, web_database: Path) -> None:
    """500 with what to do; and one that lies beside its slice is refused, too."""
    query(web_database, "UPDATE dbo.score_maps SET map = 0x00112233001122330011223300112233;")
    answer = reader.get(OVERLAY)
    assert (answer.status_code, "Have the map made again" in answer.text) == (500, True)
    with pytest.raises(LungdbError, match="does not lie in its slice"):
        overlay(_map(b"0000", 1, (0, 9, 0, 6), "LP"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (OVERLAY.replace("/3/", "/2/"), 404),
        (OVERLAY.replace("/4/", "/1/"), 404),
        (f"{OVERLAY}?method=gradcam", 404),
        (f"{OVERLAY}?method=guess", 400),
        (OVERLAY.replace("/scores/1/", "/scores/99/"), 404),
    ],
)
def test_a_map_that_is_not_there_or_of_another_patient_is_not_shown(
    reader: FlaskClient, path: str, status: int
) -> None:
    """In words, and never somebody else's."""
    answer = reader.get(path)
    assert answer.status_code == status
    assert not answer.data.startswith(b"\x89PNG")


def test_where_nothing_reads_maps_the_page_says_so(signed_in: FlaskClient, web_database: Path) -> None:
    """The strip stays; the overlay is 501."""
    assert "data-maps=" in signed_in.get(PAGE).text
    query(web_database, "DROP PROCEDURE dbo.ReadMap;")
    page = signed_in.get(PAGE).text
    assert absences.NO_OVERLAYS in page
    assert "data-maps=" not in page
    assert signed_in.get(OVERLAY).status_code == 501


def test_readmap_refuses_what_is_not_there(web_database: Path) -> None:
    """The slice, the method and the prediction are named, with what makes maps."""
    assert query(web_database, READ)[0][0] == "occlusion"
    with closing(connect(target_of(web_database))) as connection:
        for call, number, words in (
            (READ.replace("= 4", "= 5"), ErrorNumber.NO_MAP, "slice 5"),
            (READ.replace("= 4;", "= 4, @Method = 'gradcam';"), ErrorNumber.NO_MAP, "gradcam"),
            ("EXECUTE dbo.ReadMap @PredictionId = 1;", ErrorNumber.NO_MAP, "slice NULL"),
            ("EXECUTE dbo.ReadMap @PredictionId = 77, @SliceIndex = 4;", ErrorNumber.UNKNOWN_PREDICTION, "77"),
        ):
            assert words in refused(connection, call, number)


def test_a_score_outside_the_scope_says_so_on_every_page_of_it(signed_in: FlaskClient, web_database: Path) -> None:
    """With the reason that was stored; one inside says nothing of the kind."""
    query(web_database, "UPDATE dbo.predictions SET scope = 'inside', scope_reason = NULL;")
    page = signed_in.get(PAGE).text
    assert "Outside the model’s scope" not in page
    assert "Like the scans that the model was trained on." in page
    reason = "Outside what the model was trained on: kernel <B70> (not among 2)."
    query(web_database, "UPDATE dbo.predictions SET scope = 'outside', scope_reason = ?;", reason)
    for path in (PAGE, f"{PAGE}/scores/1"):
        page = signed_in.get(path).text
        assert "Outside the model’s scope" in page
        assert "kernel &lt;B70&gt;" in page
    assert "outside the scope" in signed_in.get(PAGE).text.partition('id="history"')[2]


def _map(data: bytes, side: int, box: tuple[int, int, int, int], orientation: str) -> MapNumbers:
    """Make a square map over a slice of 4 × 6 pixels, whose largest value is 1."""
    sha256 = hashlib.sha256(data).hexdigest()
    return MapNumbers("occlusion", *box, side, side, -0.5, 1.0, 1.0, data, sha256, 4, 6, 1.0, 1.0, orientation)
