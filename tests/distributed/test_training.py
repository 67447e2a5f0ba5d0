"""`lungdb spark train` on a standalone cluster of two workers: as good as one machine, loaded, and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from lungdb.cli import load_classifier, spark_train
from lungdb.database import Connection
from lungdb.dicom.identity import Identity
from lungdb.distributed.vector_tables import Split
from tests.distributed.feature_tables import KEY, WIDTH, drawn, write_features, write_labels, write_plain
from tests.support.databases import NAME, rows, target_of
from tests.support.spark import ROOT, Cluster, cluster

pytestmark = pytest.mark.slow

PATIENTS = 2400
TREES = 40
# Of lungdb.learning.parameters, by LightGBM's own names, for the machine that is compared with.
ALONE = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 7, "min_data_in_leaf": 10, "feature_fraction": 0.5,
    "extra_trees": True, "seed": 1, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
}  # fmt: skip


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, Path]]:
    """A cluster of two workers, and the folder of its logs."""
    folder = tmp_path_factory.mktemp("spark")
    with cluster(folder) as started:
        yield started, folder


def _area(labels: np.ndarray, scores: np.ndarray) -> float:
    """Count the pairs of a positive and a negative that are in order."""
    positive, negative = scores[labels == 1][:, None], scores[labels == 0][None, :]
    return float(((positive > negative) + 0.5 * (positive == negative)).mean())


def test_two_workers_learn_as_one_machine_does_and_the_booster_is_loaded(
    spark: tuple[Cluster, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    featured: Connection,
) -> None:
    """Its test AUC is counted anew here, lies where one machine's does, and the database scores as LightGBM does."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    ids, vectors, labels = drawn(PATIENTS)
    table = write_features(tmp_path / "t", ids, vectors)
    file = write_labels(tmp_path / "labels.csv", ids, labels)
    given = [str(table), "--labels", str(file), "--layer", "2", "--pooling", "mean", "--master", spark[0].master]
    given += ["--max-iterations", str(TREES), "--seed", "1"]
    for name in ("m.txt", "again.txt"):
        assert spark_train.main([*given, "--out", str(tmp_path / name)]) == 0, capsys.readouterr().err
    text = (tmp_path / "m.txt").read_text()
    assert text == (tmp_path / "again.txt").read_text()
    assert "127.0.0.1" not in text

    who = Identity("keyed", KEY)
    is_test = np.array([Split("lungdb", 25).is_test(who.patient(name)) for name in ids])
    told = json.loads((tmp_path / "m.txt.json").read_text())
    assert told["rows"] == {
        "train": int((~is_test).sum()), "train_positives": int(labels[~is_test].sum()),
        "test": int(is_test.sum()), "unlabelled": 0, "failed": 3,
    }  # fmt: skip
    assert (told["network"]["sha256"], told["layer"]["number"], told["pooling"]) == ("ab" * 32, 2, "mean")
    booster = lightgbm.Booster(model_str=text)
    assert booster.num_trees() == TREES
    assert told["test"]["auc"] == pytest.approx(_area(labels[is_test], booster.predict(vectors[is_test])), abs=1e-12)
    alone = lightgbm.train(ALONE, lightgbm.Dataset(vectors[~is_test], labels[~is_test]), TREES)
    of_one = _area(labels[is_test], alone.predict(vectors[is_test]))
    assert told["test"]["auc_bootstrap_low"] <= of_one <= told["test"]["auc_bootstrap_high"]
    assert told["test"]["auc_bootstrap_low"] > 0.5

    target = target_of(tmp_path / NAME)
    options = ["--feature-set", "1", "--prevalence", f"{told['prevalence']}", "--name", "spark"]
    assert load_classifier.main([str(tmp_path / "m.txt"), "-d", target, *options]) == 0
    stored = np.array(
        [json.loads(each) for (each,) in rows(featured, "SELECT vector FROM dbo.pooled_features ORDER BY scan_id;")],
        dtype=np.float32,
    )
    assert stored.shape[1] == WIDTH
    for call in ("PredictPatients", "PredictPatientsSql"):
        found = rows(featured, f"EXECUTE dbo.{call} @ModelName = N'spark';")
        np.testing.assert_allclose([percent / 100 for _, percent in found], booster.predict(stored), atol=1e-9)


def test_a_worker_that_is_killed_ends_the_job_with_a_sentence(spark: tuple[Cluster, Path], tmp_path: Path) -> None:
    """While all learn; nothing has the name of the output, whole or in part."""
    running, logs = spark
    ids, vectors, labels = drawn(600)
    table = write_plain(tmp_path / "t", vectors.tolist(), labels.tolist(), who=ids)
    out = tmp_path / "out"
    out.mkdir()
    before = set(logs.glob("work/*"))
    command = [sys.executable, "-m", "lungdb.cli.main", "spark", "train", str(table), "--out", str(out / "m.txt")]
    options = ["--vector", "v", "--label", "y", "--patient", "who", "--master", running.master]
    process = subprocess.Popen(
        [*command, *options, "--max-iterations", "10000", "--num-leaves", "20"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        end = time.monotonic() + 180
        while not _learning(set(logs.glob("work/*")) - before):
            assert time.monotonic() < end, "the workers did not find each other"
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)
        os.kill(running.executors()[0], signal.SIGKILL)
        _, said = process.communicate(timeout=180)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "A worker was lost, and the others cannot go on without its rows" in said
    assert "Traceback" not in said
    assert list(out.iterdir()) == []


def test_a_worker_s_refusal_ends_all_and_a_cluster_too_small_is_told(
    spark: tuple[Cluster, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A vector that is no number lies in the second worker's rows; three workers have no place on two."""
    ids, vectors, labels = drawn(400)
    vectors[380] = np.nan
    table = write_plain(tmp_path / "t", vectors.tolist(), labels.tolist(), who=ids)
    out = tmp_path / "m.txt"
    given = [str(table), "--out", str(out), "--vector", "v", "--label", "y", "--patient", "who"]
    for options, message in (
        ([], "1 vectors of row group 7 of 'only.parquet' have a value that is no finite number"),
        (["--workers", "3"], "The cluster has no place for 3 workers at once, of 1 processors each"),
    ):
        assert spark_train.main([*given, "--master", spark[0].master, *options]) == 1
        said = capsys.readouterr().err
        assert message in said
        assert "Traceback" not in said
        assert not out.exists()


def _learning(folders: set[Path]) -> bool:
    """Tell whether the workers of a job have found each other, by what LightGBM says in their logs."""
    texts = [log.read_text(errors="replace") for folder in folders for log in folder.glob("*/stderr")]
    return "\n".join(texts).count("Connected to rank") >= 2
