"""From the list to a patient and on: the way back, the place in the list, the file of the list, the small pictures."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import listing
from lungdb_web.pages import worklist
from PIL import Image

from lungdb.imaging.codecs import decode_slice
from tests.support.fixtures import ARCHIVED, UNSCORED
from tests.support.web import sign_in
from tests.web.looking import audit, query

Post = Callable[..., Any]
ROW = re.compile(r'<th scope="row"><a href="([^"]+)">')


def _patients(page: str) -> list[str]:
    return [html.unescape(address) for address in ROW.findall(page)]


def _link(page: str, mark: str) -> str | None:
    found = re.search(rf'<a {mark}[^>]* href="([^"]+)"', page)
    return html.unescape(found[1]) if found else None


def _index(address: str) -> int:
    found = re.match(r"/patients/(\d+)", address)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("filtering", ["", "state=not+scored&sort=name&order=desc", "sort=date", "search"])
def test_next_goes_through_the_list_and_back_leads_to_its_page(
    signed_in: FlaskClient, post: Post, monkeypatch: pytest.MonkeyPatch, filtering: str
) -> None:
    """From the first patient to the last in the order of the list, each with his place; and back by Previous."""
    monkeypatch.setattr(listing, "PAGE", 15)
    start = post(signed_in, "/search", q="1").headers["Location"] if filtering == "search" else f"/?{filtering}"
    address, wanted, page_of = start, [], {}
    while address:
        page = signed_in.get(address).text
        for patient in _patients(page):
            wanted.append(patient)
            page_of[_index(patient)] = page
        address = html.unescape(re.search(r'rel="next" href="([^"]+)"', page)[1]) if 'rel="next"' in page else ""
    assert len(wanted) > 3
    address, seen = wanted[0], []
    while address:
        page = signed_in.get(address).text
        seen.append(_index(address))
        assert f'<span class="place-at">{len(seen)} of {len(wanted)}</span>' in page
        back = _link(page, 'class="place-back"')
        assert back is not None
        assert _patients(signed_in.get(back).text) == _patients(page_of[seen[-1]])
        before = _link(page, 'id="place-before"')
        assert (before and _index(before)) == (seen[-2] if len(seen) > 1 else None)
        address = _link(page, 'id="place-after"') or ""
    assert seen == [_index(patient) for patient in wanted]


def test_who_leaves_the_list_by_being_scored_keeps_his_neighbours(signed_in: FlaskClient, post: Post) -> None:
    """On the list of those not scored the next one is still the next after the score, and loses nobody."""
    page = signed_in.get("/patients/7?state=not+scored&sort=index&at=8").text
    action = html.unescape(re.search(r'id="analyze"[^>]*action="([^"]+)"', page)[1])
    answer = post(signed_in, action)
    page = signed_in.get(answer.headers["Location"]).text
    assert f"8 of {UNSCORED}" in page
    following = _link(page, 'id="place-after"')
    assert following is not None
    assert _index(following) == 8
    page = signed_in.get(following).text
    assert f"8 of {UNSCORED - 1}" in page
    assert [_index(_link(page, f'id="place-{way}"') or "") for way in ("before", "after")] == [6, 9]


def test_a_patient_not_reached_from_a_list_has_no_neighbours(signed_in: FlaskClient) -> None:
    """And places that are none do not upset the page."""
    for query_string in ("", "?at=0", "?at=x", "?at=-3", "?at=99999999999", "?at=5&of=x&before=%00"):
        page = signed_in.get(f"/patients/3{query_string}")
        assert page.status_code == 200
    assert "place-after" not in signed_in.get("/patients/3").text
    far = signed_in.get("/patients/3?at=999999")
    assert far.status_code == 200
    assert 'id="place-after"' not in far.text


def test_what_needs_work_comes_first(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """Not scored, then scored from the highest probability down, then without features, then reviewed."""
    for index in (2, 8, 9):
        post(signed_in, f"/patients/{index}/score")
    post(signed_in, "/patients/5/review", suspicion="3")
    scores = dict(query(web_database, "SELECT idx, probability FROM dbo.worklist WHERE probability IS NOT NULL;"))
    open_ones = [index for index in range(UNSCORED) if index not in (2, 8, 9, 5)]
    wanted = [*open_ones, *sorted(scores, key=lambda one: (-scores[one], one)), *range(UNSCORED, ARCHIVED), 5]
    assert [_index(address) for address in _patients(signed_in.get("/").text)] == wanted


def test_the_list_as_a_file_is_the_whole_list_and_recorded(
    signed_in: FlaskClient, post: Post, web_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its pages in its order, read by Python's csv; nothing that a spreadsheet would run, and a mark of UTF-8."""
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', 'a "b", c', "Łucja\nΩ"]
    for index, name in enumerate(hostile):
        query(web_database, "UPDATE dbo.patients SET display_name = ? WHERE idx = ?;", name, index)
    monkeypatch.setattr(worklist, "_CSV_AT_ONCE", 15)
    page = signed_in.get("/?sort=date&order=desc").text
    answer = signed_in.get("/patients.csv?sort=date&order=desc")
    assert answer.mimetype == "text/csv"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert [int(row["index"]) for row in rows] == [_index(address) for address in _patients(page)]
    names = {int(row["index"]): row["name"] for row in rows}
    assert [names[index] for index in range(len(hostile))] == ["'" + one for one in hostile[:6]] + hostile[6:]
    ids = dict(query(web_database, "SELECT idx, patient_id FROM dbo.patients;"))
    assert {int(row["index"]): row["patient_id"] for row in rows} == ids
    told = [one[1] for one in audit(web_database, "action, detail") if one[0] == "view_list"][1:]
    listed = [int(one) for detail in told for one in detail.removeprefix("patients: ").split(", ")]
    assert listed == [int(row["index"]) for row in rows]
    monkeypatch.setattr(worklist, "MOST_IN_CSV", ARCHIVED - 1)
    assert signed_in.get("/patients.csv").status_code == 400
    few = csv.DictReader(io.StringIO(signed_in.get("/patients.csv?state=no+features").data.decode("utf-8-sig")))
    assert [int(row["index"]) for row in few] == list(range(UNSCORED, ARCHIVED))


def test_a_small_picture_is_the_middle_slice_and_asked_for_once(
    app: Flask, signed_in: FlaskClient, web_database: Path
) -> None:
    """Drawn in the lung window; the list's own row of the audit stands for it, and who was on no list has one."""
    page = signed_in.get("/").text
    assert re.findall(r'<img src="/patients/(\d+)/thumbnail.png" alt="" [^>]*loading="lazy"', page)
    before = len(audit(web_database))
    answer = signed_in.get("/patients/4/thumbnail.png")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    pixels, sha256, encoding = query(
        web_database,
        "SELECT i.pixels, i.pixels_sha256, i.encoding FROM dbo.scan_images AS i INNER JOIN dbo.scans AS s "
        "ON s.scan_id = i.scan_id INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id "
        "WHERE p.idx = 4 AND i.slice_index = 4;",
    )[0]
    hu = decode_slice(bytes(pixels), 64, 64, bytes(sha256), encoding).astype(float)
    drawn = np.asarray(Image.open(io.BytesIO(answer.data)), dtype=float)
    assert drawn.shape == (64, 64)
    # The lung window: level -600, width 1500.
    assert np.abs(drawn - np.clip((hu + 600) / 1500 + 0.5, 0, 1) * 255).max() <= 1
    again = signed_in.get("/patients/4/thumbnail.png", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    assert len(audit(web_database)) == before
    other = sign_in(app.test_client(), "rob")
    assert other.get("/patients/4/thumbnail.png").status_code == 200
    assert audit(web_database)[-1] == ("rob", "view_scan", 4, "ok")


def test_a_scan_without_pixels_has_no_small_picture(signed_in: FlaskClient, web_database: Path) -> None:
    """The list shows none, and its address leads nowhere."""
    query(web_database, "DELETE FROM dbo.scan_images WHERE scan_id = 3;")
    index = query(
        web_database,
        "SELECT p.idx FROM dbo.patients AS p INNER JOIN dbo.scans AS s ON s.patient_id = p.patient_id "
        "WHERE s.scan_id = 3;",
    )[0][0]
    page = signed_in.get("/").text
    assert f'src="/patients/{index}/thumbnail.png"' not in page
    assert page.count("/thumbnail.png") == ARCHIVED - 1
    assert signed_in.get(f"/patients/{index}/thumbnail.png").status_code == 404
    assert signed_in.get("/patients/999/thumbnail.png").status_code == 404


def test_the_patients_id_stands_on_the_list_and_the_page_or_its_beginning(
    signed_in: FlaskClient, web_database: Path
) -> None:
    """Of a long one, such as a hash, what tells it apart, with the whole in its title."""
    (short,) = query(web_database, "SELECT patient_id FROM dbo.patients WHERE idx = 4;")[0]
    for path in ("/", "/patients/4"):
        assert f'title="{short}"' in signed_in.get(path).text
    query(
        web_database,
        "DECLARE @Old NVARCHAR(64) = (SELECT patient_id FROM dbo.worklist WHERE idx = 39), @New NVARCHAR(64) = ?; "
        "UPDATE dbo.worklist SET patient_id = @New WHERE idx = 39;",
        "f" * 64,
    )
    assert len(short) <= 16 or f"{short[:12]}…" in signed_in.get("/").text
