"""Files that are handed in on the page: what is stored of them, what is refused and why, and what is left of them."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from lungdb.cli import load_scans
from lungdb.dicom.identity import Identity
from lungdb.imaging.codecs import decode_slice
from tests.cli.test_load_scans import KEY, write_patient
from tests.dicom.make_ct import ramp
from tests.support.databases import target_of
from tests.support.uploads import Person, contents
from tests.web.looking import audit, query

TABLES = {
    "patients": "*",
    "scans": "*",
    "scan_images": "*",
    "series_choices": "series_uid, study_uid, patient_id, scan_id, is_taken, is_study_choice, reason, number_images",
    "rejected_files": "reason, message",
}


def rows(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Read what a load stores."""
    return {
        table: sorted(query(database, f"SELECT {columns} FROM dbo.{table};"), key=repr)
        for table, columns in TABLES.items()
    }


def test_what_is_handed_in_is_stored_as_load_scans_stores_it(
    ana: Person, empty_database: Path, installed_file: Path, tmp_path: Path, temporary: Path
) -> None:
    """Every row and every byte, with hashed ids; files go, the audit names the patients by their indices alone."""
    folder = tmp_path / "archive"
    for name, slices in (("DOE^JANE", 3), ("ROE", 4)):
        write_patient(folder, name, slices=slices)
    write_patient(folder, "DOE^JANE", series="2", slices=2)
    shown = ana.load(contents(folder))

    other = Path(shutil.copy(installed_file, tmp_path / "other.db"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGDB_ID_KEY", KEY)
        assert load_scans.main([str(folder), "-d", target_of(other)]) == 0
    assert rows(empty_database) == rows(other)
    assert query(empty_database, "SELECT COUNT(*) FROM dbo.scans;") == [(2,)]
    ids = {row[0] for row in query(empty_database, "SELECT patient_id FROM dbo.patients;")}
    assert ids == {Identity("keyed", KEY).patient(name) for name in ("DOE^JANE", "ROE")}
    height, width, pixels, sha256, encoding = query(
        empty_database,
        "SELECT s.image_rows, s.image_cols, i.pixels, i.pixels_sha256, i.encoding FROM dbo.scan_images AS i "
        "INNER JOIN dbo.scans AS s ON s.scan_id = i.scan_id WHERE i.slice_index = 1 AND s.number_images = 4;",
    )[0]
    np.testing.assert_array_equal(decode_slice(pixels, height, width, sha256, encoding), ramp(1) - 1024)

    assert '<dd id="loaded">2</dd>' in shown
    assert 'href="/patients/0"' in shown
    assert "The series rule chose another series" in shown
    assert ana.client.get("/patients/1").status_code == 200
    assert [path for path in temporary.rglob("*") if path.is_file() and path.name != "in-use"] == []
    told = [row for row in audit(empty_database, "account, action, outcome, detail") if row[1] == "load"]
    assert told == [
        ("ana", "load", "ok", f"9 files, {sum(map(len, contents(folder).values()))} bytes are handed in"),
        ("ana", "load", "ok", "9 files are to be loaded"),
        ("ana", "load", "ok", "patients: 0, 1"),
    ]
    assert "DOE" not in "".join(row[3] for row in told)
    assert query(empty_database, "SELECT procedure_name, status, run_by FROM dbo.runs;") == [("page", "done", "ana")]


def test_archives_and_files_that_are_no_ct_are_told_by_name_and_reason(
    ana: Person, empty_database: Path, tmp_path: Path, temporary: Path
) -> None:
    """A member with the name of another folder, a bomb, a text, a damaged file, an MR image, an empty file."""
    write_patient(tmp_path, "ROE", slices=2)
    good = contents(tmp_path / "ROE")
    with zipfile.ZipFile(tmp_path / "slip.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(good.values()):
            archive.writestr(f"../../../slipped-{number}.dcm", content)
        archive.writestr("/tmp/slipped.txt", "a text")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.dcm", bytes(15_000_000))
    damaged = bytearray(next(iter(good.values())))
    damaged[140:] = b"\xff" * (len(damaged) - 140)
    magnetic = Path(str(get_testdata_file("MR_small.dcm"))).read_bytes()
    shown = ana.load(
        {
            "x/slip.zip": (tmp_path / "slip.zip").read_bytes(),
            "x/bomb.zip": (tmp_path / "bomb.zip").read_bytes(),
            "x/<b>notes</b>.txt": b"remember the milk",
            "x/damaged.dcm": bytes(damaged),
            "x/magnetic.dcm": magnetic,
            "x/nothing": b"",
        }
    )
    assert '<dd id="loaded">1</dd>' in shown
    assert query(empty_database, "SELECT number_images FROM dbo.scans;") == [(2,)]
    for name, text in (
        ("x/bomb.zip", "expands more than 100 times"),
        ("x/&lt;b&gt;notes&lt;/b&gt;.txt", "not a DICOM file"),
        ("x/damaged.dcm", "header cannot be read"),
        ("x/magnetic.dcm", "not a CT image"),
        ("x/nothing", "not a DICOM file"),
        ("/tmp/slipped.txt", "not a DICOM file"),
    ):
        at = shown.rindex(f'<th scope="row">{name}' if name[0] == "x" else name)
        assert text in shown[at : at + 400], name
    assert not list(tmp_path.rglob("slipped*"))
    assert not Path("/tmp/slipped.txt").exists()
    assert all(name not in str(audit(empty_database, "detail")) for name in ("slip", "notes", "magnetic"))


def test_nothing_that_can_be_loaded_is_said_and_audited(ana: Person, empty_database: Path) -> None:
    """As of a folder of texts."""
    assert "No CT series was taken" in ana.load({"a.txt": b"a text"})
    assert audit(empty_database, "action, outcome, detail")[-1] == ("load", "ok", "patients: none")


def test_a_database_of_other_ids_refuses_and_says_which_setting(
    ana: Person, empty_database: Path, tmp_path: Path
) -> None:
    """The rule of load-scans: ids that are kept and ids that are hashed do not come together."""
    folder = write_patient(tmp_path, "ROE", slices=1)
    assert load_scans.main([str(folder), "--keep-ids", "-d", target_of(empty_database)]) == 0
    shown = ana.load(contents(folder))
    assert "web_keep_ids = &#34;yes&#34;" in shown
    assert "Loading failed" in shown
    assert audit(empty_database, "action, outcome, detail")[-1] == ("load", "failed", "loading did not come to its end")
