"""What the installers write of themselves: the rows that dbo.Help and dbo.Version read, of files and the package."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from lungdb import __version__
from lungdb.database.declared import declared_tables, inserts
from lungdb.database.sources import SqlFile

HELP_TABLE = "tables/procedure_help.sql"
INSTALLATIONS = "tables/installations.sql"

_LONGEST = 1500
"""Characters of a description, of the 3,750 that SQL Server takes."""

_DESCRIBE = """\
DROP TABLE IF EXISTS #described, #there, #describing;
CREATE TABLE #described (
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL,
    description NVARCHAR(1500) COLLATE DATABASE_DEFAULT NOT NULL, number INT NULL);
CREATE TABLE #there (
    number INT NOT NULL, place INT NOT NULL, description NVARCHAR(1500) COLLATE DATABASE_DEFAULT NULL,
    PRIMARY KEY (number, place));
CREATE TABLE #describing (
    position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, kind NVARCHAR(20) COLLATE DATABASE_DEFAULT NOT NULL,
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, column_name NVARCHAR(128) COLLATE DATABASE_DEFAULT NULL,
    description NVARCHAR(1500) COLLATE DATABASE_DEFAULT NOT NULL, is_there BIT NOT NULL);
{inserts}\
UPDATE #described SET number = OBJECT_ID(CONCAT(N'dbo.', name));
INSERT INTO #there (number, place, description)
SELECT p.major_id, p.minor_id, CAST(p.value AS NVARCHAR(1500))
FROM sys.extended_properties AS p
WHERE p.class = 1 AND p.name = N'MS_Description';
-- As bytes, because a database may take texts for equal that differ in the case of letters.
INSERT INTO #describing (kind, name, column_name, description, is_there)
SELECT CASE d.number
        WHEN OBJECT_ID(CONCAT(N'dbo.', d.name), N'U') THEN N'TABLE'
        WHEN OBJECT_ID(CONCAT(N'dbo.', d.name), N'V') THEN N'VIEW'
        ELSE N'PROCEDURE' END,
    d.name, d.column_name, d.description, CASE WHEN t.number IS NULL THEN 0 ELSE 1 END
FROM #described AS d
LEFT JOIN sys.columns AS c ON c.object_id = d.number AND c.name = d.column_name
LEFT JOIN #there AS t ON t.number = d.number AND t.place = COALESCE(c.column_id, 0)
WHERE d.number IS NOT NULL AND (d.column_name IS NULL OR c.column_id IS NOT NULL)
    AND (t.description IS NULL OR CAST(t.description AS VARBINARY(3000)) <> CAST(d.description AS VARBINARY(3000)));
DECLARE @Position INT = 1, @Kind NVARCHAR(20), @Name NVARCHAR(128), @ColumnKind NVARCHAR(20), @ColumnName NVARCHAR(128),
    @Description NVARCHAR(1500), @IsThere BIT, @Last INT = (SELECT COUNT(*) FROM #describing);
BEGIN TRANSACTION;
WHILE @Position <= @Last
BEGIN
    SELECT @Kind = kind, @Name = name, @ColumnKind = CASE WHEN column_name IS NOT NULL THEN N'COLUMN' END,
        @ColumnName = column_name, @Description = description, @IsThere = is_there
    FROM #describing
    WHERE position = @Position;
    IF @IsThere = 0
        EXECUTE sys.sp_addextendedproperty @name = N'MS_Description', @value = @Description, @level0type = N'SCHEMA',
            @level0name = N'dbo', @level1type = @Kind, @level1name = @Name,
            @level2type = @ColumnKind, @level2name = @ColumnName;
    ELSE
        EXECUTE sys.sp_updateextendedproperty @name = N'MS_Description', @value = @Description, @level0type = N'SCHEMA',
            @level0name = N'dbo', @level1type = @Kind, @level1name = @Name,
            @level2type = @ColumnKind, @level2name = @ColumnName;
    SET @Position = @Position + 1;
END;
COMMIT TRANSACTION;
"""


def help_batch(files: Iterable[SqlFile]) -> str:
    """Return the batch that makes dbo.procedure_help say what the procedures' banners say.

    Rows of other procedures stay as long as these are there: the installer without Python replaces not all of them.
    """
    rows = sorted(_row(each) for each in files if each.kind == "procedures" and not each.is_internal)
    if not rows:
        return "DELETE FROM dbo.procedure_help WHERE OBJECT_ID(CONCAT(N'dbo.', procedure_name), N'P') IS NULL;\n"
    values = ",\n".join(f"    ({', '.join(map(_text, row))})" for row in rows)
    names = textwrap.fill(
        ", ".join(_text(row[0]) for row in rows), 120, initial_indent="    ", subsequent_indent="    "
    )
    return (
        "BEGIN TRANSACTION;\n"
        "DELETE FROM dbo.procedure_help\n"
        f"WHERE OBJECT_ID(CONCAT(N'dbo.', procedure_name), N'P') IS NULL OR procedure_name IN (\n{names});\n"
        "INSERT INTO dbo.procedure_help (procedure_name, capability, purpose, example)\n"
        "VALUES\n"
        f"{values};\n"
        "COMMIT TRANSACTION;\n"
    )


def describing_batch(files: Iterable[SqlFile]) -> str:
    """Return the batch that gives tables, views and public procedures their first comment as MS_Description.

    A column of a table has the comment beside it. The batch changes only what is missing or otherwise, all of it in one
    transaction.
    """
    rows = []
    for each in files:
        if each.kind in ("tables", "views", "procedures") and not each.is_internal:
            name = each.makes.partition(".")[2]
            said = {None: _banner(each)} | (column_comments(each.text) if each.kind == "tables" else {})
            rows += [_described(name, column, text) for column, text in said.items() if text]
    return _DESCRIBE.replace("{inserts}", "".join(inserts("#described", "name, column_name, description", rows)))


def column_comments(text: str) -> dict[str, str]:
    """Return what the comments beside the columns of a file of tables/ say, by the column's name.

    A comment begins where the column's first line ends, and may go on in lines of its own; a column without one is
    left out.

    Raises
    ------
    SqlError
        The text does not parse.
    """
    names = "|".join(column.name for table in declared_tables([text]) for column in table.columns)
    found = re.finditer(rf"^ +({names}) [^\n]*?-- (.*(?:\n +-- .*)*)", text, re.M)
    return {each[1]: " ".join(re.split(r"\n +-- ", each[2])) for each in found}


def installation_batch() -> str:
    """Return the batch that notes the package's version and the time."""
    version = _text(__version__)
    return (
        f"UPDATE dbo.installations SET installed_at = SYSUTCDATETIME() WHERE package_version = {version};\n"
        f"INSERT INTO dbo.installations (package_version)\nSELECT v.version\nFROM (VALUES ({version})) AS v (version)\n"
        "WHERE NOT EXISTS (SELECT 1 FROM dbo.installations AS i WHERE i.package_version = v.version);\n"
    )


def _row(file: SqlFile) -> tuple[str, str, str, str]:
    """Return name, capability, purpose and example of a public procedure, whose banner has the last two."""
    name = file.makes.partition(".")[2]
    capability = file.path.split("/")[1].replace("_", " ")
    _, _, example = _comment(file).partition("Example: ")
    said = _banner(file)
    sentence = re.split(r"(?<=\.) ", said, maxsplit=1)[0]
    return name, capability, sentence[:1].upper() + sentence[1:], example.strip()


def _comment(file: SqlFile) -> str:
    return " ".join(line[2:].strip() for line in file.text.partition("CREATE")[0].splitlines() if line.startswith("--"))


def _banner(file: SqlFile) -> str:
    """Return the comment before what a file makes, without its name and example."""
    name = file.makes.partition(".")[2]
    return _comment(file).partition("Example: ")[0].removeprefix(f"{name}: ").strip()


def _described(name: str, column: str | None, text: str) -> str:
    return f"({_text(name)}, {'NULL' if column is None else _text(column)}, {_text(text[:_LONGEST])})"


def _text(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"N'{doubled}'"
