"""LUNA16's annotations.csv: nodules by their centres in DICOM's patient coordinates and their diameters."""

from __future__ import annotations

from pathlib import Path

from lungdb.loading.labels.nodules import Nodule
from lungdb.loading.tables import Header, LineError, read_lines, real_number

COLUMNS = ("seriesuid", "coordx", "coordy", "coordz", "diameter_mm")


def read_annotations(path: Path, header: Header) -> dict[str, list[Nodule]]:
    """Read the nodules of each series; who marked them is not told.

    Returns
    -------
    dict of str to list of Nodule
        SeriesInstanceUID -> its nodules, in the order of the file; one that is there twice is taken once.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    series: dict[str, list[Nodule]] = {}

    def add(key: str, values: dict[str, str]) -> None:
        numbers = [real_number(values[column], header.separator) for column in COLUMNS[1:]]
        x, y, z, diameter = numbers
        if x is None or y is None or z is None or diameter is None:
            wrong = COLUMNS[1 + numbers.index(None)]
            raise LineError(f"has a {wrong} that is not a number")
        if diameter <= 0:
            raise LineError("has a diameter_mm that is not above 0")
        nodule = Nodule((x, y, z), diameter)
        if nodule not in series.setdefault(key, []):
            series[key].append(nodule)

    read_lines(path, "annotations", header, COLUMNS, add)
    return series
