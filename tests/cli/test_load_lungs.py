"""`lungdb load-lungs`: masks that SimpleITK and nibabel have written become rows of dbo.lung_masks."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from lungdb.cli.load_lungs import main
from lungdb.cli.main import main as lungdb
from lungdb.dicom.identity import Identity
from lungdb.imaging.volumes.masks import encode_mask
from lungdb.loading.lungs import LOBES
from tests.support.asking import Query
from tests.support.scan_rows import AXIAL, add_scan, begin

KEPT = Identity("kept", "")
KEY = "0f3d5a8812c94e7bb6a1d2c3e4f50617"
SERIES = "1.2.826.0.1.3680043.8.498.1"
SHAPE = (6, 16, 16)
SPACING, ORIGIN = (0.7, 0.7, 2.5), (-100.0, -90.0, -120.0)
STORED = (
    "SELECT scan_id, method, millilitres, first_slice, last_slice, first_row, last_row, first_col, last_col, mask, "
    "mask_sha256, dice FROM dbo.lung_masks ORDER BY scan_id, method;"
)


def two_lungs() -> NDArray[np.uint8]:
    """LUNA16's values: 3 the left lung, 4 the right one, 5 the windpipe; uint8[slices, rows, cols]."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:5, 3:12, 9:14] = 3
    mask[2:5, 4:12, 2:6] = 4
    mask[4:6, 5:7, 7:9] = 5
    return mask


LUNGS = np.isin(two_lungs(), [3, 4])


def image_of(values: NDArray[np.uint8]) -> SimpleITK.Image:
    """Lay an array on the voxels of the scan."""
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    return image


def add(target: str, *series: str, identity: Identity = KEPT) -> None:
    """Store scans of which only rows are there."""
    begin(target, identity)
    for place, each in enumerate(series):
        slices = [(f"{each}.{k}", -120 + 2.5 * k) for k in range(SHAPE[0])]
        add_scan(target, identity, f"patient {place}", each, slices, SHAPE[1], **AXIAL)


def stored(query: Query, scan_id: int = 1) -> NDArray[np.bool_]:
    """Read the mask of a scan by NumPy alone."""
    ((blob,),) = query("SELECT mask FROM dbo.lung_masks WHERE method = N'truth' AND scan_id = ?;", scan_id)
    bits = np.unpackbits(np.frombuffer(gzip.decompress(blob), np.uint8))
    return bits[: int(np.prod(SHAPE))].reshape(SHAPE) == 1


def test_masks_as_luna16_has_them_are_loaded_once(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The voxels of the values that are named, their volume and box; what was found before is compared with them."""
    add(target, SERIES)
    SimpleITK.WriteImage(image_of(two_lungs()), tmp_path / f"{SERIES}.mhd", useCompression=True)
    found = np.zeros(SHAPE, bool)
    found[1:5, 3:12, 9:14] = True
    query(
        "INSERT INTO dbo.lung_masks (scan_id, method, threshold, content_sha256, millilitres, first_slice, last_slice, "
        "first_row, last_row, first_col, last_col, mask, mask_sha256) SELECT scan_id, N'threshold', -400, "
        "content_sha256, 1, 1, 4, 3, 11, 9, 13, ?, ? FROM dbo.scans; SELECT 1 AS done;",
        *encode_mask(found),
    )
    assert main([str(tmp_path / f"{SERIES}.mhd"), "-d", target]) == 1
    assert "scan 1: The mask has the values 3, 4, 5 beside 0. Say which are lungs: --labels" in capsys.readouterr().out
    assert main([str(tmp_path), "-d", target, "--labels", "3,4"]) == 0
    assert "Lungs: 1 scans added, 0 changed, 0 unchanged, 0 refused." in capsys.readouterr().out
    before = query(STORED)
    by_threshold, truth = before
    assert (stored(query) == LUNGS).all()
    assert truth[2] == pytest.approx(LUNGS.sum() * np.prod(SPACING) / 1000)
    assert truth[3:9] == (1, 4, 3, 11, 2, 13)
    assert by_threshold[11] == pytest.approx(2 * found.sum() / (found.sum() + LUNGS.sum()))
    assert main([str(tmp_path), "-d", target, "--labels", "3,4"]) == 0
    assert "0 changed, 1 unchanged" in capsys.readouterr().out
    assert query(STORED) == before
    assert query("SELECT TOP (1) procedure_name, scans FROM dbo.runs ORDER BY run_id DESC;") == [("load-lungs", 0)]
    assert main([str(tmp_path), "-d", target, "--labels", "3"]) == 0
    assert "1 changed" in capsys.readouterr().out
    assert query(STORED)[0][11] == pytest.approx(1)


@pytest.mark.parametrize("ending", [".mha", ".mhd", ".nii", ".nii.gz"])
@pytest.mark.parametrize("turned", ["LPS", "RAI", "SPL", "LAS"])
def test_a_mask_is_read_as_simpleitk_wrote_it(
    target: str, query: Query, tmp_path: Path, ending: str, turned: str
) -> None:
    """Whichever way its axes run: the voxels of the patient are the same."""
    add(target, SERIES)
    image = SimpleITK.DICOMOrient(image_of(LUNGS.astype(np.uint8)), turned)
    SimpleITK.WriteImage(image, tmp_path / f"{SERIES}{ending}")
    assert main([str(tmp_path), "-d", target]) == 0
    assert (stored(query) == LUNGS).all()


def test_lobes_of_totalsegmentator_are_lungs_together(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five files of nibabel in a folder named as export names the scan; a heart is none of them, four are too few."""
    add(target, SERIES)
    folder = tmp_path / "scan-000001"
    folder.mkdir()
    affine = np.diag([-0.7, -0.7, 2.5, 1])
    affine[:3, 3] = [100, 90, -120]
    for place, lobe in enumerate((*LOBES, "heart")):
        part = np.zeros(SHAPE, np.uint8)
        part[:, :, 3 * place : 3 * place + 3] = 1
        image = nibabel.Nifti1Image(part.transpose(2, 1, 0), affine)
        image.set_sform(None)
        image.set_qform(affine, code=1)
        nibabel.save(image, folder / f"{lobe}.nii.gz")
    assert main([str(tmp_path), "-d", target]) == 0
    assert np.flatnonzero(stored(query).all(axis=(0, 1))).tolist() == list(range(15))
    (folder / "lung_middle_lobe_right.nii.gz").unlink()
    capsys.readouterr()
    assert main([str(tmp_path), "-d", target]) == 1
    assert "not have one file of each lobe: lung_middle_lobe_right. Write all five" in capsys.readouterr().out


def test_what_is_wrong_is_named_and_the_rest_go_on(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the scan's number: never by UID or path, unless it is asked for."""
    names = [f"{SERIES}.{place}" for place in range(9)]
    add(target, *names)
    query("UPDATE dbo.scans SET origin_x = NULL WHERE scan_id = 6; SELECT 1 AS done;")
    good = image_of(LUNGS.astype(np.uint8))
    for name in (*names, "somebody"):
        SimpleITK.WriteImage(good, tmp_path / f"{name}.mha")
    elsewhere = image_of(LUNGS.astype(np.uint8))
    elsewhere.SetOrigin((-100.0, -90.0, -110.0))
    SimpleITK.WriteImage(elsewhere, tmp_path / f"{names[0]}.mha")
    SimpleITK.WriteImage(good[:-1], tmp_path / f"{names[1]}.mha")
    SimpleITK.WriteImage(good * 0, tmp_path / f"{names[2]}.mha")
    whole = (tmp_path / f"{names[3]}.mha").read_bytes()
    (tmp_path / f"{names[3]}.mha").write_bytes(whole[:-1])
    (tmp_path / f"{names[4]}.mha").write_bytes(whole.replace(b"LOCAL", b"../x.raw"))
    (tmp_path / f"{names[6]}.mha").write_bytes(whole.replace(b"16 16 6", b"9999999 9999999 6"))
    (tmp_path / f"{names[7]}.mha").write_bytes(b"\x00\x01")
    assert main([str(tmp_path), "-d", target, "--show-ids"]) == 1
    out = capsys.readouterr().out
    for scan, words in enumerate(
        [
            "The mask is of other voxels: it has 6 × 16 × 16 with 2.5 × 0.7 × 0.7 mm, first at -100, -90, -110 mm, and "
            "the scan 6 × 16 × 16 with 2.5 × 0.7 × 0.7 mm, first at -100, -90, -120 mm",
            "The mask is of other voxels: it has 6 × 16 × 15",
            "No voxel of the mask is lung",
            "It ends before its last voxel",
            "Its ElementDataFile is no file beside it",
            "The place in the patient of the scan is not known",
            "The mask",
            "It is no MetaImage",
        ],
        1,
    ):
        assert f"scan {scan}: {words}" in out
    assert "1 scans added, 0 changed, 0 unchanged, 8 refused" in out
    assert "somebody" in out
    assert SERIES not in out
    assert query("SELECT scan_id FROM dbo.lung_masks;") == [(9,)]
    assert main([str(tmp_path), "-d", target, "--show-paths"]) == 1
    assert f"{names[0]}.mha" in capsys.readouterr().out


def test_uids_are_found_hashed_and_nothing_known_is_refused(
    target: str, query: Query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name of a file is raw, or as the database has it; a file of nobody changes nothing."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    identity = Identity("keyed", KEY)
    add(target, SERIES, f"{SERIES}.2", identity=identity)
    for name in (SERIES, identity.uid(f"{SERIES}.2")):
        SimpleITK.WriteImage(image_of(LUNGS.astype(np.uint8)), tmp_path / f"{name}.nii.gz")
    assert main([str(tmp_path), "-d", target]) == 0
    assert (stored(query, 2) == LUNGS).all()
    other = tmp_path / "other"
    other.mkdir()
    assert main([str(other), "-d", target]) == 1
    assert "'other' has no masks. Supported are files that end in .nii.gz" in capsys.readouterr().err
    SimpleITK.WriteImage(image_of(LUNGS.astype(np.uint8)), other / "1.2.3.mha")
    assert main([str(other), "-d", target, "--labels", "1,x"]) == 1
    assert "--labels 1,x is not supported" in capsys.readouterr().err
    assert main([str(other), "-d", target]) == 1
    assert "None of the 1 UIDs is one of a series" in capsys.readouterr().err


def test_check_finds_masks_that_were_changed(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other bytes, fewer bytes, other slices; what was loaded is whole."""
    names = [f"{SERIES}.{place}" for place in range(4)]
    add(target, *names)
    for name in names:
        SimpleITK.WriteImage(image_of(LUNGS.astype(np.uint8)), tmp_path / f"{name}.mha")
    assert main([str(tmp_path), "-d", target]) == 0
    lungdb(["check", "-d", target])
    assert "Lungs that are not as they were stored" not in capsys.readouterr().out
    blob, _ = encode_mask(~LUNGS)
    query("UPDATE dbo.lung_masks SET mask = ? WHERE scan_id = 1; SELECT 1 AS done;", blob)
    query("UPDATE dbo.lung_masks SET mask = 0x1F8B WHERE scan_id = 2; SELECT 1 AS done;")
    query("UPDATE dbo.lung_masks SET content_sha256 = 0x00 WHERE scan_id = 4; SELECT 1 AS done;")
    assert lungdb(["check", "-d", target]) == 1
    assert (
        "Lungs that are not as they were stored: scan_id 1, method truth: the mask does not match its SHA-256 or size; "
        "scan_id 2, method truth: the mask does not match its SHA-256 or size; scan_id 4, method truth: they are of "
        "other slices than the scan has (3 in all)."
    ) in capsys.readouterr().out
