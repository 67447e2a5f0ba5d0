"""Scores, maps and masks as DICOM, read by pydicom and judged by dcmtk and dicom3tools."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import UID

import lungdb
from lungdb.cli.main import main
from tests.support.databases import copy_to, target_of
from tests.support.fixtures import Archive

SIDE = 7


@pytest.fixture(scope="module")
def target(exported_file: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Scan 1 has an explained score, and two maps whose numbers say where they lie."""
    target = target_of(copy_to(tmp_path_factory.mktemp("dicom"), exported_file))
    with lungdb.open(target) as db:
        for slice_index in (3, 4):
            values = (np.arange(SIDE * SIDE, dtype="<f4").reshape(SIDE, SIDE) - 11) / 3 + slice_index
            db.execute(
                "INSERT INTO dbo.score_maps (prediction_id, slice_index, method, position, first_row, end_row, "
                "first_col, end_col, map_rows, map_cols, lowest, highest, map, map_sha256) VALUES "
                "(1, ?, 'occlusion', NULL, 4, 60, 2, 58, 7, 7, ?, ?, ?, HASHBYTES('SHA2_256', ?));",
                (slice_index, float(values.min()), float(values.max()), values.tobytes(), values.tobytes()),
            )
    return target


@pytest.fixture(scope="module")
def written(target: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The objects of the data set with five scans."""
    out = tmp_path_factory.mktemp("written") / "out"
    options = ["--dataset", "some", "--dicom", "all", "--mask-above", "-400"]
    assert main(["export", str(out), "-d", target, *options]) == 0
    return out / "dicom"


@pytest.fixture(scope="module")
def files(archive: Archive, target: str) -> list[pydicom.Dataset]:
    """The files of scan 1, from feet to head."""
    with lungdb.open(target) as db:
        uid = db.execute("SELECT series_uid FROM dbo.scans WHERE scan_id = 1;")[0]["series_uid"][0]
    read = (pydicom.dcmread(path) for path in archive.scans.rglob("*.dcm"))
    return sorted((each for each in read if each.SeriesInstanceUID == uid), key=lambda f: f.ImagePositionPatient[2])


def _hu(file: pydicom.Dataset) -> np.ndarray:
    return file.pixel_array.astype(int) * int(file.RescaleSlope) + int(file.RescaleIntercept)


def test_a_report_says_the_probability_and_whose_it_is(
    written: Path, target: str, files: list[pydicom.Dataset]
) -> None:
    """Number, unit and concept, the algorithm with its SHA-256, and references to the series' own slices."""
    report = pydicom.dcmread(written / "sr-score-000001.dcm")
    with lungdb.open(target) as db:
        score = db.execute(
            "SELECT r.probability, c.name, c.version, LOWER(CONVERT(VARCHAR(64), c.sha256, 2)) AS sha256 "
            "FROM dbo.predictions AS r INNER JOIN dbo.classifiers AS c ON c.classifier_id = r.classifier_id "
            "WHERE r.prediction_id = 1;"
        )[0].iloc[0]
    items = list(_items(report))
    (number,) = [each for each in items if each.ValueType == "NUM"]
    value = number.MeasuredValueSequence[0]
    assert number.ConceptNameCodeSequence[0].CodeMeaning == "Probability of cancer"
    assert float(value.NumericValue) == pytest.approx(100 * score["probability"], abs=1e-6)
    assert value.MeasurementUnitsCodeSequence[0].CodeValue == "%"
    texts = {each.ConceptNameCodeSequence[0].CodeMeaning: each.TextValue for each in items if each.ValueType == "TEXT"}
    assert texts["Algorithm Name"] == score["name"]
    assert texts["Algorithm Version"] == str(score["version"])
    assert any(each.TextValue == f"sha256={score['sha256']}" for each in items if each.ValueType == "TEXT")
    referred = {each.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for each in items if each.ValueType == "IMAGE"}
    assert referred == {each.SOPInstanceUID for each in files}
    assert (report.PatientID, report.StudyInstanceUID) == (files[0].PatientID, files[0].StudyInstanceUID)
    assert (report.PatientName, report.PatientSex) == ("", "")


def _items(item: pydicom.Dataset) -> list[pydicom.Dataset]:
    return [item, *(below for each in item.get("ContentSequence", []) for below in _items(each))]


def test_a_mask_is_what_lies_above_the_threshold(written: Path, files: list[pydicom.Dataset]) -> None:
    """Frame by frame, found over the position that it names, as the files' own pixels say."""
    mask = pydicom.dcmread(written / "mask-scan-000001.dcm")
    frames = mask.pixel_array.reshape(-1, mask.Rows, mask.Columns)
    expected = {float(each.ImagePositionPatient[2]): _hu(each) > -400 for each in files}
    found = {}
    for frame, group in zip(frames, mask.PerFrameFunctionalGroupsSequence, strict=True):
        position = group.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(position[:2], [float(v) for v in files[0].ImagePositionPatient[:2]], atol=1e-4)
        found[float(position[2])] = frame.astype(bool)
    assert found.keys() == {z for z, each in expected.items() if each.any()}
    assert all(np.array_equal(each, expected[z]) for z, each in found.items())
    shared = mask.SharedFunctionalGroupsSequence[0]
    assert np.allclose(
        shared.PixelMeasuresSequence[0].PixelSpacing, [float(v) for v in files[0].PixelSpacing], rtol=1e-6
    )
    assert mask.SegmentSequence[0].SegmentLabel == "above -400 HU"


def test_a_map_has_its_floats_over_its_slices(written: Path, files: list[pydicom.Dataset]) -> None:
    """Bit by bit; its first value lies in the middle of the eight by eight pixels that it stands for."""
    made = pydicom.dcmread(next(written.glob("map-score-000001-*.dcm")))
    values = np.frombuffer(made.FloatPixelData, "<f4").reshape(-1, SIDE, SIDE)
    assert len(values) == 2
    for frame, group in zip(values, made.PerFrameFunctionalGroupsSequence, strict=True):
        position = [float(v) for v in group.PlanePositionSequence[0].ImagePositionPatient]
        (index,) = [i for i, f in enumerate(files) if abs(float(f.ImagePositionPatient[2]) - position[2]) < 1e-4]
        expected = (np.arange(SIDE * SIDE, dtype="<f4").reshape(SIDE, SIDE) - 11) / 3 + index
        assert frame.tobytes() == expected.tobytes()
        file = files[index]
        spacing = [float(v) for v in file.PixelSpacing]
        assert position[0] == pytest.approx(float(file.ImagePositionPatient[0]) + (2 + 3.5) * spacing[1], abs=1e-3)
        assert position[1] == pytest.approx(float(file.ImagePositionPatient[1]) + (4 + 3.5) * spacing[0], abs=1e-3)
    measures = made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert np.allclose(measures.PixelSpacing, [8 * float(v) for v in files[0].PixelSpacing], rtol=1e-6)


def test_the_same_export_is_the_same_bytes(written: Path, target: str, tmp_path: Path) -> None:
    """UIDs follow from what the objects are of, so that references between two exports hold."""
    options = ["--dataset", "some", "--dicom", "all", "--mask-above", "-400"]
    assert main(["export", str(tmp_path / "out"), "-d", target, *options]) == 0
    again = {each.name: each.read_bytes() for each in (tmp_path / "out" / "dicom").iterdir()}
    before = {each.name: each.read_bytes() for each in written.iterdir()}
    assert again.keys() == before.keys()
    assert [name for name in again if again[name] != before[name]] == []
    uids = [pydicom.dcmread(each, stop_before_pixels=True).SOPInstanceUID for each in written.iterdir()]
    assert len(set(uids)) == len(uids) == 6 + 1 + 5
    assert all(UID(uid).is_valid and uid.startswith("2.25.") for uid in uids)


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="dcmtk is not installed")
def test_dcmtk_reads_the_report(written: Path) -> None:
    """dsrdump parses the tree by the standard's relationships and prints the score."""
    done = subprocess.run(
        ["dsrdump", written / "sr-score-000001.dcm"], capture_output=True, text=True, check=True, timeout=60
    )
    assert re.search(r'"Probability of cancer"\)="[0-9.]+" \(%,UCUM', done.stdout)
    assert "error" not in done.stderr.lower()


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("pattern", ["sr-score-000001.dcm", "map-*.dcm", "mask-scan-000001.dcm"])
def test_dicom3tools_finds_no_error(written: Path, pattern: str) -> None:
    """dciodvfy knows the modules of each object and what they need."""
    done = subprocess.run(
        ["dciodvfy", next(written.glob(pattern))], capture_output=True, text=True, check=False, timeout=60
    )
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


def test_what_the_database_does_not_keep_is_named(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attributes of the source files, and scans that lie in no known place; masks need a threshold."""
    assert main(["export", str(tmp_path / "a"), "-d", target, "--dicom", "masks"]) == 1
    assert "--mask-above" in capsys.readouterr().err
    copied = target_of(copy_to(tmp_path, Path(target.removeprefix("sqlite:///"))))
    with lungdb.open(copied) as db:
        db.execute("UPDATE dbo.scans SET origin_x = NULL WHERE scan_id = 2;")
    options = ["--dataset", "some", "--dicom", "masks", "--mask-above", "-400"]
    assert main(["export", str(tmp_path / "out"), "-d", copied, *options]) == 0
    said = capsys.readouterr().out
    assert "does not know PatientName, PatientBirthDate, PatientSex" in said
    assert "1 scans lie in no known place" in said
    assert len(list((tmp_path / "out" / "dicom").iterdir())) == 4
