"""`lungdb load-labels`: all or nothing, by patient and never by row order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lungdb.cli.load_labels import main, read_labels
from lungdb.cli.load_scans import main as load_scans
from lungdb.errors import LungdbError
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


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("header", ""),
        ("header", "a,1\nb,0\n"),
        ("header", "patient;cancer\na;1\n"),
        ("no labels", "id,cancer\n"),
        ("line 2 has a label", "id,cancer\nSECRET,yes\n"),
        ("line 2 has a label", "id,cancer\nSECRET,\n"),
        ("line 2 has a label", "id,cancer\nSECRET,1.0\n"),
        ("line 2 has no id", "id,cancer\n ,1\n"),
        ("line 2 has 1 values", "id,cancer\nSECRET\n"),
        ("line 2 has 3 values", "id,cancer\nSECRET,1,0\n"),
        ("line 4 repeats", "id,cancer\nSECRET,1\nb,0\nSECRET,0\n"),
        ("line 4 repeats", "id,cancer\nSECRET,1\nb,0\nSECRET,1\n"),
        ("and 5 more", "id,cancer\n" + "SECRET,7\n" * 15),
        ("not a CSV file", 'id,cancer\n"SECRET,1\n'),
    ],
)
def test_a_wrong_file_is_refused_by_line_without_telling_ids(tmp_path: Path, problem: str, text: str) -> None:
    """Lines say enough to whoever has the file."""
    with pytest.raises(LungdbError, match=problem) as caught:
        read_labels(Path(write(tmp_path / "labels.csv", text)))
    assert "SECRET" not in str(caught.value)


def test_the_data_science_bowls_forms_are_read(tmp_path: Path) -> None:
    """stage1_labels.csv is plain; a spreadsheet adds a byte order mark and CRLF; stage 2 has one more column."""
    plain = write(tmp_path / "a.csv", "id,cancer\n0015ceb851d7251b8f399e39779d1e7d,1\n")
    assert read_labels(Path(plain)) == {"0015ceb851d7251b8f399e39779d1e7d": 1}
    spreadsheet = write(tmp_path / "b.csv", "\ufeffid,cancer\r\na, 1\r\n\r\nb,0\r\n")
    assert read_labels(Path(spreadsheet)) == {"a": 1, "b": 0}
    usage = write(tmp_path / "c.csv", "id,cancer,Usage\na,1,Private\n")
    assert read_labels(Path(usage)) == {"a": 1}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01", None])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """Not UTF-8, or not there."""
    if content is not None:
        (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(LungdbError, match=r"labels\.csv"):
        read_labels(tmp_path / "labels.csv")


def test_labels_load_where_pydicom_is_not_installed(patients: str, query: Query, tmp_path: Path) -> None:
    """Only scans need it; its import is blocked here."""
    path = write(tmp_path / "labels.csv", "id,cancer\na,1\n")
    code = "import sys; sys.modules['pydicom'] = None; from lungdb.cli.load_labels import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code, path, "-d", patients], check=True, cwd=ROOT, timeout=60)
    assert query(STORED) == [("a", 1, "labels.csv")]
