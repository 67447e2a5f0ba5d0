"""Generate the scripts of sql/ that install and uninstall from the files beside them."""

from __future__ import annotations

from lungdb.cli.support import exit_status
from lungdb.database import sql_directory
from lungdb.database.generator import generated_scripts


def main() -> int:
    """Write the scripts; returns the exit status."""
    folder = sql_directory()
    for script, text in generated_scripts(folder).items():
        (folder / script).write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(exit_status(main))
