"""`lungdb load-patients`: names come only from an explicit file, all or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.cli.load_patients import main
from lungdb.cli.load_scans import main as load_scans
from tests.cli.test_load_scans import KEY, write_patient
from tests.support.asking import Query

HEADER = "patient_id,display_name,sex,birth_year\n"
STORED = "SELECT display_name, sex, birth_year FROM dbo.patients ORDER BY idx;"


def write(path: Path, text: str) -> str:
    """Write a file of patients."""
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def patients(tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the target of a database with the patient MRN-1, whose id is keyed."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    write_patient(tmp_path / "archive", "MRN-1", slices=1)
    load_scans([str(tmp_path / "archive"), "-d", target])
    return target


def test_a_raw_id_finds_its_patient(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Running it again changes nothing; strangers are counted, and named only when asked for."""
    capsys.readouterr()
    path = write(tmp_path / "people.csv", HEADER + "MRN-1,Ada Ö.,f,1950\nstranger,Bea,,\n")
    assert main([path, "-d", patients]) == 0
    assert query(STORED) == [("Ada Ö.", "F", 1950)]
    out = capsys.readouterr().out
    assert "1 changed, 0 unchanged" in out
    assert "1 ids are not in the database" in out
    assert "stranger" not in out
    assert main([path, "-d", patients, "--show-ids"]) == 0
    out = capsys.readouterr().out
    assert "0 changed, 1 unchanged" in out
    assert "stranger" in out


def test_an_empty_value_clears_what_is_stored(patients: str, query: Query, tmp_path: Path) -> None:
    """A name can be taken back."""
    main([write(tmp_path / "a.csv", HEADER + "MRN-1,Ada,F,1950\n"), "-d", patients])
    main([write(tmp_path / "b.csv", HEADER + "MRN-1,,F,\n"), "-d", patients])
    assert query(STORED) == [(None, "F", None)]


def test_a_file_of_strangers_alone_changes_nothing(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wrong file, or the wrong ids."""
    assert main([write(tmp_path / "people.csv", HEADER + "x,Ada,F,1950\n"), "-d", patients]) == 1
    assert "None of the 1 ids" in capsys.readouterr().err
    assert query(STORED) == [(None, None, None)]


def test_a_birth_year_that_tells_an_age_of_90_is_left_out_and_counted(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where ids are keyed; the name is stored all the same."""
    assert main([write(tmp_path / "a.csv", HEADER + "MRN-1,Ada,F,1911\n"), "-d", patients]) == 0
    assert query(STORED) == [("Ada", "F", None)]
    assert "1 birth years were left out" in capsys.readouterr().out
