"""Files of people: read whole or refused by line, and written so that they are read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.errors import LungdbError
from lungdb.loading.people import Person, read_people, write_people

HEADER = "patient_id,display_name,sex,birth_year\n"


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("header", "patient_id,display_name\nSECRET,x\n"),
        ("line 2 has no id", HEADER + ",x,F,1950\n"),
        ("line 2 has a sex", HEADER + "SECRET,x,female,1950\n"),
        ("line 2 has a birth_year", HEADER + "SECRET,x,F,50\n"),
        ("line 2 has a birth_year", HEADER + "SECRET,x,F,1950.5\n"),
        ("line 2 has a birth_year", HEADER + "SECRET,x,F,1950-01-01\n"),
        ("line 2 has a display_name", HEADER + "SECRET," + 129 * "x" + ",F,1950\n"),
        ("line 3 contradicts", HEADER + "SECRET,x,F,1950\nSECRET,y,F,1950\n"),
        ("no patients", HEADER),
    ],
)
def test_a_wrong_file_is_refused_by_line_without_telling_ids(tmp_path: Path, problem: str, text: str) -> None:
    """Nothing of it is taken."""
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LungdbError, match=problem) as caught:
        read_people(file)
    assert "SECRET" not in str(caught.value)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Names with commas, quotation marks and letters beyond ASCII; what is not known stays so."""
    people: dict[str, Person] = {"b": ('Ruíz, "Ana"', "F", 1950), "a": (None, None, None), "c": ("Łęcki", None, 1999)}
    write_people(tmp_path / "people.csv", people)
    assert list(read_people(tmp_path / "people.csv").items()) == list(people.items())


def test_a_spreadsheets_forms_are_read(tmp_path: Path) -> None:
    """Semicolons, years made decimal by a data frame, and a person twice."""
    file = tmp_path / "people.csv"
    file.write_text(HEADER.replace(",", ";") + "a;Ruíz, Ana;F;1950.0\nb;;;\na;Ruíz, Ana;f;1950\n", encoding="utf-8")
    assert read_people(file) == {"a": ("Ruíz, Ana", "F", 1950), "b": (None, None, None)}
