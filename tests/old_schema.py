"""Databases as older versions installed them, to upgrade from: their SQL files, and a whole one."""

from __future__ import annotations

import gzip
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
    (folder / "data").mkdir()
    shutil.copy(sql_directory() / "data" / "settings.sql", folder / "data")
    if version == 2:
        (folder / "migrations").mkdir()
        shutil.copy(sql_directory() / "migrations" / "0002_deidentification.sql", folder / "migrations")
    return folder


def unpack_version_0_2(folder: Path) -> Path:
    """Write the database that lungdb 0.2.0 made, with a trained model and a score in it."""
    return _unpack("version_0_2", folder)


def unpack_schema_7(folder: Path) -> Path:
    """Write the database of schema version 7, with two models of two versions each and the scores of those served."""
    return _unpack("schema_7", folder)


def unpack_schema_8(folder: Path) -> Path:
    """Write the database of schema version 8: a champion, an ensemble, a data set, scores of three models."""
    return _unpack("schema_8", folder)


def unpack_schema_9(folder: Path) -> Path:
    """Write the database of schema version 9: as that of version 8, with a search, a failed run, an account."""
    return _unpack("schema_9", folder)


def unpack_schema_10(folder: Path) -> Path:
    """Write the database of schema version 10: as that of version 9, with another champion, runs and queued work."""
    return _unpack("schema_10", folder)


def unpack_schema_11(folder: Path) -> Path:
    """Write the database of schema version 11: as that of version 10, with a report and a second account."""
    return _unpack("schema_11", folder)


def unpack_schema_12(folder: Path) -> Path:
    """Write the database of schema version 12: as that of version 11, with an administrator, nodules and a review."""
    return _unpack("schema_12", folder)


def _unpack(name: str, folder: Path) -> Path:
    file = folder / "lung_cancer_database.db"
    file.write_bytes(gzip.decompress((DATA / name / "lung_cancer_database.db.gz").read_bytes()))
    return file
