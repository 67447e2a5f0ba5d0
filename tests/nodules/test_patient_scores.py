"""A leaky noisy-or of five nodules is trained, scored, evaluated, promoted and combined as any model is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

from lungdb.database import Connection, connect, run
from lungdb.errors import SqlError
from lungdb.learning.pooling import pool
from tests.support.databases import copy_to, fill, hash_vectors, rows, said, target_of
from tests.support.nodules import add_network
from tests.support.once import Once

PATIENTS = 60
FEATURES = "@NetworkName = N'detector', @Layer = N'nodules', @Preprocessing = N'volume', @Pooling = N'top5'"
TRAIN = f"EXECUTE dbo.TrainLungCancerModel @ModelName = N'nodules', @Algorithm = N'noisy_or', {FEATURES}"


def candidates_of(patient: int) -> NDArray[np.float32]:
    """Make what a detector found: x, y, z, diameter, volume and score of up to seven candidates."""
    chance = np.random.default_rng(patient)
    found = chance.uniform(1, 50, (patient % 8, 6)).astype(np.float32)
    found[:, 5] = chance.uniform(0, 0.2, len(found))
    if label_of(patient) and len(found):
        found[0, 5] = chance.uniform(0.3, 1)
    return found


def label_of(patient: int) -> int:
    """Give every third patient cancer."""
    return int(patient % 3 == 0)


def five_of(patient: int) -> NDArray[np.float64]:
    """Give the five highest scores, written out."""
    scores = sorted(candidates_of(patient)[:, 5].tolist(), reverse=True)
    return np.array([*scores, *[0.0] * 5][:5])


@pytest.fixture(scope="session")
def searched_file(once: Once, installed_file: Path) -> Path:
    """Sixty patients with features of pictures and what a detector found, and two models."""

    def make(folder: Path) -> Path:
        file = copy_to(folder, installed_file)
        with closing(connect(target_of(file))) as connection:
            labels = [label_of(each) for each in range(PATIENTS)]
            chance = np.random.default_rng(0)
            vectors = [json.dumps(chance.normal(label, 1, 3).tolist()) for label in labels]
            fill(connection, vectors, labels, 3)
            details = {"output": {"form": "heatmap"}, "input": {"dimensions": 3}, "layers": {"nodules": "map"}}
            network = add_network(connection, "detector", details=json.dumps(details))
            run(
                connection,
                "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (?, N'nodules', "
                "N'volume', 6); UPDATE dbo.settings SET value = N'40' WHERE name = N'test_percent'; BEGIN TRANSACTION;",
                (network,),
            )
            for patient in range(PATIENTS):
                found = candidates_of(patient)
                content = found.astype("<f4").tobytes()
                run(
                    connection,
                    "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) VALUES "
                    "(?, 2, ?, 6, ?, ?); INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) "
                    "VALUES (?, 2, N'top5', ?);",
                    (patient + 1, len(found), content, hashlib.sha256(content).digest(), patient + 1,
                     json.dumps(pool(found, "top5").tolist())),
                )  # fmt: skip
                array = np.asarray(json.loads(vectors[patient]), "<f4").tobytes()
                run(
                    connection,
                    "UPDATE dbo.features SET array = ?, sha256 = ?, array_cols = 3 WHERE scan_id = ? AND "
                    "feature_set_id = 1;",
                    (array, hashlib.sha256(array).digest(), patient + 1),
                )
            run(connection, "COMMIT TRANSACTION;")
            hash_vectors(connection)
            run(connection, "EXECUTE dbo.CreateDataset @Name = N'held out', @Part = N'test';")
            run(connection, f"{TRAIN}, @Folds = 4;")
            run(
                connection,
                "EXECUTE dbo.TrainLungCancerModel @ModelName = N'pictures', @NetworkName = N'made up', @Folds = 4;",
            )
        return file

    return once("nodules of patients", make)


@pytest.fixture
def found(searched_file: Path, tmp_path: Path) -> Iterator[Connection]:
    """A connection to a copy of the database."""
    with closing(connect(target_of(copy_to(tmp_path, searched_file)))) as connection:
        yield connection


def raw_scores(connection: Connection, part: str) -> dict[int, tuple[float, float, int]]:
    """Give raw score, probability and label by patient, as the training of `nodules` recorded them."""
    found = rows(
        connection,
        "SELECT s.idx, p.raw, p.probability, p.label FROM dbo.experiment_patients AS p INNER JOIN dbo.patients AS s "
        "ON s.patient_id = p.patient_id WHERE p.experiment_id = 1 AND p.part = ?;",
        (part,),
    )
    return {patient: (raw, probability, label) for patient, raw, probability, label in found}


def test_scores_are_the_formula_and_calibrated(found: Connection) -> None:
    """One leak and one curve explain all scores of patients held out; both ways of scoring give them."""
    tested = raw_scores(found, "test")
    chances = {patient: float(np.prod(1 - five_of(patient))) for patient in tested}
    leaks = [1 - (1 - tested[patient][0]) / chance for patient, chance in chances.items()]
    assert leaks == pytest.approx([leaks[0]] * len(leaks), abs=1e-5)
    assert 0 < leaks[0] < 0.5
    ((details,),) = rows(found, "SELECT details FROM dbo.classifiers WHERE name = N'nodules';")
    curve = json.loads(details)["calibration"]
    expected = {
        patient: 100 * expit(curve["slope"] * logit(raw) + curve["intercept"])
        for patient, (raw, _, _) in tested.items()
    }
    scored = dict(rows(found, "EXECUTE dbo.PredictPatients @ModelName = N'nodules';"))
    assert len(scored) == PATIENTS
    assert {patient: scored[patient] for patient in expected} == pytest.approx(expected, abs=1e-3)
    some = min(expected)
    call = "EXECUTE dbo.PredictLungCancer @ModelName = N'nodules', @PatientIndex = ?;"
    assert rows(found, call, (some,)) == [(pytest.approx(expected[some], abs=1e-3),)]


def test_scans_without_candidates_are_no_copies_of_each_other(found: Connection) -> None:
    """Five zeros are among those learnt from and those held out; the AUC is that of ranks."""
    tested, learnt = raw_scores(found, "test"), raw_scores(found, "train")
    assert any(not five_of(patient).any() for patient in tested)
    assert any(not five_of(patient).any() for patient in learnt)
    result = run(found, "EXECUTE dbo.EvaluateModel @ModelName = N'nodules', @Dataset = N'held out';")
    (auc,) = [row[8] for row in result[1].rows if row[6:8] == ("model", "auc") and row[0] is None]
    positive, negative = ([raw for raw, _, label in tested.values() if label == kind] for kind in (1, 0))
    wins = [(first > second) + 0.5 * (first == second) for first in positive for second in negative]
    assert auc == pytest.approx(np.mean(wins))


def test_it_is_promoted_repeated_and_a_member(found: Connection) -> None:
    """A second version becomes the champion; the same bytes come out again; an ensemble scores and is evaluated."""
    run(found, f"{TRAIN}, @Folds = 3;")
    run(found, "EXECUTE dbo.PromoteModel @ModelName = N'nodules', @Version = 2, @Force = 1;")
    assert "nodules version 2 has scored" in said(found, "EXECUTE dbo.PredictPatients @ModelName = N'nodules';")
    (again,) = run(found, "EXECUTE dbo.RepeatExperiment @ModelName = N'nodules', @Version = 1;")
    assert again.rows[0][3] == again.rows[0][4]
    run(found, "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'nodules:1, pictures';")
    parts = "SELECT pooling, first_index, width FROM dbo.feature_parts ORDER BY position;"
    assert rows(found, parts) == [("top5", 0, 5), ("mean", 5, 3)]
    scored = dict(rows(found, "EXECUTE dbo.PredictPatients @ModelName = N'both';"))
    assert len(scored) == PATIENTS
    run(found, "EXECUTE dbo.EvaluateModel @ModelName = N'both', @Dataset = N'held out';")


def test_what_nodules_added_is_told_by_score_and_not_by_slice(found: Connection) -> None:
    """Contributions of a logistic regression sum to its margin; candidates are no slices, and none are needed."""
    told = "@Features = N'made up/penultimate/lung/mean; detector/nodules/volume/top5'"
    run(found, f"EXECUTE dbo.TrainLungCancerModel @ModelName = N'both kinds', @Algorithm = N'logistic', {told};")
    run(found, "EXECUTE dbo.PredictPatients @ModelName = N'both kinds';")
    run(found, "EXECUTE dbo.ExplainScans @ModelName = N'both kinds', @ScanId = 9;")  # in it nothing was found
    added = rows(found, "SELECT feature, name, contribution FROM dbo.explained_features;")
    names = {feature: name for feature, name, _ in added}
    assert names[3] == "detector/nodules/volume top5 0"
    assert set(names) == {None, *range(8)}
    ((raw,),) = rows(found, "SELECT raw_probability FROM dbo.predictions WHERE scan_id = 9;")
    assert sum(contribution for _, _, contribution in added) == pytest.approx(logit(raw), abs=1e-6)
    run(found, "EXECUTE dbo.PredictPatients @ModelName = N'nodules';")
    call = "EXECUTE dbo.ExplainScans @ModelName = N'nodules', @ScanId = 4"
    assert "gives scores alone" in failed(found, f"{call};", 50371)
    run(found, f"{call}, @Features = 0, @Permutations = 0;")
    ((score,),) = rows(
        found, "SELECT e.prediction_id FROM dbo.score_explanations AS e INNER JOIN dbo.predictions AS p "
        "ON p.prediction_id = e.prediction_id WHERE p.scan_id = 4;"
    )  # fmt: skip
    assert rows(found, "SELECT COUNT(*) FROM dbo.score_slices WHERE prediction_id = ?;", (score,)) == [(0,)]
    assert "scores of nodules, and no map is made" in failed(
        found, f"EXECUTE dbo.ExplainRegions @PredictionId = {score};", 50384
    )


def failed(connection: Connection, call: str, number: int) -> str:
    """Run a call that must fail with this number; give its message."""
    with pytest.raises(SqlError) as caught:
        run(connection, call)
    assert caught.value.number == number, caught.value
    return caught.value.message


def test_a_search_takes_it_for_nodules_alone(found: Connection) -> None:
    """Among features of several kinds its trials on others fail, named, and the rest go on."""
    call = (
        "EXECUTE dbo.SearchModels @ModelName = N'best', @Method = N'grid', @Folds = 3, @Features = N'made up | "
        'detector\', @Space = N\'{"algorithm": ["noisy_or"]}\';'
    )
    run(found, call)
    run(found, "EXECUTE dbo.RunSearch @SearchId = 1;")
    trials = rows(found, "SELECT pooling, state, error FROM dbo.search_trials ORDER BY feature_set_id;")
    assert [trial[:2] for trial in trials] == [("mean", "failed"), ("top5", "done")]
    assert "reads the scores of five nodules, and the vectors have 3 features" in trials[0][2]
    assert rows(found, "SELECT pooling, library FROM dbo.classifiers WHERE name = N'best';") == [("top5", "onnx")]


@pytest.mark.parametrize("features", ["@NetworkName = N'made up'", "@Features = N'made up; detector'"])
def test_other_features_are_refused(found: Connection, features: str) -> None:
    """With what to name."""
    call = f"EXECUTE dbo.TrainLungCancerModel @ModelName = N'wrong', @Algorithm = N'noisy_or', {features};"
    assert "@Layer = N'nodules', @Pooling = N'top5'" in failed(found, call, 50101)
