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


def test_a_typing_error_is_no_class_and_classes_are_asked_for(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """11 beside 0 and 1 is one; what the database holds is told by class."""
    path = write(tmp_path / "stages.csv", "id,label\na,0\nb,11\nc,2\n")
    assert main([path, "-d", patients]) == 1
    assert "line 3 has a label that is not 0 or 1 (for more classes add --classes); line 4" in capsys.readouterr().err
    assert main([path, "-d", patients, "--classes", "3"]) == 1
    assert "line 3 has a label that is not 0 to 2. " in capsys.readouterr().err
    assert query(STORED) == []
    path = write(tmp_path / "stages.csv", "id,label\na,0\nb,1\nc,2\n")
    assert main([path, "-d", patients, "--classes", "3"]) == 0
    assert "The labels of the database are 1 of 0, 1 of 1, 1 of 2." in capsys.readouterr().out
    assert [row[:2] for row in query(STORED)] == [("a", 0), ("b", 1), ("c", 2)]


def test_a_column_of_numbers_is_loaded_for_regression(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels stay as they are; a missing number, however it is written, changes nothing."""
    stored = "SELECT patient_id, value, source FROM dbo.numeric_labels ORDER BY patient_id;"
    path = write(tmp_path / "people.csv", "id;cancer;FEV1 in l\na;1;3,25\nb;0;.M\nc;0;-1e-3\n")
    assert main([path, "-d", patients, "--numeric", "fev1 in L"]) == 0
    printed = capsys.readouterr().out
    assert "Numbers: 2 added, 0 changed, 0 unchanged." in printed
    assert "1 patients have no number in the file" in printed
    assert "not read: cancer." in printed
    first = "people.csv (fev1 in l)"
    assert query(stored) == [("a", 3.25, first), ("c", -0.001, first)]
    assert query(STORED) == []
    path = write(tmp_path / "more.csv", "patient_id,volume\na,3.25\nb,7\nc,\n")
    assert main([path, "-d", patients, "--numeric", "volume"]) == 0
    assert query(stored) == [("a", 3.25, first), ("b", 7.0, "more.csv (volume)"), ("c", -0.001, first)]


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("has no header with the columns id and size", "id,volume\na,1\n"),
        ("has no header with the columns id and size", "size,volume\n1,1\n"),
        ("line 2 has a size that is not a number", "id,size\nSECRET,big\n"),
        ("line 2 has a size that is not a number", "id,size\nSECRET,inf\n"),
        ("line 2 has a size that is not a number", 'id,size\nSECRET,"1,5"\n'),
        ("line 3 contradicts", "id,size\nSECRET,1\nSECRET,2\n"),
        ("holds no number of a patient", "id,size\na,.\n"),
        ("None of the 1 ids", "id,size\nSECRET,1\n"),
        ("the column size more than once", "id,size,size\na,1,2\n"),
    ],
)
def test_a_wrong_column_of_numbers_is_refused(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: str, text: str
) -> None:
    """By line, without ids, and without a row."""
    assert main([write(tmp_path / "a.csv", text), "-d", patients, "--numeric", "size"]) == 1
    printed = capsys.readouterr().err
    assert problem in printed
    assert "SECRET" not in printed
    assert query("SELECT COUNT(*) FROM dbo.numeric_labels;") == [(0,)]


DIAGNOSES = (
    'TCIA Patient ID,"Diagnosis at the Patient Level\n0=Unknown\n1=benign or non-malignant disease\n'
    '2= malignant, primary lung cancer\n3 = malignant metastatic\n",Diagnosis Method,'
    '"Nodule 1\nDiagnosis at the Nodule Level\n0=Unknown"\n'
)


@pytest.mark.parametrize(
    "header",
    [
        DIAGNOSES,
        "TCIA Patient ID,Diagnosis at the Patient Level (0=Unknown 1=benign),Diagnosis Method,Nodule 1\n",
        "dicom_patient_id,diagnosis_at_the_patient_level_,diagnosis_method,nodule_1_diagnosis_at_the_nodule_level__\n",
    ],
)
def test_a_table_of_diagnoses_labels_benign_and_primary(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str], header: str
) -> None:
    """1 is 0, 2 is 1; unknown and metastatic ones have no label; those of nodules are named and left alone."""
    path = write(tmp_path / "diagnosis.csv", header + "a,1,2,2\nb,2.0,3,1\nc,3,1,3\nd,0,0,\n,,,\n")
    assert main([path, "-d", patients]) == 0
    printed = capsys.readouterr().out
    assert query(STORED) == [("a", 0, "diagnosis.csv"), ("b", 1, "diagnosis.csv")]
    assert "No label follows for 1 patients of unknown diagnosis; 1 patients with a metastasis" in printed
    assert "diagnosis" in printed.partition("Columns that are not read: ")[2]
    assert main([path, "-d", patients, "--metastatic", "positive"]) == 0
    assert [row[:2] for row in query(STORED)] == [("a", 0), ("b", 1), ("c", 1)]
    assert main([path, "-d", patients, "--metastatic", "negative"]) == 0
    assert [row[:2] for row in query(STORED)] == [("a", 0), ("b", 1), ("c", 0)]


@pytest.mark.parametrize(
    ("problem", "lines"),
    [
        ("line 10 has a diagnosis at the patient level that is not 0 to 3", "a,1,2,2\nSECRET,4,1,1\n"),
        ("No diagnosis of 'diagnosis.csv' gives a label: 2 patients of unknown diagnosis;", "a,0,0,0\nb,,,\nc,3,,\n"),
        ("line 10 contradicts", "SECRET,1,2,2\nSECRET,2,2,2\n"),
    ],
)
def test_a_wrong_table_of_diagnoses_is_refused(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: str, lines: str
) -> None:
    """Its header has eight lines, so the first patient's is the ninth."""
    assert main([write(tmp_path / "diagnosis.csv", DIAGNOSES + lines), "-d", patients]) == 1
    printed = capsys.readouterr().err
    assert problem in printed
    assert "SECRET" not in printed
    assert query(STORED) == []


@pytest.mark.parametrize(
    "text",
    [
        "case,scan,roi,volume,eq. diam.,x loc.,y loc.,slice no.\n1,3000566,1,6459.75,23.1,317,367,43\n",
        "seriesuid,coordX,coordY,coordZ,class\n1.2,1,2,3,0\n",
        "SECRET,1\nb,0\n",
    ],
)
def test_a_form_that_is_not_known_is_refused_with_those_that_are(
    patients: str, query: Query, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """LIDC's list of nodule sizes, LUNA16's candidates, and a file without a header, whose ids are not printed."""
    assert main([write(tmp_path / "list.csv", text), "-d", patients]) == 1
    printed = capsys.readouterr().err
    assert "'list.csv' has no header with the columns of a known form. Known forms are:" in printed
    for form in ("id,cancer", "series_uid,label", "candx_days", "TCIA Patient ID", "diameter_mm", "LidcReadMessage"):
        assert form in printed
    assert "SECRET" not in printed
    assert query(STORED) == []


def test_columns_that_are_not_read_are_named(patients: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first twenty, shortened; columns without a name are none."""
    names = ["Usage", "x" * 50, "", *(f"more{number}" for number in range(20))]
    assert main([write(tmp_path / "a.csv", f"id,cancer,{','.join(names)}\na,1{',' * 23}\n"), "-d", patients]) == 0
    printed = capsys.readouterr().out
    assert f"Columns that are not read: usage, {'x' * 40}…, more0, " in printed
    assert "more17 and 2 more." in printed
