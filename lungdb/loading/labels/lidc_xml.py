"""LIDC-IDRI's XML: what each reader marked in a CT series.

A reader outlines a nodule of 3 mm or more in each slice and rates it, and marks the centre of a smaller one. Outlines
run through the pixels around the nodule; those that exclude something from it say so. Lesions of 3 mm or more that are
no nodules are marked, too, by their centre (nonNodule). The XML of chest radiographs, IdriReadMessage, is another form.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers.expat import ExpatError, ParserCreate

from lungdb.errors import LungdbError
from lungdb.loading.tables import LineError, real_number, whole_number

MOST_BYTES = 32_000_000
_MOST_POINTS = 10_000  # of an outline; the longest of the archive have some hundred
_DEEPEST = 50
_SHOWN_ERRORS = 10
_LINE = "line"

CT, RADIOGRAPH = "LidcReadMessage", "IdriReadMessage"


@dataclass(frozen=True)
class Contour:
    """An outline in a slice, or a point.

    Attributes
    ----------
    instance_uid : str
        SOPInstanceUID of the slice.
    points : tuple of (float, float)
        Column and row, in pixels, from 0 in the middle of the first one.
    included : bool
        Whether what is inside belongs to the nodule.
    """

    instance_uid: str
    points: tuple[tuple[float, float], ...]
    included: bool = True


@dataclass(frozen=True)
class Mark:
    """What a reader marked as one nodule, or as one lesion that is none.

    Attributes
    ----------
    reader : int
        Counted from 0 in the order of the file; each numbers nodules anew.
    contours : tuple of Contour
        At least one.
    malignancy : int or None
        The reader's impression, 1 to 5.
    is_outlined : bool
        Whether the reader outlined or rated it as one of 3 mm or more; otherwise it is a point.
    is_nodule : bool
        False of a lesion that the reader says is no nodule, which is a point.
    """

    reader: int
    contours: tuple[Contour, ...]
    malignancy: int | None
    is_outlined: bool
    is_nodule: bool = True


@dataclass(frozen=True)
class Reading:
    """What all readers marked in a series.

    Attributes
    ----------
    series_uid : str
        SeriesInstanceUID.
    marks : tuple of Mark
        In the order of the file.
    """

    series_uid: str
    marks: tuple[Mark, ...]


def is_xml(path: Path) -> bool:
    """Tell whether a file begins as XML does; one that cannot be read is none."""
    try:
        with path.open("rb") as file:
            start = file.read(200)
    except OSError:
        return False
    return start.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def read_reading(path: Path, shown: str) -> Reading | str:
    """Read a file.

    Parameters
    ----------
    shown : str
        What it is called in errors.

    Returns
    -------
    Reading or str
        What readers marked in a CT series, or the name of the root element of any other XML.

    Raises
    ------
    LungdbError
        It cannot be read, is not well-formed, or a mark is wrong; errors name lines, never UIDs.
    """
    root = _tree(path, shown)
    if root.tag != CT:
        return str(root.tag)
    errors: list[str] = []
    header = root.find("ResponseHeader")
    series_uid = "" if header is None else _text(header, "SeriesInstanceUid") or _text(header, "SeriesInstanceUID")
    if not series_uid:
        errors.append("its ResponseHeader has no SeriesInstanceUid")
    marks = []
    for reader, session in enumerate(root.findall("readingSession")):
        for nodule in session.findall("unblindedReadNodule"):
            with _told(nodule, errors):
                marks.append(_mark(reader, nodule))
        for lesion in session.findall("nonNodule"):
            with _told(lesion, errors):
                marks.append(Mark(reader, (_locus(lesion),), None, is_outlined=False, is_nodule=False))
    if errors:
        more = f" and {len(errors) - _SHOWN_ERRORS} more" if len(errors) > _SHOWN_ERRORS else ""
        raise LungdbError(
            f"{shown}: {'; '.join(errors[:_SHOWN_ERRORS])}{more}. Correct the file; nothing has been changed."
        )
    return Reading(series_uid, tuple(marks))


@contextmanager
def _told(mark: Element, errors: list[str]) -> Iterator[None]:
    """Collect what is wrong with a mark, by its line."""
    try:
        yield
    except LineError as error:
        errors.append(f"the mark at line {mark.get(_LINE)} {error}")


def _mark(reader: int, nodule: Element) -> Mark:
    contours = tuple(_contours(nodule))
    if not contours:
        raise LineError("has no roi with an edgeMap")
    outlines = tuple(one for one in contours if len(one.points) > 1)
    ratings = {one.tag: (one.text or "").strip() for one in nodule.findall("characteristics/*")}
    # Some points of small nodules have ratings, all of them 0 or empty.
    is_rated = bool(ratings) and not any(text in ("", "0") for text in ratings.values())
    malignancy = None
    if is_rated and "malignancy" in ratings:
        malignancy = whole_number(ratings["malignancy"])
        if malignancy is None or not 1 <= malignancy <= 5:
            raise LineError("has a malignancy that is not 1 to 5")
    # A single point beside outlines is a slip of the hand.
    return Mark(reader, outlines or contours, malignancy, is_rated or bool(outlines))


def _contours(nodule: Element) -> Iterator[Contour]:
    for roi in nodule.findall("roi"):
        points = []
        for edge in roi.findall("edgeMap"):
            points.append(_point(edge))
        if len(points) > _MOST_POINTS:
            raise LineError(f"has an outline of more than {_MOST_POINTS} points")
        included = _text(roi, "inclusion").upper()
        if included not in ("", "TRUE", "FALSE"):
            raise LineError("has an inclusion that is not TRUE or FALSE")
        instance_uid = _text(roi, "imageSOP_UID")
        if points and not instance_uid:
            raise LineError("has a roi without imageSOP_UID")
        if points:
            yield Contour(instance_uid, tuple(points), included != "FALSE")


def _locus(lesion: Element) -> Contour:
    """Read where a lesion that is no nodule lies."""
    locus = lesion.find("locus")
    if locus is None:
        raise LineError("has no locus")
    instance_uid = _text(lesion, "imageSOP_UID")
    if not instance_uid:
        raise LineError("has no imageSOP_UID")
    return Contour(instance_uid, (_point(locus),))


def _point(place: Element) -> tuple[float, float]:
    x, y = real_number(_text(place, "xCoord"), ","), real_number(_text(place, "yCoord"), ",")
    if x is None or y is None:
        raise LineError("has an xCoord or yCoord that is not a number")
    return x, y


def _text(parent: Element, name: str) -> str:
    return (parent.findtext(name) or "").strip()


def _tree(path: Path, shown: str) -> Element:
    """Parse a file, whatever its namespace: without entities, document types and anything outside of it."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise LungdbError(f"{shown} cannot be read ({error.strerror}). Check the file.") from error
    if len(content) > MOST_BYTES:
        raise LungdbError(f"{shown} is larger than {MOST_BYTES // 1_000_000} MB. Give the XML of one series.")
    builder = TreeBuilder()
    parser = ParserCreate(namespace_separator=" ")
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise LungdbError(f"{shown} is nested too deeply for the XML of readers. Check the file.")
        builder.start(name.rpartition(" ")[2], {_LINE: str(parser.CurrentLineNumber)})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name.rpartition(" ")[2])

    def refuse(*declared: object) -> None:
        raise LungdbError(f"{shown} has a document type, which may hold anything. Remove its DOCTYPE.")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(content, True)
        return builder.close()
    except (ExpatError, LookupError, ValueError) as error:
        line = f"line {error.lineno}: {error.args[0]}" if isinstance(error, ExpatError) else "its encoding"
        raise LungdbError(f"{shown} is no well-formed XML ({line}). Copy it again from where it comes.") from error
