"""What the installers write of themselves: the rows that dbo.Help and dbo.Version read, of files and the package."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from lungdb import __version__
from lungdb.database.sources import SqlFile

HELP_TABLE = "tables/procedure_help.sql"
INSTALLATIONS = "tables/installations.sql"

_LONGEST = 1500
"""Characters of a description, of the 3,750 that SQL Server takes."""

_DESCRIBE = """\
DROP TABLE IF EXISTS #described, #describing;
CREATE TABLE #described (
    kind NVARCHAR(20) COLLATE DATABASE_DEFAULT NOT NULL, name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL,
    description NVARCHAR(1500) COLLATE DATABASE_DEFAULT NOT NULL, number INT NULL);
CREATE TABLE #describing (
    position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, kind NVARCHAR(20) COLLATE DATABASE_DEFAULT NOT NULL,
    name NVARCHAR(128) COLLATE DATABASE_DEFAULT NOT NULL, description NVARCHAR(1500) COLLATE DATABASE_DEFAULT NOT NULL,
    is_there BIT NOT NULL);
INSERT INTO #described (kind, name, description)
VALUES
{values};
UPDATE #described SET number = OBJECT_ID(CONCAT(N'dbo.', name));
INSERT INTO #describing (kind, name, description, is_there)
SELECT d.kind, d.name, d.description, CASE WHEN p.major_id IS NULL THEN 0 ELSE 1 END
FROM #described AS d
LEFT JOIN sys.extended_properties AS p
    ON p.class = 1 AND p.major_id = d.number AND p.minor_id = 0 AND p.name = N'MS_Description'
WHERE d.number IS NOT NULL AND (p.major_id IS NULL OR CAST(p.value AS NVARCHAR(1500)) <> d.description);
DECLARE @Position INT = 1, @Kind NVARCHAR(20), @Name NVARCHAR(128), @Description NVARCHAR(1500), @IsThere BIT,
    @Last INT = (SELECT COUNT(*) FROM #describing);
BEGIN TRANSACTION;
WHILE @Position <= @Last
BEGIN
    SELECT @Kind = kind, @Name = name, @Description = description, @IsThere = is_there
    FROM #describing
    WHERE position = @Position;
    IF @IsThere = 0
        EXECUTE sys.sp_addextendedproperty @name = N'MS_Description', @value = @Description, @level0type = N'SCHEMA',
            @level0name = N'dbo', @level1type = @Kind, @level1name = @Name;
    ELSE
        EXECUTE sys.sp_updateextendedproperty @name = N'MS_Description', @value = @Description, @level0type = N'SCHEMA',
            @level0name = N'dbo', @level1type = @Kind, @level1name = @Name;
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

    It changes only what is missing or otherwise, all of it in one transaction.
    """
    kinds = {"tables": "TABLE", "views": "VIEW", "procedures": "PROCEDURE"}
    rows = [
        f"    ({_text(kinds[each.kind])}, {_text(each.makes.partition('.')[2])}, {_text(_banner(each)[:_LONGEST])})"
        for each in files
        if each.kind in kinds and not each.is_internal and _banner(each)
    ]
    return _DESCRIBE.replace("{values}", ",\n".join(rows))


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


def _text(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"N'{doubled}'"
