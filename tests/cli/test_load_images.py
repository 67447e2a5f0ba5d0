"""`lungdb load-images`: whole pictures in, once each, with their labels; everything else is counted and named."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from lungdb.cli.load_images import main
from tests.support.asking import Query

ROOT = Path(__file__).resolve().parents[2]
STORED = "SELECT name, label FROM dbo.images ORDER BY name;"


def write_picture(path: Path, seed: int = 0, side: int = 24) -> bytes:
    """Write a picture of noise in the format of the suffix and return the file's bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    data = bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    path.write_bytes(data)
    return data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures in two subfolders."""
    folder = tmp_path / "pictures"
    for seed, name in enumerate(("cats/a.png", "cats/b.jpg", "dogs/c.jpg")):
        write_picture(folder / name, seed)
    return folder


def test_pictures_are_stored_as_they_are_with_their_hash(target: str, query: Query, folder: Path) -> None:
    """The bytes are the file's, the name is its path below the folder, the label is not known."""
    assert main([str(folder), "-d", target]) == 0
    rows = query("SELECT name, image, sha256, label FROM dbo.images ORDER BY name;")
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.*"))}
    assert rows == [(name, data, hashlib.sha256(data).digest(), None) for name, data in files.items()]


def test_subfolders_become_classes(target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Numbered in the order of their names, which is told; a subfolder without pictures is none."""
    (folder / "about").mkdir()
    (folder / "about" / "readme.txt").write_text("pictures of animals")
    assert main([str(folder), "-d", target, "--classes"]) == 0
    assert query(STORED) == [("cats/a.png", 0), ("cats/b.jpg", 0), ("dogs/c.jpg", 1)]
    assert "0 is 'cats', 1 is 'dogs'" in capsys.readouterr().out


def test_a_picture_in_no_subfolder_has_no_class(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is loaded, rather than some with a class and some without."""
    write_picture(folder / "loose.png", 9)
    assert main([str(folder), "-d", target, "--classes"]) == 1
    assert "1 pictures lie in no subfolder" in capsys.readouterr().err
    assert query(STORED) == []


def test_labels_come_from_a_file_by_name(
    target: str, query: Query, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For pictures that are loaded and those that are there; an empty one clears; names that are not there are told."""
    labels = tmp_path / "labels.csv"
    labels.write_text("name,label\ncats/a.png,255\ncats\\b.jpg,3\nnobody.png,1\n")
    assert main([str(folder), "-d", target, "--labels", str(labels)]) == 0
    assert query(STORED) == [("cats/a.png", 255), ("cats/b.jpg", 3), ("dogs/c.jpg", None)]
    assert "1 names of 'labels.csv' are not in the database" in capsys.readouterr().out
    labels.write_text("name,label\ncats/a.png,\ndogs/c.jpg,1\n")
    assert main([str(folder), "-d", target, "--labels", str(labels)]) == 0
    assert query(STORED) == [("cats/a.png", None), ("cats/b.jpg", 3), ("dogs/c.jpg", 1)]
    assert "2 changed" in capsys.readouterr().out


def test_loading_again_adds_what_is_missing_and_nothing_else(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same files are recognised by their hash."""
    main([str(folder), "-d", target])
    write_picture(folder / "dogs" / "d.png", 3)
    capsys.readouterr()
    assert main([str(folder), "-d", target]) == 0
    assert "1 loaded, 0 replaced, 3 unchanged" in capsys.readouterr().out
    assert len(query(STORED)) == 4


def test_a_copy_under_another_name_is_not_loaded(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither beside its original nor later."""
    shutil.copy(folder / "cats" / "a.png", folder / "dogs" / "copy.png")
    main([str(folder), "-d", target, "--show-paths"])
    assert "duplicate\tdogs/copy.png" in capsys.readouterr().out
    shutil.move(folder / "cats" / "a.png", folder / "cats" / "moved.png")
    main([str(folder), "-d", target, "--show-paths"])
    assert "duplicate\tcats/moved.png" in capsys.readouterr().out
    assert [name for name, _ in query(STORED)] == ["cats/a.png", "cats/b.jpg", "dogs/c.jpg"]


def test_a_changed_file_is_taken_with_replace_only_and_its_features_go(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The label stays; features of the old bytes are deleted, those of other pictures are not."""
    main([str(folder), "-d", target, "--classes"])
    query(
        "INSERT INTO dbo.networks (name, version, library, model, sha256, details) "
        "VALUES (N'n', 1, N'onnx', 0x00, 0x00, N'{}');"
        "INSERT INTO dbo.feature_sets (network_id, layer, preprocessing, width) VALUES (1, N'l', N'image', 1);"
        "INSERT INTO dbo.image_features (name, feature_set_id, array_rows, array_cols, array, sha256) "
        "SELECT name, 1, 1, 1, 0x00000000, 0x00 FROM dbo.images;"
    )
    old = (folder / "dogs" / "c.jpg").read_bytes()
    new = write_picture(folder / "dogs" / "c.jpg", 8)
    capsys.readouterr()
    assert main([str(folder), "-d", target]) == 0
    assert "1  other_picture" in capsys.readouterr().out
    assert query("SELECT image FROM dbo.images WHERE name = N'dogs/c.jpg';") == [(old,)]
    assert main([str(folder), "-d", target, "--replace"]) == 0
    assert "0 loaded, 1 replaced, 2 unchanged" in capsys.readouterr().out
    (stored,) = query("SELECT image, sha256, label FROM dbo.images WHERE name = N'dogs/c.jpg';")
    assert stored == (new, hashlib.sha256(new).digest(), 1)
    assert query("SELECT name FROM dbo.image_features ORDER BY name;") == [("cats/a.png",), ("cats/b.jpg",)]


def test_what_is_no_whole_picture_is_counted_named_and_left_out(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text, a cut-off PNG, a PNG that claims gigabytes, a long name; the good ones are loaded."""
    whole = write_picture(folder / "whole.png", 5)
    (folder / "notes.png").write_text("not a picture")
    (folder / "cut.png").write_bytes(whole[:-20])
    (folder / "empty.jpg").write_bytes(b"")
    shutil.copy(ROOT / "tests" / "data" / "networks" / "README.md", folder / "picture.jpg")
    write_picture(folder / ("n" * 130 + ".png"), 6)
    os.mkfifo(folder / "pipe.png")
    assert main([str(folder), "-d", target, "--show-paths"]) == 0
    out = capsys.readouterr().out
    assert "4 loaded" in out
    for line in ("not_a_picture\tnotes.png", "refused\tcut.png", "not_a_picture\tempty.jpg", "bad_name\tnnnn"):
        assert line in out
    assert "pipe.png" not in out
    assert len(query(STORED)) == 4


def test_names_that_differ_in_case_only_are_not_mixed_up(
    target: str, query: Query, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The database takes them for one name, so the second is not taken."""
    write_picture(folder / "cats" / "A.PNG", 7)
    assert main([str(folder), "-d", target, "--show-paths"]) == 0
    assert "bad_name\tcats/a.png" in capsys.readouterr().out
    assert [name for name, _ in query(STORED)] == ["cats/A.PNG", "cats/b.jpg", "dogs/c.jpg"]


@pytest.mark.parametrize("arguments", [["nowhere"], ["empty"], ["pictures", "--labels", "nowhere.csv"]])
def test_a_wrong_path_is_an_error_without_a_traceback(
    target: str, folder: Path, tmp_path: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The status is 1 and one line says what to do."""
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / arguments[0]), *arguments[1:], "-d", target]) == 1
    said = capsys.readouterr()
    assert "Check" in said.err + said.out


def test_a_killed_load_is_completed_by_the_next(target: str, query: Query, tmp_path: Path) -> None:
    """SIGKILL after the first pictures are stored: what is there is whole, and the second run adds the others."""
    folder = tmp_path / "many"
    for seed in range(300):
        write_picture(folder / f"{seed:03}.png", seed, side=64)
    command = [sys.executable, str(ROOT / "scripts" / "load_images.py"), str(folder), "-d", target]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and query("SELECT COUNT(*) FROM dbo.images;") == [(0,)]:
            pass
        process.send_signal(signal.SIGKILL)
    (stored,) = query("SELECT COUNT(*) FROM dbo.images;")[0]
    assert 0 < stored < 300
    assert main([str(folder), "-d", target]) == 0
    wrong = "SELECT COUNT(*) FROM dbo.images WHERE sha256 <> HASHBYTES('SHA2_256', image);"
    assert query("SELECT COUNT(*) FROM dbo.images;") == [(300,)]
    assert query(wrong) == [(0,)]


def test_pgm_and_ppm_files_are_loaded(target: str, query: Query, folder: Path) -> None:
    """Which archives of radiology have."""
    (folder / "cats" / "d.pgm").write_bytes(b"P5 2 2 255\n" + bytes(4))
    write_picture(folder / "cats" / "e.ppm", 12)
    assert main([str(folder), "-d", target, "--classes"]) == 0
    assert [name for name, _ in query(STORED)][1:4] == ["cats/b.jpg", "cats/d.pgm", "cats/e.ppm"]


def test_names_are_printed_without_what_a_terminal_obeys(
    target: str, folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An escape code, a line end and bytes that are no text, in names of files, of classes, of labels and in errors."""
    for name in ("red\x1b[31m.png", "two\nlines.png", "bytes\udcff.png", "turn\u202e.png"):
        write_picture(folder / "cats\x1b[2J" / name)
    labels = tmp_path / "labels\x1b[31m.csv"
    labels.write_text("name,label\nnobody.png,1\n")
    main([str(folder), "-d", target, "--show-paths", "--classes"])
    main([str(folder), "-d", target, "--labels", str(labels)])
    labels.write_text("nothing")
    main([str(folder), "-d", target, "--labels", str(labels)])
    main([str(folder / "no\x1b[31m"), "-d", target])
    printed = "".join(capfd.readouterr())
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    for name in ("red\\x1b[31m.png", "two\\nlines.png", "bytes\\udcff.png", "turn\\u202e.png"):
        assert f"bad_name\tcats\\x1b[2J/{name}\t" in printed
    assert "'cats\\x1b[2J'" in printed
    assert "labels\\x1b[31m.csv" in printed
    assert "no\\x1b[31m' does not exist" in printed
