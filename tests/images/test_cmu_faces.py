"""The exercise of the CMU faces runs from its script on faces laid out as they are published."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from lungdb.cli import load_network
from lungdb.errors import LungdbError
from lungdb.loading.cmu_faces import choose_faces
from scripts import cmu_faces
from tests.support.asking import Query
from tests.support.fixtures import DEMO_NETWORK

PERSONS = ("an2i", "at33", "boland", "bpm", "ch4f", "cheyer")


def draw_face(seed: int, pose: str, rows: int = 60, cols: int = 64) -> np.ndarray:
    """Draw a bright head on a dark ground, its nose and eye on the side that it looks to."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 60, (rows, cols), dtype=np.uint8)
    centre = (cols // 2 + int(rng.integers(-4, 5)), rows // 2 + int(rng.integers(-4, 5)))
    cv2.ellipse(picture, centre, (cols // 4, rows // 3), 0, 0, 360, int(rng.integers(150, 200)), -1)
    side = -1 if pose == "left" else 1
    cv2.circle(picture, (centre[0] + side * cols // 4, centre[1]), 7, 250, -1)
    cv2.circle(picture, (centre[0] + side * cols // 8, centre[1] - rows // 8), 4, 20, -1)
    return picture


def names_of(person: str) -> list[str]:
    """Give the file names that the data set has of a person, of all poses and scales."""
    return [
        f"faces/{person}/{person}_{pose}_{expression}_{eyes}{scale}.pgm"
        for pose in ("left", "right", "straight", "up")
        for expression in ("angry", "happy", "neutral", "sad")
        for eyes in ("open", "sunglasses")
        for scale in ("", "_2", "_4")
    ]


@pytest.mark.slow
def test_the_exercise_runs_and_no_person_is_in_both_halves(
    target: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Full resolution and balanced classes; nine of ten made-up faces of persons not seen are told right."""
    seed = 0
    for person in PERSONS:
        (tmp_path / "cmu" / "faces" / person).mkdir(parents=True)
        for name in names_of(person):
            pose = "left" if "_left_" in name else "right"
            if not name.endswith("_2.pgm"):
                seed += 1
                shape = (30, 32) if name.endswith("_4.pgm") else (60, 64)
                assert cv2.imwrite(str(tmp_path / "cmu" / name), draw_face(seed, pose, *shape))
    assert load_network.main([str(DEMO_NETWORK), "--name", "demo_resnet", "-d", target]) == 0
    arguments = [str(tmp_path / "cmu"), "-d", target, "--network", "demo_resnet", "--layer", "layer2", "--folds", "3"]
    assert cmu_faces.main(arguments) == 0
    out = capsys.readouterr().out
    assert "96 faces of 3 persons to learn from and 3 to be told." in out
    stored = query(
        "SELECT i.name, i.group_name, s.part FROM dbo.images AS i INNER JOIN dbo.image_sources AS s ON s.name = i.name;"
    )
    assert len(stored) == 96
    assert all(re.search(r"_(left|right)_[a-z]+_(open|sunglasses)\.pgm$", name) for name, _, _ in stored)
    halves = {part: {group for _, group, of in stored if of == part} for part in ("train", "test")}
    assert len(halves["train"]) == len(halves["test"]) == 3
    assert not halves["train"] & halves["test"]
    parts = query("SELECT part, COUNT(DISTINCT name) FROM dbo.image_scores GROUP BY part ORDER BY part;")
    assert parts == [("test", 48), ("train", 48)]
    query_accuracy = "SELECT value FROM dbo.image_metrics WHERE part = 'test' AND metric = N'accuracy';"
    assert query(query_accuracy)[0][0] >= 0.9
    assert "left told to be left" in out
    assert cmu_faces.main(arguments) == 0
    assert query("SELECT version FROM dbo.image_classifiers ORDER BY version;") == [(1,), (2,)]


def test_faces_are_balanced_within_each_person() -> None:
    """Where a file of one pose is wanting, as several of the published are, its counterpart is left out too."""
    names = [name for person in PERSONS for name in names_of(person)]
    names.remove("faces/bpm/bpm_left_sad_open.pgm")
    names.append("faces/bpm/ch4f_left_sad_open.pgm")
    faces = choose_faces(names)
    assert len(faces) == 6 * 16 - 2
    for person in PERSONS:
        labels = [face["label"] for face in faces if face["person"] == person]
        assert labels.count("left") == labels.count("right") == (7 if person == "bpm" else 8)
    assert not any("_2.pgm" in face["path"] or "_4.pgm" in face["path"] for face in faces)


def test_a_folder_without_such_faces_is_refused() -> None:
    """With how the files must lie."""
    with pytest.raises(LungdbError, match="faces/<person>/"):
        choose_faces(["faces/an2i/an2i_left_sad_open.pgm", "other.png"])
