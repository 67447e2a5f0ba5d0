"""How texts compare: as SQL Server's default collations do, without regard to case, width and spaces at the end.

Letters with accents stand beside those without and differ from them; punctuation comes before digits, and these before
letters. A text has two keys: its letters, which decide first, and its accents.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WIDE = re.compile("[\u3000\uff01-\uffee]")
_WIDTHS = {
    code: ord(narrow)
    for code in (0x3000, *range(0xFF01, 0xFFEF))
    if len(narrow := unicodedata.normalize("NFKC", chr(code))) == 1
}
# Letters that Unicode does not take apart, by what they stand beside, as in Windows' sorting of Latin letters.
_BESIDE = {"æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "œ": "oe", "ø": "o", "þ": "th", "ŧ": "t"}
# Letters and digits come after whatever else there is.
_ALPHANUMERIC = 0x90000
_PLAIN, _OTHER = "\1", "\2"
# For ASCII alone the keys are bytes in the same order: control characters and punctuation, digits, letters.
_ORDER = sorted(range(128), key=lambda code: (chr(code).isalnum(), chr(code).lower()))
_RANKS = {code: rank for rank, code in enumerate(_ORDER)}
_ASCII = bytes(_RANKS[ord(chr(code).lower())] for code in range(128)) + bytes(range(128, 256))
_KEPT = 100


def fold_width(text: str) -> str:
    """Return the text with characters of full and half width as the ordinary ones; positions stay."""
    return text if text.isascii() or not _WIDE.search(text) else text.translate(_WIDTHS)


def sort_key(text: str) -> tuple[str, str]:
    """Return letters and accents of a text; two texts are equal where both are, and sort as these do."""
    return _kept_key(text) if len(text) <= _KEPT else _key(text)


def _key(text: str) -> tuple[str, str]:
    letters: list[str] = []
    accents: list[str] = []
    for character in unicodedata.normalize("NFD", fold_width(text).casefold().rstrip(" ")):
        if unicodedata.combining(character):
            accents.append(character)
            continue
        beside = _BESIDE.get(character, character)
        for each in beside:
            letters.append(chr(ord(each) + _ALPHANUMERIC) if each.isalnum() else each)
            accents.append(_PLAIN if beside is character else _OTHER)
    return "".join(letters), "".join(accents)


_kept_key = lru_cache(maxsize=16384)(_key)


def compare_text(a: str, b: str) -> int:
    """Compare as the collation `TEXT_COLLATION`: negative, zero or positive."""
    if a == b:
        return 0
    if a.isascii() and b.isascii():
        # The most frequent case by far.
        first = a.rstrip(" ").encode().translate(_ASCII)
        second = b.rstrip(" ").encode().translate(_ASCII)
        return 1 if first > second else -1 if first < second else 0
    one, other = sort_key(a), sort_key(b)
    return (one > other) - (one < other)
