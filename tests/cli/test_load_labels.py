"""`lungdb load-labels`: all or nothing, by patient and never by row order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lungdb.cli.load_labels import main
from lungdb.cli.load_scans import main as load_scans
from tests.cli.test_load_scans import KEY, ROOT, write_patient
from tests.support.asking import Query

STORED = "SELECT patient_id, label, source FROM dbo.labels ORDER BY patient_id;"


@pytest.fixture
def patients(tmp_path: Path, target: str) -> str:
    """Give the target of a database with the patients a, b and c."""
    for name in "abc":
        write_patient(tmp_path / "archive", name, slices=1)
    load_scans([str(tmp_path / "archive"), "-d", target, "--keep-ids"])
    return target


def write(path: Path, text: str) -> str:
    """Write a labels file."""
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_labels_are_stored_by_patient(patients: str, query: Query, tmp_path: Path) -> None:
    """The file's order is another one than the database's; its name is the source."""
    assert main([write(tmp_path / "truth.csv", "id,cancer\nc,1\na,0\nb,1\n"), "-d", patients]) == 0
    assert query(STORED) == [("a", 0, "truth.csv"), ("b", 1, "truth.csv"), ("c", 1, "truth.csv")]


def test_loading_again_changes_nothing_and_a_correction_is_counted(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the corrected label takes the new source."""
    main([write(tmp_path / "first.csv", "id,cancer\na,0\nb,1\n"), "-d", patients])
    capsys.readouterr()
    assert main([write(tmp_path / "second.csv", "id,cancer\na,0\nb,0\nc,1\n"), "-d", patients]) == 0
    assert "1 added, 1 changed, 1 unchanged" in capsys.readouterr().out
    assert query(STORED) == [("a", 0, "first.csv"), ("b", 0, "second.csv"), ("c", 1, "second.csv")]


def test_unknown_patients_are_counted_and_named_only_when_asked_for(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ids may identify people."""
    path = write(tmp_path / "labels.csv", "id,cancer\na,1\nstranger,0\n")
    assert main([path, "-d", patients]) == 0
    out = capsys.readouterr().out
    assert "1 ids are not in the database" in out
    assert "stranger" not in out
    assert query(STORED) == [("a", 1, "labels.csv")]
    main([path, "-d", patients, "--show-ids"])
    assert "stranger" in capsys.readouterr().out


def test_labels_of_strangers_alone_are_an_error(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wrong file, or the wrong ids."""
    assert main([write(tmp_path / "labels.csv", "id,cancer\nx,1\ny,0\n"), "-d", patients]) == 1
    assert "None of the 2 ids" in capsys.readouterr().err
    assert query(STORED) == []


def test_a_file_with_one_wrong_line_changes_nothing(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The good lines before it are not taken either."""
    assert main([write(tmp_path / "labels.csv", "id,cancer\na,1\nb,2\n"), "-d", patients]) == 1
    assert "line 3" in capsys.readouterr().err
    assert query(STORED) == []


def test_a_raw_id_finds_its_patient_when_ids_are_keyed(
    target: str, query: Query, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file holds ids as the hospital writes them; another key is refused."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    write_patient(tmp_path / "archive", "MRN-1", slices=1)
    load_scans([str(tmp_path / "archive"), "-d", target])
    path = write(tmp_path / "labels.csv", "id,cancer\nMRN-1,1\n")
    assert main([path, "-d", target]) == 0
    ((patient, label, _),) = query(STORED)
    assert (patient, label) == (query("SELECT patient_id FROM dbo.patients;")[0][0], 1)
    assert "MRN" not in patient
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY[::-1])
    assert main([path, "-d", target]) == 1
    assert "id_key" in capsys.readouterr().err


def test_a_database_without_patients_says_what_comes_first(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels belong to patients."""
    assert main([write(tmp_path / "labels.csv", "id,cancer\na,1\n"), "-d", target]) == 1
    assert "load_scans" in capsys.readouterr().err


def test_labels_load_where_pydicom_is_not_installed(patients: str, query: Query, tmp_path: Path) -> None:
    """Only scans need it; its import is blocked here."""
    path = write(tmp_path / "labels.csv", "id,cancer\na,1\n")
    code = "import sys; sys.modules['pydicom'] = None; from lungdb.cli.load_labels import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code, path, "-d", patients], check=True, cwd=ROOT, timeout=60)
    assert query(STORED) == [("a", 1, "labels.csv")]


def test_the_source_of_labels_is_text_whatever_the_file_is_called(patients: str, query: Query, tmp_path: Path) -> None:
    """Bytes that are no text could not be stored, and a page would show escape codes."""
    assert main([write(tmp_path / "bytes\udcff\x1b[31m.csv", "id,cancer\na,0\n"), "-d", patients]) == 0
    assert query(STORED) == [("a", 0, "bytes\\udcff\\x1b[31m.csv")]


def test_names_and_ids_are_printed_without_what_a_terminal_obeys(
    patients: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The name of a file in an error, and an id of a file."""
    main([write(tmp_path / "red\x1b[31m.csv", "nothing"), "-d", patients])
    main([write(tmp_path / "labels.csv", "id,cancer\na,1\nid\x1b[31m,1\n"), "-d", patients, "--show-ids"])
    printed = "".join(capfd.readouterr())
    assert "\x1b" not in printed
    assert "'red\\x1b[31m.csv' has no header" in printed
    assert "id\\x1b[31m" in printed
