"""Folders as the archives deliver them, NLST and LIDC-IDRI, are loaded and labelled end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.cli.load_labels import main as load_labels
from lungdb.cli.load_scans import main as load_scans
from lungdb.dicom.identity import Identity
from tests.cli.test_load_scan_labels import BY_HAND, KEY, LABELS, PERSONS, SCANS
from tests.dicom.make_ct import write_slice
from tests.support.asking import Query


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """Give NLST's folders: two reconstructions of each study, made on 2 January of 1999, 2000 or 2001."""
    folder = tmp_path / "nlst"
    for patient, years in SCANS.items():
        for year in years:
            for number, kernel in enumerate(("B30f", "B80f")):
                uid = f"1.2.{patient}.{year}"
                for at in range(2):
                    write_slice(
                        folder / patient / f"01-02-{1999 + year}-NLST-LSS" / f"{year}-{kernel}" / f"1-{at + 1}.dcm",
                        number=at,
                        PatientID=patient,
                        StudyDate=f"{1999 + year}0102",
                        StudyInstanceUID=uid,
                        SeriesInstanceUID=f"{uid}.{number}",
                        SOPInstanceUID=f"{uid}.{number}.{at}",
                        ConvolutionKernel=kernel,
                    )
    (folder / "prsn.csv").write_text(PERSONS, encoding="utf-8")
    return folder


@pytest.mark.parametrize("mode", ["kept", "keyed"])
def test_nlsts_folders_are_labelled_as_by_hand(
    trial: Path, target: str, query: Query, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """Ten studies, of each the one series that the rule chooses; the year is known before dates are shifted."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    options = ["--keep-ids"] if mode == "kept" else []
    assert load_scans([str(trial), "-d", target, "--workers", "1", *options]) == 0
    assert query("SELECT COUNT(*), COUNT(DISTINCT study_uid) FROM dbo.scans;") == [(10, 10)]
    assert load_labels([str(trial / "prsn.csv"), "-d", target, "--horizon", "365"]) == 0
    identity = Identity(mode, KEY)
    expected = {(identity.patient(patient), year): label for (patient, year), label in BY_HAND.items()}
    found = query(LABELS, 365)
    assert len(found) == len(expected)
    assert {(patient, year): label for patient, year, label, _ in found} == expected


def test_lidcs_folders_are_read_with_the_xml_beside_the_slices(
    tmp_path: Path, target: str, query: Query, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two studies of a patient, each with its own XML; a radiograph's is passed over. Centres are worked by hand."""
    for study in range(2):
        folder = tmp_path / "LIDC-IDRI" / "LIDC-IDRI-0001" / f"01-01-200{study}-NA-NA-3017" / "3000566.000000-NA-03192"
        uid = f"1.3.{study}"
        for at in range(3):
            write_slice(
                folder / f"1-{at + 1}.dcm",
                number=at,
                PatientID="LIDC-IDRI-0001",
                StudyDate=f"200{study}0101",
                StudyInstanceUID=uid,
                SeriesInstanceUID=f"{uid}.1",
                SOPInstanceUID=f"{uid}.1.{at}",
            )
        (folder / "069.xml").write_text(xml(f"{uid}.1", f"{uid}.1.{2 - study}"), encoding="utf-8")
    radiograph = tmp_path / "LIDC-IDRI" / "LIDC-IDRI-0001" / "01-01-2000-35511"
    radiograph.mkdir()
    (radiograph / "072.xml").write_text("<IdriReadMessage xmlns='http://www.nih.gov/idri'/>", encoding="utf-8")
    assert load_scans([str(tmp_path), "-d", target, "--workers", "1", "--keep-ids"]) == 0
    capsys.readouterr()
    assert load_labels([str(tmp_path / "LIDC-IDRI"), "-d", target]) == 0
    printed = capsys.readouterr().out
    assert "Nodules: 4 in 2 scans, 2 of them points; 2 scans changed, 0 of which had others before." in printed
    assert "1 files of XML are of radiographs and were passed over." in printed
    found = query(
        "SELECT s.series_uid, n.x, n.y, n.z, n.diameter, n.readers, n.malignancy FROM dbo.nodules AS n "
        "INNER JOIN dbo.scans AS s ON s.scan_id = n.scan_id ORDER BY s.series_uid, n.nodule_id;"
    )
    # Pixels of 0.8 by 0.7 mm from (-100, -120); slices 2.5 mm apart. The first reader's point is at (1, 0), the second
    # one's outline has the corners (2, 1), (4, 1), (3, 3).
    for study in range(2):
        z = 2.5 * (2 - study)
        centre = (-100 + 0.8 * (1 + 3) / 2, -120 + 0.7 * (0 + 5 / 3) / 2, z)
        nodule, point = found[2 * study : 2 * study + 2]
        assert nodule[0] == f"1.3.{study}.1"
        assert nodule[1:4] == pytest.approx(centre, abs=1e-9)
        assert nodule[4:] == (pytest.approx((0.8**2 + 1.4**2) ** 0.5, abs=1e-9), 2, 4.5)
        assert point[1:4] == pytest.approx((-100 + 0.8 * 0, -120 + 0.7 * 3, z), abs=1e-9)
        assert point[4:] == (None, 1, None)


def xml(series: str, instance: str) -> str:
    """Return what two readers marked: a nodule that both rated, one of them by a point, and a small one."""

    def mark(points: list[tuple[int, int]], malignancy: int | None) -> str:
        edges = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in points)
        rating = f"<characteristics><subtlety>5</subtlety><malignancy>{malignancy}</malignancy></characteristics>"
        return (
            f"<unblindedReadNodule><noduleID>Nodule 001</noduleID>{rating if malignancy else ''}<roi><imageZposition>"
            f"-125.0</imageZposition><imageSOP_UID>{instance}</imageSOP_UID><inclusion>TRUE</inclusion>{edges}</roi>"
            "</unblindedReadNodule>"
        )

    first = mark([(1, 0)], 5)
    second = mark([(2, 1), (4, 1), (3, 3)], 4) + mark([(0, 3)], None)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<LidcReadMessage xmlns="http://www.nih.gov"><ResponseHeader>'
        f"<SeriesInstanceUid>{series}</SeriesInstanceUid></ResponseHeader><readingSession>{first}</readingSession>"
        f"<readingSession>{second}</readingSession></LidcReadMessage>"
    )
