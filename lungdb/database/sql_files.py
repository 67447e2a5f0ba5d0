"""Where the SQL files lie."""

from __future__ import annotations

from pathlib import Path

from lungdb.errors import LungdbError


def sql_directory() -> Path:
    """Return the folder with the SQL files: of the checkout, or the copy inside an installed wheel.

    Raises
    ------
    LungdbError
        Neither is there.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "sql", here.parents[1] / "sql"):
        if (folder / "install.sql").is_file():
            return folder
    raise LungdbError("The SQL files of lungdb are missing from this installation. Install the package again.")
