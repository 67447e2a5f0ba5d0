"""Generate the scripts of sql/ from the files beside them, and the tables of docs/rights.md."""

from __future__ import annotations

from pathlib import Path

from lungdb.cli.support import exit_status
from lungdb.database import sql_directory
from lungdb.database.generator import generated_scripts, read_sources
from lungdb.database.rights import read_rights
from lungdb.database.role_scripts import documented

PAGE = Path(__file__).resolve().parents[1] / "docs" / "rights.md"


def main() -> int:
    """Write the scripts; returns the exit status."""
    folder = sql_directory()
    for script, text in generated_scripts(folder).items():
        (folder / script).write_text(text, encoding="utf-8", newline="\n")
    files = read_sources(folder)
    text = documented(PAGE.read_text(encoding="utf-8"), read_rights(folder, files), files)
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
