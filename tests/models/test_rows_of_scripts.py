"""What a script gives back must be what it was sent: anything else is refused, and nothing of it is stored."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from tests.support.databases import copy_to, refused, rows, target_of

DAMAGE = {
    "lost": "OutputDataSet = OutputDataSet.iloc[1:]",
    "double": "OutputDataSet = OutputDataSet.iloc[[0, *range(len(OutputDataSet))]]",
    "unknown": "OutputDataSet.iloc[0, 0] = 1000000",
}
CALLS = {
    "internal.TrainModel": "dbo.TrainLungCancerModel",
    "dbo.PredictPatients": "dbo.PredictPatients",
    "internal.RefreshBinaryVectors": "dbo.SimilarPatients @PatientIndex = 0",
    "internal.CompareVectors": "dbo.SimilarPatients @PatientIndex = 0",
    "dbo.SearchModels": "dbo.SearchModels @Trials = 4",
    "internal.ReadModelNodes": "dbo.StoreModelNodes",
}


def _damage(connection: Connection, procedure: str, statement: str) -> None:
    """Put a statement behind a procedure's script, as a runtime that damages results would."""
    [(text,)] = rows(connection, f"SELECT OBJECT_DEFINITION(OBJECT_ID(N'{procedure}'));")
    start = text.index("OutputDataSet,")
    end = text.index("\n'", start)
    run(connection, f"{text[:end]}\n{statement}{text[end:]}")


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("procedure", CALLS)
def test_rows_that_do_not_belong_to_those_sent_are_refused(trained: Connection, procedure: str, damage: str) -> None:
    """Missing, there twice, or unknown: 50230, and every table is as it was."""
    run(trained, "EXECUTE dbo.AssignSplits;")
    if procedure == "internal.CompareVectors":
        run(trained, f"EXECUTE {CALLS[procedure]};")  # which keeps the vectors in float32
    _damage(trained, procedure, DAMAGE[damage])
    message = refused(trained, f"EXECUTE {CALLS[procedure]};", 50230)
    assert "gave back" in message
    if procedure != "internal.ReadModelNodes":
        assert {"lost": "1 are missing", "double": "1 there twice", "unknown": "1 unknown"}[damage] in message
    assert rows(trained, "SELECT COUNT(*) FROM dbo.runs WHERE status = 'running';") == [(0,)]


@pytest.mark.parametrize("damage", ["double", "unknown"])
def test_figures_of_other_trials_are_refused(searched_file: Path, tmp_path: Path, damage: str) -> None:
    """Of trials that there was no time for there are none, so a lost row is no fault."""
    with closing(connect(target_of(copy_to(tmp_path, searched_file)))) as connection:
        run(connection, "EXECUTE dbo.SearchModels @Trials = 3, @Poolings = N'max';")
        _damage(connection, "dbo.RunSearch", DAMAGE[damage])
        with pytest.raises(SqlError) as caught:
            run(connection, "EXECUTE dbo.RunSearch;")
        assert caught.value.number == 50230
        assert rows(connection, "SELECT COUNT(*) FROM dbo.search_trials WHERE state = 'done';") == [(0,)]


NAMES = ["Müller", "患者", "😀", "x" * 64, "é" * 64, "a%d's [b]"]


def test_every_patient_of_whatever_name_is_trained_on_and_scored(featured: Connection) -> None:
    """Letters outside ASCII and beyond U+FFFF, and ids of 64 characters: all are stored, under their own ids."""
    for index, name in enumerate(NAMES):
        old = f"patient {index:04}"
        run(featured, "INSERT INTO dbo.patients (patient_id, idx) VALUES (?, ?);", (name, 1000 + index))
        for table in ("labels", "scans"):
            run(featured, f"UPDATE dbo.{table} SET patient_id = ? WHERE patient_id = ?;", (name, old))
    run(featured, "EXECUTE dbo.TrainLungCancerModel; EXECUTE dbo.PredictPatients;")
    stored = rows(featured, "SELECT patient_id, label FROM dbo.experiment_patients ORDER BY patient_id;")
    assert stored == rows(featured, "SELECT patient_id, label FROM dbo.labels ORDER BY patient_id;")
    assert {*NAMES} < {name for name, _ in stored}
    test = "SELECT e.patient_id, e.probability FROM dbo.experiment_patients AS e WHERE e.part = 'test'"
    now = (
        "SELECT s.patient_id, p.probability FROM dbo.predictions AS p "
        "INNER JOIN dbo.scans AS s ON s.scan_id = p.scan_id"
    )
    scored = dict(rows(featured, f"{now};"))
    for name, probability in rows(featured, f"{test};"):
        assert scored[name] == pytest.approx(probability)


def test_the_number_trained_on_leaves_out_those_held_out(featured: Connection) -> None:
    """As the parts in dbo.experiment_patients count them, with and without a part to stop early."""
    for version, settings in enumerate(("", " @Folds = 0"), start=1):
        said: list[str] = []
        run(
            featured,
            f"EXECUTE dbo.TrainLungCancerModel{settings};",
            on_message=lambda each, to=said: to.append(each.text),
        )
        counts = dict(
            rows(
                featured,
                "SELECT part, COUNT(*) FROM dbo.experiment_patients WHERE experiment_id = ? GROUP BY part;",
                (version,),
            )
        )
        text = "\n".join(said)
        assert f"version {version} is trained on {counts['train']} patients" in text
        assert f"On the {counts['test']} test patients" in text
        assert (f"({counts.get('validation')} more to stop early)" in text) == ("validation" in counts)


def test_every_digit_of_a_parameter_reaches_the_training(featured: Connection) -> None:
    """What is stored with the run is the double that was given."""
    run(
        featured,
        "EXECUTE dbo.TrainLungCancerModel @LearningRate = 0.0123456789012345, @ValidationFraction = 0.333333333333;",
    )
    run(featured, "EXECUTE dbo.TrainLungCancerModel @Algorithm = N'logistic', @L2 = 1234567.89e-3;")
    found = rows(
        featured,
        "SELECT JSON_VALUE(parameters, N'$.learning_rate'), JSON_VALUE(parameters, N'$.validation_fraction'), "
        "JSON_VALUE(parameters, N'$.l2') FROM dbo.experiments ORDER BY experiment_id;",
    )
    assert [float(found[0][0]), float(found[0][1]), float(found[1][2])] == [
        0.0123456789012345,
        0.333333333333,
        1234.56789,
    ]
