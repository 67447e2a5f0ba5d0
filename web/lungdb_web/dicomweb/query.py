"""What a QIDO-RS query asks for (PS3.18 8.3.4 and 10.6): matching, paging, and what is not known here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import product

from flask import request
from werkzeug.exceptions import BadRequest

from lungdb.imaging.dicom_values import is_uid
from lungdb_web.dicomweb.attributes import CT_IMAGE_STORAGE, UNKNOWN
from lungdb_web.dicomweb.elements import KEYWORDS
from lungdb_web.queries.series import Asked

USUAL = 200
MOST = 1000
_LONGEST = 128
_MOST_UIDS = 50
_LATEST = 10**6
_WITHOUT_MEANING = frozenset({"includefield", "accept"})
_CT_ALONE = {"Modality": "CT", "ModalitiesInStudy": "CT", "SOPClassUID": CT_IMAGE_STORAGE}


@dataclass(frozen=True)
class Query:
    """A search.

    Attributes
    ----------
    asked : tuple of Asked
        What is found by any of them is found; empty where nothing can be.
    instance_uids : frozenset of str
        Slices of these UIDs alone; of any where it is empty.
    limit, offset : int
    is_fuzzy : bool
        Names are to be matched by how they sound, which nobody does here.
    is_matched : bool
        Something is searched for.
    """

    asked: tuple[Asked, ...]
    instance_uids: frozenset[str]
    limit: int
    offset: int
    is_fuzzy: bool
    is_matched: bool


def read_query(study: str | None = None, series: str | None = None) -> Query:
    """Read the query of the request.

    Parameters
    ----------
    study, series : str, optional
        UIDs that stand in the address.

    Raises
    ------
    BadRequest
        A parameter or its value is not supported. Values are not repeated, because they may be a patient's.
    """
    limit, offset = _number("limit", USUAL), _number("offset", 0)
    is_fuzzy = _single("fuzzymatching", "false").lower()
    if is_fuzzy not in ("true", "false"):
        raise BadRequest("The parameter fuzzymatching is true or false.")
    values = {keyword: value for keyword, value in _matching() if value not in ("", "*")}
    is_empty = any(keyword in UNKNOWN for keyword in values) or any(
        keyword in values and required not in values[keyword].replace("\\", ",").split(",")
        for keyword, required in _CT_ALONE.items()
    )
    asked = Asked(patient_id=values.get("PatientID"), patient_name=values.get("PatientName"))
    if "StudyDate" in values:
        first, last = _days(values["StudyDate"])
        asked = replace(asked, first_day=first, last_day=last)
    studies = _uids(values, "StudyInstanceUID")
    found_series = _uids(values, "SeriesInstanceUID")
    if study is not None:
        studies, is_empty = [study], is_empty or bool(studies and study not in studies)
    if series is not None:
        found_series, is_empty = [series], is_empty or bool(found_series and series not in found_series)
    if len(studies) * len(found_series) > _MOST_UIDS:
        raise BadRequest(f"At most {_MOST_UIDS} UIDs are looked for at once. Ask for fewer.")
    any_uid: list[str | None] = [None]
    pairs = product(studies or any_uid, found_series or any_uid)
    every = () if is_empty else tuple(replace(asked, study_uid=one, series_uid=other) for one, other in pairs)
    return Query(
        every,
        frozenset(_uids(values, "SOPInstanceUID")),
        min(limit, MOST),
        offset,
        is_fuzzy == "true",
        bool(values),
    )


def _matching() -> Iterator[tuple[str, str]]:
    known = {"PatientID", "PatientName", "StudyDate", "StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"}
    known |= {*UNKNOWN, *_CT_ALONE}
    for name, value in request.args.items(multi=True):
        if name in ("limit", "offset", "fuzzymatching") or name in _WITHOUT_MEANING:
            continue
        keyword = KEYWORDS.get(name.upper(), name)
        if keyword not in known:
            raise BadRequest(
                f"The query has a parameter by which nothing is found here. Supported are {', '.join(sorted(known))}, "
                "limit, offset, fuzzymatching and includefield."
            )
        if len(value) > _LONGEST and not keyword.endswith("InstanceUID"):
            raise BadRequest(f"A value of the query is longer than {_LONGEST} characters. Give a shorter one.")
        if any(ord(character) < ord(" ") for character in value):
            raise BadRequest("A value of the query has control characters. Leave them out.")
        yield keyword, value


def _single(name: str, usual: str) -> str:
    given = request.args.getlist(name)
    if len(given) > 1:
        raise BadRequest(f"The parameter {name} stands in the query more than once.")
    return given[0] if given else usual


def _number(name: str, usual: int) -> int:
    text = _single(name, str(usual))
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(_LATEST)) or int(text) > _LATEST:
        raise BadRequest(f"The parameter {name} is a whole number from 0 to {_LATEST}.")
    return int(text)


def _uids(values: dict[str, str], keyword: str) -> list[str]:
    given = [part.strip() for part in values.get(keyword, "").replace("\\", ",").split(",")]
    uids = list(dict.fromkeys(filter(None, given)))
    if len(uids) > _MOST_UIDS or not all(map(is_uid, uids)):
        raise BadRequest(f"{keyword} is a UID, or up to {_MOST_UIDS} of them with commas between.")
    return uids


def _days(text: str) -> tuple[date | None, date | None]:
    first, dash, last = text.partition("-")
    days = [_day(part) for part in (first, last if dash else first)]
    if days == [None, None]:
        raise BadRequest("StudyDate is a day as 20200131, or a range as 20200131-, -20200131 or 20200101-20200131.")
    return days[0], days[1]


def _day(text: str) -> date | None:
    if not text:
        return None
    with suppress(ValueError):
        if len(text) == len("20200131") and text.isascii() and text.isdigit():
            return datetime.strptime(text, "%Y%m%d").date()
    raise BadRequest("StudyDate is a day as 20200131, or a range as 20200131-, -20200131 or 20200101-20200131.")
