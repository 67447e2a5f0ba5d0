"""What the options of `lungdb load-scans` change, and what is recorded with a scan."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from lungdb.cli.load_scans import main
from lungdb.imaging.codecs import decode_slice
from lungdb.phantoms.dataset import make_dataset
from tests.cli.test_load_scans import KEY, Contents, write_patient
from tests.dicom.make_ct import ramp, write_series, write_slice
from tests.support.asking import Query


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder for DICOM files beside the database."""
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive"


def test_a_dry_run_says_what_would_happen_and_writes_nothing(
    folder: Path, target: str, contents: Contents, capsys: pytest.CaptureFixture[str]
) -> None:
    """It tells the figures of the real run that follows."""
    write_patient(folder, "a", slices=5)
    write_patient(folder, "a", slices=3, series="2")
    write_patient(folder, "b")
    (folder / "notes.txt").write_text("no image")
    before = contents()
    assert main([str(folder), "-d", target, "--keep-ids", "--dry-run"]) == 0
    assert contents() == before
    dry = capsys.readouterr().out
    assert "nothing was written" in dry
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    real = capsys.readouterr().out
    assert "Series: 2 loaded, 0 replaced, 0 unchanged; 8 slices" in dry
    assert "Series: 2 loaded, 0 replaced, 0 unchanged; 8 slices" in real
    assert dry.splitlines()[1:] == real.splitlines()[1:]
    assert any(line.split()[:2] == ["1", "not_primary"] for line in real.splitlines())


def test_with_allow_gaps_a_series_is_taken_without_its_bad_slices(folder: Path, target: str, query: Query) -> None:
    """Of five slices the second cannot be decoded and the third is missing; the places are those that are left.

    Of the distances 7.5 and 2.5 mm the smaller one is the spacing: a missing slice makes a distance larger.
    """
    paths = write_patient(folder, "a", slices=5) / "1"
    (paths / "2.dcm").unlink()
    data = (paths / "1.dcm").read_bytes()
    (paths / "1.dcm").write_bytes(data[:-9])
    assert main([str(folder), "-d", target, "--keep-ids"]) == 1
    assert main([str(folder), "-d", target, "--keep-ids", "--allow-gaps"]) == 0
    assert query("SELECT number_images, spacing_z FROM dbo.scans;") == [(3, 2.5)]
    rows = query(
        "SELECT slice_index, position_z, pixels, pixels_sha256, encoding FROM dbo.scan_images ORDER BY slice_index;"
    )
    assert [row[:2] for row in rows] == [(0, 0.0), (1, 7.5), (2, 10.0)]
    for row, number in zip(rows, (0, 3, 4), strict=True):
        np.testing.assert_array_equal(decode_slice(row[2], 4, 5, row[3], row[4]), ramp(number) - 1024)


def test_slices_of_a_zip_archive_are_loaded(folder: Path, target: str, query: Query, tmp_path: Path) -> None:
    """The archive's name says nothing; it is found by its content."""
    write_series(tmp_path / "loose", 3)
    with zipfile.ZipFile(folder / "download", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (tmp_path / "loose").iterdir():
            archive.write(path, f"DOE_JANE/{path.name}")
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    assert query("SELECT number_images FROM dbo.scans;") == [(3,)]


def test_when_the_primary_series_cannot_be_read_the_next_one_is_loaded(folder: Path, target: str, query: Query) -> None:
    """The thin series has a slice that is only found broken when it is decoded."""
    write_patient(folder, "a", slices=9, series="1", BitsStored=24)
    write_patient(folder, "a", slices=4, series="2")
    assert main([str(folder), "-d", target, "--keep-ids"]) == 0
    assert query("SELECT number_images, is_primary FROM dbo.scans;") == [(4, True)]
    assert query("SELECT DISTINCT reason FROM dbo.rejected_files ORDER BY reason;") == [
        ("bad_slices",),
        ("decoder_failed",),
    ]


def test_the_deidentification_and_the_gantry_tilt_are_recorded(
    folder: Path, target: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """113100 and 113107 are codes of PS3.16 CID 7050; the slices lean by asin(0.28), the table moves along z."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    for number in range(3):
        write_slice(
            folder / str(number),
            number=number,
            ImageOrientationPatient=[1, 0, 0, 0, 0.96, -0.28],
            ImagePositionPatient=[0, 0, 3 * number],
            Manufacturer="GE MEDICAL SYSTEMS of Jane Doe",
        )
    assert main([str(folder), "-d", target]) == 0
    assert query("SELECT deidentification, gantry_tilt, manufacturer FROM dbo.scans;") == [
        ("113100,113107", 16.3, "GE")
    ]


def test_kept_ids_record_no_deidentification(folder: Path, target: str, query: Query) -> None:
    """The database cannot tell what was done to the data before."""
    write_series(folder)
    main([str(folder), "-d", target, "--keep-ids"])
    assert query("SELECT deidentification FROM dbo.scans;") == [(None,)]


def test_no_identifying_value_of_the_phantoms_headers_is_found(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every text of patient, study, series and dates is searched in the database's bytes and in the output.

    But for the kernel, which is stored where it is the name of one.
    """
    import pydicom

    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    make_dataset(tmp_path / "scans", patients=1, slices=4, size=64, workers=1)
    (broken := tmp_path / "scans" / "PHANTOM_JANE").write_bytes(b"\0" * 128 + b"DICM" + b"Phantom^Ada")
    assert main([str(tmp_path / "scans"), "-d", target]) == 0
    secrets = {broken.name, "phantom-0001", KEY}
    for path in (tmp_path / "scans" / "phantom-0001").iterdir():
        dataset = pydicom.dcmread(path)
        for element in dataset:
            if (
                element.keyword != "ConvolutionKernel"
                and element.VR in ("PN", "LO", "LT", "DA", "UI", "SH")
                and len(str(element.value)) > 3
            ):
                secrets.add(str(element.value))
    secrets -= {str(pydicom.uid.CTImageStorage)}
    assert len(secrets) > 10
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("lung_cancer_database.db*"))
    printed = "".join(capfd.readouterr())
    for secret in secrets:
        for encoding in ("utf-8", "utf-16-le"):
            assert secret.encode(encoding) not in stored, secret
        assert secret not in printed
    assert b"113100,113107" in stored, "the search sees what is stored"


@pytest.mark.parametrize("option", [["--max-volume", "0"], ["--time-limit", "-1"], ["--workers", "many"]])
def test_a_limit_that_is_none_is_refused(folder: Path, target: str, option: list[str]) -> None:
    """As wrong usage, before anything is read."""
    with pytest.raises(SystemExit) as caught:
        main([str(folder), "-d", target, "--keep-ids", *option])
    assert caught.value.code == 2


def test_a_limit_that_is_set_is_kept(folder: Path, target: str, query: Query) -> None:
    """A slice of 800 x 800 has 1.28 MB."""
    write_slice(folder / "a", np.zeros((800, 800), np.int16))
    assert main([str(folder), "-d", target, "--keep-ids", "--max-volume", "1"]) == 1
    assert query("SELECT reason FROM dbo.rejected_files;") == [("size_limit",)]
    assert main([str(folder), "-d", target, "--keep-ids", "--max-volume", "2"]) == 0
