"""`lungdb load-labels` for nodules: LIDC-IDRI's readers and LUNA16's annotations become rows of dbo.nodules."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.cli.load_labels import main
from lungdb.database import connect, run
from lungdb.dicom.identity import Identity
from tests.support.asking import Query
from tests.support.nodules import add_network, search
from tests.support.scan_rows import AXIAL, add_scan, begin

KEPT = Identity("kept", "")
KEY = "0f3d5a8812c94e7bb6a1d2c3e4f50617"
DATA = Path(__file__).parents[1] / "data" / "lidc"
READERS = str(DATA / "readers.xml")
SERIES = "1.2.826.0.1.3680043.8.498.1"
SLICES = [(f"{SERIES}.{k}", -120 + 2.5 * k) for k in range(20)]
NODULES = (
    "SELECT nodule_id, scan_id, x, y, z, diameter, source, network_id, score, readers, malignancy, content_sha256 "
    "FROM dbo.nodules ORDER BY nodule_id;"
)
PLACES = "SELECT x, y, z, diameter FROM dbo.nodules ORDER BY nodule_id;"


@pytest.fixture
def scan(target: str) -> str:
    """Give the target of a database with the scan that the readers marked."""
    begin(target, KEPT)
    add_scan(target, KEPT, "LIDC-IDRI-0001", SERIES, SLICES, **AXIAL)
    return target


def mark(series: str, instance: str, points: list[tuple[int, int]]) -> str:
    """Return the XML of one reader's outline."""
    edges = "".join(f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in points)
    roi = f"<roi><imageSOP_UID>{instance}</imageSOP_UID><inclusion>TRUE</inclusion>{edges}</roi>"
    header = f"<ResponseHeader><SeriesInstanceUID>{series}</SeriesInstanceUID></ResponseHeader>"
    session = f"<readingSession><unblindedReadNodule>{roi}</unblindedReadNodule></readingSession>"
    return f"<LidcReadMessage>{header}{session}</LidcReadMessage>"


def test_clusters_of_marks_become_nodules(scan: str, query: Query, capsys: pytest.CaptureFixture[str]) -> None:
    """As many as pylidc finds, two points, and a lesion that is none; malignancy is no label of the patient."""
    references = json.loads((DATA / "references.json").read_text())
    assert main([READERS, "-d", scan]) == 0
    printed = capsys.readouterr().out
    assert "Nodules: 10 in 1 scans, 2 of them points; 1 scans changed, 0" in printed
    assert "Irrelevant findings: 1 in 1 scans, 1 of them points; 1 scans changed, 0" in printed
    found = query(NODULES.replace("ORDER", "WHERE is_relevant = 1 ORDER"))
    ((content,),) = query("SELECT content_sha256 FROM dbo.scans;")
    assert {(row[1], row[6], row[7], row[8], row[11]) for row in found} == {(1, "truth", None, None, content)}
    outlined = sorted((row[9], row[10]) for row in found if row[5] is not None)
    assert outlined == sorted((len(one["marks"]), one["malignancy"]) for one in references)
    assert sorted((row[9], row[10]) for row in found if row[5] is None) == [(1, None), (2, None)]
    lesion = "SELECT x, y, z, diameter, readers, malignancy FROM dbo.nodules WHERE is_relevant = 0;"
    assert query(lesion) == [(-100 + 0.7 * 5, -90 + 0.7 * 6, -112.5, None, 1, None)]
    assert query("SELECT * FROM dbo.labels;") == []


def test_a_candidate_on_what_readers_say_is_no_nodule_is_no_false_alarm(scan: str, query: Query) -> None:
    """As LUNA16 has it: within 5 mm of the point it is ignored, beyond it is a false alarm; so on a nodule's point."""
    assert main([READERS, "-d", scan]) == 0
    with closing(connect(scan)) as connection:
        ((x, y, z),) = query("SELECT x, y, z FROM dbo.nodules WHERE is_relevant = 0;")
        (point,) = query("SELECT x, y, z FROM dbo.nodules WHERE diameter IS NULL AND readers = 2;")
        search(connection, add_network(connection, "d"), 1, [(x + 4.9, y, z, 0.9), (x, y, z + 5.1, 0.8), (*point, 0.7)])
        run(
            connection,
            "EXECUTE dbo.CreateDataset @Name = N'read', @Query = N'SELECT scan_id FROM dbo.scans';"
            "EXECUTE dbo.EvaluateNodules @ModelName = N'd', @Dataset = N'read';",
        )
    assert query("SELECT candidates, hits, ignored, false_alarms FROM dbo.nodule_evaluations;") == [(3, 0, 2, 1)]


def test_loading_again_changes_nothing_and_another_file_replaces_what_readers_marked(
    scan: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a network found stays; nodules are no two sets of truth beside each other."""
    query(
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'n', 1, N'onnx', 0x, 0x, N'{}');"
        "INSERT INTO dbo.nodules (scan_id, x, y, z, source, network_id, score, content_sha256) "
        "SELECT 1, 1, 2, 3, 'network', MAX(network_id), 0.5, 0x00 FROM dbo.networks; SELECT 1 AS done;"
    )
    main([READERS, "-d", scan])
    before = query(NODULES)
    capsys.readouterr()
    assert main([READERS, "-d", scan]) == 0
    assert "0 scans changed" in capsys.readouterr().out
    assert query(NODULES) == before
    (tmp_path / "annotations.csv").write_text(
        f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{SERIES},-12.5,30.0,-112.5,6.3\n{SERIES},-12.5,30.0,-112.5,6.3\n"
    )
    assert main([str(tmp_path / "annotations.csv"), "-d", scan]) == 0
    assert "Nodules: 1 in 1 scans, 0 of them points; 1 scans changed, 1 of which" in capsys.readouterr().out
    relevant = PLACES.replace("ORDER", "WHERE is_relevant = 1 ORDER")
    assert query(relevant) == [(1.0, 2.0, 3.0, None), (-12.5, 30.0, -112.5, 6.3)]
    assert query("SELECT readers, is_relevant FROM dbo.nodules WHERE source = 'truth' ORDER BY is_relevant;") == [
        (1, False),
        (None, True),
    ]
    (tmp_path / "annotations_excluded.csv").write_text(
        f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{SERIES},-20,30,-112,-1\n"
    )
    assert main([str(tmp_path / "annotations_excluded.csv"), "-d", scan, "--irrelevant"]) == 0
    assert main([READERS, "-d", scan]) == 0
    assert sorted(str(row[1:]) for row in query(NODULES)) == sorted(str(row[1:]) for row in before)


def test_annotations_may_tell_a_malignancy(
    scan: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """1 to 5, or empty or 0 where nobody has; a nodule rated twice is one; anything else is refused by its line."""
    path = tmp_path / "nodules.csv"
    lines = [
        "seriesuid,coordX,coordY,coordZ,diameter_mm,malignancy_rating,kind",
        f"{SERIES},-12.5,30,-112.5,6.3,5,malignant",
    ]
    others = [
        f"{SERIES},-20,30,-112.5,4,,unknown",
        f"{SERIES},-30,30,-112.5,4,0,unknown",
        f"{SERIES},-12.5,30,-112.5,6.3,2,x",
    ]
    path.write_text("\n".join([*lines, *others]), encoding="utf-8")
    assert main([str(path), "-d", scan]) == 0
    assert "Columns that are not read: kind." in capsys.readouterr().out
    rated = query("SELECT x, malignancy FROM dbo.nodules WHERE source = 'truth' ORDER BY x;")
    assert rated == [(-30.0, None), (-20.0, None), (-12.5, 3.5)]
    for wrong in ("6", "3.5", "-1", "high"):
        path.write_text("\n".join([*lines, f"{SERIES},-20,30,-112.5,4,{wrong},x"]), encoding="utf-8")
        assert main([str(path), "-d", scan]) == 1
        assert "line 3 has a malignancy_rating that is not 1 to 5, or 0 or empty" in capsys.readouterr().err
    assert query("SELECT x, malignancy FROM dbo.nodules WHERE source = 'truth' ORDER BY x;") == rated


def test_a_malignancy_that_may_be_a_diagnosis_is_no_rating(
    scan: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Benign or malignant, 0 or 1, loads as it did before there were ratings, and says that the column is not read."""
    path = tmp_path / "nodules.csv"
    head = "seriesuid,coordX,coordY,coordZ,diameter_mm,malignancy"
    path.write_text(f"{head}\n{SERIES},-1,2,-110,6,1\n{SERIES},-3,2,-110,5,0\n", encoding="utf-8")
    assert main([str(path), "-d", scan]) == 0
    assert "Columns that are not read: malignancy." in capsys.readouterr().out
    assert query("SELECT malignancy FROM dbo.nodules WHERE source = 'truth';") == [(None,), (None,)]


def test_uids_are_found_hashed(target: str, query: Query, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series and slices of the file are raw, those of the database are not."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    identity = Identity("keyed", KEY)
    begin(target, identity)
    add_scan(target, identity, "LIDC-IDRI-0001", SERIES, SLICES, **AXIAL)
    assert main([READERS, "-d", target]) == 0
    assert query("SELECT COUNT(*) FROM dbo.nodules;") == [(11,)]


# The outline has the corners (10, 20), (14, 20), (14, 23) of the slice 4 mm above the first, pixels of 0.5 by 2 mm.
@pytest.mark.parametrize(
    ("geometry", "centre"),
    [
        # Columns to the left, rows to the back: -100 + 0.5 * 38/3, -90 + 2 * 21, -120 + 4.
        ({}, (-100 + 19 / 3, -48.0, -116.0)),
        # A slice in between is missing: places are those of the slices, not so many steps.
        ({"step_z": 1.0}, (-100 + 19 / 3, -48.0, -116.0)),
        # Columns to the right and rows to the front, of a patient who lies prone.
        ({"row_x": -1.0, "column_y": -1.0}, (-100 - 19 / 3, -132.0, -116.0)),
        # Columns to the right alone: the normal still points to the head.
        ({"row_x": -1.0}, (-100 - 19 / 3, -48.0, -116.0)),
        # Rows fall by 3 in 5 and the gantry with them: the table moves 5 where slices are 4 apart along their normal.
        ({"column_y": 0.8, "column_z": 0.6, "step_z": 5.0}, (-100 + 19 / 3, -90 + 42 * 0.8, -120 + 42 * 0.6 + 5)),
        # The same of slices that were cut obliquely out of a volume: they lie along their normal.
        (
            {"column_y": 0.8, "column_z": 0.6, "step_y": -2.4, "step_z": 3.2},
            (-100 + 19 / 3, -90 + 42 * 0.8 - 4 * 0.6, -120 + 42 * 0.6 + 4 * 0.8),
        ),
    ],
)
def test_a_place_in_millimetres_follows_from_the_scans_geometry(
    target: str, query: Query, geometry: dict[str, float], centre: tuple[float, float, float]
) -> None:
    """Worked by hand for every way that slices lie; the diameter is the longest side, 4 pixels across and 3 down."""
    begin(target, KEPT)
    columns = AXIAL | {"spacing_x": 0.5, "spacing_y": 2.0, "spacing_z": 4.0} | geometry
    add_scan(target, KEPT, "a", "1.5", [("1.5.0", 50.0), ("1.5.1", 54.0)], **columns)
    Path("a.xml").write_text(mark("1.5", "1.5.1", [(10, 20), (14, 20), (14, 23)]), encoding="utf-8")
    assert main(["a.xml", "-d", target]) == 0
    ((x, y, z, diameter),) = query(PLACES)
    assert (x, y, z) == pytest.approx(centre, abs=1e-9)
    assert diameter == pytest.approx((2**2 + 6**2) ** 0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("problem", "columns", "instance", "points"),
    [
        ("1 scans were loaded before their place in the patient was recorded", {"origin_x": None}, "1.5.0", [(1, 1)]),
        ("1 scans were loaded before their place in the patient was recorded", {"row_z": None}, "1.5.0", [(1, 1)]),
        ("1 scans lack a slice that is marked", {}, "1.5.9", [(1, 1)]),
    ],
)
def test_marks_that_have_no_place_in_the_scan_are_refused(
    target: str,
    query: Query,
    capsys: pytest.CaptureFixture[str],
    problem: str,
    columns: dict[str, None],
    instance: str,
    points: list[tuple[int, int]],
) -> None:
    """Nothing is stored, and the way out is said; beside a scan that has a place for its marks they are passed over."""
    begin(target, KEPT)
    add_scan(target, KEPT, "a", "1.5", [("1.5.0", 50.0)], **AXIAL | columns)
    Path("marks").mkdir()
    Path("marks/a.xml").write_text(mark("1.5", instance, points), encoding="utf-8")
    assert main(["marks", "-d", target]) == 1
    printed = capsys.readouterr().err
    assert problem in printed
    assert "(scan_id 1). Load the scan again" in printed
    assert query(NODULES) == []
    add_scan(target, KEPT, "a", SERIES, SLICES, **AXIAL)
    Path("marks/b.xml").write_text((DATA / "readers.xml").read_text(), encoding="utf-8")
    assert main(["marks", "-d", target]) == 0
    assert problem in capsys.readouterr().out
    assert query("SELECT scan_id, COUNT(*) FROM dbo.nodules GROUP BY scan_id;") == [(2, 11)]


def test_nodules_outside_of_the_pictures_are_told(
    scan: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On any side or below the first slice: the marks may be of another scan, and are stored as they are."""
    path = tmp_path / "annotations.csv"
    # Pixels reach from -100.35 to -10.75 mm and from -90.35 to -0.75 mm, slices from -120 mm up.
    for place, is_told in (
        ("-11,-1,-120", False),
        ("-100,-90,-121", False),
        ("-10,-1,-120", True),
        ("-101,-1,-120", True),
        ("-11,0,-120", True),
        ("-11,-91,-120", True),
        ("-11,-1,-123", True),
    ):
        path.write_text(f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{SERIES},{place},4\n", encoding="utf-8")
        assert main([str(path), "-d", scan]) == 0
        printed = capsys.readouterr().out
        assert ("1 scans have nodules outside of their pictures (scan_id 1)" in printed) == is_told, place
        assert [row[:3] for row in query(PLACES)] == [tuple(map(float, place.split(",")))]


def test_series_that_are_no_scans_are_counted_and_alone_refused(
    scan: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Uids may identify people, so they are shown on demand."""
    path = tmp_path / "annotations.csv"
    lines = ["seriesuid;coordX;coordY;coordZ;diameter_mm", "9.8.7;1;2;3;4", f"{SERIES};1,5;2;3;4"]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert main([str(path), "-d", scan]) == 0
    printed = capsys.readouterr().out
    assert "1 ids are not in the database" in printed
    assert "9.8.7" not in printed
    assert query(PLACES) == [(1.5, 2.0, 3.0, 4.0)]
    path.write_text("\n".join(lines[:2]), encoding="utf-8")
    assert main([str(path), "-d", scan]) == 1
    assert "None of the 1 UIDs is one of a series of the database" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        ("line 2 has a coordy that is not a number", "SECRET,1,x,3,4"),
        ("line 2 has a coordx that is not a number", "SECRET,,2,3,4"),
        ("line 2 has a coordz that is not a number", "SECRET,1,2,1e999,4"),
        ("line 2 has a diameter_mm that is not above 0", "SECRET,1,2,3,0"),
    ],
)
def test_wrong_annotations_are_refused_by_line(
    scan: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: str, line: str
) -> None:
    """Nothing of the file is stored."""
    path = tmp_path / "annotations.csv"
    path.write_text(f"seriesuid,coordX,coordY,coordZ,diameter_mm\n{line}\n{SERIES},1,2,3,4\n", encoding="utf-8")
    assert main([str(path), "-d", scan]) == 1
    printed = capsys.readouterr().err
    assert problem in printed
    assert "SECRET" not in printed
    assert query(NODULES) == []


def test_irrelevant_findings_stand_beside_nodules(
    scan: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each file replaces its own kind, and -1 is no diameter; LUNA16's name for them is not read as nodules."""
    nodules, excluded = tmp_path / "annotations.csv", tmp_path / "annotations_excluded.csv"
    head = "seriesuid,coordX,coordY,coordZ,diameter_mm"
    nodules.write_text(f"{head}\n{SERIES},-12,30,-112,6\n")
    excluded.write_text(f"{head}\n{SERIES},-20,30,-112,-1\n{SERIES},-30,30,-112,2.5\n")
    found = "SELECT x, diameter, is_relevant FROM dbo.nodules ORDER BY x;"
    both = [(-30.0, 2.5, False), (-20.0, None, False), (-12.0, 6.0, True)]
    assert main([str(nodules), "-d", scan]) == 0
    assert main([str(excluded), "-d", scan]) == 1
    assert "Add --irrelevant" in capsys.readouterr().err
    for _ in range(2):
        assert main([str(excluded), "-d", scan, "--irrelevant"]) == 0
        assert "Irrelevant findings: 2 in 1 scans, 1 of them points" in capsys.readouterr().out
        assert main([str(nodules), "-d", scan]) == 0
        assert query(found) == both
    nodules.write_text(f"{head}\n{SERIES},-12,30,-112,-1\n")
    assert main([str(nodules), "-d", scan]) == 1
    assert (
        "line 2 has a diameter_mm that is not above 0; -1 is taken with --irrelevant alone" in capsys.readouterr().err
    )
    excluded.write_text(f"{head}\n{SERIES},-20,30,-112,-2\n")
    assert main([str(excluded), "-d", scan, "--irrelevant"]) == 1
    assert main([READERS, "-d", scan, "--irrelevant"]) == 1
    assert "is not read with --irrelevant" in capsys.readouterr().err
    assert query(found) == both


def test_a_scan_that_goes_takes_its_nodules_along(scan: str, query: Query) -> None:
    """Their content is the scan's."""
    main([READERS, "-d", scan])
    query("DELETE FROM dbo.scan_images; DELETE FROM dbo.scans; SELECT 1 AS done;")
    assert query(NODULES) == []
