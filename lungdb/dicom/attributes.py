"""A dataset's attributes as text and numbers; what does not hold a valid value is refused by its keyword."""

from __future__ import annotations

import math
from datetime import date, datetime

from pydicom import Dataset
from pydicom.multival import MultiValue

from lungdb.dicom.rejection import RejectedError

KEY_LENGTH = 64
"""UTF-16 code units of a text that identifies something, as the database counts them."""


def value_of(dataset: Dataset, keyword: str) -> object:
    """Return an attribute's value as pydicom converts it, None where it is absent."""
    try:
        return dataset.get(keyword)
    except MemoryError:
        raise
    except Exception as error:  # pydicom converts on access, and raises errors of many kinds
        raise RejectedError("bad_attribute", keyword) from error


def text_of(dataset: Dataset, keyword: str) -> str:
    """Return an attribute's text, several values with backslashes between them; empty where it is absent."""
    value = value_of(dataset, keyword)
    if value is None:
        return ""
    text = "\\".join(str(part) for part in value) if isinstance(value, MultiValue) else str(value)
    return text.strip(" \0")


def terms_of(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return the values of an attribute of defined terms, such as ImageType, in upper case."""
    text = text_of(dataset, keyword)
    return tuple(part.strip().upper() for part in text.split("\\")) if text else ()


def is_key(text: str) -> bool:
    """Tell whether a text may stand in a column of keys: 1 to `KEY_LENGTH` long and printable."""
    return 0 < len(text.encode("utf-16-le", "surrogatepass")) // 2 <= KEY_LENGTH and text.isprintable()


def uid_of(dataset: Dataset, keyword: str) -> str:
    """Return a UID: any printable text of 1 to 64 characters, since de-identifiers write words.

    Nothing is read off it; it is a key and no part of a path.
    """
    uid = text_of(dataset, keyword)
    if not uid:
        raise RejectedError("missing_attribute", keyword)
    if not is_key(uid) or "\\" in uid:
        raise RejectedError("bad_attribute", keyword)
    return uid


def numbers_of(dataset: Dataset, keyword: str, count: int) -> tuple[float, ...]:
    """Return the `count` finite numbers of an attribute."""
    text = text_of(dataset, keyword)
    if not text:
        raise RejectedError("missing_attribute", keyword)
    try:
        numbers = tuple(float(part) for part in text.split("\\"))
    except ValueError as error:
        raise RejectedError("bad_attribute", keyword) from error
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise RejectedError("bad_attribute", keyword)
    return numbers


def whole_of(dataset: Dataset, keyword: str) -> int:
    """Return the whole number of an attribute."""
    number = numbers_of(dataset, keyword, 1)[0]
    if not number.is_integer():
        raise RejectedError("bad_attribute", keyword)
    return int(number)


def date_of(dataset: Dataset, keyword: str) -> date | None:
    """Return the date of an attribute, None where it holds none: a date is no reason to refuse a slice."""
    try:
        return datetime.strptime(text_of(dataset, keyword), "%Y%m%d").date()
    except ValueError:
        return None
