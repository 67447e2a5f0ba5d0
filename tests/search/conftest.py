"""Databases of made-up features of two kinds, copies of them, and real worker processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lungdb.database import connect
from tests.support.databases import target_of
from tests.support.searching import Site, Start


@pytest.fixture
def site(searched_file: Path, tmp_path: Path) -> Iterator[Site]:
    """A copy of the database."""
    file = Path(shutil.copy(searched_file, tmp_path))
    with closing(connect(target_of(file))) as connection:
        yield Site(file, connection)


@pytest.fixture
def start(site: Site) -> Iterator[Start]:
    """Start the `lungdb` command on the database, in a process group of its own that ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start_command(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lungdb.cli.main", *arguments, "-d", target_of(site.file)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start_command
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
