"""How hard a site's secret is to guess, judged by its text."""

from __future__ import annotations

import math
import re

LEAST_BITS = 60.0
"""Of an id_key. Guesses are checked against what the database stores at billions a second, so words do not last."""

_WORD = re.compile(r"[A-Za-z][a-z]{2,}|[A-Z]{3,}")
_HEXADECIMAL = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_HEXADECIMAL_BITS = 4.0
_WORD_BITS = 2.0  # a letter of a word; Shannon, Prediction and entropy of printed English (1951), has 0.6 to 1.3
_DIGIT_BITS, _LETTER_BITS, _OTHER_BITS = math.log2(10), math.log2(26), math.log2(32)


def guessing_bits(key: str) -> float:
    """Estimate the bits of a secret, at most what a random one of its characters would have.

    A digit, a letter of one case and anything else count as one of their kind, and letters of what may be a word less.
    What goes on with something seen before does not count at all: the third of 1, 2, 3, or of the same character, and
    anything that repeats three characters of before.

    Parameters
    ----------
    key : str
        The secret.
    """
    if _HEXADECIMAL.fullmatch(key):
        bits = [_HEXADECIMAL_BITS] * len(key)
    else:
        bits = [_DIGIT_BITS if each.isdigit() else _LETTER_BITS if each.isalpha() else _OTHER_BITS for each in key]
        for word in _WORD.finditer(key):
            bits[word.start() : word.end()] = [_WORD_BITS] * len(word.group())
    for place in range(2, len(key)):
        before, last, here = (ord(character) for character in key[place - 2 : place + 1])
        goes_on = here - last == last - before and abs(here - last) <= 1
        if goes_on or key[place - 2 : place + 1].lower() in key[:place].lower():
            bits[place] = 0.0
    return sum(bits)
