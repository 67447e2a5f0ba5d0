"""What follows for a scan from what a trial knows of its participant."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.errors import LungdbError
from lungdb.loading.labels.forms import read_content
from lungdb.loading.labels.nlst import (
    AFTERWARDS,
    NO_FOLLOW_UP,
    NO_SCREEN,
    NO_YEAR,
    TOO_SHORT,
    UNDATED,
    Finding,
    Person,
    find_label,
    read_persons,
)
from lungdb.loading.labels.outcome import Options
from lungdb.loading.tables import find_header

HEADER = "pid,can_scr,scr_days0,scr_days1,scr_days2,candx_days,fup_days,canc_free_days\n"


def persons(tmp_path: Path, text: str) -> dict[str, Person]:
    """Read a person file."""
    path = tmp_path / "prsn.csv"
    path.write_text(text, encoding="utf-8")
    header = find_header(path, "participants", (), lambda columns: "pid" in columns)
    assert header is not None
    return read_persons(path, header)


# The label of each study year within 365 days, worked by hand from the line.
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Days to the diagnosis: 390, 25, -340.
        ("1,1,20,385,750,410,,410", [(0, "candx_days"), (1, "candx_days"), (None, AFTERWARDS)]),
        # On the day of the screening, 365 days later, 366 days later.
        ("1,1,410,45,44,410,.N,.N", [(1, "candx_days"), (1, "candx_days"), (0, "candx_days")]),
        # Free of cancer for 365 and 364 days; no third year.
        ("1,0,35,36,.M,.N,.N,400", [(0, "canc_free_days"), (None, TOO_SHORT), (None, NO_SCREEN)]),
        # fup_days is taken before canc_free_days, whichever is longer.
        ("1,0,35,36,.N,.N,400,900", [(0, "fup_days"), (None, TOO_SHORT), (None, NO_SCREEN)]),
        ("1,0,10,20,30,.N,.N,.N", [(None, NO_FOLLOW_UP)] * 3),
        # A scan after the diagnosis has none, however long the follow-up; nor has one that is said to be late.
        ("1,1,20,385,.E,300,5000,5000", [(1, "candx_days"), (None, AFTERWARDS), (None, AFTERWARDS)]),
        # A cancer is known and its day is not: no follow-up makes that negative.
        ("1,4,20,.W,,.N,5000,5000", [(None, UNDATED), (None, NO_SCREEN), (None, NO_SCREEN)]),
        # A data frame's numbers, and a screening before the randomization.
        ("1.0,0.0,-3.0,12.0,.,NA,,362.0", [(0, "canc_free_days"), (None, TOO_SHORT), (None, NO_SCREEN)]),
    ],
)
def test_a_label_follows_as_it_does_by_hand(tmp_path: Path, line: str, expected: list[tuple[int | None, str]]) -> None:
    """Both ends of every range: diagnosis on the day, at the horizon, a day later; follow-up to the day."""
    person = persons(tmp_path, HEADER + line + "\n")["1"]
    assert [find_label(person, year, 365) for year in range(3)] == [Finding(*each) for each in expected]


def test_a_scan_whose_study_year_is_not_known_has_no_label(tmp_path: Path) -> None:
    """A year may be missing, so the order of scans tells none; nor does a year that was no screening."""
    person = persons(tmp_path, HEADER + "1,0,20,385,750,.N,5000,5000\n")["1"]
    assert find_label(person, None, 365) == Finding(None, NO_YEAR)
    assert find_label(person, 3, 365) == Finding(None, NO_SCREEN)


def test_a_study_year_of_diagnosis_tells_a_cancer_too(tmp_path: Path) -> None:
    """cancyr 0 is a cancer of the first year, .N none; the file of another release lacks can_scr."""
    text = "pid,scr_days0,candx_days,cancyr,canc_free_days\n1,20,.N,0,5000\n2,20,.N,.N,5000\n"
    found = {pid: find_label(person, 0, 365) for pid, person in persons(tmp_path, text).items()}
    assert found == {"1": Finding(None, UNDATED), "2": Finding(0, "canc_free_days")}


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        ("line 2 has a scr_days1 that is no number of days", "SECRET,0,20,soon,750,.N,.N,5000"),
        ("line 2 has a candx_days that is no number of days", "SECRET,0,20,385,750,1.5,.N,5000"),
        ("line 2 has a can_scr or cancyr that is not a whole number", "SECRET,yes,20,385,750,.N,.N,5000"),
        ("line 3 contradicts", "SECRET,0,20,385,750,.N,.N,5000\nSECRET,0,20,385,750,.N,.N,5001"),
        ("line 2 has 7 values, not 8", "SECRET,0,20,385,750,.N,.N"),
    ],
)
def test_a_wrong_person_file_is_refused_by_line_without_telling_ids(tmp_path: Path, problem: str, line: str) -> None:
    """As every file of labels is."""
    path = tmp_path / "prsn.csv"
    path.write_text(HEADER + line + "\n", encoding="utf-8")
    with pytest.raises(LungdbError, match=problem) as caught:
        read_content(path, Options(horizon_days=365), "prsn.csv")
    assert "SECRET" not in str(caught.value)
