"""What every form of labels has in common: what may be asked for, what became of a file, and counts in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lungdb.errors import LungdbError

MOST_CLASSES = 256


@dataclass(frozen=True)
class Options:
    """How a file is read.

    Attributes
    ----------
    horizon_days : int or None
        Labels are of scans, and say what is found within so many days of them.
    classes : int
        Labels are 0 to one less than this.
    numeric : str
        Column whose numbers are loaded; empty for labels.
    metastatic : int or None
        Label of a patient whose diagnosis is a metastasis; None for no label.
    irrelevant : bool
        The file lists findings that are neither nodules to be found nor false alarms.
    """

    horizon_days: int | None = None
    classes: int = 2
    numeric: str = ""
    metastatic: int | None = None
    irrelevant: bool = False

    def __post_init__(self) -> None:
        """Refuse what no file can be read by."""
        if self.horizon_days is not None and not 1 <= self.horizon_days <= 36_500:
            raise LungdbError(f"The horizon is {self.horizon_days} days. Give 1 to 36500.")
        if not 2 <= self.classes <= MOST_CLASSES:
            raise LungdbError(f"There cannot be {self.classes} classes. Give 2 to {MOST_CLASSES}.")


@dataclass(frozen=True)
class Report:
    """What became of a file.

    Attributes
    ----------
    lines : list of str
        Sentences for whoever loads it; without ids.
    unknown : list of str
        Ids of the file that are not in the database.
    """

    lines: list[str]
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Changes:
    """How many rows were added, changed, removed and left.

    Attributes
    ----------
    added, changed, unchanged, removed : int
        Rows.
    """

    added: int
    changed: int
    unchanged: int
    removed: int = 0

    def __str__(self) -> str:
        """Write them in words; what was removed only where something was."""
        removed = f", {self.removed} removed" if self.removed else ""
        return f"{self.added} added, {self.changed} changed, {self.unchanged} unchanged{removed}"


def by_class(labels: Sequence[int]) -> str:
    """Count labels in words: ``5 of 0, 3 of 1``."""
    return ", ".join(f"{labels.count(label)} of {label}" for label in sorted(set(labels)))


def in_words(counts: Mapping[str, int]) -> str:
    """Write counts that are not 0, each before what was counted."""
    return "; ".join(f"{count} {what}" for what, count in counts.items() if count)


def source_name(name: str, how: str = "") -> str:
    """Return what is stored as the source of a label: a file's name, cut to fit, and what the label is from."""
    end = f" ({how})" if how else ""
    return name[: 200 - len(end)] + end
