"""The pages about models show what the tables and CompareModels say, and no more than the reader may see."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from contextlib import closing
from html import unescape
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from lungdb_web.administration import add_account
from lungdb_web.passwords import hash_password
from lungdb_web.plots import LEFT, SIDE, TOP
from lungdb_web.queries import models as queries
from lungdb_web.withheld import SENTENCE
from sklearn.metrics import precision_recall_curve, roc_curve

from lungdb.config import Settings
from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from lungdb.reporting.facts import read_facts
from tests.support.databases import copy_to, rows, target_of
from tests.support.fixtures import PASSWORD
from tests.support.web import MakeApp, sign_in
from tests.web.models.conftest import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"


def _page(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def _line(svg: str, kind: str) -> list[tuple[float, float]]:
    """Read the first line of a kind back into the data's units, for axes from 0 to 1."""
    path = next(one for one in ET.fromstring(svg).iter(f"{SVG}path") if one.get("class") == f"plot-{kind}")
    numbers = re.findall(r"(-?[\d.]+),(-?[\d.]+)", path.get("d") or "")
    return [((float(x) - LEFT) / SIDE, 1 - (float(y) - TOP) / SIDE) for x, y in numbers]


def _test_scores(connection: Connection) -> tuple[list[int], list[float]]:
    scores = rows(connection, "SELECT label, probability FROM dbo.test_scores WHERE classifier_id = 1;")
    return [label for label, _ in scores], [probability for _, probability in scores]


def _distance(points: np.ndarray, places: list[tuple[float, float]]) -> float:
    """Give how far the farthest of points is from the line through places, all stretches level or upright."""
    line = np.array(places)
    low, high = np.minimum(line[:-1], line[1:]), np.maximum(line[:-1], line[1:])
    beside = np.maximum(0, np.maximum(low - points[:, None], points[:, None] - high))
    return float(beside.sum(axis=2).min(axis=1).max())


def test_all_versions_are_listed_and_the_champion_is_named(signed_in: FlaskClient, connection: Connection) -> None:
    """Each with the test figures of the tables; of each name one champion, in words."""
    page = _page(signed_in, "/models")
    listed = {
        unescape(address): row
        for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL)
        for address in re.findall(r'href="([^"]+)"', row)
    }
    expected = {("lightgbm_sql", 1): 1, ("lightgbm_sql", 2): 0, (HOSTILE, 1): 0}
    assert listed.keys() == {"/models/1", "/models/2", "/models/3"}
    for number, ((name, version), predictions) in enumerate(expected.items(), 1):
        row = listed[f"/models/{number}"]
        metrics = read_facts(connection, name, version).metrics
        for metric in ("patients", "auc", "log_loss", "brier"):
            assert f'<data value="{metrics["test", metric]}"' in row
        assert f"{metrics['test', 'auc_low']:.3f} to {metrics['test', 'auc_high']:.3f}" in row
        assert ("champion" in row) == (version == 1)
        assert f'<td class="number">{predictions}</td>' in row


def test_every_figure_of_a_version_is_shown(signed_in: FlaskClient, connection: Connection) -> None:
    """For train and test, to three decimals and, in the value, in full."""
    page = _page(signed_in, "/models/1")
    metrics = read_facts(connection, "lightgbm_sql", 1).metrics
    shown = re.findall(r'data-part="(\w+)" data-metric="(\w+)"><data value="([^"]+)"[^>]*>([^<]+)<', page)
    assert len(shown) == 28
    for part, metric, value, text in shown:
        expected = metrics[part, metric]
        assert expected is not None
        assert float(value) == expected
        assert text == f"{expected:.3f}"


def test_where_a_version_comes_from_is_shown(signed_in: FlaskClient, connection: Connection) -> None:
    """Hashes of network and model, seed, parameters, and who promoted it."""
    facts = read_facts(connection, "lightgbm_sql", 1)
    page = _page(signed_in, "/models/1")
    assert facts.champion is not None
    for said in (facts.network.sha256, facts.model.sha256, str(facts.run.seed), facts.champion.promoted_by):
        assert said in page
    terms = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))
    for name in ("learning_rate", "folds", "num_leaves"):
        assert terms[name] == str(facts.run.parameters[name])


def test_the_drawn_roc_is_that_of_the_test_scores(signed_in: FlaskClient, connection: Connection) -> None:
    """scikit-learn's points lie on the line, and the line's corners are scikit-learn's."""
    drawn = _line(_page(signed_in, "/models/1/roc.svg"), "a")
    x, y, _ = roc_curve(*_test_scores(connection), drop_intermediate=False)
    points = np.column_stack([x, y])
    assert _distance(points, drawn) < 1e-3
    assert all(np.abs(points - np.array(place)).max(axis=1).min() < 1e-3 for place in drawn)


def test_the_drawn_precision_is_that_of_the_test_scores(signed_in: FlaskClient, connection: Connection) -> None:
    """Every point of scikit-learn's precision-recall curve lies on the stair."""
    drawn = _line(_page(signed_in, "/models/1/precision_recall.svg"), "a")
    precision, recall, _ = precision_recall_curve(*_test_scores(connection))
    assert _distance(np.column_stack([recall, precision])[:-1], drawn) < 1e-3


def test_the_drawn_calibration_has_the_mean_of_every_bin(signed_in: FlaskClient, connection: Connection) -> None:
    """Ten equal bins of the test patients' probabilities, against the share of cancer in each, by NumPy."""
    drawn = _line(_page(signed_in, "/models/1/calibration.svg"), "a")
    labels, probabilities = (np.array(column) for column in _test_scores(connection))
    bins = np.digitize(probabilities, np.arange(1, 10) / 10)
    expected = [(probabilities[bins == bin].mean(), labels[bins == bin].mean()) for bin in np.unique(bins)]
    assert np.array(drawn) == pytest.approx(np.array(expected), abs=1e-3)


def test_a_model_without_calibration_shows_one_curve(signed_in: FlaskClient) -> None:
    """And says so, instead of drawing two equal ones."""
    svg = _page(signed_in, "/models/2/calibration.svg")
    assert "not calibrated" in svg
    assert "before calibration" not in svg


def test_a_model_without_rounds_has_no_training_curve(signed_in: FlaskClient) -> None:
    """A logistic regression has none; asking for it tells which plots there are."""
    answer = signed_in.get("/models/3/training.svg")
    assert answer.status_code == 404
    assert "roc, precision_recall, calibration" in answer.text
    assert "<svg" in _page(signed_in, "/models/1/training.svg")


def test_pages_and_drawings_hold_no_style_and_no_script(signed_in: FlaskClient) -> None:
    """The page's Content-Security-Policy would refuse them."""
    for path in ("/models", "/models/1", "/models/compare?a=1&b=2", "/models/1/roc.svg"):
        page = _page(signed_in, path)
        assert not re.search(r"\bstyle=|<style|<script(?![^>]*\bsrc=)|\bon\w+=", page)


def test_every_plot_has_its_points_as_a_table(signed_in: FlaskClient, connection: Connection) -> None:
    """For those who do not see the picture: the calibration's bins with their patients."""
    page = _page(signed_in, "/models/1")
    assert page.count('role="img"') == page.count("the points as a table") == 4
    facts = read_facts(connection, "lightgbm_sql", 1)
    for point in facts.curves["test", "calibration"]:
        cells = (f"{point.x:.4g}", f"{point.y:.4g}", f"{point.threshold:.0f}")
        row = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        assert f'<th scope="row">after calibration</th>{row}' in page


def test_no_page_tells_thresholds_that_are_scores_of_patients(reader: FlaskClient, connection: Connection) -> None:
    """But for the operating points', a patient's probability is nowhere, or ranks would tell the labels."""
    page = _page(reader, "/models/1")
    metrics = read_facts(connection, "lightgbm_sql", 1).metrics
    allowed = {value for (_, metric), value in metrics.items() if metric.startswith("threshold_at")}
    shown = {float(value) for value in re.findall(r'<data value="([^"]+)"', page)}
    assert shown
    assert not shown & (set(_test_scores(connection)[1]) - allowed)


def test_the_comparison_is_that_of_comparemodels(signed_in: FlaskClient, connection: Connection) -> None:
    """Both figures, the difference and its interval, and the patients in its order with what is true of them."""
    figures, patients = run(
        connection,
        "EXECUTE dbo.CompareModels @A = N'lightgbm_sql', @VersionA = 1, @B = N'lightgbm_sql', @VersionB = 2, "
        "@Metric = N'brier';",
    )
    (row,) = figures.records()
    page = _page(signed_in, "/models/compare?a=1&b=2&metric=brier")
    for name in ("value_a", "value_b", "difference", "low", "high"):
        assert f'<data value="{row[name]}"' in page
    better = 1 if row["difference"] < 0 else 2
    assert f"version {better} has the better Brier score" in page
    listed = re.findall(r">Patient (\d+)</a></th><td>(cancer|no cancer)</td>", page)
    assert listed == [(str(patient[0]), "cancer" if patient[2] else "no cancer") for patient in patients.rows]


def test_the_comparison_lays_both_rocs_over_each_other(signed_in: FlaskClient) -> None:
    """Each as on the version's own page."""
    page = _page(signed_in, "/models/compare?a=1&b=2")
    both = page[page.index("<svg xmlns") :]
    both = both[: both.index("</svg>") + 6]
    for kind, version in (("a", 1), ("b", 2)):
        assert _line(both, kind) == _line(_page(signed_in, f"/models/{version}/roc.svg"), "a")


def test_the_truth_of_a_patient_is_shown_to_those_who_may_see_it(
    signed_in: FlaskClient, reader: FlaskClient, connection: Connection
) -> None:
    """The audit has each patient whose truth was seen; others get the page without the patients."""
    without = _page(reader, "/models/compare?a=1&b=2")
    assert "no cancer" not in without
    assert not re.findall(r">Patient \d+</a>", without)
    seen = "SELECT patient_index FROM dbo.audit WHERE action = N'view_truth' AND account = ? ORDER BY patient_index;"
    assert rows(connection, seen, ("rob",)) == []
    page = _page(signed_in, "/models/compare?a=1&b=2")
    shown = sorted(int(index) for index in re.findall(r">Patient (\d+)</a>", page))
    assert [index for (index,) in rows(connection, seen, ("ana",))] == shown
    assert len(shown) == 10


def _labels_by_the_steps(points: list[dict[str, float]], groups: int) -> list[float] | None:
    """Read the label of every score, the highest first, off the steps of a ROC curve; None where it has fewer."""
    if len(points) != groups + 1:
        return None
    rises = [(b["x"] - a["x"], b["y"] - a["y"]) for a, b in pairwise(points)]
    return [float(up > 0) if not (up > 0 and right > 0) else 0.5 for right, up in rises]


def test_the_steps_of_a_curve_tell_no_labels_to_who_may_not_see_them(
    signed_in: FlaskClient, reader: FlaskClient, connection: Connection
) -> None:
    """The attack: sort the test patients by their scores, walk along the curve. It works with the whole curve alone."""
    labels, probabilities = (np.array(column) for column in _test_scores(connection))
    scores = np.unique(probabilities)[::-1]
    true = [labels[probabilities == score].mean() for score in scores]
    single = [0 if share == 0 else 1 if share == 1 else 0.5 for share in true]
    path = "/api/v1/models/lightgbm_sql/1/curves"
    told = {}
    for name, client in (("ana", signed_in), ("rob", reader)):
        curves = {(one["part"], one["curve"]): one["points"] for one in client.get(path).get_json()["items"]}
        told[name] = curves["test", "roc"], curves["test", "precision_recall"], curves["test", "calibration"]
    assert _labels_by_the_steps(told["ana"][0], len(scores)) == single
    for points in told["rob"][:2]:
        assert [point["x"] for point in points] == [tenth / 10 for tenth in range(11)]
        assert all(round(10 * point["y"]) / 10 == point["y"] for point in points)
    assert told["rob"][2] == told["ana"][2]
    x, y, _ = roc_curve(labels, probabilities, drop_intermediate=False)
    for point in told["rob"][0]:
        assert point["y"] == pytest.approx(np.interp(point["x"], x, y), abs=0.0501) or point["x"] in x

    guessed = np.zeros(len(labels))
    order = np.argsort(-probabilities, kind="stable")
    negatives = (labels == 0).sum()
    heights = [point["y"] * (labels == 1).sum() for point in told["rob"][0]]
    places = [round(height + negatives * tenth / 10) for tenth, height in enumerate(heights)]
    for tenth, (start, end) in enumerate(pairwise(places)):
        guessed[order[start:end]] = heights[tenth + 1] - heights[tenth] > negatives / 10
    certain = (guessed == labels).mean()
    best_guess = max((((probabilities >= score) == labels).mean()) for score in scores)
    assert certain <= best_guess + 2 / len(labels)


def test_pages_tell_the_coarse_curve_and_rates_for_who_may_not_see_the_truth(
    signed_in: FlaskClient, reader: FlaskClient
) -> None:
    """On the version, in the picture and in the comparison, each with the reason; counts are in no figure of theirs."""
    for path in ("/models/1", "/models/compare?a=1&b=2"):
        assert SENTENCE in _page(reader, path)
        assert SENTENCE not in _page(signed_in, path)
    drawn = _line(_page(reader, "/models/1/roc.svg"), "a")
    assert len(drawn) <= 11
    assert all(abs(10 * value - round(10 * value)) < 1e-6 for place in drawn for value in place)
    for client, counts in ((signed_in, True), (reader, False)):
        assert ("True negatives" in _page(client, "/models/1")) == counts
        figures = client.get("/api/v1/models/lightgbm_sql/1").get_json()["figures"]
        assert any(figure["metric"].startswith("true_positives_at") for figure in figures) == counts
        assert any(figure["metric"] == "sensitivity_at_50" for figure in figures)


def test_the_comparison_without_labels_has_the_same_figures(
    signed_in: FlaskClient, reader: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a reader, and for all where the site does not grant CompareModels to the page (error 229)."""
    path = "/models/compare?a=1&b=2&metric=brier"
    whole = _page(signed_in, path)
    figures = re.findall(r'<dd><data value="([^"]+)"', whole)
    assert len(figures) == 3
    assert re.findall(r'<dd><data value="([^"]+)"', _page(reader, path)) == figures

    def withheld(*_: object) -> queries.Comparison:
        raise SqlError(229, "The EXECUTE permission was denied on the object 'CompareModels'.")

    monkeypatch.setattr(queries, "_compare_models", withheld)
    page = _page(signed_in, path)
    assert re.findall(r'<dd><data value="([^"]+)"', page) == figures
    assert "Patients on whom they disagree" not in page


def test_models_without_common_test_patients_are_told_so(signed_in: FlaskClient, connection: Connection) -> None:
    """Also who may see the truth; and both versions stand side by side."""
    run(connection, "UPDATE dbo.experiment_patients SET part = 'train' WHERE experiment_id = 2;")
    page = unescape(_page(signed_in, "/models/compare?a=1&b=2"))
    assert "have no test patients in common" in page
    assert "Side by side" in page


def test_a_version_without_a_training_run_is_shown_with_what_is_known(
    signed_in: FlaskClient, connection: Connection
) -> None:
    """A copied model has no figures, and its pages no error."""
    run(
        connection,
        "INSERT INTO dbo.classifiers (name, version, library, feature_set_id, pooling, model, sha256, details) "
        "SELECT N'copied', 1, library, feature_set_id, pooling, model, sha256, N'[]' FROM dbo.classifiers "
        "WHERE classifier_id = 1;",
    )
    assert "not recorded" in _page(signed_in, "/models")
    page = _page(signed_in, "/models/4")
    assert "No figures are recorded" in page
    assert "No curves are recorded" in page
    assert "No training run of the model is recorded here" in page
    assert "no test patient is recorded" not in page
    assert "no test patients in common" in _page(signed_in, "/models/compare?a=1&b=4")


def test_an_empty_database_says_what_to_run(installed_file: Path, tmp_path: Path, make_app: MakeApp) -> None:
    """Nothing is trained: the procedure is named."""
    target = target_of(copy_to(tmp_path, installed_file))
    with closing(connect(target)) as connection:
        add_account(connection, "ana", hash_password(PASSWORD), "scorer", True)
    client = sign_in(make_app(Settings(database=target, web_secret="a secret of the tests only")).test_client(), "ana")
    assert "dbo.TrainLungCancerModel" in _page(client, "/models")
