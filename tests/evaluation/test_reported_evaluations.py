"""`lungdb report` of a model that was measured: every evaluation stands in it, with what speaks against it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sklearn.metrics import roc_auc_score

from lungdb.cli import report
from lungdb.database import Connection, run
from lungdb.reporting.facts import read_facts
from lungdb.reporting.plots import draw_evaluations
from tests.support.databases import rows, target_of
from tests.support.pages import Page, make_page


def page_of(folder: Path, *arguments: str) -> Page:
    """Report on the database in a folder."""
    return make_page(next(folder.glob("*.db")), folder / "report.html", *arguments)


def article(page: Page, evaluation: int) -> Page:
    """Give the part of a page on one evaluation."""
    found = re.search(rf'<article data-evaluation="{evaluation}">(.*?)</article>', page.html, re.S)
    assert found is not None
    return Page(found[1])


def test_each_evaluation_is_shown_with_figures_subgroups_and_columns_alone(
    measurable: Connection, tmp_path: Path
) -> None:
    """The AUC is scikit-learn's on the stored scores, of all and of a subgroup; the rest is what the views have."""
    run(measurable, "EXECUTE dbo.EvaluateModel @Dataset = N'held out', @Subgroups = N'sex', @Prevalence = 0.02;")
    page = article(page_of(tmp_path), 1)
    ((labels, scores), (men, of_men)) = (
        zip(*rows(measurable, f"SELECT e.label, e.probability FROM dbo.evaluation_scores AS e INNER JOIN dbo.patients "
                              f"AS p ON p.patient_id = e.patient_id WHERE {where};"), strict=True)
        for where in ("1 = 1", "p.sex = N'M'")
    )  # fmt: skip
    figures = {
        (group, source, metric): tuple("" if each is None else f"{each:.3f}" for each in values)
        for group, source, metric, *values in rows(
            measurable,
            "SELECT COALESCE(value, N''), source, metric, figure, low, high FROM dbo.evaluation_figures;",
        )
    }

    def cells(group: str, metric: str) -> list[str]:
        shown = []
        for source in ("model", "columns"):
            value, low, high = figures[group, source, metric]
            shown += [value, f"{low} to {high}"]
        return shown

    assert page.row("AUC") == cells("", "auc")
    assert page.row("AUC")[0] == f"{roc_auc_score(labels, scores):.3f}"
    assert page.row("Brier score") == cells("", "brier")
    men_row = next(row for row in page.rows if row[:2] == ["sex", "M"])
    assert men_row[5:] == cells("M", "auc")
    assert men_row[5] == f"{roc_auc_score(men, of_men):.3f}"
    assert men_row[2:5] == [f"{len(men) // 2}", f"{len(men)}", f"{sum(men)}"]
    at_half = next(place for place, row in enumerate(page.rows) if row[:1] and row[0].startswith("probability 0.5"))
    assert page.rows[at_half + 1] == ["sensitivity", *cells("", "sensitivity_at_50")]
    assert page.row("B30f − B70f")[:2] == ["47", "47"]
    assert "held out, version 1" in page.text
    assert "Prevalence of the decision curve: 2 %" in page.text
    assert "Forced" not in page.text


def test_curves_of_an_evaluation_are_pictures_of_the_page_and_files(measurable: Connection, tmp_path: Path) -> None:
    """ROC and decision curve of each, beside those of the run."""
    for name in ("held out", "everybody"):
        run(measurable, "EXECUTE dbo.EvaluateModel @Dataset = ?, @Force = 1;", (name,))
    page = page_of(tmp_path, "--png", str(tmp_path / "png"))
    files = {path.stem for path in (tmp_path / "png").iterdir()}
    assert files >= {f"evaluation_{number}_{curve}" for number in (1, 2) for curve in ("roc", "decision")}
    assert len(page.images()) == len(files)
    assert len(article(page, 1).images()) == 2
    plots = draw_evaluations(read_facts(measurable, "lightgbm_sql", None).evaluations)
    assert len({plot.png for plot in plots}) == 4


def test_a_forced_evaluation_says_why_and_looks_are_counted(measurable: Connection, tmp_path: Path) -> None:
    """Patients trained on are named by their number; three looks with two procedures."""
    assert "have not been looked at since its training" in page_of(tmp_path).text
    run(measurable, "EXECUTE dbo.EvaluateModel @Dataset = N'everybody', @Force = 1;")
    run(measurable, "EXECUTE dbo.EvaluateModel @Dataset = N'held out';")
    run(measurable, "EXECUTE dbo.RecordLook @LookedWith = N'my notebook';")
    page = page_of(tmp_path)
    ((overlap,),) = rows(measurable, "SELECT overlap FROM dbo.evaluations WHERE evaluation_id = 1;")
    assert f"Forced: {overlap}" in article(page, 1).text
    assert "not measured" in article(page, 1).text  # of columns alone, which had nobody to learn from
    assert "looked at 3 times since its training (EvaluateModel 2, my notebook 1)" in page.text
    assert page.text.index("held out, version 1") < page.text.index("everybody, version 1")


def test_subgroups_that_are_too_small_are_counted_and_not_shown(measurable: Connection, tmp_path: Path) -> None:
    """A column of which no value has ten patients of both classes."""
    run(
        measurable,
        "CREATE VIEW dbo.few AS SELECT scan_id, CONCAT(N'r', rare) AS rare FROM dbo.told;",
    )
    run(
        measurable,
        "EXECUTE dbo.EvaluateModel @Dataset = N'held out', @Subgroups = N'rare', @SubgroupsFrom = N'dbo.few';",
    )
    ((hidden,),) = rows(measurable, "SELECT values_hidden FROM dbo.evaluation_groups WHERE column_name = N'rare';")
    assert f"rare {hidden} values are not shown: fewer than 10 patients" in article(page_of(tmp_path), 1).text


def test_no_patient_and_no_markup_of_a_name_is_in_the_page(measurable: Connection, tmp_path: Path) -> None:
    """A data set, a user and a value of a column that would be markup."""
    hostile = "<script>$x</script>"
    run(measurable, "UPDATE dbo.scans SET manufacturer = ? WHERE manufacturer = N'Acme';", (hostile,))
    run(
        measurable,
        "EXECUTE dbo.CreateDataset @Name = ?, @Query = N'SELECT scan_id FROM dbo.scans';"
        "EXECUTE dbo.EvaluateModel @Dataset = ?, @Subgroups = N'manufacturer', @Force = 1;",
        (hostile, hostile),
    )
    page = page_of(tmp_path)
    assert "script" not in {tag for tag, _ in page.tags}
    assert article(page, 1).text.count(hostile) == 2
    patients = rows(measurable, "SELECT patient_id FROM dbo.patients;")
    assert [patient for (patient,) in patients if re.search(rf"\b{re.escape(patient)}\b", page.text)] == []


def test_a_model_that_was_made_elsewhere_has_a_report_once_it_was_measured(
    measurable: Connection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a run and an evaluation there is nothing to say of it."""
    run(measurable, "DELETE FROM dbo.experiment_curves; DELETE FROM dbo.experiment_metrics;")
    run(measurable, "DELETE FROM dbo.experiment_patients; DELETE FROM dbo.experiments;")
    file = next(tmp_path.glob("*.db"))
    assert report.main(["-d", target_of(file), "-o", str(tmp_path / "none.html")]) == 1
    assert "Neither a training run nor an evaluation of lightgbm_sql version 1 is recorded." in capsys.readouterr().err
    assert not (tmp_path / "none.html").exists()
    run(measurable, "EXECUTE dbo.EvaluateModel @Dataset = N'held out', @Force = 1;")
    page = page_of(tmp_path)
    assert "No training run is recorded here." in page.text
    assert "What is known of how good it is stands under “Measured on data sets”." in page.text
    for untrue in ("has never seen is not known", "There are no test patients", "whom the model learnt from"):
        assert untrue not in page.text
    assert article(page, 1).row("AUC")[0] != "not measured"
