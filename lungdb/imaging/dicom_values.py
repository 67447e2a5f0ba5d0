"""Values as DICOM writes them, of what the database keeps in another form: UIDs and decimal numbers."""

from __future__ import annotations

import hashlib
import re

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))*", re.ASCII)
_LONGEST_UID = 64
_LONGEST_DECIMAL = 16


def is_uid(text: str) -> bool:
    """Tell whether a text is a UID: numbers without leading zeros, with dots, 64 characters at most (PS3.5 9.1)."""
    return len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


def valid_uid(text: str) -> str:
    """Return a UID as it is, and of what is none the one under 2.25 that 128 bits of its SHA-256 make (PS3.5 B.2).

    The SHA-256 is over the text in UTF-16, as HASHBYTES sees a column, so that the database finds what it stands for.
    """
    return text if is_uid(text) else _under_2_25(text.encode("utf-16-le"))


def derived_uid(*parts: object) -> str:
    """Return the UID of an object that follows from something: the same every time."""
    return _under_2_25("\x1f".join(map(str, parts)).encode("utf-8"))


def digest_of(uid: str) -> bytes | None:
    """Return the 16 bytes that a UID under 2.25 is made of; None of any other."""
    first, _, number = uid.rpartition(".")
    if first != "2.25" or not is_uid(uid) or int(number) >= 1 << 128:
        return None
    return int(number).to_bytes(16, "big")


def decimal_string(value: float) -> str:
    """Write a number in the 16 characters that DS has, as exactly as they allow.

    Raises
    ------
    ValueError
        It has no such form.
    """
    for digits in range(_LONGEST_DECIMAL, 0, -1):
        text = f"{float(value):.{digits}g}"
        if len(text) <= _LONGEST_DECIMAL:
            return text
    raise ValueError(value)


def _under_2_25(data: bytes) -> str:
    return f"2.25.{int.from_bytes(hashlib.sha256(data).digest()[:16], 'big')}"
