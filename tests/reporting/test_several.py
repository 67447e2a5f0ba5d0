"""`lungdb report --models`: one picture with the ROC curves of several versions, and their figures as stored."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from lungdb.cli import report
from lungdb.database import Connection, run
from lungdb.reporting.plots import draw_several
from lungdb.reporting.several import MeasuredVersion, read_names, read_tested
from tests.support.databases import rows, target_of
from tests.support.fixtures import HOSTILE
from tests.support.pages import Report

ALL = f"lightgbm_sql:1,lightgbm_sql:2,{HOSTILE}"


def test_each_version_is_a_row_with_its_stored_figures(connection: Connection, unchanged: Report) -> None:
    """Of the test part, rounded; a name without a version is what it stands for."""
    page = unchanged("--models", ALL)
    stored = rows(
        connection,
        "SELECT c.name, c.version, m.metric, m.value FROM dbo.model_figures AS m INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = m.classifier_id WHERE m.part = 'test';",
    )
    figures = {(name, version, metric): value for name, version, metric, value in stored}
    for name, version in (("lightgbm_sql", 1), ("lightgbm_sql", 2), (HOSTILE, 1)):
        shown = page.row(f"{name}, version {version}")
        assert shown[:2] == [f"{figures[name, version, metric]:.0f}" for metric in ("patients", "positives")]
        wanted = ("auc", "auc_low", "auc_high", "average_precision", "brier")
        assert shown[2:] == [f"{figures[name, version, metric]:.3f}" for metric in wanted]
    assert "All were tested on the same patients." in page.text
    assert "script" not in {tag for tag, _ in page.tags}


def test_there_is_one_picture_of_the_size_said_and_the_same_as_a_file(make: Report, tmp_path: Path) -> None:
    """PNG, and nothing is loaded from outside."""
    page = make("--models", ALL, "--png", str(tmp_path / "plots"))
    (file,) = (tmp_path / "plots").iterdir()
    (image,) = page.images()
    picture = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert (str(picture.shape[1]), str(picture.shape[0])) == (image["width"], image["height"])
    assert "3 models" in str(image["alt"])
    assert re.search(r"https?:|//|url\(|@import", re.sub(r'base64,[^"]+"', '"', page.html)) is None


def test_curves_are_told_apart_in_colour_and_in_grey() -> None:
    """Eight curves apart from each other: each adds pixels of its own colour, and dashes differ with all in black."""
    from lungdb.reporting.facts import Point
    from lungdb.reporting.plots import _CURVES

    versions = [
        MeasuredVersion(
            "model",
            number,
            [Point(0, 0.0, 0.0, None), Point(1, 0.1 * number, 1.0, None), Point(2, 1.0, 1.0, None)],
            {"auc": 0.9, "auc_low": 0.8, "auc_high": 1.0},
            frozenset("ab"),
        )
        for number in range(1, 9)
    ]
    plot = draw_several(versions)
    picture = cv2.imdecode(np.frombuffer(plot.png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    for colour, _, _ in _CURVES:
        bgr = [int(colour[place : place + 2], 16) for place in (5, 3, 1)]
        assert np.all(picture == bgr, axis=2).sum() > 200
    assert len({str(dash) for _, dash, _ in _CURVES}) == len({marker for _, _, marker in _CURVES}) == 8


def test_versions_tested_on_other_patients_are_said_to_be(connection: Connection, make: Report) -> None:
    """Curves of different patients differ by chance too."""
    run(
        connection,
        "DELETE FROM dbo.experiment_patients WHERE experiment_id = 2 AND part = 'test' AND patient_id = (SELECT "
        "MIN(patient_id) FROM dbo.experiment_patients WHERE experiment_id = 2 AND part = 'test');",
    )
    assert "They were not all tested on the same patients" in make("--models", "lightgbm_sql:1,lightgbm_sql:2").text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a:1,b:2", [("a", 1), ("b", 2)]),
        (" a b , c:d:12 ", [("a b", None), ("c:d", 12)]),
        ("a:0001", [("a", 1)]),
        ("a:b", [("a:b", None)]),
    ],
)
def test_names_are_read_with_their_versions(text: str, names: list[tuple[str, int | None]]) -> None:
    """The number after the last colon is the version."""
    assert read_names(text) == names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "nobody:1"], "No trained model is named 'nobody'."),
        (["--models", "lightgbm_sql:9"], "The model 'lightgbm_sql' has no version 9."),
        (["--models", "lightgbm_sql:1,lightgbm_sql"], "lightgbm_sql version 1 is named twice."),
        (["--models", ""], "'' holds an empty name."),
        (["--models", "a,,b"], "'a,,b' holds an empty name."),
        (["--models", ",".join("abcdefghi")], "9 models are too many for one picture."),
        (["--models", "lightgbm_sql:1", "--version", "1"], "--version goes with --model."),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_in_a_line(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """And nothing is written."""
    page = tmp_path / "none.html"
    assert report.main(["-d", target_of(file), "-o", str(page), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1
    assert not page.exists()


def test_a_version_without_a_curve_is_refused(connection: Connection, file: Path) -> None:
    """As one whose test patients are of one class."""
    run(connection, "DELETE FROM dbo.experiment_curves WHERE experiment_id = 2;")
    with pytest.raises(Exception, match="lightgbm_sql version 2 has no ROC curve"):
        read_tested(connection, [("lightgbm_sql", 1), ("lightgbm_sql", 2)])
    assert file.exists()
