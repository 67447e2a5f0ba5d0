"""``python -m tests.sql.gates FILE…``: check T-SQL files, print what is wrong, exit 1 if anything is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.sql.gates.check import SQL, check_file, listed_error_numbers


def main() -> int:
    """Check the files named on the command line, or every file under sql/."""
    parser = argparse.ArgumentParser(prog="python -m tests.sql.gates", description="Check T-SQL files.")
    parser.add_argument("files", nargs="*", type=Path, help="files to check (default: all of sql/)")
    files = parser.parse_args().files or sorted(SQL.rglob("*.sql"))
    listed = listed_error_numbers((SQL / "README.md").read_text(encoding="utf-8"))
    findings = [finding for file in files for finding in check_file(file, listed)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
