"""`lungdb report` of a model that predicts a number: its figures, and predicted against true as a picture."""

from __future__ import annotations

import base64
import re
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from lungdb.cli import report
from lungdb.database import connect
from lungdb.reporting.facts import read_facts
from lungdb.reporting.plots import draw_plots
from tests.support.databases import rows, target_of
from tests.support.pages import Page, make_page


@pytest.fixture(scope="module")
def page(numbered_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The report of the regression."""
    return make_page(numbered_file, tmp_path_factory.mktemp("page") / "report.html", "--model", "age")


def test_every_figure_is_in_the_page_with_its_full_value(numbered_file: Path, page: Page) -> None:
    """All of experiment_metrics but counts; none of classes, and no section of them."""
    with closing(connect(target_of(numbered_file))) as connection:
        stored = rows(
            connection,
            "SELECT f.part, f.metric, f.value FROM dbo.model_figures AS f INNER JOIN dbo.model_status AS s "
            "ON s.classifier_id = f.classifier_id WHERE s.name = N'age';",
        )
    expected = {(part, metric): value for part, metric, value in stored if metric not in ("patients", "out_of_fold")}
    assert {key: value for key, (_, value) in page.cells.items()} == expected
    for word in ("AUC", "Calibration", "Operating points", "with cancer", "probability"):
        assert word not in page.text, word
    assert page.row("train") == ["73"]
    assert "Labels come from: ages.csv (120)." in page.text


def test_the_summary_names_error_and_the_error_of_the_mean(page: Page) -> None:
    """In one sentence, from the stored figures."""
    rmse, constant, r2 = (page.cells["test", name][1] for name in ("rmse", "rmse_constant", "r2"))
    assert f"numbers are off by {rmse:.4g} (95 % interval" in page.text
    assert f"mean of everybody is off by {constant:.4g}. R² is {r2:.3f}." in page.text


def test_the_pictures_are_of_numbers(page: Page) -> None:
    """Predicted against true, errors and the training curve; every mark of a patient is drawn."""
    pictures = [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page.html)]
    assert len(pictures) == len(page.images()) == 3
    for png in pictures:
        assert cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape == (1000, 1000, 3)


def test_plots_are_named_and_drawn_from_the_test_patients_alone(numbered_file: Path) -> None:
    """47 pairs, which dbo.splits holds out."""
    with closing(connect(target_of(numbered_file))) as connection:
        facts = read_facts(connection, "age", None)
        held_out = rows(connection, "SELECT COUNT(*) FROM dbo.splits WHERE part = 'test';")
    assert [(len(facts.numbers),)] == held_out
    assert facts.scores == []
    assert [plot.name for plot in draw_plots(facts)] == ["predicted", "errors", "training_curve"]


def test_a_picture_of_several_refuses_a_model_of_numbers(
    numbered_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no ROC curve; no file is written."""
    page = tmp_path / "report.html"
    assert report.main(["-d", target_of(numbered_file), "-o", str(page), "--models", "age,lightgbm_sql"]) == 1
    assert "it predicts a number" in capsys.readouterr().err
    assert not page.exists()
