"""The people of the demo and the account for looking at them."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from lungdb_web.passwords import verify_password

from lungdb.cli.demo_people import ACCOUNT, describe_page, name_patients
from lungdb.cli.load_scans import main as load_scans
from lungdb.database import connect, run
from lungdb.phantoms.people import people
from tests.cli.test_load_scans import write_patient
from tests.support.databases import copy_to, target_of


def test_there_are_an_anthony_and_an_ana_and_no_full_name_comes_twice() -> None:
    """So a search by part of a name finds some, and by a whole name one."""
    names = [name for name, _, _ in people(128)]
    assert {"Anthony", "Ana"} <= {name.split()[0] for name in names}
    assert len(set(names)) == 128


def test_every_patient_gets_the_same_name_every_time(installed_file: Path, tmp_path: Path) -> None:
    """In the order of the indices, whatever the ids; the file is what load-patients takes."""
    target = target_of(copy_to(tmp_path, installed_file))
    with closing(connect(target)) as connection:
        for name in ("z", "a", "m"):
            assert load_scans(["--keep-ids", "-d", target, str(write_patient(tmp_path, name, slices=1))]) == 0
        for _ in range(2):
            assert name_patients(connection, target, tmp_path / "people.csv") == 0
            (found,) = run(connection, "SELECT display_name, sex, birth_year FROM dbo.patients ORDER BY idx;")
            assert found.rows == people(3)


def test_the_account_is_made_once_and_its_password_is_what_was_printed(installed_file: Path, tmp_path: Path) -> None:
    """A second run of the demo neither changes nor prints a password; it says how to get a new one."""
    target = target_of(copy_to(tmp_path, installed_file))
    with closing(connect(target)) as connection:
        first = "\n".join(describe_page(connection, "lungdb", target))
        found = re.search(r"password (\S+) \(shown only now\)", first)
        assert found is not None
        (account,) = run(connection, "EXECUTE dbo.FindAccount @Name = ?;", (ACCOUNT,))
        assert verify_password(account.rows[0][1], found[1])
        again = "\n".join(describe_page(connection, "lungdb", target))
        assert "shown only now" not in again
        assert "--generate" in again
    assert f"lungdb serve -d {target}" in first
    assert "http://127.0.0.1:5000/" in first
