"""The SQL files of databases as older versions installed them, to upgrade from."""

from __future__ import annotations

import shutil
from pathlib import Path

from lungdb.database import sql_directory

DATA = Path(__file__).resolve().parent / "data"


def old_sources(folder: Path, version: int) -> Path:
    """Write the tables of schema version 1 or 2 and the settings, in the form that `build_install_sql` reads."""
    tables = {path.name: path for path in (DATA / "schema_2").glob("*.sql")}
    if version == 1:
        tables["scans.sql"] = DATA / "schema_1" / "scans.sql"
    (folder / "tables").mkdir(parents=True)
    for name, path in tables.items():
        shutil.copy(path, folder / "tables" / name)
    shutil.copytree(sql_directory() / "data", folder / "data")
    order = (sql_directory() / "build_order.txt").read_text(encoding="utf-8").split()
    kept = [name for name in order if name.startswith("data/") or name.removeprefix("tables/") in tables]
    (folder / "build_order.txt").write_text("\n".join(kept), encoding="utf-8")
    if version == 2:
        (folder / "migrations").mkdir()
        shutil.copy(sql_directory() / "migrations" / "0002_deidentification.sql", folder / "migrations")
    return folder
