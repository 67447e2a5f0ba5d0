"""Choosing the engine by the target's text."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path


def test_connecting_to_sql_server_loads_nothing_of_the_embedded_engine() -> None:
    """Neither what both engines share nor an attempt to connect; a fresh interpreter shows it."""
    script = """
        import sys
        import lungdb.database, lungdb.database.sqlserver
        from lungdb.errors import LungdbError
        try:
            lungdb.database.connect("Driver={No Such Driver};Server=nowhere")
        except LungdbError as error:
            print(type(error).__name__)
        print([name for name in sys.modules if name.startswith("lungdb.embedded")])
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]).stdout
    refusal, loaded = said.splitlines()
    assert refusal in ("SqlError", "LungdbError")
    assert loaded == "[]"
