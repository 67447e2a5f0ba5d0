"""Microsoft's ResNet-18, the NuGet package Microsoft.ML.DnnImageFeaturizer.ResNet18 0.23.1, gives ML.NET's features."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from lungdb.cli.demo import Demo
from lungdb.cli.load_images import main as load_images
from lungdb.cli.load_network import main as load_network
from lungdb.database import connect, run
from lungdb.imaging.codecs import decode_slice
from lungdb.imaging.preprocessing import CtSlice, prepare
from lungdb.phantoms.dataset import make_dataset
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
    """Scans in, scores out; a scan's features are those of the package's two networks one after the other."""
    labels = make_dataset(tmp_path / "scans", patients=40, slices=12, size=128)
    assert Demo(tmp_path, tmp_path / "scans", labels, Path(FILE)).run() == 0
    with closing(connect(f"sqlite:///{(tmp_path / 'lung_cancer_database.db').as_posix()}")) as connection:
        scores = score_test_patients(connection)
        scan_id, array = run(connection, "SELECT TOP (1) scan_id, array FROM dbo.features ORDER BY scan_id;")[0].rows[0]
        slices = run(
            connection,
            "SELECT i.pixels, s.image_rows, s.image_cols, i.pixels_sha256, i.encoding FROM dbo.scan_images AS i "
            "INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id WHERE i.scan_id = ? ORDER BY i.slice_index;",
            (scan_id,),
        )[0].rows
    assert len(scores) > 0
    assert all(0 < score.percent < 100 for score in scores)
    levels = 255 * prepare([CtSlice(decode_slice(*row)) for row in slices], "lung", [0, 0, 0], [1, 1, 1])
    expected = [one_after_the_other(triple[::-1]) for triple in levels]  # the first network turns the order round
    found = np.frombuffer(array, "<f4").reshape(-1, 512)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.max(expected))


def one_after_the_other(picture: np.ndarray) -> np.ndarray:
    """Run the package's two networks as they are with ONNX Runtime."""
    with zipfile.ZipFile(FILE) as archive:
        for name in ("ResNetPrepOnnx/ResNetPreprocess.onnx", "ResNet18Onnx/ResNet18.onnx"):
            model = archive.read(f"tools/DnnImageModels/{name}")
            session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
            given = np.ascontiguousarray(picture.reshape(1, 3, 224, 224), np.float32)
            picture = np.asarray(session.run(None, {session.get_inputs()[0].name: given})[0])
    return picture.ravel()
