"""`lungdb load-scans` and patients in time: a scan of every study, when it was made, and which one is primary."""

from __future__ import annotations

import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from lungdb.cli.load_scans import main
from lungdb.dicom.identity import Identity
from tests.cli.test_load_scans import KEY
from tests.dicom.make_ct import write_slice
from tests.support.asking import Query

pytestmark = pytest.mark.filterwarnings("ignore:.*VR UI:UserWarning")  # of pydicom, writing names as UIDs
PEOPLE = {"100002": (0, 1, 2), "100003": (0, 1, 2), "100004": (0, 2), "100005": (0, 1)}
"""The screening years of four participants of the National Lung Screening Trial; one missed a year."""
PRIMARY = "SELECT s.patient_id, s.study_uid FROM dbo.scans AS s WHERE s.is_primary = 1 ORDER BY s.patient_id;"


def write_study(
    folder: Path, patient: str, study: str, day: str | None = "20200317", slices: int = 3, **header: Any
) -> Path:
    """Write a series of a study; its UID is the study's with the kernel, or 1, behind it."""
    uid = f"{study}.{zlib.crc32(str(header.get('ConvolutionKernel')).encode())}.{slices}"
    for number in range(slices):
        write_slice(
            folder / f"{uid}.{number}",
            number=number,
            **{
                "PatientID": patient,
                "StudyInstanceUID": study,
                "SeriesInstanceUID": uid,
                "SOPInstanceUID": f"{uid}.{number}",
                "StudyDate": day,
            }
            | header,
        )
    return folder


def write_trial(folder: Path) -> Path:
    """Write two reconstructions of each study of PEOPLE, with the dates that the archive made up."""
    for patient, years in PEOPLE.items():
        for year in years:
            for kernel in ("B80f", "B30f"):
                study = f"1.{patient}.{7 - year}"  # UIDs do not rise with time
                write_study(folder, patient, study, f"{1999 + year}0102", ConvolutionKernel=kernel)
    return folder


def load(folder: Path, target: str, *options: str) -> int:
    """Load a folder with ids kept."""
    return main([str(folder), "-d", target, "--keep-ids", *options])


def make_older(query: Query) -> None:
    """Make of all that is there what an upgrade makes of an older version's database."""
    query(
        "UPDATE dbo.patients SET follows_newest = 0; DELETE FROM dbo.series_choices;"
        "UPDATE dbo.scans SET acquisition_date = NULL, study_order = NULL, study_year = NULL, "
        "convolution_kernel = NULL, kvp = NULL, slice_thickness = NULL, has_contrast = NULL, patient_age = NULL, "
        "frame_of_reference_uid = NULL, "
        "origin_x = NULL, origin_y = NULL, origin_z = NULL, row_x = NULL, row_y = NULL, row_z = NULL, column_x = NULL, "
        "column_y = NULL, column_z = NULL, step_x = NULL, step_y = NULL, step_z = NULL;"
        "UPDATE dbo.scans SET date_rule = 'year', study_date = DATEFROMPARTS(YEAR(study_date), 1, 1) "
        "WHERE deidentification IS NOT NULL;"
    )


def test_of_every_study_of_a_trial_the_series_that_the_rule_chooses_is_stored(
    tmp_path: Path, target: str, query: Query
) -> None:
    """Ten studies of ten, the soft kernel of each, its year by the made-up date; the newest is the primary one."""
    assert load(write_trial(tmp_path / "dicom"), target) == 0
    stored = query(
        "SELECT patient_id, study_year, convolution_kernel, CAST(is_primary AS INT), CAST(is_study_choice AS INT) "
        "FROM dbo.scans ORDER BY patient_id, study_date;"
    )
    assert stored == [
        (patient, year, "B30f", int(year == years[-1]), 1) for patient, years in PEOPLE.items() for year in years
    ]
    assert query("SELECT reason, COUNT(*) FROM dbo.rejected_files GROUP BY reason;") == [("not_primary", 10)]
    said = "SELECT convolution_kernel, CAST(is_taken AS INT), reason, COUNT(*) FROM dbo.series_choices "
    assert query(f"{said} GROUP BY convolution_kernel, is_taken, reason ORDER BY 1;") == [
        ("B30f", 1, "Chosen by the series rule among 2 series of its study.", 10),
        ("B80f", 0, "Not chosen: the rule prefers the kernel of the chosen one.", 10),
    ]


def test_with_all_series_every_series_of_a_trial_is_stored_and_one_a_study_is_chosen(
    tmp_path: Path, target: str, query: Query
) -> None:
    """Twenty of twenty; loading them again changes nothing."""
    assert load(write_trial(tmp_path / "dicom"), target, "--all-series") == 0
    counted = "SELECT COUNT(*), SUM(CAST(is_study_choice AS INT)), SUM(CAST(is_primary AS INT)) FROM dbo.scans;"
    assert query(counted) == [(20, 10, 4)]
    assert query("SELECT DISTINCT convolution_kernel FROM dbo.scans WHERE is_study_choice = 1;") == [("B30f",)]
    everything = ("SELECT * FROM dbo.scans;", "SELECT * FROM dbo.series_choices;", "SELECT * FROM dbo.worklist;")
    before = [query(sql) for sql in everything]
    load(tmp_path / "dicom", target, "--all-series")
    assert [query(sql) for sql in everything] == before


def test_a_rule_given_counts_before_the_setting(
    tmp_path: Path, target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """And one that cannot be read is refused before anything is stored."""
    write_study(tmp_path / "dicom", "a", "1.1", ConvolutionKernel="B30f")
    write_study(tmp_path / "dicom", "a", "1.1", ConvolutionKernel="B80f")
    assert load(tmp_path / "dicom", target, "--series-rule", "kernels=B;prefer=most") == 1
    assert query("SELECT COUNT(*) FROM dbo.settings WHERE name = N'id_mode';") == [(0,)]
    assert load(tmp_path / "dicom", target, "--series-rule", "kernels=B80*") == 0
    assert query("SELECT convolution_kernel FROM dbo.scans;") == [("B80f",)]
    assert query("SELECT DISTINCT series_rule FROM dbo.series_choices;") == [("kernels=B80*",)]
    assert "dbo.ChooseSeries" not in capsys.readouterr().out
    assert load(tmp_path / "dicom", target, "--series-rule", "kernels=B80*") == 0
    assert "not chosen among anew; EXECUTE dbo.ChooseSeries" in capsys.readouterr().out


def test_the_primary_scan_of_a_patient_moves_to_a_newer_study_and_not_to_an_older_one(
    tmp_path: Path, target: str, query: Query
) -> None:
    """Loaded one by one; a score of the scan before belongs to that scan, and the worklist shows the new one."""
    for name, day in (("middle", "20200317"), ("old", "20190317"), ("new", "20210317")):
        write_study(tmp_path / name, "a", f"1.{name}", day)
    found = []
    for name in ("middle", "old", "new"):
        assert load(tmp_path / name, target) == 0
        found += query(PRIMARY)
    assert found == [("a", "1.middle"), ("a", "1.middle"), ("a", "1.new")]
    assert query("SELECT w.study_date, w.state FROM dbo.worklist AS w;") == [(date(2021, 3, 17), 0)]
    assert query("SELECT DISTINCT study_order FROM dbo.scans;") == [(None,)]


def test_dates_of_a_patient_are_shifted_together_and_the_study_year_is_known_before(
    tmp_path: Path, target: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key: intervals stay, no date does; ages end at 90."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    for day, study in (("19990102", "1.5"), ("20000102", "1.4")):
        header = {"AcquisitionDate": "19990103" if study == "1.5" else None, "PatientAge": "093Y"}
        write_study(tmp_path / "dicom", "100002", study, day, **header, ConvolutionKernel="B30f of DOE")
    assert main([str(tmp_path / "dicom"), "-d", target]) == 0
    days = Identity("keyed", KEY).days_shifted("100002")
    told = "study_date, acquisition_date, date_rule, study_year, patient_age, convolution_kernel"
    assert query(f"SELECT {told} FROM dbo.scans ORDER BY study_date;") == [
        (date(1999, 1, 2) - timedelta(days), date(1999, 1, 3) - timedelta(days), "shifted", 0, 90, None),
        (date(2000, 1, 2) - timedelta(days), None, "shifted", 1, 90, None),
    ]


def test_years_of_before_are_not_compared_with_shifted_dates(
    tmp_path: Path, target: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study of May 2020 of which an upgrade knows 2020, and one of a later or of the same year.

    Shifted, that of 2021 may lie before 1 January 2020 and is newer all the same; of two of one year nobody knows.
    """
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    for patient, day in (("later", "20210105"), ("same", "20201105"), ("earlier", "20191231")):
        write_study(tmp_path / "first", patient, f"1.{patient}.1", "20200517")
        write_study(tmp_path / "second", patient, f"1.{patient}.2", day)
    assert main([str(tmp_path / "first"), "-d", target]) == 0
    make_older(query)
    # Its year is the true one, not that of a shifted date.
    query("UPDATE dbo.patients SET follows_newest = 1; UPDATE dbo.scans SET study_date = '2020-01-01';")
    assert main([str(tmp_path / "second"), "-d", target]) == 0
    identity = Identity("keyed", KEY)
    expected = {
        "later": [("year", 0, 0), ("shifted", 1, 1)],
        "same": [("year", None, None), ("shifted", None, None)],
        "earlier": [("year", 1, 1), ("shifted", 0, 0)],
    }
    for patient, told in expected.items():
        rows = query(
            "SELECT date_rule, study_order, CAST(is_primary AS INT) FROM dbo.scans WHERE patient_id = ? "
            "ORDER BY scan_id;",
            identity.patient(patient),
        )
        # Which of two of one year is primary the rule decides.
        assert [row[:2] if patient == "same" else row for row in rows] == [
            row[:2] if patient == "same" else row for row in told
        ]


def test_a_patient_of_before_keeps_the_primary_scan_until_told_otherwise(
    tmp_path: Path, target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named by index; a better series of the primary scan's own study is not taken either. --follow-newest moves it."""
    write_study(tmp_path / "first", "b", "1.8")
    write_study(tmp_path / "first", "a", "1.1", ConvolutionKernel="B80f")
    assert load(tmp_path / "first", target) == 0
    make_older(query)
    write_study(tmp_path / "first", "a", "1.1", ConvolutionKernel="B30f")
    write_study(tmp_path / "first", "a", "1.2", "20210317", ConvolutionKernel="B80f")
    capsys.readouterr()
    assert load(tmp_path / "first", target) == 0
    printed = capsys.readouterr().out
    scans = (
        "SELECT study_uid, convolution_kernel, CAST(is_primary AS INT), CAST(is_study_choice AS INT) FROM dbo.scans "
    )
    assert query(f"{scans} WHERE patient_id = N'a' ORDER BY scan_id;") == [("1.1", "B80f", 1, 1), ("1.2", "B80f", 0, 1)]
    assert "1 patients have a newer study than that of their primary scan, which stays; their indices: 0." in printed
    reasons = query("SELECT reason FROM dbo.series_choices WHERE patient_id = N'a' AND study_uid = N'1.1' ORDER BY 1;")
    assert [reason.split(":")[0] for (reason,) in reasons] == ["Chosen", "Not chosen"]
    assert "--follow-newest does" in reasons[1][0]

    assert load(tmp_path / "first", target, "--follow-newest") == 0
    assert query(f"{scans} WHERE patient_id = N'a' ORDER BY study_uid, convolution_kernel;") == [
        ("1.1", "B30f", 0, 1),
        ("1.1", "B80f", 0, 0),
        ("1.2", "B80f", 1, 1),
    ]
    assert "have a newer study" not in capsys.readouterr().out
    shown = (
        "SELECT s.study_uid FROM dbo.worklist AS w INNER JOIN dbo.scans AS s ON s.scan_id = w.scan_id ORDER BY w.idx;"
    )
    assert query(shown) == [("1.2",), ("1.8",)]


def test_the_same_files_fill_in_what_an_older_version_did_not_record(
    tmp_path: Path, target: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it but the dates of years, which --replace takes; the scan, its features and its number stay."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    header = {"KVP": "120", "PatientAge": "061Y", "ContrastBolusAgent": "Omnipaque", "FrameOfReferenceUID": "1.9"}
    write_study(
        tmp_path / "dicom", "a", "1.1", "20000102", ConvolutionKernel="B30f", AcquisitionDate="20000102", **header
    )
    assert main([str(tmp_path / "dicom"), "-d", target]) == 0
    (fresh,) = query("SELECT * FROM dbo.scans;")
    make_older(query)
    assert main([str(tmp_path / "dicom"), "-d", target]) == 0
    dates = "study_date, acquisition_date, date_rule"
    assert query(f"SELECT {dates} FROM dbo.scans;") == [
        (date(date.fromisoformat(str(fresh[5])).year, 1, 1), None, "year")
    ]
    assert main([str(tmp_path / "dicom"), "-d", target, "--replace"]) == 0
    assert query("SELECT * FROM dbo.scans;") == [fresh]


def test_a_primary_scan_of_before_that_is_replaced_stays_primary(tmp_path: Path, target: str, query: Query) -> None:
    """With the labels that belong to the scan; what was made from its pixels goes."""
    write_study(tmp_path / "dicom", "a", "1.1", "20190317")
    write_study(tmp_path / "dicom", "a", "1.2", "20200317")
    load(tmp_path / "dicom", target)
    make_older(query)
    query(
        "UPDATE dbo.scans SET is_primary = 0; UPDATE dbo.scans SET is_primary = 1, content_sha256 = 0x00 "
        "WHERE study_uid = N'1.1';"
        "INSERT INTO dbo.scan_labels (scan_id, horizon_days, label, source) VALUES (1, 365, 1, N'x');"
        "INSERT INTO dbo.nodules (scan_id, x, y, z, source, content_sha256) VALUES (1, 0, 0, 0, 'truth', 0x00);"
    )
    assert load(tmp_path / "dicom", target, "--replace") == 0
    assert query(PRIMARY) == [("a", "1.1")]
    assert query("SELECT scan_id, horizon_days, label, source FROM dbo.scan_labels;") == [(3, 365, 1, "x")]
    assert query("SELECT COUNT(*) FROM dbo.nodules;") == [(0,)]


def test_without_dates_the_order_of_studies_is_what_the_files_tell_or_unknown(
    tmp_path: Path, target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the offset that de-identifiers write, by the year of a list, by age; where nothing tells, it is said."""
    told: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "offset": ({"LongitudinalTemporalOffsetFromEvent": 30.5}, {"LongitudinalTemporalOffsetFromEvent": -4.0}),
        "age": ({"PatientAge": "062Y"}, {"PatientAge": "061Y"}),
        "nothing": ({}, {}),
        "listed": ({}, {}),
    }
    for patient, headers in told.items():
        for number, header in enumerate(headers):
            write_study(tmp_path / "dicom", patient, f"1.{patient}.{number}", None, **header)
    years = tmp_path / "years.csv"
    years.write_text("pid,study_yr,StudyInstanceUID\nlisted,2,1.listed.0\nlisted,0,1.listed.1\nx,.M,1.1\n")
    assert load(tmp_path / "dicom", target, "--study-years", str(years)) == 0
    found = query("SELECT patient_id, study_order, study_year FROM dbo.scans ORDER BY patient_id, study_uid;")
    assert found == [
        ("age", 1, None), ("age", 0, None), ("listed", 1, 2), ("listed", 0, 0), ("nothing", None, None),
        ("nothing", None, None), ("offset", 1, None), ("offset", 0, None),
    ]  # fmt: skip
    assert [row for row in query(PRIMARY) if row[0] != "nothing"] == [
        ("age", "1.age.0"),
        ("listed", "1.listed.0"),
        ("offset", "1.offset.0"),
    ]
    assert "Of 1 patients it is not known which study is the newest, for want of dates; their indices: 2." in (
        capsys.readouterr().out
    )


def test_only_the_patients_of_a_list_are_loaded(
    tmp_path: Path, target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the column id, as data frames write it, too; ids without a series are counted, nothing noted of the others."""
    for patient in ("100002", "b", "c"):
        write_study(tmp_path / "dicom", patient, f"1.{patient}")
    labels = tmp_path / "labels.csv"
    labels.write_text("cancer;id\n1;c\n0;100002.0\n0;z\n", encoding="utf-8-sig")
    assert load(tmp_path / "dicom", target, "--only", str(labels)) == 0
    assert query("SELECT patient_id FROM dbo.patients ORDER BY idx;") == [("100002",), ("c",)]
    assert query("SELECT COUNT(*) FROM dbo.series_choices;") == [(2,)]
    assert query("SELECT COUNT(*) FROM dbo.rejected_files;") == [(0,)]
    said = "1 series of other patients were left out; of 1 ids of the list no series was found."
    assert said in capsys.readouterr().out
    assert load(tmp_path / "dicom", target, "--only", str(tmp_path / "none.csv")) == 1


def test_a_series_that_could_not_be_taken_has_its_reason_among_the_choices(
    tmp_path: Path, target: str, query: Query
) -> None:
    """One whose slice is missing, and one that cannot be decoded, so that the next one is the study's choice."""
    gap = write_study(tmp_path / "dicom", "a", "1.1", slices=5, ConvolutionKernel="B30f")
    next(gap.glob("*.5.2")).unlink()
    write_study(tmp_path / "dicom", "a", "1.1", slices=4, ConvolutionKernel="B31f", BitsStored=24)
    write_study(tmp_path / "dicom", "a", "1.1", slices=3, ConvolutionKernel="B80f")
    assert load(tmp_path / "dicom", target) == 0
    rows = query(
        "SELECT number_images, convolution_kernel, CAST(is_taken AS INT), reason FROM dbo.series_choices ORDER BY 2;"
    )
    assert [(*row[:3], row[3].split(".")[0]) for row in rows] == [
        (4, "B30f", 0, "Not taken: The slices of the series are not evenly spaced"),
        (4, "B31f", 0, "Not taken: Some slices of the series cannot be used"),
        (3, "B80f", 1, "Chosen by the series rule among 2 series of its study"),
    ]
