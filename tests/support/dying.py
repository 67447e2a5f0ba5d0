"""A process that runs a statement and dies by SIGKILL at once after the commit that a test names."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.databases import target_of

_DYING = """
import os, signal, sys
from lungdb.database import connect, run
from lungdb.embedded.store.storage import Storage
target, table, least, sql = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
execute = Storage.execute
def dying(self, *arguments):
    done = execute(self, *arguments)
    if not self.connection.in_transaction:
        ((count,),) = self.connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchall()
        if count >= least:
            os.kill(os.getpid(), signal.SIGKILL)
    return done
connection = connect(target)
Storage.execute = dying
run(connection, sql)
"""


def die(file: Path, sql: str, table: str, rows: int) -> None:
    """Run a statement on a database in another process, which is killed once a table has so many committed rows.

    Parameters
    ----------
    table : str
        Its name in dbo.
    rows : int
        More than it has before.
    """
    command = [sys.executable, "-c", _DYING, target_of(file), table, str(rows), sql]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
