"""`load-images --list` and `--label-pattern`: what is said of pictures beside their bytes is stored as it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.cli.load_images import main
from lungdb.dicom.identity import Identity
from tests.cli.test_load_images import write_picture
from tests.support.asking import Query

KEY = "a key of this test, 32 characters"
IMAGES = "SELECT name, label, patient_id, group_name, group_order FROM dbo.images ORDER BY name;"
LABELS = "SELECT name, label FROM dbo.image_labels ORDER BY name, label;"
PROPERTIES = "SELECT name, property, value FROM dbo.image_properties ORDER BY name, property;"
PARTS = "SELECT is_group, name, part FROM dbo.image_splits ORDER BY is_group, name;"
TABLES = ("images", "image_labels", "image_properties", "image_classes", "image_splits", "settings")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four pictures, three of them in a subfolder."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    folder = tmp_path / "pictures"
    for seed, name in enumerate(("a.png", "film/0.png", "film/1.png", "film/2.png")):
        write_picture(folder / name, seed)
    return folder


def write_list(folder: Path, *lines: str) -> str:
    """Write a list beside the folder and give its path."""
    file = folder.parent / "list.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(file)


def test_a_list_names_what_is_loaded_and_what_is_known_of_it(target: str, query: Query, folder: Path) -> None:
    """Classes numbered in the order of their names, the patient hashed as load-scans does, further columns kept."""
    file = write_list(
        folder,
        "Path,label,patient,group,order,View,site",
        "film\\1.png,dog|cat,P 7,film 1,2,left,",
        "film/0.png,cat,P 7,film 1,1,,Ulm",
        "a.png,bird,,,,,",
    )
    assert main([str(folder), "-d", target, "--list", file]) == 0
    patient = Identity("keyed", KEY).patient("P 7")
    assert query(IMAGES) == [
        ("a.png", 0, None, None, None),
        ("film/0.png", 1, patient, "film 1", 1),
        ("film/1.png", None, patient, "film 1", 2),
    ]
    assert query("SELECT label, name FROM dbo.image_classes ORDER BY label;") == [(0, "bird"), (1, "cat"), (2, "dog")]
    assert query(LABELS) == [("a.png", 0), ("film/0.png", 1), ("film/1.png", 1), ("film/1.png", 2)]
    assert query(PROPERTIES) == [("film/0.png", "site", "Ulm"), ("film/1.png", "view", "left")]
    assert query("SELECT name, label FROM dbo.image_truth ORDER BY name, label;") == query(LABELS)


def test_a_patient_of_pictures_alone_has_a_part_and_keeps_it_when_scans_come(
    target: str, query: Query, folder: Path
) -> None:
    """The part is the one that the hash gives for the id among dbo.patients, and sources are patient, group or name."""
    file = write_list(folder, "path,patient,group", "a.png,P1,", "film/0.png,,film", "film/1.png,,film", "film/2.png,,")
    assert main([str(folder), "-d", target, "--list", file, "--keep-ids"]) == 0
    query("EXECUTE dbo.AssignSplits;")
    ((part,),) = query("SELECT part FROM dbo.splits WHERE patient_id = N'P1';")
    query("DELETE FROM dbo.splits; INSERT INTO dbo.patients (patient_id, idx) VALUES (N'P1', 0);")
    query("EXECUTE dbo.AssignSplits;")
    assert query("SELECT patient_id, part FROM dbo.splits;") == [("P1", part)]
    sources = query("SELECT name, source FROM dbo.image_sources ORDER BY name;")
    assert sources == [
        ("a.png", "patient/P1"),
        ("film/0.png", "group/film"),
        ("film/1.png", "group/film"),
        ("film/2.png", "picture/film/2.png"),
    ]
    parts = query("SELECT COUNT(*), COUNT(part) FROM dbo.image_sources;")
    assert parts == [(4, 4)]


def test_a_list_changes_what_it_speaks_of_and_leaves_the_rest(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second list without labels keeps them; an empty value clears one; new classes follow those that are there."""
    first = write_list(folder, "path,label,site", "a.png,cat,Ulm", "film/0.png,dog,Bonn")
    assert main([str(folder), "-d", target, "--list", first]) == 0
    second = write_list(folder, "path,site,view", "a.png,,left", "film/1.png,Ulm,")
    capsys.readouterr()
    assert main([str(folder), "-d", target, "--list", second]) == 0
    out = capsys.readouterr().out
    assert "1 loaded, 0 replaced, 1 unchanged" in out
    assert "there before: 1 changed" in out
    assert query(PROPERTIES) == [
        ("a.png", "view", "left"),
        ("film/0.png", "site", "Bonn"),
        ("film/1.png", "site", "Ulm"),
    ]
    third = write_list(folder, "path,label", "a.png,", "film/0.png,ant", "film/1.png,dog")
    assert main([str(folder), "-d", target, "--list", third]) == 0
    assert query(LABELS) == [("film/0.png", 2), ("film/1.png", 1)]
    assert [row[:2] for row in query(IMAGES)] == [("a.png", None), ("film/0.png", 2), ("film/1.png", 1)]


def test_numbers_as_labels_stay_and_a_file_of_labels_replaces_several(target: str, query: Query, folder: Path) -> None:
    """--labels gives a picture of two classes one, and none where its label is empty."""
    file = write_list(folder, "path,label", "a.png,7|0", "film/0.png,200", "film/1.png,7|8")
    assert main([str(folder), "-d", target, "--list", file]) == 0
    assert query(LABELS) == [("a.png", 0), ("a.png", 7), ("film/0.png", 200), ("film/1.png", 7), ("film/1.png", 8)]
    assert query("SELECT COUNT(*) FROM dbo.image_classes;") == [(0,)]
    labels = folder.parent / "labels.csv"
    labels.write_text("name,label\na.png,3\nfilm/1.png,\n")
    assert main([str(folder), "-d", target, "--labels", str(labels)]) == 0
    truth = query("SELECT name, label FROM dbo.image_truth ORDER BY name;")
    assert truth == [("a.png", 3), ("film/0.png", 200)]


def test_a_pattern_reads_labels_and_more_from_names(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Groups that are not known become properties, and a name that does not match has no label."""
    write_picture(folder / "ann_left_open.png", 8)
    write_picture(folder / "bob_right_shut.png", 9)
    pattern = r"(?P<group>[a-z]+)_(?P<label>left|right)_(?P<eyes>open|shut)\.png$"
    assert main([str(folder), "-d", target, "--label-pattern", pattern]) == 0
    assert "4 names do not match" in capsys.readouterr().out
    assert query("SELECT name, label, group_name FROM dbo.images WHERE label IS NOT NULL ORDER BY name;") == [
        ("ann_left_open.png", 0, "ann"),
        ("bob_right_shut.png", 1, "bob"),
    ]
    assert query(PROPERTIES) == [("ann_left_open.png", "eyes", "open"), ("bob_right_shut.png", "eyes", "shut")]
    file = write_list(folder, "path,group", "ann_left_open.png,x", "bob_right_shut.png,")
    assert main([str(folder), "-d", target, "--list", file, "--label-pattern", r"_(?P<label>open|shut)"]) == 0
    assert query("SELECT name, label, group_name FROM dbo.images WHERE label IS NOT NULL ORDER BY name;") == [
        ("ann_left_open.png", 2, "x"),
        ("bob_right_shut.png", 3, None),
    ]


def test_a_list_gives_parts_and_none_is_moved(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A group is in one part whole; AssignSplits leaves what is given, and another list cannot move it."""
    file = write_list(folder, "path,group,part", "a.png,,test", "film/0.png,f,train", "film/1.png,f,train")
    assert main([str(folder), "-d", target, "--list", file]) == 0
    query("EXECUTE dbo.AssignSplits;")
    assert query(PARTS) == [(False, "a.png", "test"), (True, "f", "train")]
    before = {table: query(f"SELECT * FROM dbo.{table};") for table in TABLES}
    moved = write_list(folder, "path,group,part", "a.png,,train", "film/2.png,g,train")
    assert main([str(folder), "-d", target, "--list", moved]) == 1
    assert "1 groups or pictures" in capsys.readouterr().err
    assert {table: query(f"SELECT * FROM dbo.{table};") for table in TABLES} == before


WRONG = {
    "a file that is not there": (["path,label", "a.png,1", "b.png,1"], "line 3 has a path that is no file"),
    "a path that no file can have": (["path", "x" * 400], "line 2 has a path that is no file"),
    "a path above the folder": (["path", "../pictures/a.png"], "line 2 has a path outside of the folder"),
    "a path from the root": (["path", "/etc/passwd"], "line 2 has a path outside of the folder"),
    "a path of a drive": (["path", "C:\\a.png"], "line 2 has a path outside of the folder"),
    "no path": (["path,label", ",1"], "line 2"),
    "a path twice": (["path", "film/0.png", "film//0.png"], "line 3 has the path of an earlier line"),
    "a path in another case": (["path", "a.png", "A.png"], "line 3 has the path of an earlier line"),
    "a label above 255": (["path,label", "a.png,1", "film/0.png,256"], "line 3 has a label that is not 0 to 255"),
    "a name among numbers": (["path,label", "a.png,1", "film/0.png,x", "film/1.png,2"], "line 3 has a label"),
    "a number among names": (["path,label", "a.png,x", "film/0.png,1", "film/1.png,y"], "line 3 has a number"),
    "half a label": (["path,label", "a.png,x|"], "line 2 has an empty label"),
    "a label twice": (["path,label", "a.png,x|x"], "line 2 has a label twice"),
    "an order of no group": (["path,order", "a.png,1"], "line 2 has an order and no group"),
    "an order in words": (["path,group,order", "a.png,g,first"], "line 2 has an order that is no whole number"),
    "an order twice": (["path,group,order", "a.png,g,1", "film/0.png,g,1"], "line 3 has the order"),
    "an order for one of two": (["path,group,order", "a.png,g,1", "film/0.png,g,"], "line 3 has an order"),
    "two patients in a group": (["path,group,patient", "a.png,g,p", "film/0.png,g,q"], "line 3 names another patient"),
    "a patient for one of two": (["path,group,patient", "a.png,g,p", "film/0.png,g,"], "line 3 names another patient"),
    "two parts in a group": (["path,group,part", "a.png,g,test", "film/0.png,g,train"], "line 3 has another part"),
    "a part of another name": (["path,part", "a.png,validation"], "line 2 has a part that is neither"),
    "a part of a patient": (["path,patient,part", "a.png,p,test"], "line 2 has a part beside a patient"),
    "a long property": (["path,note", f"a.png,{'x' * 401}"], "line 2 has a property"),
    "no column path": (["name,label", "a.png,1"], "no header with the columns path"),
    "no lines": (["path,label"], "holds no pictures"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_list_is_refused_whole(
    target: str, query: Query, folder: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line and what is wrong with it are told, never its path, and nothing is stored."""
    lines, message = WRONG[case]
    before = {table: query(f"SELECT * FROM dbo.{table};") for table in TABLES}
    assert main([str(folder), "-d", target, "--list", write_list(folder, *lines)]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert "passwd" not in said
    assert "Traceback" not in said
    assert {table: query(f"SELECT * FROM dbo.{table};") for table in TABLES} == before


def test_a_group_stays_with_its_patient_across_lists(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A later list that would give a film another patient, or two pictures of one order, is refused."""
    file = write_list(folder, "path,group,order,patient", "film/0.png,f,1,P1")
    assert main([str(folder), "-d", target, "--list", file]) == 0
    for line in ("film/1.png,f,2,P2", "film/1.png,f,1,P1"):
        assert main([str(folder), "-d", target, "--list", write_list(folder, "path,group,order,patient", line)]) == 1
        assert "nothing has been changed" in capsys.readouterr().err
    assert [row[0] for row in query(IMAGES)] == ["film/0.png"]


@pytest.mark.parametrize(
    ("pattern", "said"), [("(?P<label>", "no regular expression"), ("left", "no group named label")]
)
def test_a_wrong_pattern_is_refused(
    target: str, folder: Path, pattern: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a traceback, with what is wrong."""
    assert main([str(folder), "-d", target, "--label-pattern", pattern]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["MRN-77_left.png,MRN-77,,", "a.png,P1,film p1,", "a.png,4711,,from 4711", "film/1.png,film,,"]
)
def test_no_id_is_stored_beside_its_hash(
    target: str, query: Query, folder: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a name, a group or a property; where ids are kept it may be there."""
    write_picture(folder / "MRN-77_left.png", 8)
    file = write_list(folder, "path,patient,group,note", line, "film/0.png,P10,P1,age 10")
    assert main([str(folder), "-d", target, "--list", file]) == 1
    assert "1 pictures have their patient's id" in capsys.readouterr().err
    assert query("SELECT COUNT(*) FROM dbo.images;") == [(0,)]
    assert main([str(folder), "-d", target, "--list", file, "--keep-ids"]) == 0


def test_a_group_keeps_to_the_patient_that_is_stored(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list without patients may give pictures of one patient a group, and not those of two."""
    first = write_list(folder, "path,patient", "a.png,P1", "film/0.png,P1", "film/1.png,P2")
    assert main([str(folder), "-d", target, "--list", first]) == 0
    both = write_list(folder, "path,group", "a.png,f", "film/0.png,f", "film/1.png,f")
    assert main([str(folder), "-d", target, "--list", both]) == 1
    assert "1 groups would have pictures of several patients" in capsys.readouterr().err
    one = write_list(folder, "path,group", "a.png,f", "film/0.png,f")
    assert main([str(folder), "-d", target, "--list", one]) == 0
    moved = write_list(folder, "path,patient", "a.png,P2")
    assert main([str(folder), "-d", target, "--list", moved]) == 1
    assert len({row[2] for row in query(IMAGES) if row[3] == "f"}) == 1


def test_a_database_of_kept_ids_takes_no_hashed_ones(target: str, query: Query, folder: Path) -> None:
    """Once pictures of patients are there, their ids are those of the first load."""
    file = write_list(folder, "path,patient", "a.png,P1")
    assert main([str(folder), "-d", target, "--list", file, "--keep-ids"]) == 0
    later = write_list(folder, "path,patient", "film/0.png,P2")
    assert main([str(folder), "-d", target, "--list", later]) == 0
    assert [row[2] for row in query(IMAGES)] == ["P1", "P2"]
