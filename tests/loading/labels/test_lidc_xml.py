"""The XML of readers: what is read of it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.errors import LungdbError
from lungdb.loading.labels.forms import read_content
from lungdb.loading.labels.lidc_xml import MOST_BYTES, Contour, Mark, Reading, is_xml, read_reading
from lungdb.loading.labels.outcome import Options

HEAD = "<ResponseHeader><SeriesInstanceUid>1.2.SECRET</SeriesInstanceUid></ResponseHeader>"
ROI = (
    "<roi><imageZposition>-5</imageZposition><imageSOP_UID>1.2.SECRET.1</imageSOP_UID><inclusion>TRUE</inclusion>"
    "<edgeMap><xCoord>4</xCoord><yCoord>5</yCoord></edgeMap></roi>"
)
OUTLINE = ROI.replace("</edgeMap>", "</edgeMap><edgeMap><xCoord>6</xCoord><yCoord>5</yCoord></edgeMap>")
LESION = (
    "<nonNodule><nonNoduleID>7</nonNoduleID><imageZposition>-5</imageZposition><imageSOP_UID>1.2.SECRET.1</imageSOP_UID>"
    "<locus><xCoord>8</xCoord><yCoord>9</yCoord></locus></nonNodule>"
)
RATED = "<characteristics><subtlety>3</subtlety><malignancy>4</malignancy></characteristics>"


def session(*marks: str) -> str:
    """Return a reader's session with marks of these contents."""
    nodules = "".join(f"<unblindedReadNodule>{one}</unblindedReadNodule>" for one in marks)
    return f"<readingSession>{nodules}</readingSession>"


def message(*sessions: str, name: str = "LidcReadMessage", space: str = ' xmlns="http://www.nih.gov"') -> str:
    """Return a file's text."""
    return f"<?xml version='1.0'?>\n<{name}{space}>{HEAD}{''.join(sessions)}</{name}>"


def read(tmp_path: Path, text: str) -> Reading | str:
    """Write a text to a file and read it."""
    (tmp_path / "a.xml").write_text(text, encoding="utf-8")
    return read_reading(tmp_path / "a.xml", "'a.xml'")


@pytest.mark.parametrize("space", ["", ' xmlns="http://www.nih.gov"', ' xmlns="urn:other"'])
def test_marks_are_read_by_reader_whatever_the_namespace(tmp_path: Path, space: str) -> None:
    """An outline with ratings, one without, a point, and a rated point; the second reader begins anew."""
    found = read(tmp_path, message(session(OUTLINE + RATED, ROI), session(OUTLINE, ROI + RATED), space=space))
    outline, point = Contour("1.2.SECRET.1", ((4, 5), (6, 5))), Contour("1.2.SECRET.1", ((4, 5),))
    assert found == Reading(
        "1.2.SECRET",
        (
            Mark(0, (outline,), 4, True),
            Mark(0, (point,), None, False),
            Mark(1, (outline,), None, True),
            Mark(1, (point,), 4, True),
        ),
    )


def test_ratings_of_0_are_none_and_a_point_beside_outlines_is_a_slip(tmp_path: Path) -> None:
    """Some small nodules of the archive are rated 0 throughout."""
    zero = RATED.replace("3", "0").replace("4", "0")
    found = read(tmp_path, message(session(ROI + zero, ROI + OUTLINE.replace("TRUE", "FALSE") + RATED)))
    assert isinstance(found, Reading)
    assert [(mark.malignancy, mark.is_outlined, len(mark.contours)) for mark in found.marks] == [
        (None, False, 1),
        (4, True, 1),
    ]
    assert not found.marks[1].contours[0].included


def test_lesions_that_are_no_nodules_are_points_of_their_own_kind(tmp_path: Path) -> None:
    """Each reader's, behind the nodules."""
    lesions = f"<readingSession>{LESION}</readingSession>"
    both = session(ROI).replace("</readingSession>", f"{LESION}{LESION}</readingSession>")
    found = read(tmp_path, message(both, lesions))
    assert isinstance(found, Reading)
    lesion = Contour("1.2.SECRET.1", ((8, 9),))
    assert [(mark.reader, mark.is_nodule) for mark in found.marks] == [(0, True), (0, False), (0, False), (1, False)]
    assert {mark.contours for mark in found.marks if not mark.is_nodule} == {(lesion,)}
    assert {(mark.malignancy, mark.is_outlined) for mark in found.marks} == {(None, False)}


def test_a_radiographs_xml_is_told_apart(tmp_path: Path) -> None:
    """It has another root; by itself it is refused, since nothing of it is stored."""
    assert (
        read(tmp_path, message(name="IdriReadMessage", space=' xmlns="http://www.nih.gov/idri"')) == "IdriReadMessage"
    )
    with pytest.raises(
        LungdbError, match=r"no marks of readers in CT series \(LidcReadMessage\), but XML of radiographs"
    ):
        read_content(tmp_path / "a.xml", Options(), "a.xml")


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        ("has a document type", "<!DOCTYPE a [<!ENTITY b 'c'>]><LidcReadMessage/>"),
        ("has a document type", "<!DOCTYPE a SYSTEM 'file:///etc/hostname'><LidcReadMessage/>"),
        ("is no well-formed XML", "<LidcReadMessage>"),
        ("is no well-formed XML", "<?xml version='1.0' encoding='none'?><LidcReadMessage/>"),
        ("is nested too deeply", "<a>" * 51 + "</a>" * 51),
        ("has no SeriesInstanceUid", "<LidcReadMessage><readingSession/></LidcReadMessage>"),
        ("the mark at line 2 has no roi with an edgeMap", message(session(RATED))),
        ("the mark at line 2 has a malignancy that is not 1 to 5", message(session(ROI + RATED.replace("4", "6")))),
        ("the mark at line 2 has an xCoord or yCoord", message(session(ROI.replace("<xCoord>4", "<xCoord>SECRET")))),
        ("the mark at line 2 has an xCoord or yCoord", message(session(ROI.replace("<yCoord>5</yCoord>", "")))),
        ("the mark at line 2 has an inclusion", message(session(ROI.replace("TRUE", "SECRET")))),
        ("the mark at line 2 has a roi without imageSOP_UID", message(session(ROI.replace("1.2.SECRET.1", "")))),
        ("the mark at line 2 has no locus", message(session().replace("></", f">{LESION.replace('locus', 'x')}</"))),
        ("the mark at line 2 has an xCoord", message(session().replace("></", f">{LESION.replace('8', 'SECRET')}</"))),
        (
            "the mark at line 2 has no imageSOP_UID",
            message(session().replace("></", f">{LESION.replace('1.2.SECRET.1', '')}</")),
        ),
        (
            "an outline of more than 10000 points",
            message(session(ROI.replace("</inclusion>", "</inclusion>" + ROI[ROI.index("<edgeMap>") : -6] * 10_000))),
        ),
    ],
)
def test_wrong_xml_is_refused_by_line_without_telling_uids(tmp_path: Path, problem: str, text: str) -> None:
    """Nothing outside of the file is read, and nothing in it grows."""
    with pytest.raises(LungdbError, match=problem) as caught:
        read(tmp_path, text)
    assert "SECRET" not in str(caught.value)


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    """Memory is bounded."""
    with (tmp_path / "large.xml").open("wb") as file:
        file.write(b"<")
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(LungdbError, match="larger than 32 MB"):
        read_reading(tmp_path / "large.xml", "large.xml")
    with pytest.raises(LungdbError, match="cannot be read"):
        read_reading(tmp_path / "none.xml", "none.xml")


def test_xml_is_known_by_how_it_begins(tmp_path: Path) -> None:
    """Whatever the suffix and the encoding."""
    path = tmp_path / "a.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_text(" \n<a/>", encoding=encoding)
        assert is_xml(path)
    path.write_text("id,cancer\n", encoding="utf-8")
    assert not is_xml(path)
    assert not is_xml(tmp_path / "none")


def test_a_folder_is_read_with_all_below_it(tmp_path: Path) -> None:
    """Radiographs and other XML are passed over and counted, as is a file that repeats another one."""
    for place, text in enumerate(
        [message(session(OUTLINE)), message(session(OUTLINE)), message(name="IdriReadMessage"), "<other/>"]
    ):
        (tmp_path / f"deep/{place}").mkdir(parents=True)
        (tmp_path / f"deep/{place}/1.XML").write_text(text, encoding="utf-8")
    (tmp_path / "note.txt").write_text("nothing", encoding="utf-8")
    assert read_content(tmp_path, Options(), "x").notes == [
        "1 files of XML are of radiographs and were passed over.",
        "1 files of XML are of something else and were passed over.",
        "1 files repeat what another one says.",
    ]
    (tmp_path / "deep/1/1.XML").write_text(message(session(ROI)), encoding="utf-8")
    with pytest.raises(LungdbError, match=r"number 1 of 4 .* and .*number 2 of 4 .* mark one series differently"):
        read_content(tmp_path, Options(), "x")
    with pytest.raises(LungdbError, match="holds no marks of readers"):
        read_content(tmp_path / "deep/3", Options(), "x")
