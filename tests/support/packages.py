"""A package with entry points of lungdb's, installed in a folder, and statements run with it or without."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.support.databases import target_of

REGISTER = "EXECUTE dbo.RegisterExtensions;"
_METADATA = "Metadata-Version: 2.1\nName: lungdb-extra\nVersion: {}\n"
_JOB = """
import sys
from contextlib import closing
from lungdb.database import connect, run
from lungdb.errors import SqlError

with closing(connect(sys.argv[1])) as connection:
    for statement in sys.argv[2:]:
        try:
            for result in run(connection, statement):
                for row in result.rows:
                    print(*row, sep="|")
        except SqlError as error:
            print(error.number, error.message)
"""


def write_package(folder: Path, module: str, text: str, entry_points: str) -> Path:
    """Install the package lungdb-extra 1.2 into a folder, as pip lays it out, with one module."""
    info = folder / "lungdb_extra-1.2.dist-info"
    info.mkdir(parents=True)
    (folder / f"{module}.py").write_text(textwrap.dedent(text))
    (info / "entry_points.txt").write_text(entry_points)
    set_version(folder, "1.2")
    return folder


def set_version(folder: Path, version: str) -> None:
    """Make another version of it."""
    (folder / "lungdb_extra-1.2.dist-info" / "METADATA").write_text(_METADATA.format(version))


def done(file: Path, folder: Path | None, *statements: str) -> list[str]:
    """Run statements in a new process with a folder on its path, and give what they print."""
    environment = {**os.environ, "PYTHONPATH": str(folder) if folder else ""}
    command = [sys.executable, "-c", _JOB, target_of(file), *statements]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
