"""Why a score is what it is, on the page and in the API: what is stored, for those who may see the patient."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import why
from lungdb_web.queries import installed as absences
from lungdb_web.turns import Turns

from lungdb.database import connect, run
from tests.support.databases import copy_to, target_of
from tests.support.once import Once
from tests.support.web import Program, csrf_of
from tests.web.looking import audit, query

INDEX, SCORE, MAPPED = 3, 1, 4
PAGE, EXPLAIN = f"/patients/{INDEX}/scores/{SCORE}", f"/patients/{INDEX}/scores/{SCORE}/explain"
API = f"/api/v1/patients/{INDEX}/predictions/{SCORE}/explanation"
MAP = f"{PAGE}/maps/{MAPPED}.png"
HOSTILE = "<script>alert(1)</script>\"'{{ 7 * 7 }}"
Post = Callable[..., Any]


@pytest.fixture(scope="session")
def web_database_file(once: Once, web_database_file: Path) -> Path:
    """Score 1 of patient 3 is explained and has a map of the slice 4; score 2, of patient 2, is not explained."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, web_database_file)
        with closing(connect(target_of(file))) as connection:
            run(connection, f"EXECUTE dbo.PredictLungCancer @PatientIndex = {INDEX};")
            run(connection, "EXECUTE dbo.PredictLungCancer @PatientIndex = 2;")
            run(connection, f"EXECUTE dbo.ExplainScans @PredictionId = {SCORE}, @Permutations = 4;")
            run(connection, f"EXECUTE dbo.ExplainRegions @PredictionId = {SCORE}, @Slices = N'{MAPPED}', @Grid = 2;")
        return file

    return once("web_explained", make)


def why_of(client: FlaskClient, path: str) -> str:
    """Cut the section out of a page."""
    page = client.get(path)
    assert page.status_code == 200, page.text
    found = re.search(r'<section class="why".*?</section>', page.text, re.DOTALL)
    assert found is not None
    return found[0]


def text_of(html: str) -> str:
    """Read HTML as a reader sees it."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("path", [f"/patients/{INDEX}", PAGE])
def test_the_page_tells_what_is_stored_with_its_signs_and_errors(
    reader: FlaskClient, web_database: Path, path: str
) -> None:
    """The features that count most, all others together, the margin; triples with their estimates; the same for all."""
    text = text_of(why_of(reader, path))
    features = query(
        web_database,
        "SELECT TOP (10) name, contribution FROM dbo.explained_features WHERE prediction_id = 1 "
        "AND feature IS NOT NULL ORDER BY ABS(contribution) DESC, feature;",
    )
    places = []
    for name, contribution in features:
        shown = f"{why.signed(contribution)} , {'raises' if contribution > 0 else 'lowers'} the score"
        places.append(text.index(shown, text.index(name)))
    assert places == sorted(places)
    [(expected, margin, count)] = query(
        web_database,
        "SELECT SUM(CASE WHEN feature IS NULL THEN contribution END), SUM(contribution), COUNT(feature) "
        "FROM dbo.score_contributions WHERE prediction_id = 1;",
    )
    assert f"where the sum begins {why.signed(expected)}" in text
    assert f"Margin, the sum {why.signed(margin)}" in text
    rest = margin - expected - sum(contribution for _, contribution in features)
    assert (f"others together {why.signed(rest)}" in text) == (count > len(features))
    assert "Exact: TreeSHAP" in text
    [(shapley, error, first)] = query(
        web_database,
        "SELECT TOP (1) value, standard_error, first_slice FROM dbo.score_slices "
        "WHERE prediction_id = 1 AND method = 'shapley' ORDER BY ABS(value) DESC, triple;",
    )
    assert f"Slices {first + 1} to" in text
    assert f"{why.signed(shapley)} ± {error:.3f}" in text
    assert "Estimates (Shapley values) by 4 permutations" in text
    [(told, raw)] = query(
        web_database, "SELECT 100 * probability, 100 * raw_probability FROM dbo.predictions WHERE prediction_id = 1;"
    )
    assert f"is {raw:.1f} %" in text
    assert f"The score of {told:.1f} % is that after calibration by" in text
    assert why.MEANING in text


def test_a_triple_opens_the_viewer_at_its_first_slice(reader: FlaskClient, web_database: Path) -> None:
    """A link that works without JavaScript; slices of pages are counted from 1."""
    triples = query(
        web_database,
        "SELECT first_slice FROM dbo.score_slices WHERE prediction_id = 1 AND method = 'shapley' "
        "ORDER BY ABS(value) DESC, triple;",
    )
    links = re.findall(r'<a href="([^"]+)#viewer">Slices? (\d+)', why_of(reader, f"/patients/{INDEX}"))
    assert [int(number) for _, number in links] == [first + 1 for (first,) in triples][:10]
    page = reader.get(links[0][0])
    assert f'id="viewer-place">Slice {links[0][1]} of' in page.text


def test_slices_of_a_scan_that_is_not_shown_are_no_links(signed_in: FlaskClient, web_database: Path) -> None:
    """The viewer has the primary scan: a link from another would open the wrong picture."""
    query(
        web_database,
        "UPDATE dbo.scans SET is_primary = 0 "
        "WHERE scan_id = (SELECT scan_id FROM dbo.predictions WHERE prediction_id = 1);",
    )
    query(
        web_database,
        "INSERT INTO dbo.scans (patient_id, series_uid, study_uid, is_primary, number_images, image_rows, image_cols, "
        "content_sha256) SELECT patient_id, N'1.2.3', study_uid, 1, number_images, image_rows, image_cols, 0x00 "
        "FROM dbo.scans WHERE scan_id = (SELECT scan_id FROM dbo.predictions WHERE prediction_id = 1);",
    )
    section = why_of(signed_in, PAGE)
    assert "#viewer" not in section
    assert "Slices 1 to" in text_of(section)


def test_hostile_names_of_features_are_shown_as_text(
    signed_in: FlaskClient, web_database: Path, program: Program
) -> None:
    """A network's name is part of its features' names: the page escapes it, a program is told it as it is."""
    query(web_database, "UPDATE dbo.networks SET name = ?;", HOSTILE)
    section = why_of(signed_in, PAGE)
    assert "<script" not in section
    assert HOSTILE in unescape(section)
    told = program("GET", API).get_json()
    assert told["features"][0]["name"].startswith(HOSTILE)


def test_a_scorer_has_a_score_explained_and_that_is_recorded(
    signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """It is asked for, then done, by name; what is explained already is neither made again nor recorded."""
    assert "Nobody has had this score explained yet" in why_of(signed_in, "/patients/2")
    before = len(audit(web_database))
    answer = post(signed_in, "/patients/2/scores/2/explain")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/patients/2#why")
    rows = [row for row in audit(web_database)[before:] if "expla" in row[1]]
    assert rows == [("ana", "ask_explanation", 2, "ok"), ("ana", "explain", 2, "ok")]
    [(by, at)] = query(
        web_database, "SELECT explained_by, explained_at FROM dbo.score_explanations WHERE prediction_id = 2;"
    )
    assert by == "ana"
    assert "Margin, the sum" in text_of(why_of(signed_in, "/patients/2"))
    before = len(audit(web_database))
    assert post(signed_in, "/patients/2/scores/2/explain").status_code == 303
    assert query(web_database, "SELECT explained_at FROM dbo.score_explanations WHERE prediction_id = 2;") == [(at,)]
    assert [row for row in audit(web_database)[before:] if "expla" in row[1]] == []


def test_an_older_score_is_explained_on_its_own_page(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """The page of the patient tells of the newest one, and its history leads to all."""
    post(signed_in, "/patients/2/score")
    history = signed_in.get("/patients/2").text.partition('id="history"')[2]
    assert re.findall(r'href="(/patients/2/scores/\d+)"', history) == ["/patients/2/scores/3", "/patients/2/scores/2"]
    answer = post(signed_in, "/patients/2/scores/2/explain")
    assert answer.headers["Location"] == "/patients/2/scores/2"
    assert "Margin, the sum" in text_of(why_of(signed_in, "/patients/2/scores/2"))
    assert "Nobody has had this score explained yet" in why_of(signed_in, "/patients/2")


def test_a_reader_has_no_button_and_is_refused(reader: FlaskClient, web_database: Path) -> None:
    """Nothing is computed; the refusal is recorded. A form without its token is refused to a scorer as well."""
    page = reader.get("/patients/2").text
    assert "Explain this score" not in page
    assert reader.post("/patients/2/scores/2/explain", data={"csrf_token": csrf_of(page)}).status_code == 403
    assert audit(web_database)[-1] == ("rob", "refused", 2, "refused")
    assert query(web_database, "SELECT COUNT(*) FROM dbo.score_explanations;") == [(1,)]


def test_a_form_without_its_token_is_refused(signed_in: FlaskClient, web_database: Path) -> None:
    """As every other that changes something."""
    assert signed_in.post("/patients/2/scores/2/explain").status_code == 403
    assert query(web_database, "SELECT COUNT(*) FROM dbo.score_explanations;") == [(1,)]


def test_a_score_whose_features_are_gone_is_refused_with_what_to_do(
    signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """409 with the call that makes them again, and the audit has that it failed."""
    query(web_database, "DELETE FROM dbo.features;")
    answer = post(signed_in, "/patients/2/scores/2/explain")
    assert answer.status_code == 409
    assert "Make them again: EXECUTE dbo.GenerateFeatures" in unescape(answer.text)
    assert audit(web_database)[-1] == ("ana", "explain", 2, "failed")


def test_a_full_server_refuses_to_explain_and_to_draw(app: Flask, signed_in: FlaskClient, post: Post) -> None:
    """The bound of comparisons holds for both, so that those who ask why keep nobody from scoring."""
    one, services = Turns(workers=1, waiting=0), app.extensions["lungdb"]
    app.extensions["lungdb"] = replace(services, comparing=one)
    with one.take():
        answers = [post(signed_in, "/patients/2/scores/2/explain"), signed_in.get(MAP)]
    assert [answer.status_code for answer in answers] == [429, 429]
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)


def test_a_map_is_the_picture_of_the_procedure_and_its_view_is_recorded(
    reader: FlaskClient, web_database: Path
) -> None:
    """Byte by byte; asked for once more it is 304. The page shows each with its values when it is opened."""
    [row] = query(web_database, "EXECUTE dbo.RenderMap @PredictionId = 1, @SliceIndex = 4;")
    section = why_of(reader, PAGE)
    assert f'<img loading="lazy" src="{MAP}?method={row[2]}" alt="Slice 5 alone' in section
    assert f"Slice 5, {row[2]}: {why.signed(row[3])} to {why.signed(row[4])}" in section
    answer = reader.get(f"{MAP}?method={row[2]}")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/png", bytes(row[-1]))
    assert reader.get(MAP, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert ("rob", "view_scan", INDEX, "ok") in audit(web_database)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (PAGE.replace("/3/", "/2/"), 404),
        (MAP.replace("/3/", "/2/"), 404),
        ("/patients/3/scores/99", 404),
        ("/patients/999/scores/1", 404),
        (f"{PAGE}/maps/1.png", 404),
        (f"{MAP}?method=gradcam", 404),
        (f"{MAP}?method=guess", 400),
    ],
)
def test_what_is_not_there_or_of_another_patient_is_not_shown(reader: FlaskClient, path: str, status: int) -> None:
    """In words, and never somebody else's."""
    answer = reader.get(path)
    assert answer.status_code == status
    assert not answer.data.startswith(b"\x89PNG")
    assert "Why this score" not in answer.text


def test_a_score_is_not_explained_under_another_patient(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """Else the audit would name the wrong one."""
    assert post(signed_in, "/patients/3/scores/2/explain").status_code == 404
    assert query(web_database, "SELECT COUNT(*) FROM dbo.score_explanations;") == [(1,)]


def test_maps_are_advised_only_where_there_are_slices(signed_in: FlaskClient, web_database: Path) -> None:
    """Of a model over columns alone ExplainRegions would refuse; of others the page says for which it is."""
    query(web_database, "DELETE FROM dbo.score_maps;")
    assert "Where the model reads one kind of features of slices" in why_of(signed_in, PAGE)
    query(web_database, "DELETE FROM dbo.score_slices;")
    assert "ExplainRegions" not in why_of(signed_in, PAGE)


def test_what_is_not_installed_or_granted_is_said(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """Without Python what is stored is read, and nothing offered; without ReadExplanation the rest is still shown."""
    query(web_database, "DROP PROCEDURE dbo.ExplainScans;")
    query(web_database, "DROP PROCEDURE dbo.RenderMap;")
    section = why_of(signed_in, PAGE)
    assert absences.NO_MAPS in section
    assert "<img" not in section
    assert "Exact: TreeSHAP" in section
    assert absences.NOT_EXPLAINED_HERE in why_of(signed_in, "/patients/2")
    assert "Explain this score" not in signed_in.get("/patients/2").text
    assert post(signed_in, "/patients/2/scores/2/explain").status_code == 501
    assert signed_in.get(MAP).status_code == 501
    query(web_database, "DROP PROCEDURE dbo.ReadExplanation;")
    page = signed_in.get("/patients/3").text
    assert absences.NO_REASONS in page
    assert "/scores/" not in page
    assert signed_in.get(PAGE).status_code == 501


def test_a_patient_without_a_score_has_nothing_to_explain(signed_in: FlaskClient) -> None:
    """No heading and no button; the place is kept for what a score brings."""
    page = signed_in.get("/patients/5").text
    assert '<section id="why" hidden></section>' in page
    assert "Why this score" not in page


def test_a_program_is_told_what_is_stored(program: Program, web_database: Path) -> None:
    """The numbers of ReadExplanation by the names of the API; as many as it asks for; and the view is recorded."""
    told = program("GET", API, "rob", query_string={"features": 3, "slices": 2}).get_json()
    with closing(connect(target_of(web_database))) as connection:
        sql = "EXECUTE dbo.ReadExplanation @PredictionId = 1, @TopFeatures = 3, @TopSlices = 2;"
        [head], models, features, slices, maps = (found.records() for found in run(connection, sql))
    assert (told["id"], told["patient_index"], told["is_primary"]) == (SCORE, INDEX, True)
    assert (told["probability"], told["raw_probability"]) == (
        head["probability_percent"] / 100,
        head["raw_percent"] / 100,
    )
    for name in ("margin", "reference_margin", "model_name", "model_version", "calibration", "permutations", "triples"):
        assert told[name] == head[name], name
    assert told["explained_at"] == f"{head['explained_at'].isoformat()}+00:00"
    assert told["models"] == [{**model, "is_exact": True} for model in models]
    assert [(one["feature"], one["name"], one["value"], one["contribution"]) for one in told["features"]] == [
        (one["feature"], one["name"], one["feature_value"], one["contribution"]) for one in features
    ]
    for one, wanted in zip(told["slices"], slices, strict=True):
        assert one == {name: wanted[name] for name in one}
    assert [(one["slice"], one["method"], one["lowest"], one["highest"]) for one in told["maps"]] == [
        (one["slice_index"], one["method"], one["lowest"], one["highest"]) for one in maps
    ]
    assert (len(told["features"]), len(told["slices"]), len(told["maps"])) == (3, 2, 1)
    assert audit(web_database)[-1] == ("rob", "view_patient", INDEX, "ok")


def test_a_program_has_a_score_explained(program: Program, web_database: Path) -> None:
    """A reader is refused; before, it is not there; a scorer gets what GET gives from then on."""
    path = "/api/v1/patients/2/predictions/2/explanation"
    missing = program("GET", path)
    assert (missing.status_code, missing.get_json()["type"]) == (404, "/api/v1/docs#not-explained")
    assert program("POST", path, "rob").status_code == 403
    made = program("POST", path)
    assert (made.status_code, made.get_json()["explained_by"]) == (200, "ana")
    assert program("GET", path, "rob").get_json() == made.get_json()
    done = [row for row in audit(web_database) if row[0] == "ana" and "expla" in row[1]]
    assert done == [("ana", "ask_explanation", 2, "ok"), ("ana", "explain", 2, "ok")]


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", API.replace("/3/", "/2/"), 404, None),
        ("POST", API.replace("/3/", "/2/"), 404, None),
        ("GET", f"{API}/maps/4".replace("/3/", "/2/"), 404, None),
        ("GET", API.replace("/1/", "/99/").replace("v99", "v1"), 404, "unknown-prediction"),
        ("GET", f"{API}/maps/1", 404, "no-map"),
        ("GET", f"{API}/maps/4?method=guess", 422, None),
        ("GET", f"{API}?features=0", 422, None),
    ],
)
def test_a_program_is_told_what_is_wrong(
    program: Program, method: str, path: str, status: int, kind: str | None
) -> None:
    """By a problem of its kind."""
    answer = program(method, path)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["type"] == ("about:blank" if kind is None else f"/api/v1/docs#{kind}")


def test_a_program_is_told_that_features_are_gone_and_what_is_not_installed(
    program: Program, web_database: Path
) -> None:
    """409 with the call that makes them; 501 where nothing explains, draws or reads."""
    path = "/api/v1/patients/2/predictions/2/explanation"
    query(web_database, "DELETE FROM dbo.features;")
    gone = program("POST", path).get_json()
    assert (gone["status"], gone["type"], gone["number"]) == (409, "/api/v1/docs#cannot-explain", 50374)
    query(web_database, "DROP PROCEDURE dbo.ExplainScans;")
    query(web_database, "DROP PROCEDURE dbo.RenderMap;")
    assert program("POST", path).get_json()["type"] == "/api/v1/docs#not-installed"
    assert program("GET", f"{API}/maps/4").status_code == 501
    assert program("GET", API).status_code == 200
    query(web_database, "DROP PROCEDURE dbo.ReadExplanation;")
    assert program("GET", API).status_code == 501


def test_a_program_is_told_of_a_pooling_that_no_package_has_any_more(program: Program, web_database: Path) -> None:
    """409 with what to install, and no error that nobody foresaw."""
    query(web_database, "UPDATE dbo.pooled_features SET pooling = N'theirs';")
    query(web_database, "UPDATE dbo.classifiers SET pooling = N'theirs';")
    gone = program("POST", "/api/v1/patients/2/predictions/2/explanation").get_json()
    assert (gone["status"], gone["type"], gone["number"]) == (409, "/api/v1/docs#cannot-explain", 50394)
    assert "theirs" in gone["detail"]


def test_a_program_gets_the_map_that_the_page_shows(program: Program, signed_in: FlaskClient) -> None:
    """The same bytes, with a tag by which it need not be sent again."""
    answer = program("GET", f"{API}/maps/4")
    assert (answer.status_code, answer.data) == (200, signed_in.get(MAP).data)
    again = program("GET", f"{API}/maps/4", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
