"""Who may do what is said of every public procedure, and nothing secret is given away."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lungdb.database import sql_directory
from lungdb.database.generator import read_sources
from lungdb.database.rights import (
    PREFIX,
    ROLES,
    SECRET,
    Rights,
    read_rights,
    signed_procedures,
    tables_of_scripts,
)
from lungdb.database.role_scripts import documented
from lungdb.database.sources import SqlFile
from lungdb.errors import LungdbError

ROOT = Path(__file__).parents[2]
VERBS = {"INSERT INTO": "INSERT", "UPDATE": "UPDATE", "DELETE FROM": "DELETE", "FROM": "SELECT", "JOIN": "SELECT"}
USE = re.compile(rf"\b({'|'.join(VERBS)})\s+(dbo\.[a-z_0-9]+)")


@pytest.fixture(scope="module")
def files() -> list[SqlFile]:
    """Return the files of sql/."""
    return read_sources(sql_directory())


@pytest.fixture(scope="module")
def rights(files: list[SqlFile]) -> Rights:
    """Return the tables of sql/roles/."""
    return read_rights(sql_directory(), files)


def _used(where: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in [where] if where.is_file() else where.rglob("*.py"):
        for verb, name in USE.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, set()).add(VERBS[verb])
    return found


def _of(rights: Rights, role: str) -> dict[str, set[str]]:
    return {name: set(each[role]) for name, each in rights.tables.items() if role in each}


def test_every_public_procedure_is_in_the_table_and_somebody_may_execute_it(rights: Rights) -> None:
    """The files of sql/procedures outside of internal/ are the lines of rights.csv."""
    public = {f"dbo.{p.stem}" for p in (ROOT / "sql" / "procedures").rglob("*.sql") if p.parent.name != "internal"}
    assert rights.procedures.keys() == public
    assert [name for name, roles in rights.procedures.items() if not roles] == []


def test_whoever_trains_may_score_and_whoever_scores_may_read(rights: Rights) -> None:
    """Each of the three roles has what the one before it has."""
    reader, scorer, trainer = (
        {name for name, roles in rights.procedures.items() if role in roles} for role in ("reader", "scorer", "trainer")
    )
    assert reader < scorer < trainer


def test_only_an_administrator_deletes_models_and_makes_accounts(rights: Rights) -> None:
    """What an analyst could do by EXECUTE on the schema dbo is nobody else's, and only the page signs people in."""
    alone = (
        "DeleteModel",
        "DeleteFeatures",
        "DeleteNetwork",
        "StoreAccount",
        "StoreToken",
        "StoreSignInLink",
        "RevokeToken",
        "ReadAudit",
    )
    assert {rights.procedures[f"dbo.{name}"] for name in alone} == {frozenset({"administrator"})}
    signing_in = (
        "FindAccount",
        "StartSession",
        "UseSignInLink",
        "FindSession",
        "EndSession",
        "FindToken",
        "RenewPasswordHash",
    )
    assert {rights.procedures[f"dbo.{name}"] for name in signing_in} == {frozenset({"page"})}


def test_the_page_may_do_what_its_documented_grants_say(rights: Rights) -> None:
    """docs/web.md lists what the page calls, which a test of the page holds it to."""
    manual = (ROOT / "docs" / "web.md").read_text(encoding="utf-8").partition("### For administrators")[0]
    grants = re.findall(r"^GRANT (\w+) ON (\S+) TO", manual, re.M)
    page = [(verb, name) for role, name, verb in rights.granted() if role == PREFIX + "page"]
    assert sorted(page) == sorted(grants)


def test_the_loader_may_do_what_the_loaders_statements_do(rights: Rights) -> None:
    """Each statement of lungdb/loading names a table that the role may use in this way, and it runs the doctor."""
    expected = _used(ROOT / "lungdb" / "loading")
    expected |= {"dbo.schema_version": {"SELECT"}, "dbo.runtime_facts": {"SELECT"}}
    assert _of(rights, "loader") == expected


def test_a_loader_changes_no_setting_but_by_the_procedure_for_its_own_two(rights: Rights) -> None:
    """Settings say also which model serves and how patients are split: those are the administrator's."""
    assert _of(rights, "loader")["dbo.settings"] == {"SELECT"}
    assert {"loader", "administrator"} == rights.procedures["dbo.StoreIdentity"]


def test_whoever_runs_a_command_may_read_what_it_reads(rights: Rights) -> None:
    """A trainer makes reports; an administrator also checks, recompresses and copies."""
    reports = _used(ROOT / "lungdb" / "reporting")
    trainer, administrator = _of(rights, "trainer"), _of(rights, "administrator")
    assert {name: verbs for name, verbs in reports.items() if not verbs <= trainer.get(name, set())} == {}
    for folder in ("operating", "copying", "reporting"):
        used = _used(ROOT / "lungdb" / folder)
        assert {name: verbs for name, verbs in used.items() if not verbs <= administrator.get(name, set())} == {}


@pytest.mark.parametrize(
    ("module", "roles"),
    [
        ("worker.py", ("worker",)),
        ("search_workers.py", ("trainer",)),
        ("doctor.py", ("reader", "scorer", "trainer", "loader", "worker", "administrator")),
    ],
)
def test_a_role_may_do_what_its_command_does(rights: Rights, module: str, roles: tuple[str, ...]) -> None:
    """The procedures that the module calls, and the tables that it reads; what it tells others to change is theirs."""
    path = ROOT / "lungdb" / "operating" / module
    called = set(re.findall(r"EXECUTE (dbo\.\w+)", path.read_text(encoding="utf-8")))
    read = {name for name, verbs in _used(path).items() if "SELECT" in verbs}
    assert called
    for role in roles:
        assert {name for name in called if role not in rights.procedures[name]} == set()
        assert {name for name in read if "SELECT" not in _of(rights, role).get(name, set())} == set()


def test_no_role_and_no_script_reads_accounts_secrets_or_searches(rights: Rights, files: list[SqlFile]) -> None:
    """The tables are there, and only procedures touch them."""
    assert {each.makes for each in files} >= SECRET
    assert {name for _, name, _ in rights.granted()} & SECRET == set()
    read = tables_of_scripts(files)
    assert "dbo.scan_images" in read
    assert set(read) & SECRET == set()


def test_what_runs_a_script_is_signed_but_for_what_runs_its_callers(files: list[SqlFile]) -> None:
    """As the text of the files tells it."""
    folder = ROOT / "sql" / "procedures"
    texts = {p: re.sub(r"--.*", "", p.read_text(encoding="utf-8")) for p in folder.rglob("*.sql")}
    running = {p.stem for p, text in texts.items() if "EXECUTE sp_execute_external_script" in text}
    assert {each.makes.partition(".")[2] for each in signed_procedures(files)} == running - {"RunOnDataset"}


@pytest.fixture
def copied(tmp_path: Path) -> Iterator[Path]:
    """Return a folder with the two tables alone, to spoil."""
    shutil.copytree(ROOT / "sql" / "roles", tmp_path / "roles")
    return tmp_path


@pytest.mark.parametrize(
    ("table", "before", "after", "told"),
    [
        ("rights.csv", "DeleteModel,", "DeleteModels,", "DeleteModels, which is no public procedure"),
        ("rights.csv", "DeleteModel,,,,,,x,\n", "", "lacks dbo.DeleteModel"),
        ("rights.csv", "DeleteModel,,,,,,x,", "DeleteModel,,,,,,yes,", "'yes' at DeleteModel"),
        ("rights.csv", "DeleteModel,,,,,,x,", "DeleteModel,,,,,,x", "needs the columns procedure,reader"),
        ("tables.csv", "model,", "modles,", "not in the order"),
        ("tables.csv", "animations,,,,DELETE", "accounts,,,,DELETE", "dbo.accounts, which no role may touch"),
        ("tables.csv", "animations,,,,DELETE", "animations,,,,ALTER", "'ALTER' at animations"),
    ],
)
def test_a_wrong_table_of_rights_is_refused(
    copied: Path, files: list[SqlFile], table: str, before: str, after: str, told: str
) -> None:
    """A procedure that is not there, one that is left out, an unknown mark or right: each is named."""
    path = copied / "roles" / table
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(LungdbError, match=re.escape(told)):
        read_rights(copied, files)


def test_the_roles_are_the_columns_of_both_tables() -> None:
    """In the order of the documentation."""
    for name in ("rights.csv", "tables.csv"):
        header = (ROOT / "sql" / "roles" / name).read_text(encoding="utf-8").splitlines()[0]
        assert tuple(header.split(",")[1:]) == ROLES


def test_the_documented_tables_are_those_of_the_sources(rights: Rights, files: list[SqlFile]) -> None:
    """docs/rights.md is as `make sql` writes it, and has a line for each procedure with a mark for each role."""
    text = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
    assert documented(text, rights, files) == text
    lines = re.findall(r"^\| (\w+) \|((?: x? \|){7})$", text, re.M)
    marks = {f"dbo.{name}": [cell.strip() == "x" for cell in cells.split("|")[:-1]] for name, cells in lines}
    assert marks == {name: [role in roles for role in ROLES] for name, roles in rights.procedures.items()}
