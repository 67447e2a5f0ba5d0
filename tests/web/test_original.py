"""The addresses of the demonstration of 2017 answer in their old form, and never with somebody else's scan."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from tests.support.fixtures import ARCHIVED, UNSCORED
from tests.support.web import Program
from tests.web.looking import audit, query

Post = Callable[..., TestResponse]


def _percent(database: Path, index: int) -> float:
    """Ask PredictLungCancer itself."""
    value = query(database, "EXECUTE dbo.PredictLungCancer @PatientIndex = ?;", index)[0][0]
    assert isinstance(value, float)
    return value


def test_predict_gives_the_percentage_of_predict_lung_cancer(program: Program, web_database: Path) -> None:
    """{"status": 200, "prob": percent}, as the original's callers read it; the score is kept and audited."""
    answer = program("GET", "/predict/3")
    assert answer.status_code == 200
    assert answer.get_json().keys() == {"status", "prob"}
    assert answer.get_json()["status"] == 200
    assert answer.get_json()["prob"] == pytest.approx(_percent(web_database, 3), rel=1e-12)
    assert query(web_database, "SELECT predicted_by FROM dbo.predictions ORDER BY prediction_id;")[0] == ("ana",)
    assert audit(web_database) == [("ana", "ask_score", 3, "ok"), ("ana", "score", 3, "ok")]


def test_gif_gives_the_address_of_an_animation(program: Program) -> None:
    """The address is a whole one, and leads to a moving GIF for a client that asks for nothing special."""
    answer = program("GET", "/gif/3").get_json()
    assert answer.keys() == {"status", "gif_url"}
    assert answer["status"] == 200
    assert answer["gif_url"] == "http://localhost/patients/3/animation"
    picture = Image.open(BytesIO(program("GET", answer["gif_url"]).data))
    assert picture.format == "GIF"
    assert picture.n_frames > 1


@pytest.mark.parametrize("route", ["predict", "gif"])
@pytest.mark.parametrize("index", [str(ARCHIVED), "2147483648", "99999999999999999999", "-1", "x", "1e0"])
def test_a_patient_who_is_not_known_is_a_404_in_json(
    program: Program, web_database: Path, route: str, index: str
) -> None:
    """With the status in the document as in the original's answers, a sentence, and no score of anybody."""
    answer = program("GET", f"/{route}/{index}")
    assert answer.status_code == 404
    assert answer.content_type == "application/json"
    assert answer.get_json()["status"] == 404
    assert answer.get_json()["message"]
    assert query(web_database, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]


def test_predict_says_in_json_what_stands_in_the_way(program: Program, client: FlaskClient) -> None:
    """No features: 409 with the remedy; a reader: 403; nobody: 401."""
    conflict = program("GET", f"/predict/{UNSCORED}")
    assert (conflict.status_code, conflict.get_json()["status"]) == (409, 409)
    assert "GenerateFeatures" in conflict.get_json()["message"]
    assert program("GET", "/predict/0", name="rob").get_json()["status"] == 403
    assert client.get("/predict/0").get_json()["status"] == 401


def test_only_a_token_scores_by_an_address(signed_in: FlaskClient, program: Program, web_database: Path) -> None:
    """GET /predict changes something, and any page may lead a signed-in browser there with its session."""
    for site in ("cross-site", "none", "same-origin"):
        refused = signed_in.get("/predict/0", headers={"Sec-Fetch-Site": site})
        assert (refused.status_code, refused.get_json()["status"]) == (403, 403)
    assert query(web_database, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]
    assert program("GET", "/predict/0").status_code == 200


@pytest.mark.parametrize("wanted", ["3", "Joost van der Berg", "joost", " BERG ", "3 "])
def test_patient_info_shows_the_patient_who_is_named(signed_in: FlaskClient, post: Post, wanted: str) -> None:
    """By an index, a name or a part of one, whatever its case: the page with the animation and the button."""
    page = post(signed_in, "/patient_info", patient_index=wanted)
    assert page.status_code == 200
    assert "<h1>Joost van der Berg</h1>" in page.text
    assert 'src="/patients/3/animation"' in page.text
    assert 'action="/patient_prob"' in page.text
    assert "probability of cancer" not in page.text


def test_a_percent_sign_is_a_part_of_a_name(signed_in: FlaskClient, post: Post) -> None:
    """It stands for itself, so it names one patient and not all."""
    assert "<h1>100% Müller</h1>" in post(signed_in, "/patient_info", patient_index="%").text


def test_a_name_of_several_patients_leads_to_the_worklist(signed_in: FlaskClient, post: Post) -> None:
    """Searched by that name, which stands in no address; nobody is picked."""
    answer = post(signed_in, "/patient_info", patient_index="Anthony")
    assert (answer.status_code, answer.location[:4]) == (303, "/?s=")
    listed = signed_in.get(answer.location).text
    assert "Anthony Okafor" in listed
    assert "Anthony Rossi" in listed
    assert "Mei Tanaka" not in listed


@pytest.mark.parametrize("path", ["/patient_info", "/patient_prob"])
@pytest.mark.parametrize("wanted", ["Zacharias", str(ARCHIVED), "9" * 30, "-1", "", "' OR 1=1 --"])
def test_a_patient_who_is_not_known_is_a_page_that_says_so(
    signed_in: FlaskClient, post: Post, web_database: Path, path: str, wanted: str
) -> None:
    """404 and no score, where the original showed its patient 7, or the last one."""
    answer = post(signed_in, path, patient_index=wanted)
    assert answer.status_code == 404
    assert "No patient" in answer.text
    assert query(web_database, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]


def test_patient_prob_shows_the_percentage(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """Two digits of what PredictLungCancer returns, with the words of the original; score and view are audited."""
    page = post(signed_in, "/patient_prob", patient_index="5")
    assert page.status_code == 200
    assert f"Prediction: <strong>{_percent(web_database, 5):.2f}%</strong><br>probability of cancer" in page.text
    assert audit(web_database, "account, action, patient_index")[-2:] == [
        ("ana", "score", 5),
        ("ana", "view_patient", 5),
    ]


def test_patient_prob_says_on_a_page_what_stands_in_the_way(signed_in: FlaskClient, post: Post) -> None:
    """A scan without features is a 409 with the remedy, not a server's error."""
    page = post(signed_in, "/patient_prob", patient_index=str(UNSCORED))
    assert page.status_code == 409
    assert "GenerateFeatures" in page.text


def test_a_reader_sees_and_does_not_score(reader: FlaskClient, post: Post, web_database: Path) -> None:
    """patient_info is for every account, patient_prob for the role scorer."""
    assert post(reader, "/patient_info", patient_index="5").status_code == 200
    assert post(reader, "/patient_prob", patient_index="5").status_code == 403
    assert query(web_database, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]


def test_the_forms_need_their_token(signed_in: FlaskClient) -> None:
    """A form of another site has none: 403."""
    for path in ("/patient_info", "/patient_prob"):
        assert signed_in.post(path, data={"patient_index": "0"}).status_code == 403
