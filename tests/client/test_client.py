"""The client against what others read: pydicom, Pillow, T-SQL's own views, and the procedures' own words."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

import lungdb
from lungdb.client import Database
from lungdb.errors import LungdbError, SqlError
from tests.support.databases import copy_to, target_of
from tests.support.fixtures import Archive


@pytest.fixture
def db(done_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Forty scans of nine slices with features and a model."""
    with lungdb.open(target_of(copy_to(tmp_path, done_file))) as database:
        yield database


def _read(folder: Path) -> NDArray[np.int16]:
    files = sorted(
        (pydicom.dcmread(path) for path in folder.rglob("*.dcm")), key=lambda each: each.ImagePositionPatient[2]
    )
    return np.stack([each.pixel_array * each.RescaleSlope + each.RescaleIntercept for each in files]).astype(np.int16)


def _uids(db: Database) -> dict[str, int]:
    frame = db.execute("SELECT scan_id, series_uid FROM dbo.scans;")[0]
    return dict(zip(frame["series_uid"], frame["scan_id"], strict=True))


def test_volumes_are_what_pydicom_reads(db: Database, archive: Archive) -> None:
    """Whole, by parts and slice by slice, in Hounsfield units from feet to head."""
    scans = _uids(db)
    for folder in sorted(archive.scans.iterdir())[:3]:
        expected = np.maximum(_read(folder), -1024)
        scan_id = scans[str(pydicom.dcmread(next(folder.rglob("*.dcm"))).SeriesInstanceUID)]
        volume = db.volume(scan_id)
        assert volume.dtype == np.int16
        assert np.array_equal(volume, expected)
        assert np.array_equal(db.volume(scan_id, 2, 5), expected[2:6])
        assert np.array_equal(db.scan(scan_id).slice(8), expected[8])


def test_a_damaged_slice_is_refused(db: Database) -> None:
    """A slice that is another one's, whole and with its own hash, too."""
    db.execute("UPDATE dbo.scan_images SET pixels = 0x00 WHERE scan_id = 1 AND slice_index = 3;")
    with pytest.raises(LungdbError, match="do not hold 64 × 64 values"):
        db.volume(1)
    db.execute(
        "UPDATE dbo.scan_images SET pixels = o.pixels, pixels_sha256 = o.pixels_sha256 FROM dbo.scan_images AS o "
        "WHERE dbo.scan_images.scan_id = 2 AND dbo.scan_images.slice_index = 3 AND o.scan_id = 3 AND o.slice_index = 3;"
    )
    with pytest.raises(LungdbError, match="not those that were loaded"):
        db.volume(2)
    assert db.volume(2, 0, 2).shape == (3, 64, 64)


def test_what_is_not_there_is_told(db: Database) -> None:
    """Scans, slices, data sets, features, procedures, parameters and databases."""
    with pytest.raises(LungdbError, match="no scan with the scan_id 99"):
        db.volume(99)
    with pytest.raises(LungdbError, match="run from 0 to 8"):
        db.volume(1, 0, 9)
    with pytest.raises(LungdbError, match="no data set of scans 'thin'"):
        db.scans("thin")
    with pytest.raises(LungdbError, match="2 kinds of features"):
        db.features()
    with pytest.raises(LungdbError, match="No features are there of pooling 'pca1'"):
        db.features(pooling="pca1")
    with pytest.raises(AttributeError, match="The nearest names are: PredictLungCancer"):
        db.procedures.PredictLungCanser  # noqa: B018  # looking it up is what fails
    with pytest.raises(LungdbError, match="no parameter 'Patient'"):
        db.procedures.PredictLungCancer(Patient=1)
    with pytest.raises(SqlError, match="No patient with a scan has the index 99"):
        db.procedures.PredictLungCancer(PatientIndex=99)
    with pytest.raises(LungdbError, match="size 0"):
        db.batches(None, 0)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Neither is an empty one taken for lungdb's."""
    with pytest.raises(LungdbError, match="cannot be opened"):
        lungdb.open(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


def test_features_are_those_that_t_sql_reads(db: Database) -> None:
    """Every number of dbo.feature_values, bit by bit as float32."""
    features = db.features(pooling="max")
    read = db.execute("SELECT scan_id, feature_index, value FROM dbo.feature_values WHERE pooling = N'max';")[0]
    expected = read.pivot_table(index="scan_id", columns="feature_index", values="value").astype(np.float32)
    assert list(features.index) == list(expected.index)
    assert np.array_equal(features.to_numpy(), expected.to_numpy())
    db.execute("UPDATE dbo.pooled_features SET vector = REPLACE(vector, N'[', N'[ ') WHERE scan_id = 3;")
    with pytest.raises(LungdbError, match="scan 3 does not match its SHA-256"):
        db.features(pooling="max")


def test_a_procedure_is_a_function_with_its_help(db: Database) -> None:
    """Parameters, output, result, messages; what dbo.Help lists is what dir() does."""
    predict = db.procedures.PredictLungCancer
    outcome = predict(patientindex=np.int64(1))
    scored = db.execute("SELECT TOP (1) 100 * probability AS p FROM dbo.predictions ORDER BY prediction_id DESC;")[0]
    assert outcome.outputs == {"PredictionResult": pytest.approx(scored["p"][0])}
    assert outcome.frame["prediction_percent"][0] == outcome.outputs["PredictionResult"]
    assert predict.__doc__ is not None
    assert "@PatientIndex INT = NULL" in predict.__doc__
    listed = db.execute("SELECT procedure_name FROM dbo.procedure_help;")[0]["procedure_name"]
    assert set(dir(db.procedures)) - {"overview"} == set(listed)
    assert db.scores()["probability_percent"].iloc[0] == outcome.outputs["PredictionResult"]
    total = db.procedures.ListPatients(Limit=3)
    assert total.outputs == {"Total": 40}
    assert len(total.frame) == 3


def test_messages_come_to_whoever_listens(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """They are printed, and kept."""
    outcome = db.procedures.GenerateFeatures(ModelName="ResNet_152.model", Pooling="mean")
    assert outcome.messages
    assert capsys.readouterr().out.splitlines() == outcome.messages


def test_batches_hold_each_scan_once_with_its_label(db: Database) -> None:
    """In another order for another seed, the same for the same; of a part, the scans of it."""
    known = "SELECT s.scan_id, l.label FROM dbo.scans AS s INNER JOIN dbo.labels AS l ON l.patient_id = s.patient_id;"
    labels: dict[int, int] = dict(db.execute(known)[0].itertuples(index=False))
    features = db.features(pooling="mean")
    orders = []
    for seed in (1, 1, 2):
        batches = list(db.batches(None, 16, pooling="mean", seed=seed))
        assert [len(batch.scan_ids) for batch in batches] == [16, 16, 8]
        for batch in batches:
            assert batch.features is not None
            assert np.array_equal(batch.features, features.loc[batch.scan_ids].to_numpy())
            assert list(batch.labels) == [labels[scan_id] for scan_id in batch.scan_ids]
        orders.append([int(each) for batch in batches for each in batch.scan_ids])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) == list(range(1, 41))
    tested = db.execute(
        "SELECT s.scan_id FROM dbo.scans AS s INNER JOIN dbo.splits AS p ON p.patient_id = s.patient_id "
        "WHERE p.part = 'test';"
    )[0]["scan_id"]
    held_out = [int(each) for batch in db.batches(None, 7, of="volumes", part="test") for each in batch.scan_ids]
    assert held_out == sorted(tested)


def test_a_data_set_chooses_the_scans_until_one_is_replaced(db: Database) -> None:
    """Its members, and a refusal when they are no longer what they were."""
    db.procedures.CreateDataset(Name="some", Query="SELECT scan_id FROM dbo.scans WHERE scan_id <= 5")
    assert list(db.scans("some").index) == [1, 2, 3, 4, 5]
    assert [len(batch.volumes) for batch in db.batches("some", 2, of="volumes")] == [2, 2, 1]
    db.execute("UPDATE dbo.scans SET content_sha256 = 0xAB WHERE scan_id = 2;")
    with pytest.raises(LungdbError, match="1 scans were replaced"):
        db.scans("some")


def test_a_notebook_shows_a_scan_and_a_model(db: Database) -> None:
    """The picture is the middle slice in the lungs' window; the model has its held-out AUC; no id of a patient."""
    shown = db.scan(1)._repr_html_()
    (encoded,) = re.findall(r"data:image/png;base64,([^\"]+)", shown)
    grey = np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))), np.float64)
    exact = np.clip((db.volume(1, 4, 4)[0].astype(np.float64) + 1350) / 1500, 0, 1) * 255
    assert np.abs(grey - exact).max() <= 1
    auc = db.execute("SELECT value FROM dbo.model_figures WHERE part = 'test' AND metric = 'auc';")[0]["value"][0]
    model = db.model()
    assert f"{auc:.4g}" in model._repr_html_()
    assert repr(model) == "Model(name='lightgbm_sql', version=1, library='lightgbm')"
    for patient in db.execute("SELECT patient_id FROM dbo.patients;")[0]["patient_id"]:
        assert patient not in shown + repr(db.scan(1))


def test_what_runs_inside_sql_server_does_not_load_the_client() -> None:
    """Importing lungdb stays as quick as it was."""
    source = "import sys, lungdb.procedures; print('lungdb.client' in sys.modules, 'lungdb.database' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True).stdout
    assert said.split() == ["False", "False"]
