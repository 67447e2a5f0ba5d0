"""What the web page needs of the database is what docs/web.md tells a DBA to grant: procedures and views, no table."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GRANT = re.compile(r"^GRANT (EXECUTE|SELECT) ON (\S+) TO", re.MULTILINE)
# A statement that the page sends; in a sentence for people a name follows other words.
CALLED = re.compile(
    r"\b(?:EXEC(?:UTE)?|FROM|JOIN|INTO|UPDATE|TABLE)\s+(?:@\w+\s*=\s*)?((?:dbo|internal)\.\w+)", re.IGNORECASE
)
FORMER_NAMES = {"dbo.ExplainScore"}
"""What the page calls only where the right to the new name was not granted yet."""


def _called() -> set[str]:
    # `lungdb accounts` asks with its caller's login.
    page = ROOT / "web" / "lungdb_web"
    paths = {*page.rglob("*.py")} - {page / "administration.py"}
    texts = (path.read_text(encoding="utf-8") for path in paths)
    return {name for text in texts for name in CALLED.findall(text)}


def _objects(folder: str) -> set[str]:
    files = (ROOT / "sql" / folder).rglob("*.sql")
    return {f"{'internal' if path.parent.name == 'internal' else 'dbo'}.{path.stem}" for path in files}


def test_the_page_calls_procedures_and_views_only() -> None:
    """No statement of web/ names a table, so rights on tables are not needed: owner and procedure are the same."""
    called = _called()
    assert called
    assert called - _objects("procedures") - _objects("views") == set()


def test_a_right_on_the_schema_dbo_gives_no_inner_part_away() -> None:
    """What only other procedures call is in another schema, of the same owner, and the page is granted none of it."""
    internal = {name for name in _objects("procedures") if name.startswith("internal.")}
    assert internal
    assert internal & _called() == set()
    granted = {name for _, name in GRANT.findall((ROOT / "docs" / "web.md").read_text(encoding="utf-8"))}
    assert internal & granted == set()


def test_the_documented_grants_are_what_the_page_calls() -> None:
    """Not one right too few, so that the page works; not one too many, so that it can do nothing else."""
    granted = GRANT.findall((ROOT / "docs" / "web.md").read_text(encoding="utf-8"))
    assert _called() >= FORMER_NAMES
    assert {name for right, name in granted if right == "EXECUTE"} == _called() & _objects("procedures") - FORMER_NAMES
    assert {name for right, name in granted if right == "SELECT"} == _called() & _objects("views")
