"""What procedures say, without the patients and scans that they name: for where no row of the audit says who saw it."""

from __future__ import annotations

import re

WITHHELD = "(not shown here)"
_NUMBERS = r"\d+(?:, \d+)*(?:,? …)?"
_NAMED = re.compile(
    rf"(\b(?:index|indices|patients?|scans?|scan_ids?)\b(?: of these| of their patients)?:? ){_NUMBERS}", re.IGNORECASE
)
_LISTED = re.compile(rf"(\b(?:patients?|scans?)\b[^.:;]*: ){_NUMBERS}(?=\.?(?:\s|$))", re.IGNORECASE)


def unnamed(said: str) -> str:
    """Leave out indices of patients and scan_ids; how many there are stays."""
    for pattern in (_NAMED, _LISTED):
        said = pattern.sub(rf"\g<1>{WITHHELD}", said)
    return said
