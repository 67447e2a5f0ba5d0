"""A folder of phantoms looks like the Data Science Bowl's."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from lungdb.errors import LungdbError
from lungdb.phantoms import make_phantom
from lungdb.phantoms.dataset import make_dataset

ROOT = Path(__file__).resolve().parents[2]


def test_a_dataset_is_a_folder_a_patient_and_a_table_of_labels(tmp_path: Path) -> None:
    """Folders, labels and voxels follow from the seed; progress counts every patient."""
    done: list[int] = []
    folder = tmp_path / "scans"
    labels = make_dataset(folder, patients=4, seed=70, cancer_fraction=0.25, slices=4, size=64, progress=done.append)
    assert labels == tmp_path / "labels.csv"
    with labels.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "cancer"]
    assert [row["id"] for row in rows] == [f"phantom-{number:04}" for number in range(1, 5)]
    assert sorted(row["cancer"] for row in rows) == ["0", "0", "0", "1"]
    assert sum(done) == 4
    for place, row in enumerate(rows):
        headers = [pydicom.dcmread(path) for path in (folder / row["id"]).glob("*.dcm")]
        assert {ds.PatientID for ds in headers} == {row["id"]}
        phantom = make_phantom(70 + place, cancer=row["cancer"] == "1", slices=4, size=64)
        headers.sort(key=lambda ds: ds.ImagePositionPatient[2])
        middle = headers[2]
        stored = middle.pixel_array[20:44, 20:44]
        np.testing.assert_array_equal(
            stored * middle.RescaleSlope + middle.RescaleIntercept, phantom.hu[2, 20:44, 20:44]
        )
        lungs = SimpleITK.ReadImage(tmp_path / "lungs" / f"{middle.SeriesInstanceUID}.mha")
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(lungs), phantom.lungs)
        corner = lungs.TransformIndexToPhysicalPoint((0, 0, 2))
        np.testing.assert_allclose(corner, np.array(middle.ImagePositionPatient, float), atol=1e-3)
        np.testing.assert_allclose(lungs.GetSpacing()[:2], np.array(middle.PixelSpacing, float)[::-1])


def test_the_nodules_lie_where_the_files_say(tmp_path: Path) -> None:
    """A line a nodule of every patient: its place by the headers is its voxel, and only malignant ones are rated 5."""
    folder = tmp_path / "scans"
    make_dataset(folder, patients=4, seed=70, cancer_fraction=0.5, slices=8, size=64)
    written = (tmp_path / "nodules.csv").read_bytes()
    make_dataset(folder, patients=4, seed=70, cancer_fraction=0.5, slices=8, size=64, workers=1)
    assert (tmp_path / "nodules.csv").read_bytes() == written
    cancer = {row["id"]: row["cancer"] == "1" for row in csv.DictReader((tmp_path / "labels.csv").open())}
    rows = list(csv.DictReader((tmp_path / "nodules.csv").open(newline="")))
    kinds = set()
    for place, (patient, is_ill) in enumerate(cancer.items()):
        headers = sorted(
            (pydicom.dcmread(path) for path in (folder / patient).glob("*.dcm")),
            key=lambda ds: ds.ImagePositionPatient[2],
        )
        phantom = make_phantom(70 + place, cancer=is_ill, slices=8, size=64)
        own = [row for row in rows if row["patient_id"] == patient]
        assert len(own) == len(phantom.nodules)
        assert any(row["kind"] == "malignant" for row in own) == is_ill
        for row, nodule in zip(own, phantom.nodules, strict=True):
            assert row["seriesuid"] == headers[0].SeriesInstanceUID
            assert row["malignancy_rating"] == ("5" if nodule.kind == "malignant" else "1")
            assert float(row["diameter_mm"]) == pytest.approx(nodule.diameter, abs=1e-4)
            x, y, z = (float(row[name]) for name in ("coordX", "coordY", "coordZ"))
            left, top, bottom = headers[0].ImagePositionPatient
            down, across = headers[0].PixelSpacing
            step = headers[1].ImagePositionPatient[2] - bottom
            index = (z - bottom) / step, (y - top) / down, (x - left) / across
            np.testing.assert_allclose(index, nodule.index, atol=1e-3)
            kinds.add(row["kind"])
    assert {"malignant", "granuloma"} <= kinds <= {"malignant", "benign", "granuloma"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"patients": 0}, "0"),
        ({"patients": 10_000}, "10000"),
        ({"patients": 2, "cancer_fraction": 1.5}, "1.5"),
        ({"patients": 2, "seed": -3}, "-3"),
        ({"patients": 2, "slices": 2}, "2 for slices"),
    ],
)
def test_an_argument_out_of_range_is_refused_before_any_labels(
    tmp_path: Path, arguments: dict[str, int], named: str
) -> None:
    """The message names the value, and no table of labels is left behind."""
    with pytest.raises(LungdbError, match=named):
        make_dataset(tmp_path / "scans", **arguments)
    assert not (tmp_path / "labels.csv").exists()
    assert not (tmp_path / "nodules.csv").exists()


@pytest.mark.parametrize(("patients", "status"), [(1, 0), (0, 1)])
def test_the_script_writes_a_dataset_or_says_what_is_wrong(tmp_path: Path, patients: int, status: int) -> None:
    """Status 0 and the place of the labels, or status 1 and the value, never a traceback."""
    command = [sys.executable, "scripts/make_phantoms.py", str(tmp_path / "scans"), "--slices=4", "--size=64"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, f"--patients={patients}"], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    if status:
        assert "patients 0" in done.stderr
    else:
        assert str(tmp_path / "labels.csv") in done.stdout
        assert len(list((tmp_path / "scans" / "phantom-0001").glob("*.dcm"))) == 4
