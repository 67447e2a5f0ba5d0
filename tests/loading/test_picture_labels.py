"""Labels of pictures, from a file or from subfolders."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.errors import LungdbError
from lungdb.loading.picture_labels import class_numbers, read_labels


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["b/1.png", "a/1.png", "b/c/2.png"], {"a": 0, "b": 1}),
        (["7/1.png", "0/1.png", "255/2.png"], {"0": 0, "255": 255, "7": 7}),
        (["7/1.png", "256/2.png"], {"256": 0, "7": 1}),
    ],
)
def test_classes_are_numbered_by_name_unless_all_names_are_numbers(names: list[str], classes: dict[str, int]) -> None:
    """So that a folder of numbered classes can grow."""
    assert class_numbers(names) == classes


@pytest.mark.parametrize("value", ["256", "-1", "256.0", "1.5", "cat", "٣"])
def test_a_label_that_is_no_class_number_is_refused(tmp_path: Path, value: str) -> None:
    """The line is named."""
    file = tmp_path / "labels.csv"
    file.write_text(f"name,label\na.png,1\nb.png,{value}\n", encoding="utf-8")
    with pytest.raises(LungdbError, match="line 3 has a label that is not 0 to 255"):
        read_labels(file)


def test_classes_that_a_data_frame_made_decimal_are_read(tmp_path: Path) -> None:
    """A column with an empty label becomes decimal."""
    file = tmp_path / "labels.csv"
    file.write_text("name;label\na/1.png;7.0\na/2.png;\n", encoding="utf-8")
    assert read_labels(file) == {"a/1.png": 7, "a/2.png": None}


def test_a_picture_with_two_labels_is_refused_however_its_name_is_written(tmp_path: Path) -> None:
    """Slashes and backslashes name one file; the same label twice is none too many."""
    file = tmp_path / "labels.csv"
    file.write_text("name,label\na/1.png,7\na\\1.png,7\n", encoding="utf-8")
    assert read_labels(file) == {"a/1.png": 7}
    file.write_text("name,label\na/1.png,7\na\\1.png,8\n", encoding="utf-8")
    with pytest.raises(LungdbError, match="two labels"):
        read_labels(file)
