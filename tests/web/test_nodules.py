"""Nodules on a patient's page and in the API: what detectors found for all, what readers marked for who may see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import nodules as words
from lungdb_web.database import Database
from lungdb_web.queries.nodules import Spot

from lungdb.database import connect
from lungdb.errors import SqlError
from tests.support.databases import target_of
from tests.support.nodules import add_found, add_network, add_stage, add_truth, lay
from tests.support.web import Program, csrf_of, sign_in
from tests.web.looking import audit, query

Post = Callable[..., Any]
PAGE, TRUTH, API = "/patients/2", "/patients/2/nodules/truth", "/api/v1/patients/2/nodules"
BUTTON = "Compare with what readers marked"
SCAN = (
    "SELECT s.scan_id FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE p.idx = 2;"
)


@dataclass(frozen=True)
class Stored:
    """What the database of these tests has: the scan, and the networks' numbers."""

    scan: int
    detector: int
    other: int


class Tables(HTMLParser):
    """The rows of the tables of nodules, as words, and the attributes of the rows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.marks: list[dict[str, str | None]] = []
        self._is_in = False
        found = re.search(r'<section class="nodules".*?</section>', html, re.DOTALL)
        self.feed(found.group(0) if found else "")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A row or a cell begins."""
        if tag == "tr":
            self.rows.append([])
            self.marks.append(dict(attrs))
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._is_in = True

    def handle_endtag(self, tag: str) -> None:
        """A cell ends."""
        if tag in ("td", "th"):
            self._is_in = False

    def handle_data(self, data: str) -> None:
        """Words of a cell."""
        if self._is_in:
            self.rows[-1][-1] += re.sub(r"[ \n]+", " ", data).strip(" ")


@pytest.fixture
def stored(web_database: Path) -> Stored:
    """Patient 2, not scored, with two detectors, a later stage, and three nodules that readers marked."""
    [(scan,)] = query(web_database, SCAN)
    with closing(connect(target_of(web_database))) as connection:
        matrix = lay(connection, scan, (-20.0, -10.0, 5.0), (1, 0, 0), (0, 1, 0), (0, 0, 2.5), (0.5, 0.8))

        def at(column: float, row: float, slice_: float) -> tuple[float, float, float]:
            x, y, z, _ = matrix @ [column, row, slice_, 1.0]
            return float(x), float(y), float(z)

        detector, other = (add_network(connection, name) for name in ("<detector>", "other"))
        stage = add_network(connection, "alarms", None)
        first = add_found(connection, scan, detector, at(10.0, 6.0, 3.4), 8.44, 0.999)
        add_stage(connection, first, stage, 0.5)
        add_found(connection, scan, detector, at(3.0, 4.0, 1.0), 20.0, 0.004)
        add_found(connection, scan, other, at(3.0, 4.0, 999.0), None, 0.25)
        add_truth(connection, scan, at(10.0, 6.0, 3.0), 6.0, 4, 3.5)
        add_truth(connection, scan, at(2.0, 2.0, 6.0), 5.0, 1, None)
        add_truth(connection, scan, at(3.0, 4.0, 1.0), 4.0, is_relevant=False)
    return Stored(scan, detector, other)


@pytest.fixture
def scored(stored: Stored, web_database: Path) -> Stored:
    """The same, scored."""
    query(web_database, "EXECUTE dbo.PredictLungCancer @PatientIndex = 2;")
    return stored


def looks(database: Path) -> list[tuple[Any, ...]]:
    """Read the looks at a truth, and what was refused."""
    rows = audit(database, "account, action, patient_index, outcome, detail")
    return [row for row in rows if row[1] in ("view_truth", "refused")]


def test_a_scan_that_no_detector_saw_has_no_section(reader: FlaskClient) -> None:
    """Nor the button of the viewer, its script or its key."""
    page = reader.get(PAGE).text
    assert not re.search("nodule(?!s.css)", page)
    assert reader.get(API).get_json() == {"items": []}


@pytest.mark.usefixtures("stored")
def test_what_was_found_stands_in_a_table_with_its_detector(reader: FlaskClient) -> None:
    """Slices from 1, as links; the highest product first; what is beside the scan has no slice; no truth."""
    page = reader.get(PAGE).text
    tables = Tables(page)
    assert tables.rows == [
        ["No.", "Slice", "Diameter", "Volume", "Score", "alarms", "Together"],
        ["1", "4", "8.4 mm", "315 mm³", "> 0.99", "0.50", "0.50"],
        ["2", "2", "20.0 mm", "4\u2009190 mm³", "< 0.01", "none", "< 0.01"],
        ["No.", "Slice", "Diameter", "Volume", "Score"],
        ["1", "not known", "not known", "not known", "0.25"],
    ]
    assert "2 found by &lt;detector&gt;, version 1" in page
    assert 'href="/patients/2?slice=4#viewer"' in page
    mark = tables.marks[1]
    np.testing.assert_allclose([float(mark[f"data-{name}"] or "") for name in ("column", "row", "slice")], [10, 6, 3.4])
    assert (mark["data-diameter"], mark["data-label"]) == ("8.44", "1 · 8.4 mm · 0.50")
    assert BUTTON not in page
    assert "readers marked" not in page


def test_more_than_ten_are_folded_away(stored: Stored, web_database: Path, reader: FlaskClient) -> None:
    """Ten stand there, the others behind one press, in order."""
    with closing(connect(target_of(web_database))) as connection:
        for score in range(1, 11):
            add_found(connection, stored.scan, stored.detector, (score, 0, 0), 5.0, score / 100)
    page = reader.get(PAGE).text
    ahead, rest = page.split("<summary>Show all 12</summary>")
    assert [row[0] for row in Tables(ahead + "</section>").rows[1:]] == [str(number) for number in range(1, 11)]
    assert re.findall(r'<th scope="row" class="number">(\d+)</th>', rest)[:2] == ["11", "12"]


@pytest.mark.parametrize(
    ("orientation", "column", "row"),
    [("LP", 10.0, 6.0), ("RP", -1 - 10.0, 6.0), ("LA", 10.0, -1 - 6.0), ("PL", 6.0, 10.0), ("AR", -1 - 6.0, -1 - 10.0)],
)
def test_marks_are_turned_as_the_slices_are(
    stored: Stored, web_database: Path, reader: FlaskClient, orientation: str, column: float, row: float
) -> None:
    """Numbers below 0 count from the end, as NumPy's indices do: the pixel that upright puts there is the same."""
    query(web_database, f"UPDATE dbo.scans SET patient_orientation = '{orientation}' WHERE scan_id = {stored.scan};")
    [(rows, cols)] = query(web_database, f"SELECT image_rows, image_cols FROM dbo.scans WHERE scan_id = {stored.scan};")
    if orientation[0] in "AP":
        rows, cols = cols, rows
    mark = Tables(reader.get(PAGE).text).marks[1]
    expected = [column + cols if column < 0 else column, row + rows if row < 0 else row]
    np.testing.assert_allclose([float(mark["data-column"] or ""), float(mark["data-row"] or "")], expected)


@pytest.mark.usefixtures("scored")
def test_what_readers_marked_is_shown_when_the_button_is_pressed_and_that_is_recorded(
    app: Flask, post: Post, web_database: Path
) -> None:
    """The page has the button and not the truth; a nodule is found by a candidate within its radius."""
    tess = sign_in(app.test_client(), "tess")
    page = tess.get(PAGE).text
    assert BUTTON in page
    assert ">M1" not in page
    assert looks(web_database) == []
    shown = post(tess, TRUTH)
    assert shown.status_code == 200
    assert "&lt;detector&gt;, version 1, found 1 of 1." in shown.text
    assert "other, version 1, found 0 of 1." in shown.text
    assert Tables(shown.text).rows[-3:] == [
        ["M1", "4", "6.0 mm", "4", "3.5", "number 1, 1.0 mm from its centre", "not found"],
        ["M2not to be found", "7", "5.0 mm", "1", "not rated", "not found", "not found"],
        ["M3not to be found", "2", "4.0 mm", "not known", "not rated", "number 2, 0.0 mm from its centre", "not found"],
    ]
    assert looks(web_database) == [("tess", "view_truth", 2, "ok", "nodules that readers marked")]


@pytest.mark.usefixtures("scored")
def test_who_may_not_see_the_truth_is_refused_everywhere(reader: FlaskClient, post: Post, web_database: Path) -> None:
    """The page, the press and the API; each refusal is recorded."""
    assert BUTTON not in reader.get(PAGE).text
    assert post(reader, TRUTH).status_code == 403
    assert reader.get(f"{API}/truth").status_code == 403
    assert [row[:4] for row in looks(web_database)] == [("rob", "refused", 2, "refused")] * 2


@pytest.mark.usefixtures("stored")
def test_it_never_stands_beside_a_scan_that_is_not_scored(
    signed_in: FlaskClient, program: Program, post: Post, web_database: Path
) -> None:
    """No button, and a press without one is refused and recorded; a program with a token is told."""
    page = signed_in.get(PAGE).text
    assert BUTTON not in page
    assert "can be shown once the scan is scored" in page
    assert post(signed_in, TRUTH).status_code == 409
    assert signed_in.get(f"{API}/truth").status_code == 409
    refusal = ("ana", "view_truth", 2, "refused", "nodules that readers marked: the scan is not scored")
    assert looks(web_database) == [refusal] * 2
    assert program("GET", f"{API}/truth").status_code == 200
    post(signed_in, f"{PAGE}/score")
    assert BUTTON in signed_in.get(PAGE).text
    assert post(signed_in, TRUTH).status_code == 200


@pytest.mark.usefixtures("scored")
def test_what_cannot_be_recorded_is_not_shown(signed_in: FlaskClient, web_database: Path) -> None:
    """503, and nothing of the truth."""
    token = csrf_of(signed_in.get(PAGE).text)
    query(web_database, "DROP PROCEDURE dbo.RecordAudit;")
    answer = signed_in.post(TRUTH, data={"csrf_token": token})
    assert (answer.status_code, ">M1" in answer.text) == (503, False)


@pytest.mark.usefixtures("scored")
def test_a_site_that_withholds_the_truth_shows_what_was_found(
    signed_in: FlaskClient, post: Post, web_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQL Server's refusal, error 229, is no failure of the page; nor is a database without ReadNodules."""
    call = Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if "ShowNoduleTruth" in sql:
            raise SqlError(229, "The EXECUTE permission was denied on the object 'ShowNoduleTruth'.")
        return call(database, sql, *arguments)

    monkeypatch.setattr(Database, "call", refusing)
    answer = post(signed_in, TRUTH)
    assert (answer.status_code, "not shown by this site" in answer.text) == (200, True)
    assert Tables(answer.text).rows[1][:2] == ["1", "4"]
    assert signed_in.get(f"{API}/truth").status_code == 403
    monkeypatch.undo()
    query(web_database, "DROP PROCEDURE dbo.ShowNoduleTruth;")
    assert "not shown by this site" in post(signed_in, TRUTH).text
    query(web_database, "DROP PROCEDURE dbo.ReadNodules;")
    page = signed_in.get(PAGE)
    assert (page.status_code, "nodules-heading" in page.text) == (200, False)
    assert signed_in.get(API).status_code == 501


@pytest.mark.usefixtures("scored")
def test_the_api_gives_what_the_tables_hold(reader: FlaskClient, signed_in: FlaskClient, web_database: Path) -> None:
    """Detectors with what they found and later stages said; what readers marked with what found it; both recorded."""
    detector, other = reader.get(API).get_json()["items"]
    assert [detector["network_name"], detector["preprocessing"], other["network_name"]] == [
        "<detector>", "volume", "other",
    ]  # fmt: skip
    first = detector["found"][0]
    assert {name: first[name] for name in ("rank", "diameter", "score", "stages")} == {
        "rank": 1,
        "diameter": 8.44,
        "score": 0.999,
        "stages": [{"network_name": "alarms", "network_version": 1, "preprocessing": "volume", "score": 0.5}],
    }
    np.testing.assert_allclose([first[name] for name in ("column", "row", "slice", "product")], [10, 6, 3.4, 0.4995])
    np.testing.assert_allclose([first[name] for name in "xyz"], [-12, -7, 13.5])
    marked = signed_in.get(f"{API}/truth").get_json()["items"]
    assert [(one["readers"], one["malignancy"], one["is_relevant"]) for one in marked] == [
        (4, 3.5, True), (1, None, False), (None, None, False),
    ]  # fmt: skip
    [hit] = marked[0]["hits"]
    assert (hit["id"], hit["rank"]) == (first["id"], 1)
    np.testing.assert_allclose(hit["distance"], 0.4 * 2.5)
    actions = [row[:3] for row in audit(web_database) if row[2] == 2 and row[1] != "score"]
    assert actions[-2:] == [("rob", "view_patient", 2), ("ana", "view_truth", 2)]


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, "none"), (0.0, "0.00"), (0.004, "< 0.01"), (0.5, "0.50"), (0.996, "> 0.99"), (1.0, "1.00")],
)
def test_no_score_is_written_as_what_it_is_not(value: float | None, written: str) -> None:
    """Only what is none is 0, only what is certain 1."""
    assert words.score(value) == written


def test_a_volume_has_the_digits_of_a_measured_one() -> None:
    """Three, and no more."""
    volumes = [0.52, 9.96, 33.51, 523.6, 4188.79, 1234567.0]
    written = [words.volume(Spot(0, 0, 0, None, None, None, None, volume)) for volume in volumes]
    assert written == ["0.5 mm³", "10 mm³", "34 mm³", "524 mm³", "4\u2009190 mm³", "1\u2009230\u2009000 mm³"]
