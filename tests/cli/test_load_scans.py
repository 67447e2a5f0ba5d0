"""`lungdb load-scans` on the embedded engine: what is stored, what is refused, and that nothing is half-loaded."""

from __future__ import annotations

import datetime
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_rescale

from lungdb.cli.load_scans import main
from lungdb.dicom.identity import Identity
from lungdb.imaging.codecs import decode_slice
from tests.dicom.make_ct import PATIENT_ID, SERIES_UID, STUDY_UID, ct_dataset, ramp, save, write_series, write_slice
from tests.support.asking import Query

ROOT = Path(__file__).resolve().parents[2]
KEY = "8f41c07be29d35a6104fe7bb92d85c3e"

Contents = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for DICOM files beside the database."""
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive"


def write_patient(folder: Path, name: str, slices: int = 3, series: str = "1", **header: Any) -> Path:
    """Write a series of a patient; UIDs follow from the name's bytes and `series`."""
    uid = f"1.2.{int.from_bytes(name.encode(), 'big')}.{series}"
    for number in range(slices):
        write_slice(
            folder / name / series / f"{number}.dcm",
            number=number,
            **{"PatientID": name, "SeriesInstanceUID": uid, "SOPInstanceUID": f"{uid}.{number}"} | header,
        )
    return folder / name


def test_a_series_is_stored_as_it_was_written(folder: Path, target: str, query: Query) -> None:
    """Every column against the values that make_ct wrote; pixels through the slice codec."""
    write_series(folder, slices=3)
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    assert query("SELECT patient_id, idx, display_name, sex, birth_year FROM dbo.patients;") == [
        (PATIENT_ID, 0, None, None, None)
    ]
    columns = "is_primary, series_uid, study_uid, study_date, manufacturer, image_rows, image_cols, number_images"
    assert query(f"SELECT {columns}, spacing_z, spacing_y, spacing_x FROM dbo.scans;") == [
        (True, SERIES_UID, STUDY_UID, datetime.date(2020, 3, 17), "ACME", 4, 5, 3, 2.5, 0.7, 0.8)
    ]
    rows = query("SELECT * FROM dbo.scan_images ORDER BY slice_index;")
    assert [row[1:6] for row in rows] == [
        (number, 2.5 * number, f"{SERIES_UID}.{number}", 1.0, -1024.0) for number in range(3)
    ]
    for number, row in enumerate(rows):
        np.testing.assert_array_equal(decode_slice(row[6], 4, 5, row[7], row[8]), ramp(number) - 1024)


def test_t_sql_reads_the_pixels_with_decompress(folder: Path, target: str, query: Query) -> None:
    """The ramp's low bytes, then its high ones; the SHA-256 is of its int16 little-endian."""
    write_series(folder, slices=1)
    main([str(folder), "-d", target, "--keep-ids"])
    ((shuffled, sha256),) = query("SELECT DECOMPRESS(pixels) AS shuffled, pixels_sha256 FROM dbo.scan_images;")
    plain = (ramp(0) - 1024).astype("<i2").tobytes()
    assert shuffled == plain[::2] + plain[1::2]
    assert sha256 == hashlib.sha256(plain).digest()


def test_pydicoms_ct_small_is_loaded_without_special_handling(folder: Path, target: str, query: Query) -> None:
    """128 x 128, one slice; the reference is pydicom's own rescale."""
    path = str(get_testdata_file("CT_small.dcm"))
    shutil.copy(path, folder)
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    dataset = pydicom.dcmread(path)
    (stored,) = query(
        "SELECT i.pixels, s.image_rows, s.image_cols, i.pixels_sha256, i.encoding FROM dbo.scans AS s "
        "INNER JOIN dbo.scan_images AS i ON i.scan_id = s.scan_id;"
    )
    np.testing.assert_array_equal(decode_slice(*stored), apply_rescale(dataset.pixel_array, dataset))


def test_patients_count_from_0_without_gaps_over_two_loads(folder: Path, target: str, query: Query) -> None:
    """The second folder goes on where the first one ended."""
    for name in ("b", "a"):
        write_patient(folder / "first", name)
    write_patient(folder / "second", "c")
    main([str(folder / "first"), "-d", target, "--keep-ids"])
    main([str(folder / "second"), "-d", target, "--keep-ids"])
    assert query("SELECT patient_id, idx FROM dbo.patients ORDER BY idx;") == [("a", 0), ("b", 1), ("c", 2)]


def test_loading_again_changes_nothing(folder: Path, target: str, contents: Contents) -> None:
    """Scans and rejections alike, to the last byte."""
    write_patient(folder, "a")
    (folder / "notes.txt").write_text("no image")
    main([str(folder), "-d", target, "--keep-ids"])
    before = contents()
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    assert contents() == before
    assert len(before["rejected_files"]) == 1


def test_of_a_patients_series_only_the_primary_one_is_loaded(
    folder: Path, target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slices every 2.5 mm are thinner than every 10 mm; the other series is named as not primary."""
    write_patient(folder, "a", slices=8, series="1")
    for number in range(2):
        position = [-100, -120, 10 * number]
        write_slice(
            folder / "a" / "thick" / str(number),
            number=number,
            PatientID="a",
            SeriesInstanceUID="1.3",
            SOPInstanceUID=f"1.3.{number}",
            ImagePositionPatient=position,
        )
    main([str(folder), "-d", target, "--keep-ids"])
    assert query("SELECT number_images, is_primary FROM dbo.scans;") == [(8, True)]
    assert query("SELECT reason FROM dbo.rejected_files;") == [("not_primary",)]
    assert "not_primary" in capsys.readouterr().out
    main([str(folder), "-d", target, "--keep-ids", "--all-series"])
    assert query("SELECT number_images, is_primary FROM dbo.scans ORDER BY scan_id;") == [(8, True), (2, False)]


def test_a_better_series_found_later_becomes_the_primary_one(folder: Path, target: str, query: Query) -> None:
    """The one that was primary stays in the database."""
    write_patient(folder / "first", "a", slices=4, series="1")
    write_patient(folder / "second", "a", slices=9, series="2")
    main([str(folder / "first"), "-d", target, "--keep-ids"])
    main([str(folder / "second"), "-d", target, "--keep-ids"])
    assert query("SELECT number_images, is_primary FROM dbo.scans ORDER BY scan_id;") == [(4, False), (9, True)]


def test_a_series_with_a_broken_slice_is_rejected_whole_and_the_others_are_loaded(
    folder: Path, target: str, query: Query, contents: Contents
) -> None:
    """The middle slice of the first patient is cut; nothing of that patient stays, and the next one has idx 0."""
    path = write_patient(folder, "a") / "1" / "1.dcm"
    path.write_bytes(path.read_bytes()[:-9])
    write_patient(folder, "b")
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    assert query("SELECT patient_id, idx FROM dbo.patients;") == [("b", 0)]
    assert query("SELECT COUNT(*) AS n FROM dbo.scan_images;") == [(3,)]
    assert query("SELECT reason FROM dbo.rejected_files;") == [("truncated",), ("bad_slices",)]
    before = contents()
    main([str(folder), "-d", target, "--keep-ids"])
    assert contents() == before


def test_a_changed_series_is_refused_and_taken_with_replace(
    folder: Path, target: str, query: Query, contents: Contents
) -> None:
    """What was made from the old pixels goes with them."""
    path = write_patient(folder, "a") / "1" / "1.dcm"
    main([str(folder), "-d", target, "--keep-ids"])
    query(
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'n', 1, N'onnx', 0x00, 0x00, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'l', N'lung', 1);"
        "INSERT INTO dbo.features (scan_id, feature_set_id, array_rows, array_cols, array, sha256) "
        "VALUES (1, 1, 1, 1, 0x00000000, 0x00);"
        "INSERT INTO dbo.pooled_features (scan_id, feature_set_id, pooling, vector) VALUES (1, 1, N'mean', N'[0]');"
    )
    uid = str(pydicom.dcmread(path).SeriesInstanceUID)
    header = {"PatientID": "a", "SeriesInstanceUID": uid, "SOPInstanceUID": f"{uid}.1"}
    write_slice(path, ramp(50), 1, **header)
    before = contents()
    assert main([str(folder), "-d", target, "--keep-ids"]) == 1
    after = contents()
    assert [row[1] for row in after.pop("rejected_files")] == ["changed_series"]
    before.pop("rejected_files")
    assert after == before
    assert main([str(folder), "-d", target, "--keep-ids", "--replace"]) == 0
    assert query("SELECT patient_id, idx FROM dbo.patients;") == [("a", 0)]
    assert query("SELECT is_primary, number_images FROM dbo.scans;") == [(True, 3)]
    assert query("SELECT COUNT(*) AS n FROM dbo.features;") == [(0,)]
    (stored,) = query("SELECT pixels, 4, 5, pixels_sha256, encoding FROM dbo.scan_images WHERE slice_index = 1;")
    np.testing.assert_array_equal(decode_slice(*stored), ramp(50) - 1024)


def test_a_series_that_is_there_under_another_patient_is_refused(
    folder: Path, target: str, query: Query, contents: Contents
) -> None:
    """Neither its scan nor its patient changes, with --replace either."""
    write_patient(folder, "a")
    main([str(folder), "-d", target, "--keep-ids"])
    before = contents()
    uid = query("SELECT series_uid FROM dbo.scans;")[0][0]
    write_patient(folder, "a", PatientID="b", SeriesInstanceUID=uid)
    assert main([str(folder), "-d", target, "--keep-ids", "--replace"]) == 1
    after = contents()
    assert [row[1] for row in after["rejected_files"]] == ["other_patient"]
    assert after | {"rejected_files": []} == before


def test_with_a_key_nothing_that_identifies_the_patient_is_stored_or_printed(
    folder: Path, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A byte search of the database's files and of the output for ids, UIDs, date, name and path."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    write_series(folder / "DOE_JANE")
    broken = ct_dataset(ramp(0), SeriesInstanceUID="1.9.8.7", SOPInstanceUID="1.9.8.7.1")
    del broken.PixelData
    save(broken, folder / "DOE_JANE" / "broken")
    assert main([str(folder), "-d", target]) == 0
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("lung_cancer_database.db*"))
    printed = "".join(capfd.readouterr())
    for secret in (PATIENT_ID, SERIES_UID, STUDY_UID, "DOE", "2020-03-17", "20200317", "1.9.8.7", str(folder), KEY):
        for encoding in ("utf-8", "utf-16-le"):
            assert secret.encode(encoding) not in stored
        assert secret not in printed
    shifted = Identity("keyed", KEY).date(datetime.date(2020, 3, 17), PATIENT_ID)
    assert shifted is not None
    assert shifted.isoformat().encode() in stored, "the search sees what is stored"


def test_the_same_patient_has_the_same_id_at_every_load(
    folder: Path, target: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two series of one PatientID, loaded apart, are one patient."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    write_patient(folder / "first", "a", slices=4, series="1")
    write_patient(folder / "second", "a", slices=9, series="2")
    main([str(folder / "first"), "-d", target])
    main([str(folder / "second"), "-d", target])
    assert query("SELECT COUNT(*) AS n FROM dbo.patients;") == [(1,)]
    assert query("SELECT COUNT(*) AS n FROM dbo.scans;") == [(2,)]


def test_another_key_or_mode_than_the_databases_is_refused(
    folder: Path,
    target: str,
    contents: Contents,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It would make a second patient of each one, or store an id among hashes."""
    write_patient(folder, "a")
    assert main([str(folder), "-d", target]) == 1
    assert "id_key" in capsys.readouterr().err
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    assert main([str(folder), "-d", target]) == 0
    before = contents()
    assert main([str(folder), "-d", target, "--keep-ids"]) == 1
    assert "Leave out --keep-ids" in capsys.readouterr().err
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY[::-1])
    assert main([str(folder), "-d", target]) == 1
    assert "id_key" in capsys.readouterr().err
    assert contents() == before


def test_patients_whose_kept_ids_differ_in_case_are_not_made_one(folder: Path, target: str, query: Query) -> None:
    """The database compares without case."""
    write_patient(folder, "a")
    write_patient(folder, "A")
    main([str(folder), "-d", target, "--keep-ids"])
    assert query("SELECT patient_id FROM dbo.patients;") == [("A",)]
    assert query("SELECT reason FROM dbo.rejected_files;") == [("similar_patient_id",)]


def test_a_folder_without_ct_ends_with_status_1(folder: Path, target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """And says how to find out why; paths come only when asked for."""
    (folder / "notes.txt").write_text("no image")
    assert main([str(folder), "-d", target, "--keep-ids"]) == 1
    out = capsys.readouterr().out
    assert "not_dicom" in out
    assert "notes.txt" not in out
    main([str(folder), "-d", target, "--keep-ids", "--show-paths"])
    assert "notes.txt" in capsys.readouterr().out


def test_a_database_without_tables_names_the_command_that_makes_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped target is the likely reason."""
    assert main([str(folder), "-d", f"sqlite:///{tmp_path / 'other.db'}", "--keep-ids"]) == 1
    assert "lungdb install" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["pydicom", "tqdm"])
def test_a_missing_package_names_the_pip_command(module: str) -> None:
    """With the import blocked, as where the extra is not installed."""
    code = (
        f"import sys; sys.modules[{module!r}] = None; from lungdb.cli.load_scans import main; "
        "sys.exit(main(['.', '--keep-ids']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert 'pip install "lungdb[load]"' in done.stderr
    assert "Traceback" not in done.stderr
