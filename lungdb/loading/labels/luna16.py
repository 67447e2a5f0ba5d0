"""LUNA16's annotations.csv: centres of nodules in DICOM's patient coordinates, diameters, ratings if they are told.

annotations_excluded.csv has the same columns: findings that are neither to be found nor false alarms, those without an
outline with the diameter -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from lungdb.errors import LungdbError
from lungdb.loading.labels.nodules import Nodule
from lungdb.loading.tables import Header, LineError, read_lines, real_number, whole_number

COLUMNS = ("seriesuid", "coordx", "coordy", "coordz", "diameter_mm")
RATING = "malignancy_rating"
"""A column that a file may have beside: 1 to 5 as LIDC-IDRI's readers rate it, empty or 0 where nobody has.

One that is named malignancy alone is not read: it may be a diagnosis, 0 or 1.
"""


_EXCLUDED = "annotations_excluded"
_NO_DIAMETER = -1.0


def columns_of(columns: Sequence[str]) -> tuple[str, ...]:
    """Give those of a file's columns that are read."""
    return (*COLUMNS, *([RATING] if RATING in columns else []))


def read_annotations(path: Path, header: Header, *, irrelevant: bool = False) -> dict[str, list[Nodule]]:
    """Read the nodules of each series, or the irrelevant findings; who marked them is not told.

    Returns
    -------
    dict of str to list of Nodule
        SeriesInstanceUID -> its nodules, in the order of the file; one that is there twice is taken once, with the
        median of its ratings.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids. It is named as LUNA16's irrelevant
        findings and is not read as such.
    """
    if _EXCLUDED in path.stem.lower() and not irrelevant:
        raise LungdbError(
            f"'{path.name}' is named as LUNA16's list of irrelevant findings. Add --irrelevant, or rename it if it "
            "lists nodules."
        )
    series: dict[str, dict[tuple[float, float, float, float | None], list[int]]] = {}

    def add(key: str, values: dict[str, str]) -> None:
        numbers = [real_number(values[column], header.separator) for column in COLUMNS[1:]]
        x, y, z, diameter = numbers
        if x is None or y is None or z is None or diameter is None:
            wrong = COLUMNS[1 + numbers.index(None)]
            raise LineError(f"has a {wrong} that is not a number")
        without = irrelevant and diameter == _NO_DIAMETER
        if diameter <= 0 and not without:
            hint = "; -1 is taken with --irrelevant alone" if diameter == _NO_DIAMETER else ""
            raise LineError(f"has a diameter_mm that is not above 0{hint}")
        rating = whole_number(values.get(RATING) or "0")
        if rating is None or rating > 5:
            raise LineError(f"has a {RATING} that is not 1 to 5, or 0 or empty where nobody has rated")
        ratings = series.setdefault(key, {}).setdefault((x, y, z, None if without else diameter), [])
        if rating:
            ratings.append(rating)

    read_lines(path, "annotations", header, columns_of(header.columns), add)
    return {
        key: [
            Nodule((x, y, z), diameter, malignancy=float(median(ratings)) if ratings else None)
            for (x, y, z, diameter), ratings in nodules.items()
        ]
        for key, nodules in series.items()
    }
