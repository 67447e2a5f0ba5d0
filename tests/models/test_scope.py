"""A score says when its scan is unlike those that the model was trained on: by a rule that numpy recomputes here."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lungdb.database import Connection, run
from tests.support.databases import fill, hash_vectors, rows, said, vectors_and_labels

PATIENTS = 90
WIDTH = 6
PREDICT = "EXECUTE dbo.PredictLungCancer @PatientIndex = ?;"
NEWEST = "SELECT TOP (1) scope, scope_reason FROM dbo.predictions ORDER BY prediction_id DESC;"


@pytest.fixture
def known(installed: Connection) -> Connection:
    """A model on scans of 1 to 2.5 mm, two kernels, no contrast; a feature that all have alike, one that two have."""
    texts, labels = vectors_and_labels(PATIENTS, WIDTH, signal=2.0, seed=4)
    vectors = [json.loads(text) for text in texts]
    for place, vector in enumerate(vectors):
        vector[4] = 3.5
        vector[5] = 7.0 if place < 2 else 0.0
    fill(installed, [json.dumps(vector) for vector in vectors], labels, WIDTH)
    run(
        installed,
        "UPDATE dbo.scans SET slice_thickness = CASE WHEN scan_id % 2 = 0 THEN 1.0 END, "
        "spacing_z = CASE WHEN scan_id % 2 = 0 THEN 1.0 ELSE 2.5 END, number_images = 100 + scan_id % 2 * 20, "
        "convolution_kernel = CASE WHEN scan_id % 2 = 0 THEN N'B30f' ELSE N'B50f ' END, has_contrast = 0;"
        "EXECUTE dbo.AssignSplits; UPDATE dbo.splits SET part = 'train' WHERE patient_id IN "
        "(N'patient 0000', N'patient 0001'); UPDATE dbo.splits SET part = 'test' WHERE patient_id IN "
        "(N'patient 0002', N'patient 0003');"
        "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 5;",
    )
    return installed


def _features(connection: Connection, part: str) -> np.ndarray:
    found = rows(
        connection,
        "SELECT f.vector FROM dbo.pooled_features AS f INNER JOIN dbo.scans AS s ON s.scan_id = f.scan_id "
        "INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id WHERE p.part = ? ORDER BY f.scan_id;",
        (part,),
    )
    return np.array([json.loads(text) for (text,) in found])


def _distance(x: np.ndarray, others: np.ndarray) -> float:
    """Mean squared standardised distance, each feature up to 100; one that the others have alike is 0 or 100."""
    mean, sd = others.mean(axis=0), others.std(axis=0)
    alike = sd < 1e-9
    squares = np.minimum(((x - mean) / np.where(alike, 1.0, sd)) ** 2, 100.0)
    squares[alike] = np.where(np.abs(x - mean)[alike] < 1e-6, 0.0, 100.0)
    return float(squares.mean())


def test_the_limit_is_the_99th_percentile_of_patients_measured_by_the_others(known: Connection) -> None:
    """Leaving each training patient out in turn, in numpy, also where one alone has a feature; so are the means."""
    for hot in (2, 1):
        if hot == 1:
            vector = _features(known, "train")[0]
            vector[5] = 0.0
            run(known, "UPDATE dbo.pooled_features SET vector = ? WHERE scan_id = 1;", (json.dumps(vector.tolist()),))
            hash_vectors(known)
            run(known, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 2;")
        train = _features(known, "train")
        of_newest = "WHERE classifier_id = (SELECT MAX(classifier_id) FROM dbo.classifiers)"
        [(limit, scans)] = rows(known, f"SELECT high, scans FROM dbo.model_scope {of_newest} AND item = 'distance';")
        distances = sorted(_distance(train[i], np.delete(train, i, axis=0)) for i in range(len(train)))
        assert scans == len(train)
        assert limit == pytest.approx(distances[math.ceil(0.99 * len(train)) - 1], rel=1e-9)
        assert (limit > 100 / WIDTH) == (hot == 1)
        stored = rows(known, f"SELECT mean, sd FROM dbo.model_scope_features {of_newest} ORDER BY feature_index;")
        np.testing.assert_allclose([row[0] for row in stored], train.mean(axis=0), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose([row[1] for row in stored], train.std(axis=0), rtol=1e-9, atol=1e-12)


def test_the_share_of_held_out_scans_outside_is_stored_and_shown(known: Connection) -> None:
    """By the same rule in numpy; all headers are among the known ones."""
    train, test = _features(known, "train"), _features(known, "test")
    [(limit,)] = rows(known, "SELECT high FROM dbo.model_scope WHERE item = 'distance';")
    share = float(np.mean([_distance(x, train) > limit for x in test]))
    for view in ("model_versions", "model_status"):
        assert rows(known, f"SELECT held_out_scans, held_out_outside FROM dbo.{view};") == [
            (len(test), pytest.approx(share))
        ]


@pytest.mark.parametrize("suffix", ["", "Sql"])
def test_features_far_from_those_of_the_training_patients_are_outside(known: Connection, suffix: str) -> None:
    """Just within the limit and just beyond it, with and without Python; the score is given all the same."""
    train = _features(known, "train")
    [(limit,)] = rows(known, "SELECT high FROM dbo.model_scope WHERE item = 'distance';")
    call = PREDICT.replace("Cancer", f"Cancer{suffix}")
    for factor, scope in ((0.999, "inside"), (1.001, "outside")):
        vector = train.mean(axis=0)
        vector[5] = 0.0
        rest = _distance(vector, train) * WIDTH
        vector[0] += train[:, 0].std() * math.sqrt(limit * WIDTH * factor - rest)
        vector[4] = 3.5
        run(
            known,
            "UPDATE dbo.pooled_features SET vector = ? WHERE scan_id = 3;",
            (json.dumps([float(value) for value in vector]),),
        )
        hash_vectors(known)
        [(percent,)] = rows(known, call, (2,))
        assert 0 < percent < 100
        [(found, reason)] = rows(known, NEWEST)
        assert found == scope
        if scope == "outside":
            assert reason == (
                "Outside what the model was trained on: features at a distance of "
                f"{limit * factor:.2f} (up to {limit:.2f})."
            )
        else:
            assert reason is None


def test_a_feature_that_all_training_patients_have_alike_counts_when_it_is_another(known: Connection) -> None:
    """100 over six features is far; a difference of rounding is none."""
    for value, scope in ((3.5 + 1e-7, "inside"), (3.6, "outside")):
        vector = _features(known, "train").mean(axis=0)
        vector[4], vector[5] = value, 0.0
        run(known, "UPDATE dbo.pooled_features SET vector = ? WHERE scan_id = 3;", (json.dumps(vector.tolist()),))
        hash_vectors(known)
        run(known, PREDICT, (2,))
        assert rows(known, NEWEST)[0][0] == scope


HEADERS = {
    "a tenth thicker": ("slice_thickness = 2.75", None),
    "thicker than that": ("slice_thickness = 2.76", "slice thickness 2.76 mm (1.00 to 2.50)"),
    "thinner": ("slice_thickness = 0.8", "slice thickness 0.80 mm (1.00 to 2.50)"),
    "thick by its spacing": ("slice_thickness = NULL, spacing_z = 5, number_images = 40", "slice thickness 5.00 mm"),
    "half a chest": ("number_images = 50, spacing_z = 1", "coverage 50 mm (100 to 300)"),
    "another kernel": ("convolution_kernel = N'B70f'", "kernel B70F (not among 2)"),
    "a known kernel in other letters": ("convolution_kernel = N' b50F'", None),
    "contrast": ("has_contrast = 1", "with contrast (no such scan)"),
}


@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.parametrize("suffix", ["", "Sql"])
def test_headers_beyond_those_of_the_training_patients_are_outside(known: Connection, case: str, suffix: str) -> None:
    """The sentence names value and range, is stored, and is told as a message; the result set is what it was."""
    change, expected = HEADERS[case]
    run(known, f"UPDATE dbo.scans SET {change} WHERE scan_id = 4;")
    call = f"EXECUTE dbo.PredictLungCancer{suffix} @PatientIndex = 3;"
    told = said(known, call)
    [(scope, reason)] = rows(known, NEWEST)
    if expected is None:
        assert (scope, reason) == ("inside", None)
    else:
        assert scope == "outside"
        assert reason.startswith(f"Outside what the model was trained on: {expected}")
        assert reason in told
    assert [len(row) for row in rows(known, call)] == [1]


def test_what_is_not_known_of_a_scan_is_named_and_is_not_outside(known: Connection) -> None:
    """Nor is what is not known of any training patient, which is not judged at all."""
    run(known, "UPDATE dbo.scans SET has_contrast = NULL, convolution_kernel = N' ' WHERE scan_id = 4;")
    run(known, PREDICT, (3,))
    assert rows(known, NEWEST) == [("inside", "Not known of the scan: contrast, kernel.")]
    run(known, "UPDATE dbo.scans SET slice_thickness = 9 WHERE scan_id = 4;")
    run(known, PREDICT, (3,))
    [(scope, reason)] = rows(known, NEWEST)
    assert (scope, reason[-41:]) == ("outside", " Not known of the scan: contrast, kernel.")
    run(known, "UPDATE dbo.scans SET has_contrast = NULL; EXECUTE dbo.TrainLungCancerModel @MaxIterations = 2;")
    assert rows(known, "SELECT COUNT(*) FROM dbo.model_scope WHERE classifier_id = 2 AND item = 'contrast';") == [(0,)]


def test_many_scores_are_judged_at_once_and_their_count_is_told(known: Connection) -> None:
    """Every score of the call has its scope."""
    run(known, "UPDATE dbo.scans SET slice_thickness = 9 WHERE scan_id IN (4, 8);")
    before = rows(known, "SELECT COUNT(*) FROM dbo.predictions;")
    assert before == [(0,)]
    told = said(known, "EXECUTE dbo.PredictPatients;")
    [(outside,)] = rows(known, "SELECT COUNT(*) FROM dbo.predictions WHERE scope = 'outside';")
    assert f"{outside} of {PATIENTS} scans stand outside" in told
    found = rows(known, "SELECT scan_id FROM dbo.predictions WHERE scope_reason LIKE N'%slice thickness 9.00 mm%';")
    assert sorted(found) == [(4,), (8,)]
    assert rows(known, "SELECT COUNT(*) FROM dbo.predictions WHERE scope IS NULL;") == [(0,)]


def test_python_and_t_sql_judge_alike(known: Connection) -> None:
    """Scope and sentence of every scan: near, far and beyond any, with headers of all kinds, alone and together."""
    vectors = np.array([json.loads(text) for (text,) in rows(known, "SELECT vector FROM dbo.pooled_features;")])
    vectors[:, :4] *= np.linspace(0.2, 30, PATIENTS)[:, None]
    vectors[::7, 4] += 1e-7
    vectors[::9, 5] = 0.1
    for place, vector in enumerate(vectors):
        call = "UPDATE dbo.pooled_features SET vector = ? WHERE scan_id = ?;"
        run(known, call, (json.dumps(vector.tolist()), place + 1))
    hash_vectors(known)
    changes = [change for change, _ in HEADERS.values()] + ["has_contrast = NULL", "convolution_kernel = NULL"]
    for place, change in enumerate(changes):
        run(known, f"UPDATE dbo.scans SET {change} WHERE scan_id % 11 = ?;", (place,))
    judged = []
    calls = ["EXECUTE dbo.PredictPatients;", "EXECUTE dbo.PredictPatientsSql;"]
    for call in [*calls, "".join(f"EXECUTE dbo.PredictLungCancer @PatientIndex = {n};" for n in range(PATIENTS))]:
        run(known, f"DELETE FROM dbo.predictions; {call}")
        judged.append(rows(known, "SELECT scan_id, scope, scope_reason FROM dbo.predictions ORDER BY scan_id;"))
    python, t_sql, alone = judged
    assert python == t_sql == alone
    assert {scope for _, scope, _ in python} == {"inside", "outside"}
    assert sum("features at a distance" in (reason or "") for *_, reason in python) in range(20, PATIENTS - 5)


def test_a_model_without_a_scope_judges_nothing(known: Connection) -> None:
    """As one from before it was recorded, or from elsewhere; a version that is deleted takes its scope along."""
    run(known, "EXECUTE dbo.TrainLungCancerModel @MaxIterations = 2;")
    run(known, "EXECUTE dbo.DeleteModel @ModelName = N'lightgbm_sql', @Version = 2;")
    for table in ("model_scope", "model_scope_features"):
        assert rows(known, f"SELECT DISTINCT classifier_id FROM dbo.{table};") == [(1,)]
        run(known, f"DELETE FROM dbo.{table};")
    run(known, "UPDATE dbo.scans SET slice_thickness = 9;")
    run(known, PREDICT, (3,))
    assert rows(known, NEWEST) == [
        (None, "Not judged: what the scans that the model was trained on are like is not recorded.")
    ]
