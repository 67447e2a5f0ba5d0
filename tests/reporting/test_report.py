"""`lungdb report`: the page says what the tables hold, and nothing of a patient."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lungdb.cli import report
from lungdb.database import Connection, run
from tests.support.databases import rows, target_of
from tests.support.fixtures import HOSTILE
from tests.support.pages import Report

PLOTS = ["roc", "precision_recall", "calibration", "scores", "training_curve"]
COUNTS = ("patients", "positives", "out_of_fold")


def experiment(connection: Connection, name: str, version: int) -> int:
    """Give the number of a model's run."""
    ((found,),) = rows(
        connection,
        "SELECT e.experiment_id FROM dbo.experiments AS e INNER JOIN dbo.classifiers AS c "
        "ON c.classifier_id = e.classifier_id WHERE c.name = ? AND c.version = ?;",
        (name, version),
    )
    return int(found)


def pictures(page_html: str) -> list[bytes]:
    """Decode the PNGs of a page."""
    return [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', page_html)]


@pytest.mark.parametrize(("name", "version"), [("lightgbm_sql", 1), ("lightgbm_sql", 2), (HOSTILE, 1)])
def test_every_figure_of_the_run_is_in_the_page_with_its_full_value(
    connection: Connection, unchanged: Report, name: str, version: int
) -> None:
    """With folds, hold-out and logistic: all rows of experiment_metrics but counts, rounded for the eye."""
    page = unchanged("--model", name, "--version", str(version))
    stored = rows(
        connection,
        "SELECT part, metric, value FROM dbo.experiment_metrics WHERE experiment_id = ?;",
        (experiment(connection, name, version),),
    )
    expected = {(part, metric): value for part, metric, value in stored if metric not in COUNTS}
    assert {key: value for key, (_, value) in page.cells.items()} == expected
    for (_, metric), (shown, value) in page.cells.items():
        if value is None:
            assert shown == "not defined"
        else:
            digits = 0 if metric is not None and re.match("(true|false)_", metric) else 3
            assert shown == f"{value:.{digits}f}"


def test_the_summary_has_the_auc_that_scikit_learn_gives_for_the_test_patients(
    connection: Connection, unchanged: Report
) -> None:
    """The sentence at the top, and its pairs in a hundred."""
    scores = rows(
        connection,
        "SELECT label, probability FROM dbo.test_scores WHERE experiment_id = ?;",
        (experiment(connection, "lightgbm_sql", 1),),
    )
    labels, probabilities = zip(*scores, strict=True)
    auc = roc_auc_score(labels, probabilities)
    text = unchanged().text
    assert f"On {len(labels)} test patients it has never seen, {sum(labels)} of them with cancer" in text
    assert f"in {100 * auc:.0f} of 100 pairs: its AUC is {auc:.3f} (95 % interval" in text
    assert "Research use only, not a medical device." in text


def test_patients_are_counted_by_part_and_class(connection: Connection, unchanged: Report) -> None:
    """The hold-out run has all three parts."""
    counts = rows(
        connection,
        "SELECT part, COUNT(*), SUM(CAST(label AS INT)) FROM dbo.experiment_patients WHERE experiment_id = ? "
        "GROUP BY part;",
        (experiment(connection, "lightgbm_sql", 2),),
    )
    page = unchanged("--version", "2")
    table = {row[0]: row[1:] for row in page.rows if len(row) == 4 and row[0] in ("train", "validation", "test")}
    assert table == {part: [str(n), str(ill), str(n - ill)] for part, n, ill in counts}
    assert len(counts) == 3


def test_the_calibration_table_has_the_rows_of_the_curves(connection: Connection, unchanged: Report) -> None:
    """Ten bins, before and after; a bin without patients shows none."""
    stored = rows(
        connection,
        "SELECT curve, position, x, y, threshold FROM dbo.experiment_curves WHERE experiment_id = ? AND part = 'test' "
        "AND curve IN (N'calibration', N'calibration_raw');",
        (experiment(connection, "lightgbm_sql", 1),),
    )
    points = {(curve, position): (f"{n:.0f}", f"{x:.3f}", f"{y:.3f}") for curve, position, x, y, n in stored}
    page = unchanged()
    for place in range(10):
        before, after = (points.get((name, place), ("0", "", "")) for name in ("calibration_raw", "calibration"))
        assert page.row(f"{place / 10:.1f}–{(place + 1) / 10:.1f}") == [*before, *after]


def test_parameters_and_hashes_are_those_of_the_tables(connection: Connection, unchanged: Report) -> None:
    """SHA-256 of model and network, and of all vectors of a part."""
    page = unchanged()
    ((model, network),) = rows(
        connection,
        "SELECT c.sha256, n.sha256 FROM dbo.classifiers AS c, dbo.networks AS n WHERE c.name = N'lightgbm_sql' "
        "AND c.version = 1;",
    )
    assert page.row("Model, SHA-256") == [model.hex()]
    assert page.row("Network, SHA-256") == [network.hex()]
    vectors = rows(
        connection,
        "SELECT v.vector FROM dbo.experiment_patients AS p INNER JOIN dbo.pooled_features AS v "
        "ON v.scan_id = p.scan_id WHERE p.experiment_id = 1 AND p.part = 'test';",
    )
    hashes = sorted(hashlib.sha256(vector.encode("utf-16-le")).digest() for (vector,) in vectors)
    assert page.row("Vectors, test, SHA-256") == [hashlib.sha256(b"".join(hashes)).hexdigest()]
    assert page.row("Seed") == ["20170401"]
    assert page.row("folds") == ["5"]
    assert "lightgbm 4" in page.row("Libraries")[0]


def test_what_was_changed_after_the_run_is_said(connection: Connection, make: Report, unchanged: Report) -> None:
    """Another vector of one patient, and damaged bytes of the model."""
    ((scan,),) = rows(
        connection, "SELECT MIN(scan_id) FROM dbo.experiment_patients WHERE experiment_id = 1 AND part = 'test';"
    )
    before = unchanged()
    (count,) = before.row("Vectors, test")
    assert "the stored bytes no longer have this SHA-256" not in before.text
    run(connection, "UPDATE dbo.pooled_features SET vector = N'[0]' WHERE scan_id = ?;", (scan,))
    run(connection, "UPDATE dbo.classifiers SET model = 0x00 WHERE classifier_id = 1;")
    after = make()
    total = int(count.split()[0])
    assert count == f"{total} recorded, {total} still stored unchanged"
    assert after.row("Vectors, test") == [f"{total} recorded, {total - 1} still stored unchanged"]
    assert "the stored bytes no longer have this SHA-256" in after.text


def test_without_a_version_the_champion_is_shown(unchanged: Report, connection: Connection, make: Report) -> None:
    """Version 1 is the champion, version 2 the newest; the third name has one version, at first its champion."""
    assert "lightgbm_sql, version 1 The champion of its name, since" in unchanged().text
    assert "Not the champion: version 1 is." in unchanged("--version", "2").text
    assert "version 1 The champion of its name, since" in unchanged("--model", HOSTILE).text
    run(connection, "DELETE FROM dbo.model_promotions WHERE name = ?;", (HOSTILE,))
    assert "No version is promoted" in make("--model", HOSTILE).text


def test_hostile_names_are_text(connection: Connection, make: Report) -> None:
    """A model, a network, a manufacturer and a user that would be markup."""
    hostile = '"><img src=x onerror=alert(1)><script>'
    run(connection, "UPDATE dbo.networks SET name = ?;", (hostile,))
    run(connection, "UPDATE dbo.scans SET manufacturer = ?;", (hostile,))
    run(connection, "UPDATE dbo.labels SET source = ?;", (hostile,))
    run(connection, "UPDATE dbo.experiments SET run_by = ?;", (hostile,))
    page = make("--model", HOSTILE)
    assert "script" not in {tag for tag, _ in page.tags}
    assert all("onerror" not in attributes for _, attributes in page.tags)
    assert f"{HOSTILE}, version 1" in page.text
    assert page.row("Run by") == [hostile]
    assert page.text.count(hostile) == 5


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_page_asks_nothing_of_the_outside(unchanged: Report, version: str) -> None:
    """No address in markup, style or pictures; every source is data."""
    page = unchanged("--version", version)
    for _, attributes in page.tags:
        assert {"href", "action", "poster", "srcset"}.isdisjoint(attributes)
        assert (attributes.get("src") or "data:image/png;base64,").startswith("data:image/png;base64,")
    markup = re.sub(r'base64,[^"]+"', '"', page.html)
    assert re.search(r"https?:|//|url\(|@import", markup) is None
    for png in pictures(page.html):
        assert b"http" not in png


def test_no_patient_is_in_the_page(connection: Connection, unchanged: Report) -> None:
    """Neither ids nor UIDs of any patient, the plots' text chunks included."""
    page = unchanged()
    searched = re.sub(r'base64,[^"]+"', '"', page.html) + b"".join(pictures(page.html)).decode("latin-1")
    names = rows(connection, "SELECT p.patient_id, s.series_uid FROM dbo.patients AS p, dbo.scans AS s;")
    assert len(names) == 90 * 90
    identifiers = {patient for patient, _ in names} | {uid for _, uid in names if len(uid) > 5}
    assert len(identifiers) > 90
    assert [name for name in identifiers if name in searched] == []


@pytest.mark.parametrize(
    ("arguments", "plots"),
    [(["--version", "1"], PLOTS), (["--version", "2"], PLOTS), (["--model", HOSTILE], PLOTS[:4])],
)
def test_plots_are_png_of_the_size_said_and_the_same_as_files(
    make: Report, tmp_path: Path, arguments: list[str], plots: list[str]
) -> None:
    """A logistic regression has no training curve, and the page says so."""
    page = make(*arguments, "--png", str(tmp_path / "plots"))
    files = {path.name: path.read_bytes() for path in (tmp_path / "plots").iterdir()}
    assert files == dict(zip([f"{name}.png" for name in plots], pictures(page.html), strict=True))
    for png, attributes in zip(files.values(), page.images(), strict=True):
        picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape == (1000, 1000, 3)
        assert (attributes["width"], attributes["height"]) == ("1000", "1000")
        assert attributes["alt"]
        assert picture.std() > 10
    assert ("There is no training curve" in page.text) == (len(plots) == 4)


def test_the_same_rows_give_the_same_page(make: Report, unchanged: Report) -> None:
    """Whatever matplotlib is set to by the user."""
    import matplotlib

    first = unchanged("--version", "1")
    with matplotlib.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "savefig.dpi": 30}):
        assert make("--version", "1").html == first.html


def test_figures_of_one_class_are_not_defined(connection: Connection, make: Report) -> None:
    """A run whose test patients are all without cancer."""
    run(
        connection,
        "UPDATE dbo.labels SET label = 0 WHERE patient_id IN (SELECT patient_id FROM dbo.splits WHERE part = 'test');",
    )
    run(connection, "EXECUTE dbo.TrainLungCancerModel @ModelName = N'one class';")
    page = make("--model", "one class")
    assert page.cells["test", "auc"] == ("not defined", None)
    assert page.cells["test", "sensitivity_at_50"] == ("not defined", None)
    assert page.cells["train", "auc"][1] is not None
    assert page.cells["test", "brier"][1] is not None
    assert "the AUC is not defined, because it needs patients with and without cancer." in page.text
    assert "are of one class, so most figures are not defined" in page.text
    assert len(page.images()) == len(PLOTS) - 2


def test_a_run_without_figures_is_still_reported(connection: Connection, make: Report) -> None:
    """As an older version may have left it: nothing is invented."""
    run(connection, "DELETE FROM dbo.experiment_curves; DELETE FROM dbo.experiment_metrics;")
    run(connection, "UPDATE dbo.classifiers SET details = N'{}'; UPDATE dbo.experiment_patients SET scan_id = NULL;")
    page = make()
    assert "is not known: no test patient is recorded for it" in page.text
    assert "No figures are recorded for this run." in page.text
    assert page.cells == {}


def test_labels_come_from_the_table_that_the_run_read_and_patients_are_counted(
    connection: Connection, make: Report
) -> None:
    """A run on labels of a horizon, with two scans of a patient."""
    ((patients,),) = rows(connection, "SELECT COUNT(*) FROM dbo.experiment_patients WHERE experiment_id = 1;")
    run(connection, "UPDATE dbo.labels SET source = N'discharge';")
    assert f"Labels come from: discharge ({patients})." in make().text
    run(
        connection,
        "INSERT INTO dbo.scan_labels (scan_id, horizon_days, label, source) "
        "SELECT scan_id, 365, 0, N'registry' FROM dbo.scans UNION ALL SELECT scan_id, 730, 0, N'other' FROM dbo.scans;"
        "UPDATE dbo.experiments SET horizon_days = 365 WHERE experiment_id = 1;"
        "INSERT INTO dbo.experiment_patients (experiment_id, patient_id, member, part, fold, probability, scan_id, "
        "vector_sha256, label, raw, out_of_fold) SELECT TOP (1) experiment_id, patient_id, 1, part, fold, probability, "
        "scan_id, vector_sha256, label, raw, out_of_fold FROM dbo.experiment_patients WHERE experiment_id = 1;",
    )
    assert f"Labels come from: registry ({patients})." in make().text


def test_an_unmeasured_figure_is_not_recorded(connection: Connection, make: Report) -> None:
    """A metric that an older version did not have is told from one that is not defined."""
    run(connection, "DELETE FROM dbo.experiment_metrics WHERE metric = N'ece';")
    run(connection, "UPDATE dbo.experiment_metrics SET value = NULL WHERE metric = N'brier' AND part = 'test';")
    page = make()
    assert page.cells["test", "ece"] == ("not recorded", None)
    assert page.cells["test", "brier"] == ("not defined", None)


def test_an_interval_that_holds_one_half_is_called_guessing(
    connection: Connection, make: Report, unchanged: Report
) -> None:
    """The sentence does not sell what chance could give."""
    assert "which guessing, at 0.5, could give too" not in unchanged().text
    run(connection, "UPDATE dbo.experiment_metrics SET value = 0.4 WHERE metric = N'auc_low' AND part = 'test';")
    text = make().text
    assert "interval 0.400 to" in text
    assert "which guessing, at 0.5, could give too" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "nobody"], "No trained model is named 'nobody'."),
        (["--version", "7"], "The model 'lightgbm_sql' has no version 7."),
    ],
)
def test_an_unknown_model_is_refused_and_nothing_written(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """One line, which names what is there."""
    page = tmp_path / "none.html"
    assert report.main(["-d", target_of(file), "-o", str(page), *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1
    assert not page.exists()


def test_a_place_that_cannot_be_written_is_refused(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder as the file to write, and a file as the folder of the plots; no part of a page is left."""
    (tmp_path / "taken.html").mkdir()
    assert report.main(["-d", target_of(file), "-o", str(tmp_path / "taken.html")]) == 1
    assert "taken.html cannot be written: Is a directory. Choose another place." in capsys.readouterr().err
    assert not list(tmp_path.glob("*.part"))
    assert report.main(["-d", target_of(file), "-o", str(tmp_path / "x.html"), "--png", str(file)]) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("arguments", [["-o", "no/such/page.html"], ["-o", "page.html", "--png", "no/such/plots"]])
def test_folders_on_the_way_are_not_made(
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    """A mistyped path is refused; the folder of the plots itself is made beside what is there."""
    monkeypatch.chdir(tmp_path)
    assert report.main(["-d", target_of(file), *arguments]) == 1
    assert "the folder no/such does not exist. Make it first." in capsys.readouterr().err
    assert [path for path in tmp_path.iterdir() if path != file] == []
    assert report.main(["-d", target_of(file), "-o", "page.html", "--png", "plots"]) == 0
    assert (tmp_path / "plots").is_dir()


def test_without_matplotlib_the_pip_command_is_named(file: Path, tmp_path: Path) -> None:
    """In a process that cannot import it."""
    code = (
        "import sys; sys.modules['matplotlib'] = None; from lungdb.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "report", "-d", target_of(file), "-o", str(tmp_path / "x.html")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == 'The report needs matplotlib. Run: pip install "lungdb[report]"\n'
    assert not (tmp_path / "x.html").exists()
