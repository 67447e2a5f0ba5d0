"""Files of labels: read whole or refused by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.errors import LungdbError
from lungdb.loading.labels import patients
from lungdb.loading.labels.forms import read_content
from lungdb.loading.labels.outcome import Options
from lungdb.loading.tables import find_header


def read_labels(path: Path, classes: int = 2) -> dict[str, int]:
    """Read a file of the columns id and cancer."""
    header = find_header(path, "labels", ("id", "cancer"), lambda columns: {"id", "cancer"} <= set(columns))
    assert header is not None
    return patients.read_labels(path, header, ("id", "cancer"), classes)


def write(path: Path, text: str) -> Path:
    """Write a labels file."""
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("header", ""),
        ("header", "a,1\nb,0\n"),
        ("header", "patient;cancer\na;1\n"),
        ("header", "SECRET,1\nb,0\n"),
        ("the column cancer more than once", "id,cancer,cancer\nSECRET,1,0\n"),
        ("line 2 has a label that is not 0 or 1;", "id,cancer\nSECRET,0.5\nb,0.5\n"),
        ("line 2 has a label that is not 0 or 1 .for more classes add --classes", "id,cancer\nSECRET,11\n"),
        ("line 3 has a label", "id,label\nb,1\nSECRET,2\n"),
        ("no labels", "id,cancer\n"),
        ("line 2 has a label", "id,cancer\nSECRET,yes\n"),
        ("line 2 has a label", "id,cancer\nSECRET,\n"),
        ("line 2 has a label", "id,cancer\nSECRET,1.5\n"),
        ("line 2 has a label", "id,cancer\nSECRET,1.\n"),
        ("line 2 has a label", "id,cancer\nSECRET,-0.0\n"),
        ("line 2 has no id", "id,cancer\n ,1\n"),
        ("line 2 has 1 values", "id,cancer\nSECRET\n"),
        ("line 2 has 3 values", "id,cancer\nSECRET,1,0\n"),
        ("line 4 contradicts", "id,cancer\nSECRET,1\nb,0\nSECRET,0\n"),
        ("line 2 has 1 values", "id;cancer\nSECRET,1\n"),
        ("and 5 more", "id,cancer\n" + "SECRET,7\n" * 15),
        ("not a CSV file", 'id,cancer\n"SECRET,1\n'),
    ],
)
def test_a_wrong_file_is_refused_by_line_without_telling_ids(tmp_path: Path, problem: str, text: str) -> None:
    """Lines say enough to whoever has the file."""
    with pytest.raises(LungdbError, match=problem) as caught:
        read_content(write(tmp_path / "labels.csv", text), Options(), "labels.csv")
    assert "SECRET" not in str(caught.value)


def test_the_data_science_bowls_forms_are_read(tmp_path: Path) -> None:
    """stage1_labels.csv is plain; a spreadsheet adds a byte order mark and CRLF; stage 2 has one more column."""
    plain = write(tmp_path / "a.csv", "id,cancer\n0015ceb851d7251b8f399e39779d1e7d,1\n")
    assert read_labels(plain) == {"0015ceb851d7251b8f399e39779d1e7d": 1}
    spreadsheet = write(tmp_path / "b.csv", "\ufeffid,cancer\r\na, 1\r\n\r\nb,0\r\n")
    assert read_labels(spreadsheet) == {"a": 1, "b": 0}
    usage = write(tmp_path / "c.csv", "id,cancer,Usage\na,1,Private\n")
    assert read_labels(usage) == {"a": 1}
    second_stage = write(tmp_path / "d.csv", "id;cancer;Usage\na;1;Public\n")
    assert read_labels(second_stage) == {"a": 1}


def test_a_header_in_quotes_is_read_by_any_separator(tmp_path: Path) -> None:
    """Some exports quote every value, the names too; a spreadsheet leaves lines of separators alone below the data."""
    for separator in ",;\t":
        lines = [separator.join(line) for line in (('"id"', '"cancer"'), ('"a"', '"1"'), ("", ""))]
        assert read_labels(write(tmp_path / "a.csv", "\ufeff" + "\r\n".join(lines) + "\r\n")) == {"a": 1}


def test_more_classes_are_read_only_when_their_number_is_given(tmp_path: Path) -> None:
    """11 is a typing error of 1 as long as nobody says that there are twelve classes."""
    path = write(tmp_path / "a.csv", "id,cancer\na,0\nb,11\n")
    with pytest.raises(LungdbError, match="line 3 has a label that is not 0 or 1"):
        read_labels(path)
    with pytest.raises(LungdbError, match="line 3 has a label that is not 0 to 10"):
        read_labels(path, classes=11)
    assert read_labels(path, classes=12) == {"a": 0, "b": 11}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_separates_values_is_read_off_the_header(tmp_path: Path, separator: str, encoding: str) -> None:
    """A spreadsheet writes semicolons where a comma is decimal, and tabs in UTF-16 as text; ids may hold the others."""
    ids = ["Łęcki", *(f"a{other}b" for other in ",;\t" if other != separator)]
    lines = [("id", "age", "cancer"), *((one, "61", "1") for one in ids)]
    (tmp_path / "a").write_text("".join(separator.join(line) + "\r\n" for line in lines), encoding=encoding)
    assert read_labels(tmp_path / "a") == dict.fromkeys((one.strip() for one in ids), 1)


def test_labels_that_a_data_frame_made_decimal_are_read(tmp_path: Path) -> None:
    """pandas writes a column with gaps as 1.0; a spreadsheet with a decimal comma as 1,0."""
    assert read_labels(write(tmp_path / "a", "id,cancer\na,1.0\nb,0.0\nc,1.000\n")) == {"a": 1, "b": 0, "c": 1}
    assert read_labels(write(tmp_path / "b", "id;cancer\na;1,0\nb;0,0\n")) == {"a": 1, "b": 0}


def test_an_id_may_stand_there_twice_with_the_same_label(tmp_path: Path) -> None:
    """A line a scan is a usual form; 1 and 1.0 are the same."""
    assert read_labels(write(tmp_path / "a", "id,cancer\na,1\nb,0\na,1.0\na,1\n")) == {"a": 1, "b": 0}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01", None])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """Not UTF-8, or not there."""
    if content is not None:
        (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(LungdbError, match=r"labels\.csv"):
        read_content(tmp_path / "labels.csv", Options(), "labels.csv")
