"""Labels of pictures: from a CSV file, or from the subfolders that they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lungdb.errors import LungdbError
from lungdb.loading.tables import LineError, read_table, whole_number

_MOST_CLASSES = 256


def read_labels(path: Path) -> dict[str, int | None]:
    """Read a file of labels, ``name,label``; other columns are ignored.

    Returns
    -------
    dict of str to int or None
        Name of a picture, with slashes -> 0 to 255, or None, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong.
    """
    found = read_table(path, "labels", ("name", "label"), _label)
    labels: dict[str, int | None] = {}
    for name, label in found.items():
        if labels.setdefault(name.replace("\\", "/"), label) != label:
            raise LungdbError(
                f"'{path.name}' has two labels for a picture, once with slashes and once with backslashes in its name. "
                "Correct the file; nothing has been changed."
            )
    return labels


def class_numbers(names: Sequence[str]) -> dict[str, int]:
    """Number the classes that the first folder of each name tells, folder -> label.

    Folders that are all named 0 to 255 keep their numbers, so that classes may be added later; others get 0, 1, … in
    the order of their names.

    Raises
    ------
    LungdbError
        A picture lies in no subfolder, or there are more than 256.
    """
    loose = sum("/" not in name for name in names)
    if loose:
        raise LungdbError(
            f"{loose} pictures lie in no subfolder, so --classes does not tell their class. Move them into subfolders."
        )
    folders = sorted({name.partition("/")[0] for name in names})
    if len(folders) > _MOST_CLASSES:
        raise LungdbError(f"There are {len(folders)} subfolders. Give at most {_MOST_CLASSES} classes.")
    if all(_is_label(folder) for folder in folders):
        return {folder: int(folder) for folder in folders}
    return {folder: number for number, folder in enumerate(folders)}


def _label(values: dict[str, str]) -> int | None:
    label = whole_number(values["label"])
    if values["label"] and (label is None or label >= _MOST_CLASSES):
        raise LineError("has a label that is not 0 to 255")
    return label


def _is_label(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3 and int(text) < _MOST_CLASSES
