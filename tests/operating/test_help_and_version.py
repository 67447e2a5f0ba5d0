"""dbo.Help lists what is installed, dbo.Version says what was: both as the files and the package have it."""

from __future__ import annotations

import re
from contextlib import closing

import pytest

from lungdb import __version__
from lungdb.database import Connection, connect, install, run
from tests.sql.gates.check import SQL
from tests.sql.gates.house import is_internal
from tests.support.databases import refused, rows

PUBLIC = {path.stem: path.parent.name for path in (SQL / "procedures").rglob("*.sql") if not is_internal(path)}


def test_help_lists_every_public_procedure_by_its_folder(installed: Connection) -> None:
    """The file's folder is the capability; each has a sentence and a call of itself."""
    found = rows(installed, "EXECUTE dbo.Help;")
    assert {name: capability for capability, name, _, _ in found} == {
        name: folder.replace("_", " ") for name, folder in PUBLIC.items()
    }
    assert [name for _, name, purpose, _ in found if not re.fullmatch(r"[A-Z].*\.", purpose)] == []
    assert [name for _, name, _, example in found if f"EXECUTE dbo.{name}" not in example] == []
    assert [row[:2] for row in found] == sorted((row[:2] for row in found), key=lambda row: (row[0], row[1].lower()))


def test_help_of_one_procedure_and_of_one_capability(installed: Connection) -> None:
    """With the schema or without, in any case of letters."""
    [(capability, name, _, _)] = rows(installed, "EXECUTE dbo.Help @Procedure = N'dbo.generatefeatures';")
    assert (capability, name) == ("features", "GenerateFeatures")
    found = rows(installed, "EXECUTE dbo.Help @Capability = N'native scoring';")
    assert {row[1] for row in found} == {name for name, folder in PUBLIC.items() if folder == "native_scoring"}


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("GenerateFeature", "GenerateFeatures"), ("PredictLungs", "PredictLungCancer"), ("Promote", "PromoteModel")],
)
def test_an_unknown_name_is_refused_with_the_nearest(installed: Connection, asked: str, nearest: str) -> None:
    """A misspelt or half remembered name: the one that was meant is among the three named."""
    message = refused(installed, f"EXECUTE dbo.Help @Procedure = N'{asked}';", 50450)
    _, _, named = message.partition("The nearest names are: ")
    assert nearest in named.partition(". ")[0].split(", ")


@pytest.mark.parametrize("asked", ["", "%", "x", "☢"])
def test_a_name_that_is_like_none_is_refused_all_the_same(installed: Connection, asked: str) -> None:
    """Empty, a wildcard, one letter: nothing is near, and the sentence says where all of them are."""
    message = refused(installed, f"EXECUTE dbo.Help @Procedure = N'{asked}';", 50450)
    assert "nearest" not in message
    assert "EXECUTE dbo.Help; lists all" in message


def test_an_unknown_capability_is_refused_with_those_there_are(installed: Connection) -> None:
    """All of them are named."""
    message = refused(installed, "EXECUTE dbo.Help @Capability = N'feature';", 50101)
    assert "datasets, dense networks, ensembles" in message


def test_the_installer_without_python_keeps_what_is_there(installed: Connection, sql_only_file: object) -> None:
    """Alone it lists only what it makes; over a whole installation the others stay."""
    with closing(connect(f"sqlite:///{sql_only_file}")) as alone:
        names = {row[1] for row in rows(alone, "EXECUTE dbo.Help;")}
    assert "PredictPatientsSql" in names
    assert "GenerateFeatures" not in names
    before = rows(installed, "EXECUTE dbo.Help;")
    install(installed, script="install_sql_only.sql")
    assert rows(installed, "EXECUTE dbo.Help;") == before


def test_version_is_the_packages_and_the_newest_migrations(installed: Connection) -> None:
    """As `lungdb --version` says; the schema's is that of the last migration; installing again keeps one row."""
    newest = max(int(path.name[:4]) for path in (SQL / "migrations").glob("[0-9]*.sql"))
    [first] = rows(installed, "EXECUTE dbo.Version;")
    assert first[:2] == (__version__, newest)
    assert first[4] == "lungdb embedded engine"
    install(installed)
    [second] = rows(installed, "EXECUTE dbo.Version;")
    assert second[:2] == first[:2]
    assert second[2] >= first[2]


def test_every_table_view_and_public_procedure_is_described(installed: Connection) -> None:
    """As SSMS shows it; another text is put right by installing again, and nothing else changes."""
    described = (
        "SELECT o.name, CAST(p.value AS NVARCHAR(2000)) FROM sys.objects AS o LEFT JOIN sys.extended_properties AS p "
        "ON p.major_id = o.object_id AND p.minor_id = 0 AND p.name = N'MS_Description' "
        "WHERE o.schema_id = SCHEMA_ID(N'dbo') ORDER BY o.name;"
    )
    before = rows(installed, described)
    assert [name for name, text in before if not text] == []
    texts = dict(before)
    assert texts["labels"] == "The truth for a patient."
    assert texts["Version"].startswith("one row with the version")
    run(
        installed,
        "EXECUTE sys.sp_updateextendedproperty @name = N'MS_Description', @value = N'old', @level0type = N'SCHEMA', "
        "@level0name = N'dbo', @level1type = N'TABLE', @level1name = N'labels';",
    )
    install(installed)
    assert rows(installed, described) == before
