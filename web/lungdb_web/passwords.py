"""Passwords: hashed with argon2id, checked in a time that does not tell whether the name is known."""

from __future__ import annotations

import secrets
import unicodedata
from functools import cache

from lungdb.errors import LungdbError
from lungdb_web.turns import Turns

try:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError
except ModuleNotFoundError as error:
    raise LungdbError(f'The accounts of the web page need {error.name}. Run: pip install "lungdb[web]"') from error

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 256
# A hash takes 64 MiB while it is computed, so many sign-ins at once must not take all memory, nor all threads.
TURNS = Turns(workers=2, waiting=8)
_HASHER = PasswordHasher()  # RFC 9106's second recommended option: argon2id, 64 MiB, 3 passes, 4 lanes


def hash_password(password: str) -> str:
    """Hash a password that somebody chose.

    Raises
    ------
    LungdbError
        It is shorter than 12 or longer than 256 characters.
    """
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise LungdbError(
            f"The password has {len(password)} characters. Choose one of {LEAST_CHARACTERS} to {MOST_CHARACTERS}."
        )
    return _hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Tell whether a password is the one that was hashed; without a hash it takes as long and is False.

    Raises
    ------
    TooBusy
        Too many passwords are being checked.
    """
    with TURNS.take():
        try:
            _HASHER.verify(stored or _dummy_hash(), _normal(password))
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def renewed_hash(stored: str, password: str) -> str | None:
    """Hash a verified password anew if its hash was made with other parameters than today's."""
    return _hash(password) if _HASHER.check_needs_rehash(stored) else None


def generate_password() -> str:
    """Make a password of 120 random bits, in groups that can be read aloud."""
    text = secrets.token_hex(15)
    return "-".join(text[start : start + 5] for start in range(0, len(text), 5))


def _hash(password: str) -> str:
    with TURNS.take():
        return _HASHER.hash(_normal(password))


@cache
def _dummy_hash() -> str:
    return _HASHER.hash(secrets.token_hex(15))


def _normal(password: str) -> str:
    """Write é alike whether a keyboard sends it as one character or as two."""
    return unicodedata.normalize("NFKC", password)
