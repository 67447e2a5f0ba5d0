"""Microsoft's ResNet-18, the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1, gives ML.NET's features."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli.demo import Demo
from lungdb.cli.load_images import main as load_images
from lungdb.cli.load_network import main as load_network
from lungdb.database import connect, run
from lungdb.learning.metrics import auc
from lungdb.reporting.held_out import score_test_patients
from tests.support.asking import Query

DATA = Path(__file__).parents[1] / "data" / "published"
SHA256 = "7679c0f8832902d64019b7c8f79784d02bcbbce008d22a5249bdef8e8f45cb73"
FILE = os.environ.get("LUNGDB_PUBLISHED", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FILE, reason="LUNGDB_PUBLISHED names no package; make test-published FILE=… sets it"),
]


def test_the_package_is_the_one_that_the_features_are_of() -> None:
    """By its SHA-256."""
    assert hashlib.sha256(Path(FILE).read_bytes()).hexdigest() == SHA256


def test_the_features_of_a_picture_are_mlnets(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recognised as CNTK's ResNet-18, the mean picture kept; 512 features through SQL within 1e-4."""
    assert load_network([FILE, "-d", target, "--sha256", SHA256]) == 0
    assert "resnet18-cntk" in capsys.readouterr().out
    ((name, details),) = query("SELECT name, details FROM dbo.networks;")
    told = json.loads(details)
    assert (told["architecture"], told["width"], told["input"]["channel_order"]) == ("resnet18-cntk", 512, "bgr")
    assert list(told["layers"]) == ["stem", "layer1", "layer2", "layer3", "layer4", "penultimate"]
    (tmp_path / "pictures").mkdir()
    shutil.copy(DATA / "picture.png", tmp_path / "pictures")
    assert load_images([str(tmp_path / "pictures"), "-d", target]) == 0
    query(f"EXECUTE dbo.FeaturizeImages @ModelName = N'{name}';")
    ((array,),) = query("SELECT array FROM dbo.image_features;")
    expected = np.loadtxt(DATA / "features.csv")
    assert np.abs(np.frombuffer(array, "<f4") - expected).max() < 1e-4


def test_the_whole_job_runs_with_it_on_synthetic_scans(tmp_path: Path) -> None:
    """Features, training and scores of the demo's phantoms, told apart better than by chance."""
    assert Demo(tmp_path, None, None, Path(FILE)).run() == 0
    connection = connect(f"sqlite:///{(tmp_path / 'lung_cancer_database.db').as_posix()}")
    try:
        assert run(connection, "SELECT DISTINCT array_cols FROM dbo.features;")[0].rows == [(512,)]
        scores = score_test_patients(connection)
    finally:
        connection.close()
    labels = np.array([score.label for score in scores])
    assert auc(labels, np.array([score.percent for score in scores])) > 0.6
