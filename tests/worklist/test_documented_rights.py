"""Who needs SELECT on the tables of dbo beside EXECUTE, told from the procedures and what they call, is documented."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from lungdb.database import sql_directory
from lungdb.database.generator import read_sources
from lungdb.database.rights import tables_of_scripts

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "install-sql-server.md"
QUERY = re.compile(r"@input_data_1 = (N'(?:[^']|'')*'|@\w+)")
CALL = re.compile(r"\bEXEC(?:UTE)?\s+(?:@\w+\s*=\s*)?(?:dbo|internal)\.(\w+)")
TEXT = re.compile(r"N?'(?:[^']|'')*'")
COMMENT = re.compile(r"--.*")
NAMED = re.compile(r"runs as the caller, so\s+(.*?)\s+also need\s+SELECT on the tables", re.DOTALL)


def _need_select(texts: Mapping[str, str]) -> set[str]:
    """Return the procedures whose script's query, or that of one that they call, reads dbo or is composed."""
    code = {name: COMMENT.sub("", text) for name, text in texts.items()}
    calls = {name: set(CALL.findall(TEXT.sub("", text))) for name, text in code.items()}
    found = {name for name, text in code.items() if any("dbo." in q or q[0] == "@" for q in QUERY.findall(text))}
    while more := {name for name, called in calls.items() if called & found} - found:
        found |= more
    return found


def test_a_query_two_calls_below_counts_and_a_call_in_a_message_does_not() -> None:
    """Of four small procedures two are found."""
    texts = {
        "Reads": "EXECUTE sp_execute_external_script @input_data_1 = N'SELECT ''a'' FROM dbo.scans;';",
        "Calls": "EXECUTE @Code = internal.Reads @ScanId; -- EXECUTE dbo.Advises;",
        "Advises": "THROW 50000, N'Call EXECUTE dbo.Reads;', 1;",
        "Ready": "EXECUTE sp_execute_external_script @input_data_1 = N'SELECT x FROM #ready;'; EXECUTE dbo.Advises;",
    }
    assert _need_select(texts) == {"Reads", "Calls"}


def test_the_page_names_who_needs_select_and_nobody_else() -> None:
    """A query of a script has the caller's rights, whoever owns the procedure; inner procedures are called by these."""
    files = list((ROOT / "sql" / "procedures").rglob("*.sql"))
    needing = _need_select({path.stem: path.read_text(encoding="utf-8") for path in files})
    public = {path.stem for path in files if path.parent.name != "internal"}
    [named] = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    assert set(re.findall(r"\w+", named)) - {"and"} == needing & public


def test_the_page_grants_select_on_what_scripts_read_and_nothing_on_all_tables() -> None:
    """SELECT on the schema would show accounts, sessions and tokens, so no page and no statement of ours gives it."""
    granted = re.findall(r"^    GRANT SELECT ON (dbo\.\w+) TO analyst;", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert granted == tables_of_scripts(read_sources(sql_directory()))
    files = [*(ROOT / "docs").glob("*.md"), *(ROOT / "sql").rglob("*.sql"), ROOT / "README.md"]
    giving = re.compile(r"GRANT[^;]*\b(SELECT|CONTROL)\b[^;]* ON SCHEMA::")
    assert [path.name for path in files if giving.search(path.read_text(encoding="utf-8"))] == []
