"""The generated scripts of sql/: their order and their contents follow from what the files refer to."""

from __future__ import annotations

from pathlib import Path

import pytest

from lungdb.database.generator import generated_scripts, in_order, left_out, read_sources, without_scripts
from lungdb.database.renamed import MOVED_TO_INTERNAL, NO_MORE
from lungdb.database.sources import read_file
from lungdb.errors import LungdbError

PROCEDURE = "CREATE OR ALTER PROCEDURE {name} AS\nBEGIN\n    SET NOCOUNT ON;\n    {body}\nEND;\n"
SCRIPT = "EXECUTE sp_execute_external_script @language = N'Python', @script = N'x = 1'"


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _procedures(**bodies: str) -> dict[str, str]:
    """Name files of procedures: ``inner_x`` is internal.x, any other name is of dbo."""
    files = {}
    for name, body in bodies.items():
        inside, last = name.startswith("inner_"), name.removeprefix("inner_")
        full = f"internal.{last}" if inside else f"dbo.{last}"
        path = f"procedures/some/{'internal/' if inside else ''}{last}.sql"
        files[path] = PROCEDURE.format(name=full, body=body)
    return files


def _names(folder: Path) -> list[str]:
    return [file.makes for file in read_sources(folder)]


def test_tables_come_after_those_that_they_reference_and_otherwise_by_name(tmp_path: Path) -> None:
    """A table may reference itself."""
    _write(
        tmp_path,
        {
            "tables/a.sql": "CREATE TABLE dbo.a (i INT, CONSTRAINT FK_a FOREIGN KEY (i) REFERENCES dbo.c (i));\n",
            "tables/b.sql": "CREATE TABLE dbo.b (i INT NOT NULL PRIMARY KEY, j INT REFERENCES dbo.b (i));\n",
            "tables/c.sql": "CREATE TABLE dbo.c (i INT NOT NULL PRIMARY KEY);\nCREATE INDEX IX ON dbo.c (i);\n",
            "tables/d.sql": "CREATE TABLE dbo.d (i INT);\n",
        },
    )
    assert _names(tmp_path) == ["dbo.b", "dbo.c", "dbo.a", "dbo.d"]


def test_tables_data_views_and_procedures_come_in_this_order(tmp_path: Path) -> None:
    """Views among themselves by what they read, also inside subqueries and CTEs, whatever their names."""
    _write(
        tmp_path,
        {
            "tables/t.sql": "CREATE TABLE dbo.t (i INT);\n",
            "data/a.sql": "INSERT INTO dbo.t (i) VALUES (1);\n",
            "views/a.sql": "CREATE OR ALTER VIEW dbo.a AS SELECT i FROM dbo.t WHERE i IN (SELECT i FROM dbo.b);\n",
            "views/b.sql": "CREATE OR ALTER VIEW dbo.b AS WITH w AS (SELECT i FROM dbo.c) SELECT i FROM w;\n",
            "views/c.sql": "CREATE OR ALTER VIEW dbo.c AS SELECT i FROM dbo.t;\n",
            **_procedures(A="SELECT i FROM dbo.a;"),
        },
    )
    assert _names(tmp_path) == ["dbo.t", "", "dbo.c", "dbo.b", "dbo.a", "dbo.A"]


@pytest.mark.parametrize(
    "body",
    [
        "EXECUTE dbo.z;",
        "IF 1 = 1 BEGIN TRY EXEC DBO.Z; END TRY BEGIN CATCH THROW; END CATCH;",
        "CREATE TABLE #t (i INT); INSERT INTO #t (i) EXECUTE dbo.z;",
        "EXECUTE (N'EXECUTE dbo.z;');",
        "DECLARE @Text NVARCHAR(MAX) = N'EXECUTE dbo.z @i;'; EXECUTE sp_executesql @Text, N'@i INT', @i = 1;",
        "EXECUTE sp_executesql @params = N'@i INT', @stmt = N'IF @i = 1 EXECUTE (N''EXECUTE dbo.z;'');', @i = 1;",
    ],
)
def test_a_procedure_comes_after_what_it_executes(tmp_path: Path, body: str) -> None:
    """In whatever way it does, and in text that is handed on."""
    _write(tmp_path, _procedures(a=body, z="RETURN 0;"))
    assert _names(tmp_path) == ["dbo.z", "dbo.a"]


@pytest.mark.parametrize(
    "body",
    [
        "PRINT N'Examples: EXECUTE dbo.z;';",
        "DECLARE @Message NVARCHAR(200) = N'Call EXECUTE dbo.z;'; THROW 50101, @Message, 1;",
        "/* EXECUTE dbo.z; */ SELECT OBJECT_ID(N'dbo.z');",
    ],
)
def test_a_message_that_names_a_procedure_refers_to_none(tmp_path: Path, body: str) -> None:
    """Help, errors and comments are text."""
    _write(tmp_path, _procedures(a=body, z="RETURN 0;"))
    assert _names(tmp_path) == ["dbo.a", "dbo.z"]


def test_the_query_of_a_script_and_every_change_of_rows_refer_to_tables(tmp_path: Path) -> None:
    """With the variables that @params declares; temporary tables, aliases and table variables are none of ours."""
    tables = {f"tables/{name}.sql": f"CREATE TABLE dbo.{name} (i INT);\n" for name in "abcdefg"}
    body = f"""DECLARE @Some TABLE (i INT);
    {SCRIPT}, @input_data_1 = N'SELECT i FROM dbo.a WHERE i < @Most', @params = N'@Most INT', @Most = 3;
    INSERT INTO dbo.b (i) SELECT i FROM @Some;
    UPDATE dbo.c SET i = 1;
    UPDATE x SET i = 2 FROM dbo.d AS x;
    DELETE FROM dbo.e WHERE i = (SELECT MAX(i) FROM dbo.f);
    TRUNCATE TABLE dbo.g;"""
    _write(tmp_path, {**tables, **_procedures(p=body)})
    file = next(each for each in read_sources(tmp_path) if each.makes == "dbo.p")
    assert file.refers == {f"dbo.{name}" for name in "abcdefg"}
    assert file.runs_script


def test_a_circle_is_refused_with_its_names(tmp_path: Path) -> None:
    """Those that only lead to it are not named; a procedure may call itself."""
    _write(
        tmp_path,
        _procedures(
            a="EXECUTE dbo.b;", b="EXECUTE internal.c;", inner_c="EXECUTE dbo.d;", d="EXECUTE dbo.b; EXECUTE dbo.d;"
        ),
    )
    with pytest.raises(LungdbError, match=r"circle: dbo\.b -> internal\.c -> dbo\.d -> dbo\.b\."):
        read_sources(tmp_path)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (_procedures(a="EXECUTE dbo.nope;"), r"some/a\.sql .* names dbo\.nope, which no file makes"),
        (_procedures(a="DECLARE @T NVARCHAR(9) = N'x'; SET @T = N'y'; EXECUTE (@T);"), r"some/a\.sql .* computed"),
        (_procedures(a="EXECUTE (N'SELECT ' + N'1');"), r"some/a\.sql .* computed"),
        (_procedures(a="SELECT FROM;"), r"some/a\.sql .* does not parse"),
        ({"views/a.sql": "CREATE VIEW dbo.b AS SELECT 1 AS i;\n"}, r"views/a\.sql .* makes dbo\.b"),
        ({"views/a.sql": "SELECT 1 AS i;\n"}, r"views/a\.sql .* makes nothing"),
        ({"data/a.sql": "CREATE TABLE dbo.a (i INT);\n"}, r"data/a\.sql .* makes dbo\.a"),
    ],
)
def test_a_file_whose_references_cannot_be_told_is_refused(tmp_path: Path, files: dict[str, str], says: str) -> None:
    """Rather than be put somewhere."""
    _write(tmp_path, files)
    with pytest.raises(LungdbError, match=says):
        read_sources(tmp_path)


def test_what_reaches_a_script_is_left_out_with_what_serves_only_that(tmp_path: Path) -> None:
    """What others call too stays, and so does what only such others call."""
    _write(
        tmp_path,
        {
            "tables/t.sql": "CREATE TABLE dbo.t (i INT);\n",
            "views/v.sql": "CREATE OR ALTER VIEW dbo.v AS SELECT i FROM dbo.t;\n",
            **_procedures(
                Direct=f"{SCRIPT};",
                Through="EXECUTE internal.Runs; EXECUTE internal.OnlyForScripts; EXECUTE internal.Shared;",
                Plain="EXECUTE internal.Shared;",
                inner_Runs=f"{SCRIPT};",
                inner_OnlyForScripts="EXECUTE internal.BelowThat; SELECT i FROM dbo.v;",
                inner_BelowThat="RETURN 0;",
                inner_Shared="EXECUTE internal.BelowShared;",
                inner_BelowShared="PRINT N'sp_execute_external_script';",
            ),
        },
    )
    kept = [each.makes for each in without_scripts(read_sources(tmp_path))]
    assert kept == ["dbo.t", "dbo.v", "internal.BelowShared", "internal.Shared", "dbo.Plain"]


def test_installers_drop_the_names_of_version_0_2_the_smaller_one_unless_they_are_called(tmp_path: Path) -> None:
    """By what it does not replace; no installer drops the name of a new internal procedure; uninstall.sql drops all."""
    _write(tmp_path, _procedures(Called=f"{SCRIPT}; EXECUTE internal.Inside;", inner_Inside="RETURN 0;"))
    scripts = generated_scripts(tmp_path)
    dropped = [f"DROP PROCEDURE IF EXISTS dbo.{name};" for name in MOVED_TO_INTERNAL]
    gone = [f"DROP {name};" for name in NO_MORE]
    dropped += [line for line in gone if line.startswith("DROP PROCEDURE")]
    whole, smaller = scripts["install.sql"].splitlines(), scripts["install_sql_only.sql"].splitlines()
    assert [line for line in whole if line.lstrip().startswith("DROP PROCEDURE")] == dropped
    assert [line.lstrip() for line in smaller if line.lstrip().startswith("DROP PROCEDURE")] == dropped
    guard = smaller[smaller.index("BEGIN", smaller.index("IF NOT EXISTS (")) - 1]
    assert guard == "        N'Called'))"
    assert "CREATE OR ALTER PROCEDURE" not in scripts["install_sql_only.sql"]
    assert scripts["uninstall.sql"].splitlines()[2:] == [
        *[line for line in dropped if line not in gone],
        *gone,
        "DROP PROCEDURE IF EXISTS dbo.Called;",
        "DROP PROCEDURE IF EXISTS internal.Inside;",
        "DROP SCHEMA IF EXISTS internal;",
    ]


def test_where_nothing_is_left_out_the_smaller_script_drops_old_names_as_the_other_does(tmp_path: Path) -> None:
    """Nothing can call them then."""
    _write(tmp_path, _procedures(Plain="EXECUTE internal.Inside;", inner_Inside="RETURN 0;"))
    scripts = generated_scripts(tmp_path)
    assert left_out(read_sources(tmp_path)) == []
    assert scripts["install_sql_only.sql"] == scripts["install.sql"]


def test_the_order_does_not_depend_on_the_order_given(tmp_path: Path) -> None:
    """The same files in reverse are sorted alike."""
    _write(tmp_path, _procedures(a="EXECUTE dbo.z;", b="RETURN 0;", c="EXECUTE dbo.a;", z="RETURN 0;"))
    files = [read_file(tmp_path, path) for path in sorted(tmp_path.rglob("*.sql"))]
    assert [each.makes for each in in_order(files)] == ["dbo.b", "dbo.z", "dbo.a", "dbo.c"]
    assert in_order(reversed(files)) == in_order(files)
