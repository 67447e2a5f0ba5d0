"""How hard a secret is to guess: random ones are taken, words, repetitions and sequences are not."""

from __future__ import annotations

import base64
import math
import random
import string

import pytest

from lungdb.dicom.key_strength import LEAST_BITS, guessing_bits


@pytest.mark.parametrize(
    "key",
    [
        "a" * 40,
        "password" * 4,
        "0123456789abcdef0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz",
        "hospital-secret-2024",
        "ThisIsTheSecretOfUs",
        "1234567890123456",
        "qwertyuiopasdfgh",
        "PASSWORD-PASSWORD-1",
        "2024-01-01 2024-01-02 2024-01-03",
        "",
    ],
)
def test_what_can_be_guessed_has_few_bits(key: str) -> None:
    """Words, years, sequences, and anything that says the same again."""
    assert guessing_bits(key) < LEAST_BITS


@pytest.mark.parametrize("seed", range(200))
def test_random_keys_are_taken(seed: int) -> None:
    """Those of token_hex, token_urlsafe and password managers, whatever they happen to hold."""
    drawn = random.Random(seed)
    keys = [
        drawn.randbytes(32).hex(),
        drawn.randbytes(16).hex().upper(),
        base64.urlsafe_b64encode(drawn.randbytes(24)).decode(),
        "".join(drawn.choices(string.ascii_letters + string.digits + string.punctuation, k=20)),
    ]
    assert min(map(guessing_bits, keys)) >= LEAST_BITS


def test_hexadecimal_digits_count_four_bits_and_others_by_their_kind() -> None:
    """Of characters that neither spell a word nor go on with others."""
    assert guessing_bits("9c2f71") == pytest.approx(24)
    assert guessing_bits("Zq7-") == pytest.approx(2 * math.log2(26) + math.log2(10) + math.log2(32))
