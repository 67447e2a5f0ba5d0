"""Volumes as NIfTI, their place as pydicom's files have it, and back as the same scan."""

from __future__ import annotations

import csv
import json
import math
import os
from hashlib import sha256
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

import lungdb
from lungdb.cli.main import main
from tests.dicom.make_ct import ct_dataset, save
from tests.support.databases import copy_to, target_of

SLICES = 6


@pytest.fixture
def oblique(tmp_path: Path) -> list[pydicom.Dataset]:
    """A series turned by 8 degrees about the body's axis and taken with a gantry tilted by 15: steps are no normals."""
    turn, tilt = math.radians(8), math.radians(15)
    row = np.array([math.cos(turn), math.sin(turn), 0])
    column = np.array([-math.sin(turn) * math.cos(tilt), math.cos(turn) * math.cos(tilt), -math.sin(tilt)])
    rng = np.random.default_rng(4)
    for number in range(SLICES):
        position = np.array([-80.0, -95.5, -300.25]) + number * np.array([0, 0, 2.5])
        slice_ = ct_dataset(
            rng.integers(0, 3000, (10, 12), np.uint16),
            number,
            ImagePositionPatient=[f"{value:.6f}" for value in position],
            ImageOrientationPatient=[f"{value:.9f}" for value in (*row, *column)],
        )
        save(slice_, tmp_path / "dicom" / f"{number}.dcm")
    return [pydicom.dcmread(tmp_path / "dicom" / f"{number}.dcm") for number in range(SLICES)]


@pytest.fixture
def target(installed_file: Path, tmp_path: Path, oblique: list[pydicom.Dataset]) -> str:
    """A database with that series."""
    target = target_of(copy_to(tmp_path, installed_file))
    assert main(["load-scans", "-d", target, "--keep-ids", str(tmp_path / "dicom")]) == 0
    return target


def test_every_voxel_lies_where_its_file_says(target: str, tmp_path: Path, oblique: list[pydicom.Dataset]) -> None:
    """In RAS millimetres, from ImagePositionPatient, ImageOrientationPatient and PixelSpacing; HU to the last bit."""
    assert main(["export", str(tmp_path / "out"), "-d", target, "--volumes", "nifti"]) == 0
    (path,) = (tmp_path / "out" / "volumes").glob("*.nii.gz")
    image = nibabel.load(path)
    values = np.asanyarray(image.dataobj)
    assert (values.dtype, values.shape) == (np.int16, (12, 10, SLICES))
    assert (int(image.header["sform_code"]), int(image.header["qform_code"])) == (1, 0)
    assert image.header.get_xyzt_units()[0] == "mm"
    for k, file in enumerate(oblique):
        hu = file.pixel_array.astype(int) * int(file.RescaleSlope) + int(file.RescaleIntercept)
        assert np.array_equal(values[:, :, k], hu.T)
        axes = np.array(file.ImageOrientationPatient, float).reshape(2, 3)
        for r, c in ((0, 0), (9, 0), (0, 11), (7, 5)):
            lps = (
                np.array(file.ImagePositionPatient, float)
                + c * float(file.PixelSpacing[1]) * axes[0]
                + r * float(file.PixelSpacing[0]) * axes[1]
            )
            assert np.allclose(image.affine @ [c, r, k, 1], [-lps[0], -lps[1], lps[2], 1], atol=1e-4)


def test_a_volume_comes_back_as_the_same_scan(target: str, installed_file: Path, tmp_path: Path) -> None:
    """Into an empty database: every column of the scan and its slices, HU and hashes; twice changes nothing."""
    out, other = tmp_path / "out", tmp_path / "other"
    other.mkdir()
    assert main(["export", str(out), "-d", target, "--volumes", "nifti"]) == 0
    back = target_of(copy_to(other, installed_file))
    for _ in range(2):
        assert main(["import", str(out), "-d", back]) == 0
    scans, slices = "SELECT * FROM dbo.scans;", "SELECT * FROM dbo.scan_images ORDER BY slice_index;"
    with lungdb.open(target) as before, lungdb.open(back) as after:
        for sql in (scans, slices, "SELECT name, value FROM dbo.settings WHERE name LIKE N'id%';"):
            assert before.execute(sql)[0].equals(after.execute(sql)[0])
        assert np.array_equal(before.volume(1), after.volume(1))


def test_a_volume_of_an_unknown_place_is_said(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has its spacings and neither sform nor qform."""
    with lungdb.open(target) as db:
        db.execute("UPDATE dbo.scans SET step_x = NULL;")
    assert main(["export", str(tmp_path / "out"), "-d", target, "--volumes", "nifti"]) == 0
    assert "1 volumes lie in no known place" in capsys.readouterr().out
    (path,) = (tmp_path / "out" / "volumes").glob("*.nii.gz")
    header = nibabel.load(path).header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (0, 0)
    assert np.allclose(header["pixdim"][1:3], [0.8, 0.7])
    assert json.loads(next(path.parent.glob("*.json")).read_text(encoding="utf-8"))["place_is_known"] is False


def test_a_changed_volume_is_refused(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a manifest that was made to fit, its HU still are not those of the sidecar."""
    out = tmp_path / "out"
    assert main(["export", str(out), "-d", target, "--volumes", "nifti"]) == 0
    (path,) = (out / "volumes").glob("*.nii.gz")
    image = nibabel.load(path)
    values = np.asanyarray(image.dataobj).copy()
    values[0, 0, 0] += 1
    nibabel.save(nibabel.Nifti1Image(values, image.affine, image.header), path)
    _fit(out, path)
    assert main(["import", str(out), "-d", target]) == 1
    assert "has other Hounsfield units" in capsys.readouterr().err


def _fit(out: Path, path: Path) -> None:
    """Make a manifest fit a file that was changed."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][path.relative_to(out).as_posix()]["sha256"] = sha256(path.read_bytes()).hexdigest()
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


@pytest.mark.parametrize("text", ["{}", "[]", '"x"', "not JSON", '{"slices": 7, "content_sha256": null}'])
def test_a_description_that_is_none_is_refused(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """In a sentence; the manifest was made to fit it."""
    out = tmp_path / "out"
    assert main(["export", str(out), "-d", target, "--volumes", "nifti"]) == 0
    (path,) = (out / "volumes").glob("*.json")
    path.write_text(text, encoding="utf-8")
    _fit(out, path)
    assert main(["import", str(out), "-d", target]) == 1
    assert "does not describe a volume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../../etc/passwd": {"sha256": "00"}}, "is missing"),
        ({"SCHEMA.md": None}, "differs from its SHA-256"),
        ({"SCHEMA.md": {"bytes": 1}}, "differs from its SHA-256"),
        ({}, "does not name"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, object], said: str
) -> None:
    """Names that lead elsewhere, hashes that are none, files that it does not name."""
    out = tmp_path / "out"
    assert main(["export", str(out), "-d", target, "--what", "labels"]) == 0
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    kept = {} if said == "does not name" else manifest["files"]
    (out / "manifest.json").write_text(json.dumps({**manifest, "files": {**kept, **files}}), encoding="utf-8")
    assert main(["import", str(out), "-d", target]) == 1
    assert said in capsys.readouterr().err


def test_finished_volumes_of_a_killed_run_are_gone_on_from(target: str, tmp_path: Path) -> None:
    """A volume that is whole stays the same file; one without its JSON file is written again."""
    out = tmp_path / "out"
    assert main(["export", str(out), "-d", target, "--volumes", "nifti"]) == 0
    unfinished = tmp_path / "out.unfinished"
    out.rename(unfinished)
    settings = json.loads((unfinished / "manifest.json").read_text(encoding="utf-8"))["settings"]
    (unfinished / "manifest.json").unlink()
    (unfinished / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    (path,) = (unfinished / "volumes").glob("*.nii.gz")
    written = os.stat(path)
    assert main(["export", str(out), "-d", target, "--volumes", "nifti"]) == 0
    again = os.stat(out / "volumes" / path.name)
    assert (again.st_ino, again.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_a_submission_has_a_line_a_patient(exported_file: Path, tmp_path: Path) -> None:
    """The header of the Data Science Bowl 2017, ids as stored, probabilities as the database has them."""
    target = target_of(copy_to(tmp_path, exported_file))
    file = tmp_path / "submission.csv"
    assert main(["export", "-d", target, "--submission", str(file)]) == 0
    with file.open(newline="", encoding="utf-8") as text:
        header, *lines = csv.reader(text)
    with lungdb.open(target) as db:
        newest = db.execute(
            "SELECT s.patient_id, r.probability FROM dbo.predictions AS r "
            "INNER JOIN dbo.scans AS s ON s.scan_id = r.scan_id WHERE NOT EXISTS (SELECT 1 FROM dbo.predictions AS n "
            "WHERE n.scan_id = r.scan_id AND n.prediction_id > r.prediction_id) ORDER BY s.patient_id;"
        )[0]
    assert header == ["id", "cancer"]
    assert [(patient, float(value)) for patient, value in lines] == list(newest.itertuples(index=False, name=None))
    assert len(lines) == 40


def test_a_submission_without_every_patient_is_refused(
    exported_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says how many lack a score, and writes no file."""
    target = target_of(copy_to(tmp_path, exported_file))
    file = tmp_path / "submission.csv"
    with lungdb.open(target) as db:
        db.execute("DELETE FROM dbo.predictions WHERE scan_id IN (9, 11);")
    assert main(["export", "-d", target, "--submission", str(file)]) == 1
    assert "2 of 40 patients have no score by lightgbm_sql version 1" in capsys.readouterr().err
    assert main(["export", "-d", target, "--submission", str(file), "--model", "none"]) == 1
    assert not file.exists()
    assert main(["export", "-d", target, "--submission", str(file), "--dataset", "some"]) == 0
    assert len(file.read_text(encoding="utf-8").splitlines()) == 6
