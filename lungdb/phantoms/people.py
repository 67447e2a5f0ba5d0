"""Made-up people, so that synthetic patients have names to look for."""

from __future__ import annotations

_GIVEN = (
    ("Anthony", "M"), ("Ana", "F"), ("Mei", "F"), ("Kwame", "M"), ("Ingrid", "F"), ("Rahul", "M"), ("Leila", "F"),
    ("Tomás", "M"), ("Aiyana", "F"), ("Yusuf", "M"), ("Chiara", "F"), ("Hiroshi", "M"), ("Amara", "F"), ("Pavel", "M"),
    ("Noor", "F"), ("Matías", "M"), ("Soo-jin", "F"), ("Emeka", "M"), ("Freya", "F"), ("Omar", "M"), ("Lakshmi", "F"),
    ("Joost", "M"), ("Zofia", "F"), ("Tane", "M"), ("Marisol", "F"), ("Arjun", "M"), ("Hanna", "F"), ("Viktor", "M"),
    ("Thandiwe", "F"), ("Liam", "M"), ("Esra", "F"), ("Nikolai", "M"),
)  # fmt: skip
# Their number and that of the given names have no common divisor, so that no full name comes twice.
_FAMILY = (
    "Okafor", "Lindqvist", "Tanaka", "Mensah", "Haddad", "Sharma", "Álvarez", "Rossi", "Begay", "Demir", "Nowak",
    "Sato", "Brennan", "Petrov", "Rahman", "Silva", "Kim", "Eze", "Larsen", "Farouk", "Iyer", "van Dijk", "Wójcik",
    "Parata", "Reyes", "Müller", "Dlamini", "O’Connor", "Laurent",
)  # fmt: skip


def people(count: int) -> list[tuple[str, str, int]]:
    """Return name, sex and birth year of so many people, the same every time."""
    return [
        (f"{_GIVEN[number % len(_GIVEN)][0]} {_FAMILY[number % len(_FAMILY)]}", _GIVEN[number % len(_GIVEN)][1],
         1936 + number * 13 % 37)
        for number in range(count)
    ]  # fmt: skip
