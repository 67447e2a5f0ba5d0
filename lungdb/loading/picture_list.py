"""What is said of pictures beside their bytes: a list of them, or a pattern of their names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from lungdb.errors import LungdbError
from lungdb.loading.tables import LineError, read_table, whole_number

KNOWN = ("path", "label", "patient", "group", "order", "part")
"""Columns of a list, and named groups of a pattern, that have a meaning of their own; others are properties."""

MOST_CLASSES = 256
PARTS = ("train", "test")
_BETWEEN_LABELS = "|"
_NAME_LENGTH = 128
_VALUE_LENGTH = 400
_MOST_ORDER = 2**31 - 1


@dataclass(frozen=True)
class Said:
    """What is said of one picture.

    Attributes
    ----------
    labels : tuple of str
        Names or numbers of its classes; empty where they are not known.
    patient : str
        The patient's id as in the DICOM files; empty for none.
    group : str
        What it belongs to with others, such as a film; empty for none.
    order : int or None
        Its place in the group.
    part : str
        `train`, `test`, or empty to leave it to the splits.
    properties : dict of str to str
        Everything else by column, what is empty left out.
    """

    labels: tuple[str, ...] = ()
    patient: str = field(default="", repr=False)
    group: str = ""
    order: int | None = None
    part: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PictureList:
    """What is said of pictures by name, and which of `KNOWN` and which properties it speaks of at all."""

    said: dict[str, Said]
    columns: frozenset[str]

    @property
    def labels(self) -> list[str]:
        """Every label once, in order."""
        return sorted({label for said in self.said.values() for label in said.labels})


def read_list(path: Path, folder: Path, pattern: re.Pattern[str] | None = None) -> PictureList:
    """Read a list of pictures: a CSV file with the column path, and any of label, patient, group, order and part.

    Several labels of a picture are separated by ``|``. Every other column is a property.

    Parameters
    ----------
    path : Path
        The file.
    folder : Path
        What the paths are below.
    pattern : Pattern, optional
        Says of a picture by its name what the list has no column for.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong: a path that is empty, outside of the folder, twice there, or no
        file; labels that are numbers in some lines and names in others, or numbers above 255; a group whose lines name
        different patients or parts, or a place twice; a part beside a patient. Errors name lines, never paths.
    """
    columns: set[str] = set()
    labels: list[str] = []

    def look(values: dict[str, str]) -> None:
        columns.update(values)
        labels.extend(_labels(values.get("label", "")))

    read_table(path, "pictures", ("path",), look)
    reader = _Reader(folder, bool(labels) and _are_mostly_numbers(labels), pattern)
    found = read_table(path, "pictures", ("path",), reader.read)
    spoken = columns | (set(pattern.groupindex) if pattern else set())
    return PictureList(dict(found.values()), frozenset(spoken - {"path"}))


def read_names(names: Sequence[str], pattern: re.Pattern[str]) -> PictureList:
    """Say of pictures what a pattern finds in their names; those that it does not match are left out.

    Raises
    ------
    LungdbError
        What it finds contradicts itself; see `read_list`.
    """
    values = {name: match.groupdict("") for name in names if (match := pattern.search(name))}
    labels = [label for each in values.values() for label in _labels(each.get("label", ""))]
    reader = _Reader(None, bool(labels) and _are_mostly_numbers(labels), None)
    said = {}
    for name, each in values.items():
        try:
            said[name] = reader.understand(name, each)
        except LineError as error:
            raise LungdbError(f"A name that the pattern matches {error}. Correct the pattern or the names.") from None
    return PictureList(said, frozenset(pattern.groupindex))


def read_pattern(text: str, *, needs_label: bool = True) -> re.Pattern[str]:
    """Read a regular expression with the named group ``label``; LungdbError where it is none, or has no such group."""
    try:
        pattern = re.compile(text)
    except (re.error, RecursionError) as error:
        raise LungdbError(f"The pattern is no regular expression: {error}. Correct it.") from None
    if needs_label and "label" not in pattern.groupindex:
        raise LungdbError(
            "The pattern has no group named label. Write one, such as (?P<label>left|right), where the label stands."
        )
    return pattern


def is_number(label: str) -> bool:
    """Tell whether a label is a number, 0 to 255 or not."""
    return whole_number(label) is not None


class _Reader:
    """One reading of a list: what earlier lines said."""

    def __init__(self, folder: Path | None, numbers: bool, pattern: re.Pattern[str] | None) -> None:
        self.folder = folder
        self.numbers = numbers
        self.pattern = pattern
        self.seen: set[str] = set()
        self.patients: dict[str, str] = {}
        self.parts: dict[str, str] = {}
        self.places: set[tuple[str, int]] = set()
        self.ordered: dict[str, bool] = {}

    def read(self, values: dict[str, str]) -> tuple[str, Said]:
        name = self._name(values["path"])
        match = self.pattern.search(name) if self.pattern else None
        return name, self.understand(name, {**(match.groupdict("") if match else {}), **values})

    def understand(self, name: str, values: Mapping[str, str]) -> Said:
        labels = tuple(self._label(label) for label in _labels(values.get("label", "")))
        if len(set(labels)) < len(labels):
            raise LineError("has a label twice")
        said = Said(
            labels,
            values.get("patient", ""),
            values.get("group", ""),
            self._order(values.get("order", "")),
            values.get("part", "").lower(),
            {key: value for key, value in values.items() if key not in KNOWN and key and value},
        )
        self._check(said)
        return said

    def _name(self, text: str) -> str:
        path = PurePosixPath(text.replace("\\", "/"))
        if path.is_absolute() or PureWindowsPath(text).drive or ".." in path.parts:
            raise LineError("has a path outside of the folder")
        name = path.as_posix()
        if name.casefold() in self.seen:
            raise LineError("has the path of an earlier line")
        self.seen.add(name.casefold())
        # Unlike Path.is_file, this takes a path that no file can have, such as one that is too long, for no file.
        if self.folder is not None and not os.path.isfile(self.folder / name):
            raise LineError("has a path that is no file")
        return name

    def _label(self, text: str) -> str:
        if not text:
            raise LineError("has an empty label beside others")
        number = whole_number(text)
        if self.numbers and (number is None or number >= MOST_CLASSES):
            raise LineError("has a label that is not 0 to 255, as those of other lines are")
        if not self.numbers and number is not None:
            raise LineError("has a number as label, where those of other lines are names")
        if len(text) > _NAME_LENGTH or not text.isprintable():
            raise LineError(f"has a label that cannot be a name of at most {_NAME_LENGTH} characters")
        return text if number is None else str(number)

    def _order(self, text: str) -> int | None:
        order = whole_number(text)
        if text and (order is None or order > _MOST_ORDER):
            raise LineError("has an order that is no whole number")
        return order

    def _check(self, said: Said) -> None:
        if said.part not in ("", *PARTS):
            raise LineError("has a part that is neither train nor test")
        if said.part and said.patient:
            raise LineError("has a part beside a patient, whose part the splits give")
        for text, length in ((said.group, _NAME_LENGTH), (said.patient, 64)):
            if len(text) > length or not text.isprintable():
                raise LineError(f"has a group or patient that is no name of at most {length} characters")
        if any(len(key) > _NAME_LENGTH or len(value) > _VALUE_LENGTH for key, value in said.properties.items()):
            raise LineError(f"has a property of more than {_VALUE_LENGTH} characters")
        if not said.group:
            if said.order is not None:
                raise LineError("has an order and no group")
            return
        group = said.group.casefold()
        if self.patients.setdefault(group, said.patient) != said.patient:
            raise LineError("names another patient than an earlier line of its group")
        if self.parts.setdefault(group, said.part) != said.part:
            raise LineError("has another part than an earlier line of its group")
        if self.ordered.setdefault(group, said.order is not None) != (said.order is not None):
            raise LineError("has an order where an earlier line of its group has none, or none where it has one")
        if said.order is not None and (group, said.order) in self.places:
            raise LineError("has the order of an earlier line of its group")
        if said.order is not None:
            self.places.add((group, said.order))


def _labels(text: str) -> list[str]:
    return [label.strip() for label in text.split(_BETWEEN_LABELS)] if text else []


def _are_mostly_numbers(labels: Sequence[str]) -> bool:
    return 2 * sum(map(is_number, labels)) >= len(labels)
