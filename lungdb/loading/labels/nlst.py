"""The person file of the National Lung Screening Trial: whether cancer was found within a horizon of each screening.

All days are counted from randomization. The data dictionary of the Participant data set says of its columns:
``scr_days0`` to ``scr_days2``, the screening of each year (``.N`` no screen, ``.E`` screened after the diagnosis,
``.W`` wrong screen); ``candx_days``, the first diagnosis of lung cancer; ``fup_days``, the last contact;
``canc_free_days``, when the participant was last known to be free of lung cancer, which it advises against as
follow-up. The file of the imaging archives has no ``fup_days``, so the other one is taken there, and said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lungdb.loading.labels.numbers import is_missing
from lungdb.loading.tables import Header, LineError, read_lines, whole_number

ID = "pid"
YEARS = ("scr_days0", "scr_days1", "scr_days2")
DIAGNOSIS = "candx_days"
FOLLOW_UP = ("fup_days", "canc_free_days")
"""In the order in which they are looked at."""
FOUND = ("can_scr", "cancyr")
"""What tells that there was a cancer, whether its date is known or not: a screening's result, a study year."""

NO_YEAR = "of which dbo.scans has no study_year"
NO_SCREEN = "of a year without a day of screening in the file"
AFTERWARDS = "made after the diagnosis"
UNDATED = "of a cancer without a day of diagnosis"
NO_FOLLOW_UP = "of which the follow-up is not known"
TOO_SHORT = "not followed up to the horizon"
REASONS = (NO_YEAR, NO_SCREEN, AFTERWARDS, UNDATED, NO_FOLLOW_UP, TOO_SHORT)
"""Why a scan has no label."""

_DAYS = re.compile(r"(-?[0-9]{1,6})(?:[.,]0+)?")


@dataclass(frozen=True)
class Person:
    """What the file says of a participant; days from randomization, None where they are missing.

    Attributes
    ----------
    screens : tuple of (int or None)
        Day of the screening of each study year.
    late : tuple of bool
        Whether that screening was made after the diagnosis of lung cancer.
    diagnosis : int or None
        Day of the first diagnosis of lung cancer.
    has_cancer : bool
        Whether one was diagnosed, on a known day or not.
    follow_up : int or None
        Last day on which no cancer was known.
    follow_up_column : str
        Where that is from.
    """

    screens: tuple[int | None, ...]
    late: tuple[bool, ...]
    diagnosis: int | None
    has_cancer: bool
    follow_up: int | None
    follow_up_column: str


@dataclass(frozen=True)
class Finding:
    """What follows for a scan.

    Attributes
    ----------
    label : int or None
        1 for cancer within the horizon, 0 for none, None where that is not known.
    why : str
        The column that tells it, or one of `REASONS`.
    """

    label: int | None
    why: str


def read_persons(path: Path, header: Header) -> dict[str, Person]:
    """Read a person file.

    Returns
    -------
    dict of str to Person
        pid -> what is known, in the order of the file.

    Raises
    ------
    LungdbError
        The file cannot be read, or a line is wrong; errors name lines, never ids.
    """
    wanted = [name for name in (*YEARS, DIAGNOSIS, *FOLLOW_UP, *FOUND) if name in header.columns]
    persons: dict[str, Person] = {}

    def add(key: str, values: dict[str, str]) -> None:
        number = whole_number(key)  # data frames write it as 100002.0, which no PatientID is
        person = _person({name: values[name] for name in wanted})
        if persons.setdefault(key if number is None else str(number), person) != person:
            raise LineError("contradicts an earlier line with its id")

    read_lines(path, "participants", header, (ID, *wanted), add)
    return persons


def find_label(person: Person, study_year: int | None, horizon_days: int) -> Finding:
    """Tell whether a scan of a study year was followed by a diagnosis of lung cancer within a horizon.

    Parameters
    ----------
    study_year : int or None
        0, 1 or 2, None where it is not known: it never follows from the order of scans, since a year may be missing.
    horizon_days : int
        A diagnosis on this day after the screening counts.
    """
    if study_year is None:
        return Finding(None, NO_YEAR)
    if study_year >= len(YEARS):
        return Finding(None, NO_SCREEN)
    if person.late[study_year]:
        return Finding(None, AFTERWARDS)
    screen = person.screens[study_year]
    if screen is None:
        return Finding(None, NO_SCREEN)
    if person.diagnosis is not None:
        until = person.diagnosis - screen
        return Finding(None, AFTERWARDS) if until < 0 else Finding(int(until <= horizon_days), DIAGNOSIS)
    if person.has_cancer:
        return Finding(None, UNDATED)
    if person.follow_up is None:
        return Finding(None, NO_FOLLOW_UP)
    if person.follow_up - screen < horizon_days:
        return Finding(None, TOO_SHORT)
    return Finding(0, person.follow_up_column)


def _person(values: dict[str, str]) -> Person:
    days = {name: _days(name, values.get(name, "")) for name in (*YEARS, DIAGNOSIS, *FOLLOW_UP)}
    column = next((name for name in FOLLOW_UP if days[name] is not None), "")
    found = [whole_number(text) for name in FOUND if not is_missing(text := values.get(name, ""))]
    if None in found:
        raise LineError(f"has a {' or '.join(FOUND)} that is not a whole number")
    # can_scr 0 is no cancer; cancyr 0 is one of the first year.
    has_cancer = (whole_number(values.get("can_scr", "")) or 0) > 0 or not is_missing(values.get("cancyr", ""))
    return Person(
        screens=tuple(days[name] for name in YEARS),
        late=tuple(values.get(name, "").upper() == ".E" for name in YEARS),
        diagnosis=days[DIAGNOSIS],
        has_cancer=days[DIAGNOSIS] is not None or has_cancer,
        follow_up=days[column] if column else None,
        follow_up_column=column,
    )


def _days(name: str, text: str) -> int | None:
    if is_missing(text):
        return None
    found = _DAYS.fullmatch(text)
    if found is None:
        raise LineError(f"has a {name} that is no number of days")
    return int(found[1])
