"""What dbo.Doctor says of figures that only SQL Server has, and that the statements which mend them parse there.

The figures are handed in; the statements that read them on a server are parsed, not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import Connection, connect
from tests.sql.gates.check import SQL
from tests.sql.gates.dotnet import NO_RUNTIME, has_runtime_wheel
from tests.sql.gates.parser import parse
from tests.sql.gates.syntax import check_syntax
from tests.support.databases import rows, target_of

FINDINGS = """
DROP TABLE IF EXISTS #findings;
CREATE TABLE #findings (position INT IDENTITY(1, 1) NOT NULL PRIMARY KEY, check_name NVARCHAR(60) NOT NULL,
    state VARCHAR(14) NOT NULL, found NVARCHAR(2000) NOT NULL, mend NVARCHAR(MAX) NULL);
EXECUTE internal.{};
SELECT check_name, state, found, mend FROM #findings ORDER BY position;
"""
Row = tuple[str, str, str, str | None]

# The call, the check, its state, a part of what is found, and the statement that mends it, in full.
JUDGED: list[tuple[str, str, str, str, str | None]] = [
    ("JudgeMemory 16000, 20, 64, 1, 0, 1", "memory of scripts", "ok", "3200 MB for all sessions. 1 with", None),
    ("JudgeMemory 8000, 20, 249, 2, 0, 1", "memory of scripts", "fault", "need about 2304 MB.",
     "ALTER EXTERNAL RESOURCE POOL [default] WITH (MAX_MEMORY_PERCENT = 29); ALTER RESOURCE GOVERNOR RECONFIGURE;"),
    ("JudgeMemory 8000, 20, 249, 2, 0, 0", "memory of scripts", "fault", "which is 1600 MB",
     "EXECUTE dbo.GenerateFeatures @ChunkMegabytes = 159; -- in each of the sessions"),
    ("JudgeMemory 1000, 20, 64, 4, 0, 1", "memory of scripts", "fault", "which is 200 MB",
     "EXECUTE dbo.Doctor @Sessions = 1; -- says what one needs: let fewer work at once, or give the machine more "
     "memory"),
    ("JudgeMemory NULL, 20, 64, 1, 0, 1", "memory of scripts", "warning", "not known",
     "SELECT physical_memory_kb FROM sys.dm_os_sys_info;"),
    ("JudgeScripts 1, 1", "external scripts", "ok", "enabled", None),
    ("JudgeScripts 0, 0", "external scripts", "fault", "not enabled (value 0, value_in_use 0)",
     "EXECUTE sp_configure N'external scripts enabled', 1; RECONFIGURE WITH OVERRIDE; -- then restart SQL Server"),
    ("JudgeScripts 1, 0", "external scripts", "fault", "still runs without (value 1, value_in_use 0)",
     "RECONFIGURE WITH OVERRIDE; -- where that does not help, restart SQL Server and its launchpad"),
    ("JudgeLanguage N'own', 0, N'Python, it''s'", "language", "fault", "There are: Python, it's.",
     "UPDATE dbo.settings SET value = N'Python' WHERE name = N'external_language'; -- then sql/roles/sign.sql"),
    ("JudgeLanguage N'own', 1, N'Python'", "language", "ok", "own", None),
    ("JudgeLanguage N'Python', 0, NULL", "language", "ok", "Python", None),
    ("JudgeLanguage N'own', 0, NULL", "language", "fault", "There are: none.", ""),
    ("JudgeSignatures 0, 1, NULL, N'Python', 1, 1", "signatures", "ok", "is signed", None),
    ("JudgeSignatures 0, 0, N'a', N'Python', 0, 1", "signatures", "warning", "no certificate", ""),
    ("JudgeSignatures 1, 0, N'a', N'Python', 0, 1", "signatures", "not applicable", "nothing is signed", None),
    ("JudgeSignatures 0, 1, NULL, N'Python', 0, 1", "signatures", "fault", "has lost EXECUTE ANY EXTERNAL SCRIPT", ""),
    ("JudgeSignatures 0, 1, NULL, N'own', 1, 0", "signatures", "fault", "may not use the language own", ""),
    ("JudgePython N'3.10.12 on Linux', N'/usr/lib/python3.10/dist-packages;/usr/local/lib/python3.10/dist-packages', "
     "N'/usr/lib/python3.10/dist-packages/numpy'", "site-packages", "ok", "dist-packages, /usr", None),
    ("JudgePython N'3.10.12 on Linux', N'/usr/lib/python3.10/dist-packages;/usr/local/lib/python3.10/dist-packages', "
     "N'/home/x/.local/lib/numpy'", "site-packages", "warning", "numpy comes from /home/x", ""),
    ("JudgeSnapshot 1", "snapshot isolation", "ok", "on", None),
    ("JudgeSnapshot 0", "snapshot isolation", "warning", "the web page waits",
     "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON; -- it waits until no other session is in the database"),
    ("JudgeServer 3, N'16.0.4095.4', N'Developer', 160, 1", "version", "ok", "16.0.4095.4.", None),
    ("JudgeServer 3, N'15.0.4095.4', N'Developer', 150, 1", "version", "ok", "needs CU3 or later", None),
    ("JudgeServer 2, N'14.0.3000.1', N'Standard', 140, 0", "version", "ok", "14.0.3000.1.", None),
    ("JudgeServer 2, N'13.0.5000.1', N'Standard', 130, 0", "version", "fault", "older than SQL Server 2017", ""),
    ("JudgeServer 2, N'14.0.3000.1', N'Standard', 140, 1", "version", "fault", "cannot run", ""),
    ("JudgeServer 5, N'12.0.2000.8', N'SQL Azure', 160, 0", "version", "ok", "12.0.2000.8.", None),
    ("JudgeServer 5, N'12.0.2000.8', N'SQL Azure', 160, 1", "edition", "fault", "has no external scripts", ""),
    ("JudgeServer 8, N'12.0.2000.8', N'SQL Azure', 160, 1", "edition", "fault", "its Python is 3.7", ""),
    ("JudgeServer 4, N'16.0.1000.6', N'Express', 160, 0", "edition", "ok", "ends at 10 GB", None),
    ("JudgeServer 3, N'16.0.1000.6', N'Developer', 120, 0", "compatibility level", "fault", "below 130",
     "ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 140;"),
    ("JudgeServer 3, N'16.0.1000.6', N'Developer', 130, 0", "compatibility level", "warning", "below 140",
     "ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 140;"),
    ("JudgeDisk 500000, 80000, NULL, NULL", "disk", "ok", "500000 MB are free", None),
    ("JudgeDisk 900, 80000, NULL, NULL", "disk", "fault", "900 MB are free",
     "UPDATE dbo.settings SET value = N'0' WHERE name = N'prepared_gigabytes'; -- and free the disk, or move files"),
    ("JudgeDisk 500000, 9500, 10000, N'it''s'", "disk", "fault", "9500 MB of at most 10000",
     "ALTER DATABASE CURRENT MODIFY FILE (NAME = N'it''s', MAXSIZE = UNLIMITED);"),
    ("JudgeDisk 500000, 9500, 10000, NULL", "disk", "fault", "9500 MB of at most 10000",
     "EXECUTE dbo.DeleteFeatures @Help = 1; -- features can be made again; or move to another edition"),
    ("JudgeDisk 5000, 9500, NULL, NULL", "disk", "warning", "5000 MB",
     "UPDATE dbo.settings SET value = N'0' WHERE name = N'prepared_gigabytes'; -- and free the disk, or move files"),
    ("JudgeBackups 20, 1, 1, N'x.bak', N'SIMPLE', NULL", "backups", "ok", "20 hours ago.", None),
    ("JudgeBackups NULL, NULL, NULL, NULL, N'SIMPLE', NULL", "backups", "fault", "knows of no whole backup",
     "BACKUP DATABASE [it's] TO DISK = N'it''s_DAY_TIME.bak' WITH CHECKSUM; "
     "RESTORE VERIFYONLY FROM DISK = N'it''s_DAY_TIME.bak' WITH CHECKSUM, LOADHISTORY;"),
    ("JudgeBackups 20, 1, 0, N'D:\\b''s.bak', N'SIMPLE', NULL, 3", "backups", "warning", "has not read it since",
     "RESTORE VERIFYONLY FROM DISK = N'D:\\b''s.bak' WITH FILE = 3, CHECKSUM, LOADHISTORY;"),
    ("JudgeBackups 20, 0, 1, N'x.bak', N'SIMPLE', NULL", "backups", "warning", "written without checksums", ""),
    ("JudgeBackups 200, 1, 1, N'x.bak', N'SIMPLE', NULL", "backups", "warning", "200 hours ago.", ""),
    ("JudgeBackups 20, 1, 1, N'x.bak', N'FULL', 2", "log backups", "ok", "2 hours ago.", None),
    ("JudgeBackups 20, 1, 1, N'x.bak', N'FULL', NULL", "log backups", "warning", "it only grows",
     "BACKUP LOG [it's] TO DISK = N'it''s_DAY_TIME.trn' WITH CHECKSUM;"),
    ("NoteUnread N'disk', 300, N'denied', N'GRANT VIEW SERVER STATE TO [me];'", "disk", "not visible",
     "may not see it", "GRANT VIEW SERVER STATE TO [me];"),
    ("NoteUnread N'language', NULL, NULL, N'GRANT VIEW DEFINITION TO [me];'", "language", "not visible",
     "may not see it", "GRANT VIEW DEFINITION TO [me];"),
    ("NoteUnread N'backups', 40515, N'no msdb', N'GRANT'", "backups", "not applicable", "no such thing", None),
    ("NoteUnread N'backups', 1205, N'deadlock', N'GRANT'", "backups", "warning", "error 1205, deadlock", ""),
]  # fmt: skip
DYNAMIC = [
    path
    for path in sorted((SQL / "procedures" / "installation" / "internal").glob("Examine*.sql"))
    if "sp_executesql" in path.read_text(encoding="utf-8")
]


@pytest.fixture(scope="module")
def connection(installed_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """An installed database with an apostrophe in its name, which nothing here changes."""
    file = tmp_path_factory.mktemp("judged") / "it's.db"
    file.write_bytes(installed_file.read_bytes())
    with closing(connect(target_of(file))) as opened:
        yield opened


def judged(connection: Connection, call: str, check: str) -> Row:
    """Give the row of a check."""
    [row] = [each for each in rows(connection, FINDINGS.format(call)) if each[0] == check]
    return row[0], row[1], row[2], row[3]


@pytest.mark.parametrize(
    ("call", "check", "state", "says", "mend"), JUDGED, ids=[f"{each[0]} {each[1]}" for each in JUDGED]
)
def test_what_is_read_on_a_server_is_judged(
    connection: Connection, call: str, check: str, state: str, says: str, mend: str | None
) -> None:
    """State, what was found, and the statement; where that is in words, it is there."""
    found = judged(connection, call, check)
    assert (found[1], says in found[2]) == (state, True), found
    dated = found[3] and re.sub(r"_\d{8}_\d{4}\.", "_DAY_TIME.", found[3])
    assert dated == mend if mend != "" else dated


@pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)
def test_the_statements_that_mend_are_microsofts_t_sql() -> None:
    """As its parser reads them, with the words after -- as a comment."""
    statements = {mend for *_, mend in JUDGED if mend}
    assert len(statements) > 10
    assert {statement: faults for statement in statements if (faults := parse(statement).faults)} == {}


@pytest.mark.parametrize(("chunk", "measured"), [(62, 416), (249, 1150)])
def test_the_memory_of_a_chunk_is_what_was_measured(connection: Connection, chunk: int, measured: int) -> None:
    """Under Microsoft's extension with the demo network, to within one per cent."""
    _, _, found, _ = judged(connection, f"JudgeMemory 100000, 20, {chunk}, 1, 0, 1", "memory of scripts")
    said = float(found.partition("need about ")[2].removesuffix(" MB."))
    assert said == pytest.approx(measured, rel=0.01)


@pytest.mark.skipif(not has_runtime_wheel(), reason=NO_RUNTIME)
@pytest.mark.parametrize("path", DYNAMIC, ids=lambda path: path.stem)
def test_the_text_that_runs_on_a_server_alone_is_parsed(path: Path) -> None:
    """Microsoft's parser reads what stands in the strings: it finds nothing, and each FROM that is misspelt."""
    text = path.read_text(encoding="utf-8")
    assert check_syntax(path, parse(text)) == []
    places = [
        place
        for place in range(len(text))
        if text.startswith("FROM sys.", place) or text.startswith("FROM msdb.", place)
    ]
    for place in places:
        broken = text[:place] + "FORM" + text[place + 4 :]
        assert check_syntax(path, parse(broken)), text[place : place + 60]
