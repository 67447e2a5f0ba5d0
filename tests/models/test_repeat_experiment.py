"""RepeatExperiment: the same bytes from what a run recorded, or the name of what changed; nothing is stored."""

from __future__ import annotations

import pytest

from lungdb.database import Connection, run
from tests.support.databases import contents, hash_vectors, refused, rows

REPEAT = "EXECUTE dbo.RepeatExperiment"


def test_every_version_comes_out_with_the_same_bytes(trained: Connection) -> None:
    """Those of today's algorithms, with folds; the hashes are told and nothing is stored."""
    before = contents(trained)
    for name, version in (("lightgbm_sql", 1), ("lightgbm_sql", 2), ("100% linear", 1)):
        [(_, told, number, sha256, repeated, scans)] = rows(
            trained, f"{REPEAT} @ModelName = ?, @Version = ?;", (name, version)
        )
        assert (told, number, sha256) == (name, version, repeated)
        learnt = "SELECT COUNT(*) FROM dbo.experiment_patients WHERE experiment_id = 1 AND part <> 'test';"
        assert (scans,) == rows(trained, learnt)[0]
    assert contents(trained) == before


@pytest.mark.parametrize("name", ["random_forest", "network", "of: max"])
def test_the_newer_algorithms_are_repeated_too(many_algorithms: Connection, name: str) -> None:
    """A forest, a network, and an isotonic calibration on another pooling."""
    [row] = rows(many_algorithms, f"{REPEAT} @ModelName = N'{name}';")
    assert row[3] == row[4]


def test_a_hold_out_training_is_repeated_with_its_validation_part(featured: Connection) -> None:
    """The part is drawn anew by the recorded seed, and patients who came later have no say."""
    run(featured, "DELETE FROM dbo.labels WHERE patient_id = N'patient 0007';")
    run(featured, "EXECUTE dbo.TrainLungCancerModel @Folds = 0, @Seed = 9;")
    run(featured, "INSERT INTO dbo.labels (patient_id, label) VALUES (N'patient 0007', 1);")
    [row] = rows(featured, f"{REPEAT};")
    assert row[3] == row[4]


_LEARNT = (
    "(SELECT TOP (2) scan_id FROM dbo.experiment_patients WHERE experiment_id = 1 AND part = 'train' ORDER BY scan_id)"
)
_PATIENTS = f"(SELECT s.patient_id FROM dbo.scans AS s WHERE s.scan_id IN {_LEARNT})"
CHANGES = {
    "a vector": (
        f"UPDATE dbo.pooled_features SET vector = JSON_MODIFY(vector, N'$[0]', 9) WHERE scan_id IN {_LEARNT};",
        "has another vector, and 1 others changed alike",
    ),
    "no vector": (f"DELETE FROM dbo.pooled_features WHERE scan_id IN {_LEARNT};", "has no vector any more"),
    "a label": (
        f"UPDATE dbo.labels SET label = 1 - label WHERE patient_id IN {_PATIENTS};",
        "has another label, and 1 others changed alike",
    ),
    "no label": (f"DELETE FROM dbo.labels WHERE patient_id IN {_PATIENTS};", "has no label any more"),
    "another part": (
        f"UPDATE dbo.splits SET part = 'test' WHERE patient_id IN {_PATIENTS};",
        "is in the test part of dbo.splits now",
    ),
    "patients that are gone": (
        f"DELETE FROM dbo.experiment_patients WHERE experiment_id = 1 AND scan_id IN {_LEARNT};",
        "were removed with their patients",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_an_input_that_changed_is_named(trained: Connection, case: str) -> None:
    """Before anything is trained."""
    change, part = CHANGES[case]
    run(trained, change)
    hash_vectors(trained)
    assert part in refused(trained, f"{REPEAT} @Version = 1;", 50292)


def test_a_label_of_a_test_patient_is_no_input(trained: Connection) -> None:
    """The model never saw it."""
    run(trained, "UPDATE dbo.labels SET label = 1 - label WHERE patient_id IN (SELECT patient_id FROM dbo.splits "
        "WHERE part = 'test');")  # fmt: skip
    [row] = rows(trained, f"{REPEAT} @Version = 1;")
    assert row[3] == row[4]


def test_other_bytes_name_the_libraries_that_changed(trained: Connection) -> None:
    """The stored model stands for one that another LightGBM made; the message has the versions of both."""
    run(
        trained,
        "UPDATE dbo.classifiers SET sha256 = HASHBYTES('SHA2_256', N'other'), "
        "details = JSON_MODIFY(details, N'$.libraries.lightgbm', N'4.3.0') WHERE version = 1;",
    )
    message = refused(trained, f"{REPEAT} @Version = 1;", 50292)
    assert "changed are the libraries: lightgbm was 4.3.0 and is " in message


def test_what_has_no_run_of_its_own_is_refused(many_algorithms: Connection) -> None:
    """An ensemble, a classifier that was trained elsewhere, and a name that is not there."""
    run(many_algorithms, "EXECUTE dbo.CreateEnsemble @ModelName = N'both', @Members = N'random_forest, network';")
    assert "Repeat its members" in refused(many_algorithms, f"{REPEAT} @ModelName = N'both';", 50292)
    run(
        many_algorithms,
        "EXECUTE dbo.StoreClassifier @ModelName = N'theirs', @FeatureSetId = 1, @Library = N'onnx', "
        "@Classifier = 0x00, @Details = N'{\"width\": 12}';",
    )
    assert "trained elsewhere" in refused(many_algorithms, f"{REPEAT} @ModelName = N'theirs';", 50292)
    refused(many_algorithms, f"{REPEAT} @ModelName = N'nobody';", 50108)
