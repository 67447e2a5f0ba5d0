"""The page of a patient: the score that the procedure gives, in words that can be counted again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lungdb_web import wording
from lungdb_web.database import Database
from lungdb_web.queries.scores import Explanation

from lungdb.errors import SqlError
from tests.support.fixtures import UNSCORED
from tests.support.web import csrf_of
from tests.web.looking import audit, query

PROBABILITY = re.compile(r'<data id="probability" value="([^"]+)" data-digits="1">([^<]+)</data>')
Post = Callable[..., Any]
PARTS = (
    "SELECT p.idx, s.part FROM dbo.patients AS p INNER JOIN dbo.splits AS s ON s.patient_id = p.patient_id "
    f"WHERE p.idx < {UNSCORED} ORDER BY p.idx;"
)

EXPLANATION = Explanation(
    prediction_id=1, patient_index=0, probability_percent=41.0, model_name="m", model_version=1, library="lightgbm",
    test_auc=0.8, test_auc_low=0.7, test_auc_high=0.9, test_patients=30, training_patients=200,
    training_prevalence=0.3, compared_patients=199, higher_than=83.2,
    like_this=20, like_this_with_cancer=8, like_this_low_percent=30.0, like_this_high_percent=52.0, prevalence=None,
    like_this_about_percent=40.0,
)  # fmt: skip


def test_the_page_shows_the_score_that_the_procedure_gives(
    signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """PredictLungCancer called directly gives the same number; the stored score names who asked."""
    answer = post(signed_in, "/patients/3/score")
    assert answer.status_code == 303
    found = PROBABILITY.search(signed_in.get(answer.headers["Location"]).text)
    assert found is not None
    [(direct,)] = query(web_database, "EXECUTE dbo.PredictLungCancer @PatientIndex = 3;")
    assert float(found[1]) == pytest.approx(direct, rel=1e-12)
    assert found[2] == f"{direct:.1f}"
    stored = query(web_database, "SELECT predicted_by FROM dbo.predictions ORDER BY prediction_id;")
    assert stored[0] == ("ana",)


def test_the_sentence_says_what_can_be_counted_again(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """Counted here from the stored out-of-fold scores: how many are lower, and the nearest twenty."""
    post(signed_in, "/patients/3/score")
    page = signed_in.get("/patients/3").text
    [(raw, patient)] = query(
        web_database,
        "SELECT TOP (1) r.raw_probability, s.patient_id FROM dbo.predictions AS r INNER JOIN dbo.scans AS s "
        "ON s.scan_id = r.scan_id ORDER BY r.prediction_id DESC;",
    )
    rows = query(
        web_database,
        "SELECT raw, label FROM dbo.experiment_patients WHERE out_of_fold = 1 AND part <> 'test' AND patient_id <> ?;",
        patient,
    )
    scores, labels = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    distances = np.abs(scores - raw)
    near = distances <= np.sort(distances)[min(20, len(rows)) - 1]
    lower, cancers = 100 * np.mean(scores < raw), 100 * np.mean(labels[near])
    assert f"higher than {wording.of_hundred(lower)} of 100 scans" in page or lower in (0, 100)
    assert f"Of the {near.sum()} scans scored nearest to this one, from" in page
    assert f"{labels[near].sum()} had cancer: {wording.of_hundred(cancers)} in 100. From so few" in page
    assert f"Counted over {len(rows)} other scans of the training set" in page


def test_the_card_has_one_risk_in_one_sentence_and_the_neighbours_are_details(
    signed_in: FlaskClient, post: Post
) -> None:
    """Before Details there is one percentage, the estimate's, and nobody is said to have had cancer."""
    post(signed_in, "/patients/3/score")
    page = signed_in.get("/patients/3").text
    card = page.partition('id="result-heading"')[2].partition("</section>")[0]
    head, _, details = card.partition('<details class="result-details">')
    shown = unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", "", head, flags=re.DOTALL))
    assert len(re.findall(r"\d %", shown)) == 1
    assert re.search(r"The model’s estimate of cancer is [\d.]+ %", shown)
    assert "had cancer" not in shown
    assert "had cancer" in details


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, "higher than 83 of 100 scans in the training set"),
        ({"higher_than": 0.0}, "higher than no scan's in the training set"),
        ({"higher_than": 100.0}, "higher than every scan's in the training set"),
        ({"higher_than": 0.4}, "higher than fewer than 1 of 100 scans in the training set"),
        ({"higher_than": 99.7}, "higher than more than 99 of 100 scans in the training set"),
        ({"higher_than": None}, None),
    ],
)
def test_the_standing_is_rounded_to_neither_end(changes: dict[str, Any], standing: str | None) -> None:
    """And rounds nothing to none or to all that is neither."""
    assert wording.standing(replace(EXPLANATION, **changes)) == standing


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"like_this_with_cancer": 2},
            "Of the 20 scans scored nearest to this one, from 30.0 % to 52.0 %, 2 had cancer: 10 in 100. From so few "
            "the share can be 1 to 32 in 100 (95 % interval by Clopper and Pearson).",
        ),
        ({"like_this_with_cancer": 0}, "0 had cancer: 0 in 100. From so few the share can be 0 to 17 in 100"),
        ({"like_this_with_cancer": 20}, "20 had cancer: 100 in 100. From so few the share can be 83 to 100 in 100"),
        (
            {"like_this": 400, "like_this_with_cancer": 1},
            "1 had cancer: fewer than 1 in 100. From so few the share can be fewer than 1 to 1 in 100",
        ),
        (
            {"prevalence": 0.004},
            "In that set 30 in 100 have cancer, and the estimate is for a place where fewer than 1 in 100 do.",
        ),
    ],
)
def test_details_count_the_neighbours_with_their_interval(changes: dict[str, Any], sentence: str) -> None:
    """The interval is that of tables of Clopper and Pearson; tests of it compare it with SciPy's."""
    assert sentence in " ".join(wording.details(replace(EXPLANATION, **changes)))


def test_who_may_not_see_labels_is_told_neither_count_nor_interval() -> None:
    """To the nearest ten alone: the ends of an interval would tell the count."""
    told = " ".join(wording.details(replace(EXPLANATION, like_this_with_cancer=None)))
    assert "about 40 in 100 had cancer" in told
    assert "interval" not in told
    assert not re.search(r"\b(8|20|19|64)\b", told)


def test_without_stored_scores_it_says_why_nothing_is_compared() -> None:
    """No number stands in that sentence."""
    alone = replace(EXPLANATION, higher_than=None, like_this=0, like_this_with_cancer=0)
    (sentence,) = wording.details(alone)
    assert "stored no scores of patients that it had not seen" in sentence
    assert not re.search(r"\d", sentence)
    (sentence,) = wording.details(replace(alone, training_patients=0))
    assert "is not in this database" in sentence


def test_the_range_of_scores_like_this_one_is_not_rounded_to_its_ends() -> None:
    """As the score beside it is not."""
    ends = replace(EXPLANATION, like_this=5, like_this_with_cancer=1, like_this_low_percent=0.02)
    ends = replace(ends, like_this_high_percent=99.97)
    assert "from < 0.1 % to > 99.9 %" in " ".join(wording.details(ends))


def test_the_test_auc_stands_with_its_interval_or_the_reason_for_its_lack() -> None:
    """An AUC alone would look surer than it is."""
    assert wording.quality(EXPLANATION) == "0.80 (95 % interval 0.70 to 0.90) on 30 held-out patients"
    assert "not measured" in wording.quality(replace(EXPLANATION, test_auc=None))
    no_interval = replace(EXPLANATION, test_auc_low=None, test_auc_high=None)
    assert wording.quality(no_interval) == "0.80 on 30 held-out patients"


def test_a_patient_that_was_learned_from_is_marked(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """A score of a training patient flatters the model."""
    parts = dict(query(web_database, PARTS))
    for part in ("train", "test"):
        index = next(index for index, found in parts.items() if found == part)
        post(signed_in, f"/patients/{index}/score")
        assert ("belongs to the training part" in signed_in.get(f"/patients/{index}").text) == (part == "train")


def test_who_may_not_see_the_truth_is_told_no_count_of_labels(
    reader: FlaskClient, signed_in: FlaskClient, post: Post, web_database: Path
) -> None:
    """The patient asked about is left out of the counts, so a total less by one would be the label."""
    post(signed_in, "/patients/3/score")
    [row] = query(web_database, "EXECUTE dbo.RankScore @PredictionId = 1;")
    page = reader.get("/patients/3").text
    assert f"about {row[-1]:.0f} in 100 had cancer" in page
    assert "scans scored nearest to this one" in signed_in.get("/patients/3").text
    assert "scans scored nearest to this one" not in page
    told = reader.get("/api/v1/patients/3/predictions/1").get_json()
    assert told["like_this_with_cancer"] is None
    assert told["like_this_about"] == row[-1] / 100
    in_full = signed_in.get("/api/v1/patients/3/predictions/1").get_json()
    assert in_full["like_this_with_cancer"] is not None


def test_a_score_is_explained_with_the_rights_of_before_an_upgrade(
    signed_in: FlaskClient, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RankScore was ExplainScore: until it is granted, the page and programs are told the same by the former name."""
    post(signed_in, "/patients/3/score")
    addresses = ["/patients/3", "/api/v1/patients/3/predictions/1"]
    before = [signed_in.get(address) for address in addresses]
    number, call = 229, Database.call

    def refusing(database: Database, sql: str, *arguments: Any) -> Any:
        if "RankScore" in sql:
            raise SqlError(number, "The EXECUTE permission was denied on the object 'RankScore'.")
        return call(database, sql, *arguments)

    monkeypatch.setattr(Database, "call", refusing)
    page, told = (signed_in.get(address) for address in addresses)
    assert "scans scored nearest to this one" in before[0].text
    assert "scans scored nearest to this one" in page.text
    assert told.get_json() == before[1].get_json()
    number = 208
    assert signed_in.get(addresses[1]).status_code == 500


def test_a_reader_has_no_button_and_is_refused(reader: FlaskClient, web_database: Path) -> None:
    """Nothing is computed or stored; the refusal is recorded."""
    page = reader.get("/patients/2").text
    assert "Analyze scan" not in page
    assert reader.post("/patients/2/score", data={"csrf_token": csrf_of(page)}).status_code == 403
    assert query(web_database, "SELECT COUNT(*) FROM dbo.predictions;") == [(0,)]
    assert audit(web_database)[-1] == ("rob", "refused", 2, "refused")


def test_a_scan_without_features_says_what_the_administrator_has_to_run(
    signed_in: FlaskClient, web_database: Path
) -> None:
    """On the page; and a score that is asked for all the same is refused with the call, and recorded as failed."""
    page = signed_in.get(f"/patients/{UNSCORED}").text
    assert "EXECUTE dbo.GenerateFeatures" in page
    answer = signed_in.post(f"/patients/{UNSCORED}/score", data={"csrf_token": csrf_of(page)})
    assert answer.status_code == 409
    assert "EXECUTE dbo.GenerateFeatures @ModelName" in answer.text
    assert audit(web_database)[-1] == ("ana", "score", UNSCORED, "failed")


def test_a_scan_that_failed_says_why(signed_in: FlaskClient, web_database: Path) -> None:
    """As GenerateFeatures noted it; a row of text, whatever it holds."""
    query(
        web_database,
        "INSERT INTO dbo.scan_failures (scan_id, message) SELECT s.scan_id, N'Slice 3 is damaged <i>' "
        "FROM dbo.scans AS s INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id WHERE p.idx = 6;",
    )
    page = signed_in.get("/patients/6").text
    assert "Slice 3 is damaged &lt;i&gt;" in page
    assert "badge-failed" in page


def test_the_history_has_every_score_newest_first(signed_in: FlaskClient, post: Post, web_database: Path) -> None:
    """By number, who asked and when."""
    assert "None yet" in signed_in.get("/patients/4").text
    for _ in range(3):
        post(signed_in, "/patients/4/score")
    query(web_database, "UPDATE dbo.predictions SET predicted_at = DATEADD(DAY, prediction_id, '2026-01-01');")
    history = signed_in.get("/patients/4").text.partition('id="history"')[2]
    days = re.findall(
        r'<td class="nowrap"><time datetime="(2026-01-\d\d)T\d\d:\d\d:\d\dZ">\1 \d\d:\d\d UTC</time></td>', history
    )
    assert len(days) == 3
    assert days == sorted(days, reverse=True)
    assert history.count("<td>ana</td>") == 3


def test_similar_patients_are_those_with_the_largest_cosine(signed_in: FlaskClient, web_database: Path) -> None:
    """By NumPy from the stored vectors, standardised; the first eight, in order, with their cosines."""
    rows = query(
        web_database,
        "SELECT p.idx, f.vector FROM dbo.pooled_features AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id INNER JOIN dbo.classifiers AS c "
        "ON c.feature_set_id = f.feature_set_id AND c.pooling = f.pooling WHERE s.is_primary = 1;",
    )
    stored = np.array([json.loads(vector) for _, vector in rows], dtype=np.float64)
    scaled = (stored - stored.mean(axis=0)) / np.where(stored.std(axis=0) > 0, stored.std(axis=0), 1)
    vectors = dict(zip([index for index, _ in rows], scaled, strict=True))
    own = vectors.pop(5)
    cosine = {n: float(own @ v / math.sqrt((own @ own) * (v @ v))) for n, v in vectors.items()}
    best = sorted(cosine, key=lambda n: -cosine[n])[:8]
    page = signed_in.get("/patients/5/similar").text
    shown = re.findall(
        r'<a href="/patients/(\d+)">[^<]*</a></th>.*?<td class="number">(-?\d\.\d+)</td>', page, re.DOTALL
    )
    assert [int(index) for index, _ in shown] == best
    assert [float(value) for _, value in shown] == pytest.approx([cosine[n] for n in best], abs=6e-3)


def test_a_scan_without_features_has_no_similar_ones_and_the_page_says_why(signed_in: FlaskClient) -> None:
    """No error page: it is a part of the patient's page."""
    answer = signed_in.get(f"/patients/{UNSCORED}/similar")
    assert answer.status_code == 200
    assert "has no features" in answer.text


def test_a_model_that_is_not_there_is_named(app: Flask, signed_in: FlaskClient, web_database: Path) -> None:
    """As where the setting web_model is misspelt; the page of the patient still shows the rest."""
    query(web_database, "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 1;")
    page = signed_in.get("/patients/3")
    assert page.status_code == 200
    answer = signed_in.post("/patients/3/score", data={"csrf_token": csrf_of(page.text)})
    assert answer.status_code == 404
    assert "lightgbm_sql" in answer.text
