"""`lungdb load-labels` for scans: labels within a horizon, from a trial's person file or a line a scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.cli.load_labels import main
from lungdb.dicom.identity import Identity
from tests.support.asking import Query
from tests.support.scan_rows import add_scan, begin

KEPT = Identity("kept", "")
KEY = "0f3d5a8812c94e7bb6a1d2c3e4f50617"

PERSONS = """\
pid,age,gender,can_scr,scr_days0,scr_days1,scr_days2,candx_days,canc_free_days
100002,61,1,1,20,385,750,410,410
100003,55,2,0,15,380,745,.N,2400
100004,67,1,2,10,.M,740,1500,1500
100005,58,2,0,12,377,.M,.N,500
199999,58,2,0,12,377,.M,.N,500
"""
SCANS = {"100002": (0, 1, 2), "100003": (0, 1, 2), "100004": (0, 2), "100005": (0, 1)}
"""Study years of four participants: one falls ill, one never does, one missed a year, one was followed up shortly."""

BY_HAND = {
    ("100002", 0): 0, ("100002", 1): 1,
    ("100003", 0): 0, ("100003", 1): 0, ("100003", 2): 0,
    ("100004", 0): 0, ("100004", 2): 0,
    ("100005", 0): 0,
}  # fmt: skip
"""Within 365 days; in days to the diagnosis 390, 25, behind it; never; 1490, 760; free of it for 488, 123."""

LABELS = """
SELECT p.patient_id, s.study_year, l.label, l.source FROM dbo.scan_labels AS l
INNER JOIN dbo.scans AS s ON s.scan_id = l.scan_id INNER JOIN dbo.patients AS p ON p.patient_id = s.patient_id
WHERE l.horizon_days = ? ORDER BY l.scan_id;
"""


def fill(target: str, identity: Identity) -> None:
    """Store two reconstructions of each study, with its year."""
    begin(target, identity)
    for patient, years in SCANS.items():
        for year in years:
            for kernel in ("B30f", "B80f"):
                add_scan(target, identity, patient, f"1.{patient}.{year}.{kernel}", study_year=year)


@pytest.fixture
def trial(target: str) -> str:
    """Give the target of a database with the scans of the four participants."""
    fill(target, KEPT)
    return target


@pytest.fixture
def persons(tmp_path: Path) -> str:
    """Give a person file."""
    (tmp_path / "prsn.csv").write_text(PERSONS, encoding="utf-8")
    return str(tmp_path / "prsn.csv")


def test_labels_within_a_year_are_those_worked_by_hand(
    trial: str, persons: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """All reconstructions of a study have its label; what has none is counted by its reason."""
    assert main([persons, "-d", trial, "--horizon", "365"]) == 0
    printed = capsys.readouterr().out
    found = query(LABELS, 365)
    assert len(found) == 2 * len(BY_HAND)
    assert {(patient, year): label for patient, year, label, _ in found} == BY_HAND
    assert "Labels within 365 days: 16 added, 0 changed, 0 unchanged; 14 of 0, 2 of 1." in printed
    assert "They follow from 8 candx_days; 8 canc_free_days." in printed
    assert "Without a label: 2 scans made after the diagnosis; 2 scans not followed up to the horizon." in printed
    assert "Columns that are not read: age, gender." in printed
    assert "1 ids are not in the database" in printed
    assert {source for *_, source in found} == {"prsn.csv (candx_days)", "prsn.csv (canc_free_days)"}


def test_loading_again_changes_nothing_and_another_file_replaces_its_horizon(
    trial: str, persons: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A label that does not follow any more is removed; other horizons and other participants keep theirs."""
    main([persons, "-d", trial, "--horizon", "365"])
    main([persons, "-d", trial, "--horizon", "730"])
    before, longer = query(LABELS, 365), query(LABELS, 730)
    capsys.readouterr()
    assert main([persons, "-d", trial, "--horizon", "365"]) == 0
    assert "0 added, 0 changed, 16 unchanged; 14 of 0, 2 of 1." in capsys.readouterr().out
    assert query(LABELS, 365) == before
    later = "pid,scr_days0,scr_days1,candx_days,fup_days\n100002,20,385,300,300\n100005,12,377,.N,900\n"
    (tmp_path / "later.csv").write_text(later, encoding="utf-8")
    assert main([str(tmp_path / "later.csv"), "-d", trial, "--horizon", "365"]) == 0
    printed = capsys.readouterr().out
    assert "2 added, 4 changed, 0 unchanged, 2 removed; 4 of 0, 2 of 1." in printed
    assert "10 scans are of patients whom the file does not name" in printed
    ill = {("100002", 0, 1, "later.csv (candx_days)")}
    followed = {("100005", year, 0, "later.csv (fup_days)") for year in (0, 1)}
    rest = {row for row in before if row[0] in ("100003", "100004")}
    assert {*query(LABELS, 365)} == ill | followed | rest
    assert query(LABELS, 730) == longer


def test_scans_without_a_study_year_are_counted_and_never_ranked(
    trial: str, persons: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """The third study of a participant may be of any year."""
    query("UPDATE dbo.scans SET study_year = NULL WHERE patient_id = N'100003'; SELECT 1 AS done;")
    assert main([persons, "-d", trial, "--horizon", "365"]) == 0
    assert "6 scans of which dbo.scans has no study_year" in capsys.readouterr().out
    assert {row[0] for row in query(LABELS, 365)} == {"100002", "100004", "100005"}


def test_a_horizon_without_labels_is_refused_with_counts(
    trial: str, persons: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels of that horizon from before stay."""
    query("UPDATE dbo.scans SET study_year = NULL WHERE patient_id IN (N'100002', N'100004'); SELECT 1 AS done;")
    query("INSERT INTO dbo.scan_labels (scan_id, horizon_days, label) VALUES (1, 9000, 1); SELECT 1 AS done;")
    assert main([persons, "-d", trial, "--horizon", "9000"]) == 1
    printed = capsys.readouterr().err
    assert "No scan gets a label within 9000 days: 10 scans of which dbo.scans has no study_year; " in printed
    assert "10 scans not followed up to the horizon. Nothing has been changed." in printed
    assert query("SELECT scan_id, label FROM dbo.scan_labels;") == [(1, 1)]


def test_participants_are_found_by_their_raw_id_when_ids_are_keyed(
    target: str, persons: str, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And series by their raw UID."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    identity = Identity("keyed", KEY)
    fill(target, identity)
    assert main([persons, "-d", target, "--horizon", "365"]) == 0
    expected = {(identity.patient(patient), year): label for (patient, year), label in BY_HAND.items()}
    assert {(patient, year): label for patient, year, label, _ in query(LABELS, 365)} == expected
    Path("scans.csv").write_text("series_uid,label\n1.100003.1.B30f,1\n", encoding="utf-8")
    assert main(["scans.csv", "-d", target, "--horizon", "10"]) == 0
    assert [row[:3] for row in query(LABELS, 10)] == [(identity.patient("100003"), 1, 1)]


def test_a_line_a_scan_labels_that_scan_alone(
    trial: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two reconstructions only the one that is named; a second file changes what it names."""
    path = tmp_path / "scans.csv"
    path.write_text("SeriesUID;Label;who\n1.100003.1.B30f;0;x\n1.100002.0.B80f;1;x\n9.9;1;x\n", encoding="utf-8")
    assert main([str(path), "-d", trial, "--horizon", "365"]) == 0
    printed = capsys.readouterr().out
    assert "2 added, 0 changed, 0 unchanged; 1 of 0, 1 of 1." in printed
    assert "not read: who." in printed
    assert "1 ids are not in the database" in printed
    path.write_text("series_uid,label\n1.100003.1.B30f,2\n", encoding="utf-8")
    assert main([str(path), "-d", trial, "--horizon", "365", "--classes", "3"]) == 0
    stored = "SELECT s.series_uid, l.label FROM dbo.scan_labels AS l INNER JOIN dbo.scans AS s ON s.scan_id = l.scan_id"
    assert query(f"{stored} ORDER BY l.scan_id;") == [("1.100002.0.B80f", 1), ("1.100003.1.B30f", 2)]
    path.write_text("series_uid,label\n8.8,1\n9.9,1\n", encoding="utf-8")
    assert main([str(path), "-d", trial, "--horizon", "365"]) == 1
    assert "None of the 2 UIDs is one of a series" in capsys.readouterr().err


def test_a_line_a_study_labels_all_of_its_scans(
    trial: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both reconstructions; where series are named too, a label is of the series."""
    query("UPDATE dbo.scans SET study_uid = CONCAT(N'2.', patient_id, N'.', study_year); SELECT 1 AS done;")
    path = tmp_path / "studies.csv"
    path.write_text("StudyInstanceUID,label\n2.100003.1,1\n9.9,0\n", encoding="utf-8")
    assert main([str(path), "-d", trial, "--horizon", "365"]) == 0
    assert "2 added, 0 changed, 0 unchanged; 2 of 1." in capsys.readouterr().out
    assert [row[:3] for row in query(LABELS, 365)] == [("100003", 1, 1)] * 2
    path.write_text("study_uid,label,series_uid\n2.100003.1,0,1.100003.1.B30f\n", encoding="utf-8")
    assert main([str(path), "-d", trial, "--horizon", "730"]) == 0
    assert [row[:3] for row in query(LABELS, 730)] == [("100003", 1, 0)]
    path.write_text("study_uid,label\n9.9,0\n", encoding="utf-8")
    assert main([str(path), "-d", trial, "--horizon", "365"]) == 1
    assert "None of the 1 UIDs is one of a study" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "header", "options"),
    [
        ("NLST's person file tells of scans, so a label needs a horizon", PERSONS.splitlines()[0], []),
        ("A file of scans tells of scans, so a label needs a horizon", "series_uid,label", []),
        ("A file of patients is not read with --horizon", "id,cancer", ["--horizon", "365"]),
        ("The horizon is 0 days", "series_uid,label", ["--horizon", "0"]),
        (
            "NLST's person file is not read with --classes",
            PERSONS.splitlines()[0],
            ["--horizon", "9", "--classes", "3"],
        ),
        ("There cannot be 1 classes", "id,cancer", ["--classes", "1"]),
        ("A file of patients is not read with --metastatic", "id,cancer", ["--metastatic", "positive"]),
    ],
)
def test_options_that_make_no_sense_for_a_form_are_refused(
    trial: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: str, header: str, options: list[str]
) -> None:
    """Before a line is read."""
    (tmp_path / "a.csv").write_text(header + "\n", encoding="utf-8")
    assert main([str(tmp_path / "a.csv"), "-d", trial, *options]) == 1
    assert problem in capsys.readouterr().err


def test_a_scan_that_goes_takes_its_labels_along(trial: str, persons: str, query: Query) -> None:
    """Whoever deletes it."""
    main([persons, "-d", trial, "--horizon", "365"])
    query("DELETE FROM dbo.scans WHERE scan_id = 1; SELECT 1 AS done;")
    assert query("SELECT COUNT(*) FROM dbo.scan_labels WHERE scan_id = 1;") == [(0,)]
    assert query("SELECT COUNT(*) FROM dbo.scan_labels;") == [(15,)]
