"""Made-up people for the demo's synthetic patients, and an account for whoever looks at them."""

from __future__ import annotations

import csv
from pathlib import Path

from lungdb.cli import load_patients
from lungdb.database import Connection, run
from lungdb.errors import LungdbError

ACCOUNT = "demo"
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


def name_patients(connection: Connection, target: str, file: Path) -> int:
    """Give the patients names, by a file as `lungdb load-patients` reads it; returns its exit status."""
    (found,) = run(connection, "SELECT patient_id FROM dbo.patients ORDER BY idx;")
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(load_patients.COLUMNS)
        writer.writerows((row[0], *person) for row, person in zip(found.rows, people(len(found.rows)), strict=True))
    return load_patients.main(["-d", target, str(file)])


def describe_page(connection: Connection, command: str, target: str) -> list[str]:
    """Make the account, unless an earlier run has, and return the lines that say how to open the page with it."""
    try:
        import lungdb_web.passwords  # noqa: F401 - make_account needs it
        from lungdb_web.administration import list_accounts, make_account
    except LungdbError as error:
        return [str(error)]
    if any(account.name == ACCOUNT for account in list_accounts(connection)):
        sign_in = f"Sign in as {ACCOUNT}. A new password: {command} accounts password {ACCOUNT} --generate -d {target}"
    else:
        password = make_account(connection, ACCOUNT, "scorer", sees_truth=True)
        sign_in = f"Sign in as {ACCOUNT} with the password {password} (shown only now)."
    return ["The web page:", f"  {command} serve -d {target}", "  then open http://127.0.0.1:5000/", f"  {sign_in}"]
