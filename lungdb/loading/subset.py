"""Which patients of a folder are wanted: a list of ids, such as a file of labels."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

from lungdb.errors import LungdbError

ID_COLUMNS = ("id", "pid", "patient_id", "patientid", "patient id", "tcia patient id", "subject_id", "seriesuid")
"""Headers of the column that holds the ids, in the order in which they are looked for; else it is the first one."""

_SEPARATORS = ",;\t"
_LAST_YEAR = 200  # a TINYINT holds it
_DECIMAL = re.compile(r"([0-9]+)[.,]0+")  # data frames write 100002 so, and no id is written like that
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class Subset:
    """Ids to load; a series is wanted whose PatientID or SeriesInstanceUID is one of them.

    Attributes
    ----------
    ids : frozenset of str
    first : str
        What stands in the place of a header that is none of `ID_COLUMNS`: an id, in a file without a header.
    met : set of str
        Ids that series were met of.
    left_out : int
        Series that were not wanted.
    """

    ids: frozenset[str]
    first: str = ""
    met: set[str] = field(default_factory=set)
    left_out: int = 0

    def takes(self, *keys: str) -> bool:
        """Tell whether a series of these keys is wanted, and remember it."""
        found = {key for key in keys if key and (key in self.ids or key == self.first)}
        self.met |= found
        self.left_out += not found
        return bool(found)

    @property
    def unknown(self) -> int:
        """How many ids no series was met of."""
        return len(self.ids - self.met)


def read_subset(path: Path) -> Subset:
    """Read the ids of a CSV file: of its column of ids, or of the first one.

    Raises
    ------
    LungdbError
        The file cannot be read, or holds no ids.
    """
    rows = read_rows(path)
    header = [name.strip().lower() for name in rows[0]]
    column = next((header.index(name) for name in ID_COLUMNS if name in header), None)
    ids = frozenset(_id(row[column or 0]) for row in rows[1:] if len(row) > (column or 0)) - {""}
    first = _id(rows[0][0]) if column is None else ""
    if not ids and not first:
        raise LungdbError(f"'{path.name}' holds no ids. Give a CSV file with a header and an id in each line.")
    return Subset(ids, first)


def _id(text: str) -> str:
    found = _DECIMAL.fullmatch(text.strip())
    return found[1] if found else text.strip()


def read_rows(path: Path) -> list[list[str]]:
    """Read the lines of a CSV file, in UTF-8 or UTF-16, separated as most of its first line is.

    Raises
    ------
    LungdbError
        The file cannot be read, or is empty.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-16" if content[:2] in _UTF_16 else "utf-8-sig")
        lines = text.splitlines()
        separator = max(_SEPARATORS, key=(lines or [""])[0].count)
        rows = [row for row in csv.reader(lines, delimiter=separator, strict=True) if any(map(str.strip, row))]
    except OSError as error:
        raise LungdbError(f"The file '{path}' cannot be read ({error.strerror}). Check its path.") from error
    except (UnicodeError, csv.Error) as error:
        raise LungdbError(f"'{path.name}' is not a CSV file in UTF-8. Save it as CSV with a header.") from error
    if not rows:
        raise LungdbError(f"'{path.name}' is empty. Give a CSV file with a header and an id in each line.")
    return rows


def read_study_years(path: Path) -> dict[str, int]:
    """Read a CSV file with the columns study_yr and series_uid or study_uid, also as NLST names them.

    Returns
    -------
    dict of str to int
        SeriesInstanceUID or StudyInstanceUID -> study year; lines whose year is missing, as NLST marks it with a dot
        and a letter, are left out.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    rows = read_rows(path)
    header = [name.strip().lower().replace("_", "") for name in rows[0]]
    keys = ("seriesinstanceuid", "seriesuid", "studyinstanceuid", "studyuid")
    key = next((header.index(name) for name in keys if name in header), None)
    if key is None or "studyyr" not in header:
        raise LungdbError(
            f"'{path.name}' has no columns study_yr and series_uid or study_uid. Write them into its first line."
        )
    year = header.index("studyyr")
    years: dict[str, int] = {}
    for number, row in enumerate(rows[1:], start=2):
        value = row[year].strip() if len(row) > max(key, year) else "?"
        if value == "" or value.startswith("."):
            continue
        if not value.isascii() or not value.isdigit() or int(value) > _LAST_YEAR:
            raise LungdbError(
                f"'{path.name}', line {number}: study_yr is no whole number from 0 to {_LAST_YEAR}. Correct the file; "
                "nothing has been changed."
            )
        if years.setdefault(row[key].strip(), int(value)) != int(value):
            raise LungdbError(
                f"'{path.name}', line {number}: it contradicts an earlier line with its UID. Correct the file; nothing "
                "has been changed."
            )
    return years
