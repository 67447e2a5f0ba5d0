"""CheckServedDrift and `lungdb job drift`: an alarm fails the job, too few patients do not, all models are checked."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from tests.evaluation.test_check_drift import add_patients
from tests.support.databases import copy_to, refused, rows, said, target_of

CHECK = "EXECUTE dbo.CheckServedDrift"
SCORE = "EXECUTE dbo.PredictPatients @Only = N'new', @Quiet = 1;"


def test_undisturbed_patients_fail_nothing(measurable: Connection) -> None:
    """The model whose patients were scored is checked; the other one has none that came later and is named."""
    add_patients(measurable, 40, seed=1)
    run(measurable, SCORE)
    run(measurable, "UPDATE dbo.predictions SET predicted_at = DATEADD(DAY, -3, predicted_at);")
    text = said(measurable, f"{CHECK};")
    assert "lightgbm_sql version 1: no alarm. 40 later patients" in text
    checked = rows(measurable, "SELECT classifier_id, is_alarm FROM dbo.drift_checks;")
    served = rows(measurable, "SELECT classifier_id FROM dbo.served_models;")
    assert sorted(checked) == sorted((classifier, 0) for (classifier,) in served)
    nobody = said(measurable, f"{CHECK} @Days = 1;")
    assert nobody.count("Not checked: ") == len(served)
    assert len(rows(measurable, "SELECT 1 FROM dbo.drift_checks;")) == len(served)


def test_an_alarm_fails_the_job_and_is_its_last_line(
    measurable_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The number, the model, and in what patients differ; the check is kept, and no patient is named."""
    file = copy_to(tmp_path, measurable_file)
    with closing(connect(target_of(file))) as connection:
        add_patients(connection, 40, seed=1, shift=1.5)
        run(connection, SCORE)
    arguments = ["job", "drift", "-d", target_of(file), "--model", "lightgbm_sql", "--alpha", "0.05"]
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("drift: failed after ")
    assert "Msg 50470" in printed.out
    assert "lightgbm_sql version 1 alarms: 40 later patients, most different in " in printed.out
    assert "later 0" not in printed.out + printed.err
    with closing(connect(target_of(file))) as connection:
        assert rows(connection, "SELECT alpha, is_alarm FROM dbo.drift_alarms;") == [(0.05, 1)]


def test_a_model_that_cannot_be_checked_stops_no_other(measurable: Connection) -> None:
    """It is named with its error after the others have been checked."""
    add_patients(measurable, 40, seed=1)
    run(measurable, SCORE)
    run(measurable, "UPDATE dbo.classifiers SET model = 0x00 WHERE name = N'100% linear';")
    with pytest.raises(Exception, match="could not be checked") as caught:
        run(measurable, f"{CHECK};")
    assert "100% linear version 1" in str(caught.value)
    checked = rows(measurable, "SELECT name FROM dbo.drift_alarms;")
    assert checked == [("lightgbm_sql",)]


@pytest.mark.parametrize("arguments", ["@Days = 0", "@Days = NULL", "@Alpha = 0", "@Alpha = 0.6"])
def test_arguments_out_of_range_are_refused(measurable: Connection, arguments: str) -> None:
    """Before any model is looked at."""
    refused(measurable, f"{CHECK} {arguments};", 50101)
