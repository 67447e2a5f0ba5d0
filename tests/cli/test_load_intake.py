"""`lungdb load-scans` and what real files hold: padding, other units, opaque UIDs, no PatientID, and older scans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lungdb.cli.load_scans import main
from lungdb.imaging.codecs import decode_slice
from lungdb.loading.scan_store import INTAKE_RULE
from tests.cli.test_load_scans import Contents
from tests.dicom.make_ct import FIELD, SERIES_UID, body, write_slice
from tests.support.asking import Query

SCANS = "SELECT series_uid, is_primary, number_images, intake_rule, monoenergetic_kev FROM dbo.scans ORDER BY scan_id;"


def write_bodies(folder: Path, series: str = SERIES_UID, slices: int = 4, step: float = 2.5, **header: Any) -> Path:
    """Write slices of the body with intercept 0, so that −2000 HU lie outside the field of view."""
    for number in range(slices):
        values = {
            "RescaleIntercept": 0,
            "SeriesInstanceUID": series,
            "SOPInstanceUID": f"{series}.{number}",
            "ImagePositionPatient": [-100, -120, step * number],
        }
        write_slice(folder / f"{series}.{number}", body(100 + 10 * number), number, **values | header)
    return folder


def load(folder: Path, target: str, *options: str) -> int:
    """Load a folder with ids kept."""
    return main([str(folder), "-d", target, "--keep-ids", *options])


def reasons(query: Query) -> list[tuple[str, int]]:
    """Count the stored rejections."""
    return query("SELECT reason, COUNT(*) FROM dbo.rejected_files GROUP BY reason ORDER BY reason;")


def test_padding_is_stored_as_air_and_the_rule_is_recorded(tmp_path: Path, target: str, query: Query) -> None:
    """With intercept 0 it was water before; inside the field of view nothing changes."""
    write_bodies(tmp_path / "dicom")
    assert load(tmp_path / "dicom", target) == 0
    assert query(SCANS) == [(SERIES_UID, True, 4, INTAKE_RULE, None)]
    for number, (pixels, sha256, encoding) in enumerate(
        query("SELECT pixels, pixels_sha256, encoding FROM dbo.scan_images ORDER BY slice_index;")
    ):
        expected = np.where(FIELD, body(100 + 10 * number), -1024)
        np.testing.assert_array_equal(decode_slice(pixels, 32, 32, sha256, encoding), expected)


def test_an_iodine_map_is_refused_and_the_thicker_series_is_primary(tmp_path: Path, target: str, query: Query) -> None:
    """The map has twice the slices at half the distance, and would be primary."""
    write_bodies(tmp_path / "dicom", "1.1", RescaleType="HU")
    write_bodies(tmp_path / "dicom", "1.2", slices=8, step=1.25, RescaleType="MGML", RescaleSlope=0.1)
    assert load(tmp_path / "dicom", target, "--all-series") == 0
    assert query(SCANS) == [("1.1", True, 4, INTAKE_RULE, None)]
    assert reasons(query) == [("not_hounsfield", 8)]
    assert query("SELECT DISTINCT RIGHT(message, 18) FROM dbo.rejected_files;") == [("(RescaleType MGML)",)]


def test_a_map_within_the_series_does_not_cost_the_series(tmp_path: Path, target: str, query: Query) -> None:
    """It is another image, not a slice that is missing."""
    write_bodies(tmp_path / "dicom")
    write_slice(tmp_path / "dicom" / "map", body(), 9, RescaleType="MGML", SOPInstanceUID="1.9")
    assert load(tmp_path / "dicom", target) == 0
    assert query(SCANS) == [(SERIES_UID, True, 4, INTAKE_RULE, None)]


@pytest.mark.parametrize(("intercept", "is_taken"), [(0, True), (150, True), (-100, True), (300, False), (-300, False)])
def test_an_unspecified_unit_is_decided_by_where_the_air_lies(
    tmp_path: Path, target: str, query: Query, intercept: int, is_taken: bool
) -> None:
    """The body's air is at −1000 HU plus the intercept; one row says why a series is refused."""
    write_bodies(tmp_path / "dicom", RescaleType="US", RescaleIntercept=intercept)
    assert load(tmp_path / "dicom", target) == (0 if is_taken else 1)
    assert len(query(SCANS)) == int(is_taken)
    assert reasons(query) == ([] if is_taken else [("not_hounsfield", 1)])


def test_monoenergetic_images_keep_their_energy_and_are_never_primary_beside_others(
    tmp_path: Path, target: str, query: Query
) -> None:
    """Thinner and longer; loaded first and alone they are the patient's scan, until a conventional series comes."""
    energy = {"ImageType": ["DERIVED", "PRIMARY", "AXIAL", "VMI"], "MonoenergeticEnergyEquivalent": 67.5}
    write_bodies(tmp_path / "first", "1.1", slices=9, step=1.0, **energy)
    assert load(tmp_path / "first", target) == 0
    assert query(SCANS) == [("1.1", True, 9, INTAKE_RULE, 67.5)]
    write_bodies(tmp_path / "second", "1.2", slices=3, step=5.0)
    assert load(tmp_path / "second", target) == 0
    assert query(SCANS) == [("1.1", False, 9, INTAKE_RULE, 67.5), ("1.2", True, 3, INTAKE_RULE, None)]
    assert query("SELECT s.series_uid FROM dbo.worklist AS w INNER JOIN dbo.scans AS s ON s.scan_id = w.scan_id;") == [
        ("1.2",)
    ]
    write_bodies(tmp_path / "third", "1.3", slices=20, step=1.0, **energy)
    assert load(tmp_path / "third", target) == 1
    assert reasons(query) == [("not_primary", 1)]


@pytest.mark.filterwarnings("ignore:.*VR UI:UserWarning")  # of pydicom writing them
def test_uids_are_keys_whatever_they_are_made_of(tmp_path: Path, target: str, query: Query) -> None:
    """Hexadecimal words of a de-identifier, and what would be a path."""
    write_bodies(tmp_path / "dicom", "f0e1d2c3b4a5", StudyInstanceUID="../../etc/passwd")
    assert load(tmp_path / "dicom", target) == 0
    assert query("SELECT series_uid, study_uid FROM dbo.scans;") == [("f0e1d2c3b4a5", "../../etc/passwd")]


@pytest.mark.filterwarnings("ignore:.*VR UI:UserWarning")
def test_series_whose_uids_differ_in_case_only_are_not_mixed_up(
    tmp_path: Path, target: str, query: Query, contents: Contents
) -> None:
    """The database takes them for one; --replace would put one patient's pixels into the other's scan."""
    write_bodies(tmp_path / "first", "abc", PatientID="a")
    write_bodies(tmp_path / "second", "ABC", PatientID="b")
    load(tmp_path / "first", target)
    before = contents()
    assert load(tmp_path / "second", target, "--replace") == 1
    assert reasons(query) == [("similar_series_uid", 1)]
    assert contents() | {"rejected_files": []} == before


@pytest.mark.parametrize(
    ("option", "names"),
    [("folder", ["dicom", "one", "two/CT"]), ("study", ["1.7.1", "1.7.2", "1.7.3"])],
)
def test_an_empty_patient_id_is_named_by_an_option(
    tmp_path: Path, target: str, query: Query, option: str, names: list[str]
) -> None:
    """By the folder's path below the one that is loaded, or by the study; PatientID itself comes first."""
    places = ("", "one", "two/CT")
    for number, place in enumerate(places, start=1):
        header = {"PatientID": "" if number < 3 else None, "StudyInstanceUID": f"1.7.{number}"}
        write_bodies(tmp_path / "dicom" / place, f"1.{number}", **header)
    write_bodies(tmp_path / "dicom" / "named", "1.9", PatientID="somebody")
    assert load(tmp_path / "dicom", target) == 0
    assert reasons(query) == [("no_patient_id", 12)]
    assert load(tmp_path / "dicom", target, "--empty-patient-id", option) == 0
    assert query("SELECT patient_id FROM dbo.patients ORDER BY patient_id;") == [
        (n,) for n in sorted([*names, "somebody"])
    ]


def age(query: Query, series: str, water: int = 0) -> None:
    """Make a scan one that rule 1 took in, with other pixels where padding is, and features made from them."""
    query(f"UPDATE dbo.scans SET intake_rule = 1, content_sha256 = 0x0{water} WHERE series_uid = N'{series}';")
    query(
        "IF NOT EXISTS (SELECT 1 FROM dbo.feature_sets) BEGIN "
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'n', 1, N'onnx', 0x00, 0x00, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'l', N'lung', 1); END;"
        "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
        f"SELECT scan_id, 1, 1, 1, 0x00000000, 0x00 FROM dbo.scans WHERE series_uid = N'{series}';"
    )


def test_a_scan_of_rule_1_whose_pixels_come_out_otherwise_is_replaced_only_when_asked_for(
    tmp_path: Path, target: str, query: Query
) -> None:
    """No score changes in silence: until then the scan and its features stay, and stay marked."""
    write_bodies(tmp_path / "dicom")
    load(tmp_path / "dicom", target)
    age(query, SERIES_UID)
    assert load(tmp_path / "dicom", target) == 1
    assert reasons(query) == [("changed_series", 1)]
    assert query("SELECT s.intake_rule FROM dbo.scans AS s INNER JOIN dbo.features AS f ON f.scan_id = s.scan_id;") == [
        (1,)
    ]
    assert load(tmp_path / "dicom", target, "--replace") == 0
    assert query(SCANS) == [(SERIES_UID, True, 4, INTAKE_RULE, None)]
    assert query("SELECT COUNT(*) FROM dbo.features;") == [(0,)]


def test_a_scan_of_rule_1_with_the_same_pixels_is_noted_as_of_the_new_rule(
    tmp_path: Path, target: str, query: Query
) -> None:
    """Its features stay; what is new about it, its energy, is recorded and counts in the choice of the primary one."""
    write_bodies(tmp_path / "dicom", "1.1", slices=9, step=1.0, MonoenergeticEnergyEquivalent=70.0)
    write_bodies(tmp_path / "dicom", "1.2", slices=3)
    load(tmp_path / "dicom", target, "--all-series")
    ((content,),) = query("SELECT CONVERT(VARCHAR(64), content_sha256, 2) FROM dbo.scans WHERE series_uid = N'1.1';")
    age(query, "1.1")
    query("UPDATE dbo.scans SET is_primary = 0;")
    query(
        f"UPDATE dbo.scans SET content_sha256 = 0x{content}, monoenergetic_kev = NULL, is_primary = 1 "
        "WHERE series_uid = N'1.1';"
    )
    assert load(tmp_path / "dicom", target, "--all-series") == 0
    assert sorted(query(SCANS)) == [("1.1", False, 9, INTAKE_RULE, 70.0), ("1.2", True, 3, INTAKE_RULE, None)]
    assert query("SELECT COUNT(*) FROM dbo.features;") == [(1,)]


def test_replace_removes_what_an_earlier_version_took_for_hounsfield_units(
    tmp_path: Path, target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """The map was primary; then the series in Hounsfield units is, and without --replace nothing changes."""
    write_bodies(tmp_path / "dicom", "1.1", slices=3)
    write_bodies(tmp_path / "dicom", "1.2", slices=9, step=1.0)
    load(tmp_path / "dicom", target, "--all-series")
    age(query, "1.2")
    write_bodies(tmp_path / "dicom", "1.2", slices=9, step=1.0, RescaleType="MGML")
    load(tmp_path / "dicom", target, "--all-series")
    load(tmp_path / "dicom", target, "--all-series", "--replace", "--dry-run")
    assert [row[:2] for row in sorted(query(SCANS))] == [("1.1", False), ("1.2", True)]
    assert "were removed" not in capsys.readouterr().out
    assert load(tmp_path / "dicom", target, "--all-series", "--replace") == 0
    assert "1 scans that an earlier version took were removed" in capsys.readouterr().out
    assert query(SCANS) == [("1.1", True, 3, INTAKE_RULE, None)]
    assert query("SELECT COUNT(*) FROM dbo.features;") == [(0,)]
    assert len(query("SELECT * FROM dbo.worklist;")) == 1


def test_a_scan_of_the_new_rule_is_not_removed_by_a_map_of_its_series(
    tmp_path: Path, target: str, query: Query
) -> None:
    """A map that lies in the series is refused by itself."""
    write_bodies(tmp_path / "dicom")
    load(tmp_path / "dicom", target)
    write_slice(tmp_path / "map" / "a", body(), 9, RescaleType="MGML", SOPInstanceUID="1.9")
    assert load(tmp_path / "map", target, "--replace") == 1
    assert query(SCANS) == [(SERIES_UID, True, 4, INTAKE_RULE, None)]


def test_paths_are_printed_without_what_a_terminal_obeys(
    tmp_path: Path, target: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Escape codes, line ends and bytes that are no text, in names of files and in errors."""
    folder = tmp_path / "dicom"
    folder.mkdir()
    for name in ("red\x1b[31m", "two\nlines", "bytes\udcff", "turn\u202e"):
        (folder / name).write_text("no slice")
    load(folder, target, "--show-paths")
    load(folder / "no\x1b[31m", target)
    printed = "".join(capfd.readouterr())
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    for name in ("red\\x1b[31m", "two\\nlines", "bytes\\udcff", "turn\\u202e"):
        assert f"/{name}\t" in printed
    assert "no\\x1b[31m' does not exist" in printed
